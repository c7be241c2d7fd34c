"""How does what is derived keep up with what it is derived from?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel.decision import Decision, Figure
from datakeel.design import needs
from datakeel.design.amounts import count, period, share
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate
from datakeel.design.overrides import asked_for
from datakeel.requirements import Existing, Requirements
from datakeel.technologies import known, value

QUESTION = "derived-data"
PIPELINE = ("debezium", "kafka")  # with the registry of schemas that belongs to them


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    return _as_asked(asked_for(requirements, "log", "cdc"), _needed(requirements, estimate))


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    followed = needs.followed(requirements, estimate)
    asked = asked_for(requirements, "log", "cdc")
    word = choose(requirements, estimate, chosen)
    piped = word == "change-capture-and-kafka" or bool(followed)
    return answer(
        QUESTION,
        word,
        CHOICES,
        lambda other: _cost(other, estimate),
        because=_because(requirements, estimate, word, followed),
        figures=[relayed(estimate)] if followed else [],
        parts=(["log"] if followed else []) + (["cluster-configuration"] if piped else []),
        products=PIPELINE if piped else [],
        judgement=judged(asked, word, _needed(requirements, estimate), CHOICES, known()[asked].price if asked else ""),
    )


def _needed(requirements: Requirements, estimate: Estimate) -> str:
    if _sources(requirements):
        return "change-capture-and-kafka"
    if not needs.followed(requirements, estimate):
        return "indexes-in-place" if requirements.domain.views else "none"
    if estimate.peak_events > value("postgresql", "relayed_events"):
        return "change-capture-and-kafka"
    return "log-on-postgresql"


def _sources(requirements: Requirements) -> tuple[Existing, ...]:
    """The systems that stay, and whose changes the new one follows."""
    return tuple(one for one in requirements.existing if one.role == "source")


def _as_asked(asked: str | None, needed: str) -> str:
    if asked in PIPELINE:
        return "change-capture-and-kafka"
    return "log-on-postgresql" if asked == "postgresql" and needed == "change-capture-and-kafka" else needed


def relayed(estimate: Estimate) -> Figure:
    part = estimate.peak_events / value("postgresql", "relayed_events")
    return Figure(
        "part of what one relay carries",
        share(part),
        f"{count(estimate.peak_events, 'events/s')} at peak of "
        f"{count(value('postgresql', 'relayed_events'), 'events/s')}",
    )


def _because(requirements: Requirements, estimate: Estimate, chosen: str, followed: tuple[str, ...]) -> Iterator[str]:
    copies = [view.name for view in needs.copied(requirements, estimate)]
    placed = [view.name for view in requirements.domain.views if view.name not in copies]
    measured = [view.name for view in requirements.domain.views if needs.measured(view, requirements)]
    placed = [name for name in placed if name not in measured]
    if placed:
        rows = count(sum(load.things for load in estimate.of("table")), "rows")
        yield (
            f"{', '.join(placed)}: an index or a query over the tables themselves ({rows}). "
            "There is no copy, so none can be old."
        )
    if measured:
        yield f"{', '.join(measured)}: read from rollups, which are made from the measurements and can be made anew."
    for one in _sources(requirements):
        held = f" of {', '.join(one.holds)}" if one.holds else ""
        yield (
            f"{one.name} stays ({one.engine}): Debezium reads its changes{held} from its own log. An application that "
            "wrote to both would leave them different at the first failure between its two writes."
        )
    if chosen == "none":
        yield "0 views: nothing is derived, so nothing has to be kept up to date. No log, no relay, no outbox."
    if followed:
        what = (
            f"{', '.join(copies)} and the jobs"
            if copies and requirements.domain.streams
            else ", ".join(copies) or "The jobs"
        )
        yield (
            f"{what} follow one log of {', '.join(followed)}. {relayed(estimate).derivation}: "
            f"{relayed(estimate).value} of what one "
            "relay on PostgreSQL carries."
        )
        yield (
            "The application writes once. Views are made from the log alone, and can be made anew from its "
            "beginning beside the one that is read."
        )
    fresh = min(
        (v.freshness for v in requirements.domain.views if v.freshness is not None), default=requirements.freshness
    )
    if followed and fresh is not None:
        yield (
            f"{period(fresh)} of lateness are allowed; the relay is woken at each commit, and is behind by "
            f"{period(value('postgresql', 'relay_lag'))} in the median."
        )
    if chosen == "change-capture-and-kafka" and requirements.profile == "embedded":
        yield (
            "This project's embedded profile keeps the log in PostgreSQL; deploy/ has the connector, the "
            "topics and the registry for production."
        )
    elif chosen == "log-on-postgresql":
        yield (
            "deploy/ has Debezium's connector, Kafka's topics and the registry's rules, for the day when one "
            "relay is not enough."
        )


def _cost(word: str, estimate: Estimate) -> str:
    if word == "change-capture-and-kafka":
        return known()["kafka"].price
    if word == "log-on-postgresql":
        carries = count(value("postgresql", "relayed_events"), "events/s")
        return (
            f"one relay that carries {carries}, and a table of events to keep, for "
            f"{count(estimate.peak_events, 'events/s')} at peak"
        )
    if word == "indexes-in-place":
        return "every search and every sum reads the rows of the record, in its own shape"
    return "two writes by hand, to the record and to the view: they differ from the first failure between them on"


CHOICES = {
    "none": Choice(
        title="Nothing is derived",
        consistency="Every read sees the record.",
        failure="There is no copy that could be wrong.",
        scaling="An index first, then a view from a log.",
        operation="Nothing to run.",
    ),
    "indexes-in-place": Choice(
        title="Views are indexes and queries over the tables; there is no copy",
        consistency="As current as the tables: the database keeps its indexes in each commit.",
        failure="An index is rebuilt by the database (REINDEX CONCURRENTLY).",
        scaling="A copy from a log, when searches or sums get in the way of writes.",
        operation="Watch slow queries and the size of indexes.",
    ),
    "log-on-postgresql": Choice(
        title="A partitioned log in PostgreSQL, filled from the store by a relay, and views made from it",
        consistency=(
            "Views are eventual, in order for each key; who must see his own write waits for its position, "
            "or reads the store."
        ),
        failure=(
            "The relay dies: its successor goes on after the last event that it had passed on; views skip "
            "what they have."
        ),
        scaling=(
            "Consumers up to the number of partitions; then Debezium and Kafka, with the same events and the "
            "same consumers."
        ),
        operation="Watch the relay's lag and each view's; rebuild a view beside the one that is read, then switch.",
    ),
    "change-capture-and-kafka": Choice(
        title="Debezium reads the store's changes, Kafka carries them, views are made from its topics",
        consistency="Views are eventual, in order for each key; duplicates are skipped by event id.",
        failure=(
            "The connector stops: the replication slot keeps the WAL for it; alert before the disk is full. "
            "A broker is lost: 2 of 3 have it all."
        ),
        scaling="By partitions and brokers.",
        operation=(
            "Slot lag in bytes, heartbeats, consumer lag, under-replicated partitions; compatibility is "
            "checked by the registry."
        ),
    ),
}
