"""`writes-without-transaction`: writes that belong together are committed one by one."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import together
from datakeel.rules.facts.cures import one_transaction
from datakeel.rules.facts.dependence import moves, owns, replaces
from datakeel.rules.facts.guards import now, single_runner
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import crash_between


@rule(Severity.CRITICAL)
def writes_without_transaction(operation: Operation, system: System) -> Iterator[Hit]:
    """Several writes that belong together are committed one by one, and a crash leaves some of them done."""
    writes = [e for e in operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL and now(e) and e.dataset]
    if len(writes) < 2 or single_runner(operation):
        return
    told: set[tuple[str, str]] = set()
    for first, second, why in dependent(operation, writes):
        if (first.dataset, second.dataset) in told or not operation.meet_here(first, second):
            continue
        answer = together(operation, first, second)
        if answer == Answer.YES or operation.exclusive(first, second):
            continue
        told.add((first.dataset, second.dataset))
        yield hit(first, second, why, answer)


def dependent(operation: Operation, writes: list[Effect]) -> Iterator[tuple[Effect, Effect, str]]:
    """Pairs of writes of which the one without the other is wrong, and what is then wrong."""
    for index, first in enumerate(writes):
        for second in writes[index + 1 : index + 1 + 40]:
            why = replaces(first, second) or moves(first, second) or owns(first, second)
            if why and operation.before_on_some_path(first, second):
                yield first, second, why


def hit(first: Effect, second: Effect, why: str, answer: Answer) -> Hit:
    return Hit(
        place=second.chain[0] if second.chain else second.place,
        message=f"a crash between the two writes leaves {why}: they are committed one by one",
        story=crash_between(first, second, why),
        rests_on=(first, second),
        doubts=int(answer == Answer.UNKNOWN),
        datasets=tuple(dict.fromkeys((first.dataset, second.dataset))),
        severity=Severity.MAJOR if second.verb == "insert" and first.verb == "insert" else None,
        fix=one_transaction((first, second)),
    )
