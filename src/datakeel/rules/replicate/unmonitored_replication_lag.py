"""`unmonitored-replication-lag`: followers answer, and nobody knows how far they are behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.replicas import follower
from datakeel.rules.rule import Hit, rule

LAG = re.compile(
    r"pg_stat_replication|replay_timestamp|replay_lsn|wal_lsn_diff|seconds_behind|(?<![a-z])lag(?![a-z])", re.I
)


@rule(Severity.MINOR)
def unmonitored_replication_lag(system: System) -> Iterator[Hit]:
    """Followers answer, and nobody knows how far they are behind."""
    reads = [(o, r) for o in system.operations if o.role == Role.PRODUCT for r in o.of(Kind.READ) if behind(r)]
    if reads and not measured(system):
        yield hit(*min(reads, key=lambda found: found[1].place))


def behind(read: Effect) -> bool:
    return read.store == StoreKind.RELATIONAL and not read.chain and follower(read)


def measured(system: System) -> bool:
    """Whether anything asks for the lag, or is named after it."""
    named = [o.name for o in system.operations] + [r.name for r in system.resources]
    asked = (e.text for o in system.operations for e in o.effects if e.text and not e.chain)
    return any(LAG.search(text) for text in (*named, *asked))


def hit(operation: Operation, read: Effect) -> Hit:
    return Hit(
        place=read.place,
        symbol=operation.symbol,
        message="nobody sees when followers fall behind: they are read, and their lag is measured nowhere in view",
        story=(
            Step(read.place, f"{read.dataset or 'rows'} may be read from a follower"),
            Step(read.place, "a long query, a full disk or a slow network holds the follower up, for hours"),
            Step(read.place, "it goes on answering, with rows of hours ago, and no alarm tells of it"),
        ),
        rests_on=(read,),
        doubts=2,
        fix=Fix(
            title="measure it, and leave out who is too far behind",
            text="SELECT now() - pg_last_xact_replay_timestamp()",
        ),
    )
