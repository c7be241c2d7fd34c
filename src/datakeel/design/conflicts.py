"""Requirements that contradict each other, or that nothing meets: a sentence each, with the figures and the remedy."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.decision import Decision
from datakeel.design import needs, overrides
from datakeel.design.amounts import count, period, share, size, times
from datakeel.design.decisions import batch, derived_data, stream
from datakeel.design.decisions.storage_engine import nodes, servers
from datakeel.design.estimate import Estimate, estimate
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements, Series, View, held
from datakeel.technologies import value

WRITTEN = ("python", "sql", "python and sql", "python + sql")


def refuse(requirements: Requirements) -> None:
    """Raise a Mistake with every requirement that cannot be met."""
    faults = [
        *_language(requirements),
        *overrides.faults(requirements),
        *_strong_everywhere(requirements),
        *_strong_offline(requirements),
        *_always(requirements),
        *_sinks(requirements),
        *_views(requirements),
        *_files(estimate(requirements)),
        *_beyond(requirements, estimate(requirements)),
    ]
    if faults:
        raise Mistake("\n".join(faults))


def warnings(requirements: Requirements, decisions: tuple[Decision, ...]) -> Iterator[str]:
    """What is met only in part, or at a price that may surprise."""
    worked_out = estimate(requirements)
    chosen = {decision.question: decision.chosen for decision in decisions}
    yield from _scale_model(requirements, worked_out, chosen["storage-engine"])
    yield from _scaled_jobs(requirements, worked_out, chosen["stream"])
    yield from _scaled_batches(requirements, worked_out, chosen["batch"])
    yield from _far_writes(requirements, chosen["replication"])
    yield from _followed(requirements)
    yield from _left_out(requirements)
    yield from _unmerged(requirements)
    yield from _lost_in_merging(requirements, chosen["replication"])
    yield from _fresher_than_a_log(requirements, worked_out)
    yield from _hurried_commits(requirements, chosen["replication"])
    yield from (f"{d.question}: {d.judgement}" for d in decisions if "against the figures" in d.judgement)


def _language(requirements: Requirements) -> Iterator[str]:
    if requirements.language.strip().lower() not in WRITTEN:
        yield (
            f"language: {requirements.language} is not written. What exists: Python with SQL. Set "
            "`language: python`, or keep "
            f"the decisions, the SQL and the message schemas, and write the rest in {requirements.language}."
        )


def _sinks(requirements: Requirements) -> Iterator[str]:
    """What is to be fed where nothing feeds: a feed tells changes of rows and events."""
    for sink in requirements.sinks():
        if not requirements.told(sink):
            yield (
                f"existing.{sink.name}.role: a sink is told the changes of tables, documents and aggregates, and there "
                f"is none here. What else there is {sink.name} gets by an export (`batches`, `kind: export`), or it "
                f"reads the API: set `role: peer`, or take {sink.name} out."
            )


def _strong_everywhere(requirements: Requirements) -> Iterator[str]:
    """One order of all writes, and an answer before the other region can have heard of one."""
    wanted, write = requirements.availability, requirements.latency.write
    trip, strong = value("machine", "region_round_trip"), needs.strong(requirements)
    everywhere = (wanted.regions or 1) > 1 and wanted.writes_in == "every region"
    if everywhere and strong and write is not None and write < trip:
        yield (
            f"latency.write: {period(write)} and strong consistency of {', '.join(strong)} with writes in every one of "
            f"{count(wanted.regions or 1, 'regions')} contradict each other: a write that all regions "
            "agree on takes a round trip "
            f"between them, {period(trip)} for neighbours and four times that between continents. Either set "
            f"`availability.writes_in: one region`, or allow `latency.write: {period(2 * trip)}` or more, or set "
            f"`consistency: eventual` and take out the invariants of {strong[0]}."
        )


def _strong_offline(requirements: Requirements) -> Iterator[str]:
    strong = [t.name for t in needs.tables(requirements) if t.consistency == "strong"]
    if requirements.availability.offline and strong and not requirements.domain.replicated:
        yield (
            f"availability.offline and strong consistency of {', '.join(strong)} contradict each other: a "
            "client that is cut off "
            "cannot know what others wrote. Either set `availability.offline: false`, or move what is "
            "written offline to "
            "`domain.replicated` with its rule of merging."
        )


def _always(requirements: Requirements) -> Iterator[str]:
    target = requirements.availability.target
    if target is not None and target >= 1:
        yield (
            f"availability.target: {share(target)} is not to be had: a failover alone takes "
            f"{period(value('machine', 'failover'))}. "
            "Set at most 99.999 %, which allows 5.3 minutes a year."
        )


def _files(worked_out: Estimate) -> Iterator[str]:
    """Records that no row can hold."""
    largest = value("postgresql", "field_bytes")
    for load in worked_out.loads:
        if load.record > largest:
            yield (
                f"{load.name}: a record of {size(load.record)} is no row: PostgreSQL takes a field of up to "
                f"{size(largest)}. Keep such files in a store of objects, and here their address, size and digest: set "
                "`record` to the size of that."
            )


def _views(requirements: Requirements) -> Iterator[str]:
    """Views that nothing could keep, or that would be a worse way to what is there."""
    domain = requirements.domain
    series = {one.name: one for one in domain.series}
    unfollowed = {graph.name for graph in domain.graphs} | {records.name for records in domain.replicated}
    tables = {table.name for table in domain.tables}
    for view in domain.views:
        of_series = next((series[name] for name in view.sources if name in series), None)
        other = next((name for name in view.sources if name in unfollowed), None)
        if of_series is not None and not (view.kind == "analytics" and needs.measured(view, requirements)):
            yield f"domain.views.{view.name}: {_instead(view, of_series)}"
        elif other is not None:
            yield (
                f"domain.views.{view.name}: views follow aggregates, tables and documents, and {other} is none of "
                f"them. Read {other} itself, or make what is to be found a table or a document."
            )
        elif view.kind == "cache" and tables.intersection(view.sources) and not _fresh(view, requirements):
            yield (
                f"domain.views.{view.name}: how long may a reader keep an answer? Set `freshness: 5s` in the view, or "
                "leave the view out: a row by its primary key is one read."
            )


def _left_out(requirements: Requirements) -> Iterator[str]:
    """What the service of a saga is said to hold, and a hold has no place for."""
    for service in requirements.domain.services:
        names = list(held.left_out(service)) if requirements.domain.sagas else []
        if names:
            counted = held.counted(service)
            made = f"units of {counted.name}" if counted else ", ".join(f.name for f in held.noted(service))
            yield (
                f"domain.services.{service.name}.holds: a hold at {service.name} is of {made}, with its state; "
                f"{', '.join(names)}: not written. Leave it out, or add it to what is written."
            )


def _fresh(view: View, requirements: Requirements) -> float | None:
    return requirements.freshness if view.freshness is None else view.freshness


def _instead(view: View, of: Series) -> str:
    """What to do where a view of measurements makes no sense."""
    if view.kind == "search":
        return (
            f"{of.name} has measurements, and words belong to what is measured. Keep each {of.key.name} in a table "
            "with its texts, and search that."
        )
    if view.kind == "lookup":
        return (
            f"measurements are looked up by {of.key.name} and time as they are, by their primary key; a copy would "
            "only be later. Leave the view out."
        )
    if view.kind == "cache":
        return (
            f"a measurement never changes, and the latest ones are in memory anyway. Leave the view out; means over a "
            f"period are kept ready by `rollups` of {of.name}."
        )
    return (
        f"totals of {of.name} are its rollups, and stand apart from those of other sources: make it a view of its own."
    )


def _beyond(requirements: Requirements, worked_out: Estimate) -> Iterator[str]:
    """More than the profile, or than any number of machines that somebody would run, can take."""
    most = value("machine", "most_servers")
    if servers(worked_out) > most and worked_out.commit_share * value("workload", "headroom") > most:
        yield (
            f"workload.writes: {count(worked_out.peak_writes, 'writes/s')} at peak would take "
            f"{count(servers(worked_out), 'servers')}; "
            f"nobody runs more than {count(most, 'of them')} for one system. Look at the unit of the "
            "figure, or say what of it may "
            "be lost or added up before it is written."
        )
        return
    takes = value("postgresql", "commits")
    if requirements.profile == "embedded" and worked_out.commit_share > 1:
        yield (
            f"profile: embedded is one PostgreSQL, which commits {count(takes, 'writes/s')} on a server and "
            f"{count(value('postgresql', 'embedded_commits'), 'writes/s')} on a laptop; "
            f"{count(sum(load.peak_writes for load in worked_out.transactional), 'writes/s')} at peak are "
            "asked for. Set "
            f"`profile: cluster` ({count(servers(worked_out), 'servers')} by hash of the key), or lower "
            "`workload.writes` to at most "
            f"{count(takes / (worked_out.commit_share * takes) * _mean(worked_out), 'writes/s')}."
        )


def _mean(worked_out: Estimate) -> float:
    return sum(load.writes for load in worked_out.transactional)


def _scale_model(requirements: Requirements, worked_out: Estimate, engine: str) -> Iterator[str]:
    """A project that runs on one machine is a model, to a scale, of a system that one server does not take."""
    laptop = sum(load.peak_writes for load in worked_out.series) / value("postgresql", "embedded_copied_rows")
    laptop += sum(load.peak_writes for load in worked_out.transactional) / value("postgresql", "embedded_commits")
    if laptop <= 1:
        return
    yield (
        f"workload.writes: {count(worked_out.peak_writes, 'writes/s')} at peak are {times(laptop)} what "
        "the embedded profile takes on "
        f"2 cores ({count(value('postgresql', 'embedded_copied_rows'), 'rows/s')} by COPY, "
        f"{count(value('postgresql', 'embedded_commits'), 'commits/s')}), and "
        f"{times(worked_out.write_share)} what one PostgreSQL "
        "takes on a server: this project shows the system to a scale. "
        f"{_in_production(requirements, engine, worked_out)}"
    )


def _scaled_jobs(requirements: Requirements, worked_out: Estimate, word: str) -> Iterator[str]:
    if stream.scaled(requirements, word):
        most = max(stream.pieces(job, worked_out) for job in requirements.domain.streams)
        yield (
            f"domain.streams: {count(most, 'events/s')} at peak to be put into windows; one worker on PostgreSQL "
            f"counts {count(value('postgresql', 'windowed_events'), 'events/s')}. This project shows the "
            "jobs to a scale; in production: Flink over Kafka, whose files this version of datakeel does not write."
        )


def _scaled_batches(requirements: Requirements, worked_out: Estimate, word: str) -> Iterator[str]:
    if batch.scaled(requirements, word):
        longest = max(batch.run(job, requirements, worked_out) / job.every for job in requirements.domain.batches)
        yield (
            f"domain.batches: one query reads for {share(longest)} of the time between two runs; up to "
            f"{share(batch.MOST)} is enough to run it twice. This project shows the jobs to a scale; in production: "
            "Spark, whose files this version of datakeel does not write."
        )


def _in_production(requirements: Requirements, engine: str, worked_out: Estimate) -> str:
    remedy = "" if requirements.profile == "cluster" else "; set `profile: cluster`"
    if engine == "cassandra":
        return f"In production: Cassandra on {count(nodes(worked_out), 'nodes')}, with the files in deploy/{remedy}."
    if engine == "sharded-postgresql":
        return f"In production: {count(servers(worked_out), 'PostgreSQL servers')} by hash of the key{remedy}."
    return "In production: one PostgreSQL on a server of 8 cores or more."


def _far_writes(requirements: Requirements, replication: str) -> Iterator[str]:
    wanted, strong = requirements.availability, needs.strong(requirements)
    if (
        wanted.writes_in == "every region"
        and (wanted.regions or 1) > 1
        and strong
        and requirements.latency.write is None
    ):
        trip = period(value("machine", "region_round_trip"))
        yield (
            f"availability.writes_in: {', '.join(strong)} have invariants, and leaders in several regions "
            "cannot keep them by "
            f"themselves. Their writes go to one home region, and cost the others a round trip ({trip} or more)."
        )


def _followed(requirements: Requirements) -> Iterator[str]:
    """Systems whose changes come here, and of which nobody has said what is made of them."""
    for one in requirements.existing:
        if one.role != "source":
            continue
        how = (
            "the files in deploy/ read its changes from its log, and what is made of them here is not written, since "
            "nothing says it: write that consumer"
            if one.engine in derived_data.CAPTURED
            else f"Debezium does not read the log of {one.engine}, and nothing here does"
        )
        yield f"existing.{one.name}: {how}; or have its changes sent to the API of this project, and set `role: peer`."


def _unmerged(requirements: Requirements) -> Iterator[str]:
    """What is written in several places at a time, and no rule of merging is written for."""
    wanted, domain = requirements.availability, requirements.domain
    everywhere = (wanted.regions or 1) > 1 and wanted.writes_in == "every region"
    kept = {one.name for kind in (domain.tables, domain.documents, domain.aggregates) for one in kind}
    names = sorted(kept - set(needs.strong(requirements)) if everywhere else kept)
    if names and (everywhere or (wanted.offline and not domain.replicated)):
        key, otherwise = ("writes_in", "writes_in: one region") if everywhere else ("offline", "offline: false")
        yield (
            f"availability.{key}: {', '.join(names)}: one PostgreSQL keeps them here, and what two places write at a "
            "time is merged by nothing. Put what has to be written in each of them under `domain.replicated`, which "
            f"has its rule of merging and its tests, or set `availability.{otherwise}`."
        )


def _lost_in_merging(requirements: Requirements, replication: str) -> Iterator[str]:
    loss = requirements.availability.loss
    if replication == "multi-leader" and loss is not None and loss < value("postgresql", "replica_lag"):
        yield (
            f"availability.loss: {period(loss)} is not kept by leaders that exchange their writes "
            "afterwards: a region that is "
            f"lost takes up to {period(value('postgresql', 'replica_lag'))} of its writes with it. Set "
            "`writes_in: one region`, or "
            "allow that loss."
        )


def _fresher_than_a_log(requirements: Requirements, worked_out: Estimate) -> Iterator[str]:
    lag = value("postgresql", "relay_lag")
    for view in needs.copied(requirements, worked_out):
        fresh = requirements.freshness if view.freshness is None else view.freshness
        if fresh is not None and fresh < lag:
            yield (
                f"domain.views.{view.name}: {period(fresh)} is fresher than a view from a log can promise "
                f"({period(lag)} in the "
                "median). Read the source for what must be current, or allow a second."
            )


def _hurried_commits(requirements: Requirements, replication: str) -> Iterator[str]:
    write, trip = requirements.latency.write, value("machine", "same_region_round_trip")
    if replication == "single-leader-synchronous" and write is not None and write < 2 * trip:
        yield (
            f"latency.write: {period(write)} is less than two round trips of {period(trip)} (client to "
            "leader, leader to follower), "
            f"which a commit on two servers takes. Allow {period(5 * trip)}, or a loss of "
            f"{period(value('postgresql', 'replica_lag'))}."
        )
