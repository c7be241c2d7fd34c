"""`needless-synchronous-replication`: every write waits for all replicas, and one slow replica stops them all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.rules.rule import Hit, rule

APPLY = re.compile(r"\bset\s+(session\s+|local\s+)?synchronous_commit\s*(=|to)\s*'?remote_apply", re.I)
STANDBYS = re.compile(r"synchronous_standby_names\s*(=|to)\s*'\s*(?:first|any)?\s*(\d+)\s*\(([^)]*)\)", re.I)
FEW = 2  # one of one, or two of two, leave nothing to spare but are what a pair of nodes can do


@rule(Severity.MINOR)
def needless_synchronous_replication(operation: Operation) -> Iterator[Hit]:
    """Every write waits for all replicas, and one slow replica stops them all."""
    for effect in operation.of(Kind.CALL, Kind.ALTER):
        if effect.chain or not effect.text:
            continue
        what = waits_for_all(effect.text)
        if what:
            yield hit(effect, what)


def waits_for_all(text: str) -> str:
    """What in a statement makes commits wait for every replica."""
    if APPLY.search(text):
        return "synchronous_commit is remote_apply: a commit waits until the standbys have replayed it"
    found = STANDBYS.search(text)
    if found is None:
        return ""
    names = [n for n in found[3].split(",") if n.strip()]
    if len(names) > FEW and int(found[2]) >= len(names):
        return f"all {len(names)} standbys must confirm each commit"
    return ""


def hit(effect: Effect, what: str) -> Hit:
    return Hit(
        place=effect.place,
        message=f"one slow replica stops every write: {what}",
        story=(
            Step(effect.place, what),
            Step(effect.place, "one of them is restarted, cut off, or busy with a long query"),
            Step(effect.place, "no commit returns until it is back: connections pile up, and the service stands still"),
        ),
        rests_on=(effect,),
        fix=Fix(
            title="wait for a quorum of the standbys, and let the others follow",
            text="ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (a, b, c)'",
        ),
    )
