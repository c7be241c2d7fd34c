"""How does what is derived keep up with what it is derived from?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datakeel import naming
from datakeel.decision import Decision, Figure
from datakeel.design import needs
from datakeel.design.amounts import count, period, share
from datakeel.design.choice import Choice, answer, judged
from datakeel.design.estimate import Estimate
from datakeel.design.overrides import asked_for
from datakeel.requirements import Existing, Requirements, View
from datakeel.technologies import known, value

QUESTION = "derived-data"
CAPTURED = ("mysql", "mariadb", "postgresql", "mongodb", "oracle", "sqlserver")  # whose logs Debezium reads
DELIVERIES_IN_FLIGHT = 8  # of one feed, at a time
PIPELINE = ("debezium", "kafka")  # with the registry of schemas that belongs to them


def choose(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> str:
    return _as_asked(asked_for(requirements, "log", "cdc"), _needed(requirements, estimate))


def decide(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Decision:
    followed, noted = needs.followed(requirements, estimate), needs.noted(requirements, estimate)
    asked = asked_for(requirements, "log", "cdc")
    word = choose(requirements, estimate, chosen)
    piped = word == "change-capture-and-kafka" or bool(followed)
    return answer(
        QUESTION,
        word,
        CHOICES,
        lambda other: _cost(other, estimate),
        because=[
            *_because(requirements, estimate, word, followed),
            *_of_rows(requirements, estimate, noted),
            *_of_others(requirements),
        ],
        figures=[
            *([relayed(estimate)] if followed else []),
            *(_told(requirements, sink, estimate) for sink in requirements.sinks()),
        ],
        parts=(["log"] if followed else [])
        + (["change-feed"] if noted else [])
        + (["feed"] if requirements.sinks() else [])
        + (["cluster-configuration"] if piped else []),
        products=PIPELINE if piped else [],
        judgement=judged(asked, word, _needed(requirements, estimate), CHOICES, known()[asked].price if asked else ""),
    )


def _needed(requirements: Requirements, estimate: Estimate) -> str:
    if _sources(requirements):
        return "change-capture-and-kafka"
    if not needs.followed(requirements, estimate):
        if needs.noted(requirements, estimate):
            return "changes-on-postgresql"
        if requirements.sinks():
            return "outbox-on-postgresql"
        return "indexes-in-place" if requirements.domain.views else "none"
    if estimate.peak_events > value("postgresql", "relayed_events"):
        return "change-capture-and-kafka"
    return "log-on-postgresql"


def _sources(requirements: Requirements) -> tuple[Existing, ...]:
    """The systems that stay, and whose changes the new one follows, where there is a way to read them."""
    return tuple(one for one in requirements.existing if one.role == "source" and one.engine in CAPTURED)


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
    own = needs.rows(requirements)
    copies = [view.name for view in needs.copied(requirements, estimate) if not set(view.sources) <= own]
    placed = [view for view in requirements.domain.views if needs.in_place(view, requirements, estimate)]
    measured = [view.name for view in placed if needs.measured(view, requirements)]
    yield from _placed([view for view in placed if view.name not in measured], requirements, estimate)
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


def _placed(views: list[View], requirements: Requirements, estimate: Estimate) -> Iterator[str]:
    """What is said of views that are no copies."""
    documents = {document.name for document in requirements.domain.documents}
    asked = [view for view in views if view.kind != "cache"]
    tables = [view.name for view in asked if not documents.intersection(view.sources)]
    if tables:
        rows = count(sum(load.things for load in estimate.of("table")), "rows")
        yield (
            f"{', '.join(tables)}: an index or a query over the tables themselves ({rows}). "
            "There is no copy, so none can be old."
        )
    looked_up = [view for view in asked if view.name not in tables]
    for view in looked_up:
        rows = count(sum(estimate.things_of(source) for source in view.sources), "rows")
        yield f"{view.name}: an index of {' and '.join(view.sources)} themselves ({rows}); there is no copy."
    for view in views:
        if view.kind == "cache":
            yield _answers_kept(view, requirements)


def _answers_kept(view: View, requirements: Requirements) -> str:
    fresh = view.freshness if view.freshness is not None else requirements.freshness
    kept = f"may be kept for {period(fresh)}" if fresh else "may be shown again when we have been asked"
    documents = {document.name for document in requirements.domain.documents}
    versions = " A version that is still right costs no body (ETag, 304)." if documents >= set(view.sources) else ""
    return (
        f"{view.name}: one row by its primary key is as near as a second row of this database could be. What is nearer "
        f"is the reader: an answer {kept} (Cache-Control), so that a browser or a proxy answers in our place.{versions}"
    )


def _of_rows(requirements: Requirements, estimate: Estimate, noted: tuple[str, ...]) -> Iterator[str]:
    """What is said of copies of tables and documents."""
    own = needs.rows(requirements)
    copies = [view for view in needs.copied(requirements, estimate) if own.intersection(view.sources)]
    for view in copies:
        why = "reads each document whole" if view.kind == "analytics" else "has to look into each document"
        rows = count(sum(estimate.things_of(source) for source in view.sources), "rows")
        documents = {d.name for d in requirements.domain.documents}.intersection(view.sources)
        yield (
            f"{view.name}: a query in place {why if documents else 'gets in the way of writes'} ({rows}), so a copy is "
            "kept of what it needs."
        )
    if noted:
        yield (
            f"The database notes each change of {' and '.join(noted)} in the transaction that makes it, whoever makes "
            "it; no log is kept, since a copy reads what is there now, and is made anew from that."
        )


def _of_others(requirements: Requirements) -> Iterator[str]:
    """What is said of the systems beside this one that are told what changes, or are not."""
    for sink in requirements.sinks():
        what = ", ".join(requirements.told(sink))
        setting = f"{naming.snake(sink.name).upper()}_FEED_URL"
        yield (
            f"{sink.name} stays ({sink.engine}) and is told each change of {what}: the database writes it into an "
            "outbox in the transaction that makes it, and a process of its own delivers it over HTTP to "
            f"{setting}, in order for each id, at least once under one key. Nobody writes into {sink.engine} past the "
            f"rules of {sink.name}: what listens there takes a key once, and an answer that says never makes a dead "
            "letter, behind which only the same id waits."
        )
    told = {name for sink in requirements.sinks() for name in requirements.told(sink)}
    for job in requirements.domain.batches:
        if job.kind in ("archive", "retention") and job.source in told:
            yield f"What {job.name} takes away from {job.source} is told as a deletion."
    for one in requirements.existing:
        if one.role == "peer":
            yield (
                f"{one.name} stays ({one.engine}) beside this system: nothing is copied to it or from it. "
                "`role: sink` has it told what changes here, `role: source` has its changes followed."
            )


def _told(requirements: Requirements, sink: Existing, estimate: Estimate) -> Figure:
    most = sum(load.peak_writes for load in estimate.loads if load.name in requirements.told(sink))
    return Figure(
        f"changes that {sink.name} is told",
        count(most, "changes/s"),
        f"the writes at peak of what it takes; {DELIVERIES_IN_FLIGHT} are on their way at a time, so that it keeps up "
        f"where {sink.name} answers within {period(DELIVERIES_IN_FLIGHT / most) if most else period(1.0)}",
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
    if word == "changes-on-postgresql":
        return "a note with each write, a process and a lag for each copy"
    if word == "outbox-on-postgresql":
        return "a row with each write, a process for each system that is told, and dead letters, for nobody who asks"
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
    "outbox-on-postgresql": Choice(
        title="The database notes each change in an outbox, and a process tells the systems beside this one",
        consistency=(
            "Another system is eventual: it has the changes of each id in their order, each once by its key, and is "
            "behind by the time of a call."
        ),
        failure=(
            "The feed dies: its claims end, and another tells the rest. The receiver is away: changes wait, in order. "
            "It refuses one: a dead letter, behind which only the same id waits."
        ),
        scaling="More processes of a feed share what is due; beyond, a log with partitions, and connectors from it.",
        operation="Watch each feed's lag and its dead letters; replay one when its cause is mended.",
    ),
    "changes-on-postgresql": Choice(
        title="The database notes what changes, and each copy reads it again",
        consistency=(
            "Copies are eventual: they show a row as it was at some commit, never a mixture, and never go back. Who "
            "must see his own write reads the row itself."
        ),
        failure=(
            "A copy's process dies: the next one goes on after the last note that it had taken, and what is read twice "
            "is the same. A copy that is wrong is made again from the rows, beside the one that is read, and switched."
        ),
        scaling=(
            "One process a copy, 1,000 changes in one statement; then a log with partitions, for which changes become "
            "events."
        ),
        operation="Watch each copy's lag and what it could not take. Notes that all copies have had are deleted.",
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
