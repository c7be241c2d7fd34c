"""`writes-without-transaction`: writes that belong together are committed one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from datakeel.finding import Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Rows, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import together
from datakeel.rules.facts.cures import one_transaction
from datakeel.rules.facts.decisions import deciding_reads, says_absent
from datakeel.rules.facts.dependence import Earlier, amends, claims, enters, moves, owners, owns, replaces
from datakeel.rules.facts.guards import here, now, rows_of, single_runner
from datakeel.rules.facts.slow import slow_between
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import crash_between

DONE = re.compile(r"complete|finish|publish|final|sealed|frozen|closed")
Pair = tuple[Effect, Effect, str, Answer]


@rule(Severity.CRITICAL)
def writes_without_transaction(operation: Operation, system: System) -> Iterator[Hit]:
    """Several writes that belong together are committed one by one, and a crash leaves some of them done."""
    writes = [e for e in operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL and now(e) and e.dataset]
    if len(writes) < 2 or single_runner(operation):
        return
    found = [
        (a, b, why, answer)
        for a, b, why in dependent(operation, writes)
        if (answer := parted(operation, a, b)) != Answer.YES
    ]
    unseen = int(bool(found) and saved_by_views(operation, system))
    for group in apart(operation, found):
        yield hit(*group[0], tuple(dict.fromkeys(e.dataset for a, b, *_ in group for e in (a, b))), unseen)


def saved_by_views(operation: Operation, system: System) -> bool:
    """Whether it is a serializer's, which a framework calls from views that are not known, and some views of the
    project hold a transaction round what they save."""
    if operation.contexts or "validated_data" not in operation.parameters:
        return False
    return any(
        them.symbol.rpartition(".")[2] in ("perform_create", "perform_update")
        and any(t.kind == "atomic" and t.call is None for t in them.transactions)
        for them in system.operations
    )


def apart(operation: Operation, found: Sequence[Pair]) -> list[list[Pair]]:
    """The pairs of each way through the function: those of one way are one cause, told at the first of them."""
    groups: list[list[Pair]] = []
    for pair in found:
        known = next((g for g in groups if not operation.exclusive(g[0][1], pair[1])), None)
        if known is None:
            groups.append([pair])
        else:
            known.append(pair)
    return groups


def dependent(operation: Operation, writes: list[Effect]) -> Iterator[tuple[Effect, Effect, str]]:
    """Pairs of writes of which the one without the other is wrong, and what is then wrong."""
    earlier = Earlier()
    for second in writes:
        for first in earlier.partners(second):
            why = replaces(operation, first, second) or moves(first, second)
            why = why or owns(first, second) or amends(first, second) or claims(first, second) or enters(first, second)
            if why and operation.meet_here(first, second) and operation.before_on_some_path(first, second):
                yield first, second, why
        earlier.add(second)


def parted(operation: Operation, first: Effect, second: Effect) -> Answer:
    """YES: they commit together, or it does no harm that they do not: the next run does what is missing, the row is
    marked as finished by a last write, or both belong to one that is not yet; the second undoes the first, something
    slow between them forbids a transaction, or the first is committed in a second phase, with others."""
    if (
        made_good(operation, second)
        or looked_up(operation, first, second)
        or prepared(operation, first)
        or finished(operation, first, second)
        or undone(operation, first, second)
        or in_the_making(first, second)
        or slow_between(operation, first, second) is not None
    ):
        return Answer.YES
    return together(operation, first, second)


def made_good(operation: Operation, second: Effect) -> bool:
    """Whether the second write happens where it is found missing: the next run does what a crash left out."""
    return any(
        read.dataset == second.dataset and says_absent(guard, read) for guard, read in deciding_reads(operation, second)
    )


def looked_up(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether the first row is made only where there is none yet, and the second in any case: it is complete in itself,
    and the next run finds it."""
    return (
        first.verb == "insert"
        and not operation.before_on_all_paths(first, second)
        and any(read.dataset == first.dataset and says_absent(g, read) for g, read in deciding_reads(operation, first))
    )


def prepared(operation: Operation, write: Effect) -> bool:
    """Whether the write's transaction ends in a first phase."""
    return any(
        e.verb == "prepare" and e.connection == write.connection and e.number > write.number
        for e in operation.of(Kind.CALL)
    )


def finished(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether a later write marks the first row, or the new one that it belongs to, as complete: until then nobody
    takes it for that."""
    begun = {Rows(f"new:{number}") for number in owners(first)}
    begun |= {first.rows} if first.verb == "insert" and first.rows is not None else set()
    return any(
        e.number > second.number
        and e.rows in begun
        and any(a.how == "constant" and a.text != "const:None" for a in e.assigned)
        for e in operation.of(Kind.WRITE)
    )


def undone(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether the second write is part of taking the first row away again."""
    return first.verb == "insert" and any(
        e.verb == "delete" and e.rows == first.rows and e.number > second.number and e.call == second.call
        for e in operation.of(Kind.WRITE)
    )


def in_the_making(first: Effect, second: Effect) -> bool:
    """Whether both happen only while the row that they belong to is not marked as complete."""
    predicates = first.selection.predicates if first.selection is not None else ()
    owned = {rows_of(s) for p in predicates if p.operator == "=" for s in p.sources} - {None}
    return any(
        guard.test == "truth" and not guard.polarity and rows_of(source) in owned and DONE.search(source.path[-1])
        for guard in first.guards
        if any(o.test == "truth" and not o.polarity and o.sources == guard.sources for o in second.guards)
        for source in guard.sources
        if source.path
    )


def hit(first: Effect, second: Effect, why: str, answer: Answer, datasets: tuple[str, ...], unseen: int) -> Hit:
    return Hit(
        place=here(second),
        message=f"a crash between the two writes leaves {why}: they are committed one by one",
        story=crash_between(first, second, why),
        rests_on=(first, second),
        doubts=int(answer == Answer.UNKNOWN) + unseen,
        datasets=datasets,
        severity=Severity.MAJOR if "insert" in (first.verb, second.verb) else None,
        fix=one_transaction(first, datasets),
    )
