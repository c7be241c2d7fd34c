"""`writes-without-transaction`: writes that belong together are committed one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from datakeel.finding import Severity
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Rows, Scope, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import around, together
from datakeel.rules.facts.cures import one_transaction
from datakeel.rules.facts.decisions import deciding_reads, says_absent
from datakeel.rules.facts.dependence import (
    Earlier,
    advances,
    amends,
    announces,
    batches,
    changed,
    claims,
    enters,
    moves,
    owners,
    owns,
    replaces,
    settles,
    takes,
)
from datakeel.rules.facts.guards import here, led_to, now, rows_of, single_runner
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
    unseen += 2 * int(bool(found) and not led_to(operation, system))  # who calls it is not seen, nor what he holds
    shared = int(bool(operation.contexts) and around(operation) == Answer.UNKNOWN)  # some callers have a transaction
    for group in apart(operation, found):
        datasets = tuple(dict.fromkeys(e.dataset for a, b, *_ in group for e in (a, b)))
        bound = [
            p for p in group if not by_itself(operation, p[0], p[1], system) and not of_none(operation, p[0], p[1])
        ]
        yield hit(*(bound or group)[0], datasets, unseen + shared, optional=not bound)


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
    earlier, behind = Earlier(), batches(operation, writes)
    for second in writes:
        for first in earlier.partners(second):
            why = replaces(operation, first, second) or moves(first, second)
            why = why or owns(first, second) or amends(first, second) or claims(first, second) or enters(first, second)
            why = why or announces(first, second) or settles(first, second) or advances(first, second, behind)
            if not why and (taken := takes(operation, first, second)) and not chosen(operation, first, second):
                why = taken
            if why and operation.meet_here(first, second) and operation.before_on_some_path(first, second):
                yield first, second, why
        earlier.add(second)


def parted(operation: Operation, first: Effect, second: Effect) -> Answer:
    """YES: they commit together, or it does no harm that they do not: the next run does what is missing, the row is
    marked as finished by a last write, or both belong to one that is not yet; the second undoes the first, something
    slow between them forbids a transaction, or the first is committed in a second phase, with others."""
    if (
        made_good(operation, first, second)
        or looked_up(operation, first, second)
        or prepared(operation, first)
        or finished(operation, first, second)
        or undone(operation, first, second)
        or in_the_making(first, second)
        or slow_between(operation, first, second) is not None
    ):
        return Answer.YES
    return together(operation, first, second)


def made_good(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether the second write happens where it is found missing: the next run does what a crash left out. Where the
    same is asked before an amount is changed, the next run changes it once more."""
    missing = [g for g, r in deciding_reads(operation, second) if r.dataset == second.dataset and says_absent(g, r)]
    again = any(changed(a, first) for a in first.assigned) and any(g in first.guards for g in missing)
    return bool(missing) and not again


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
    predicates = first.predicates
    owned = {rows_of(s) for p in predicates if p.operator == "=" and p.column != "id" for s in p.sources} - {None}
    return any(
        guard.test == "truth" and not guard.polarity and rows_of(source) in owned and DONE.search(source.path[-1])
        for guard in first.guards
        if any(o.test == "truth" and not o.polarity and o.sources == guard.sources for o in second.guards)
        for source in guard.sources
        if source.path
    )


def by_itself(operation: Operation, first: Effect, second: Effect, system: System) -> bool:
    """Whether a row stands without the other too: only in some of the runs that make it is the second written, or only
    some of those that write the second make it. A way on which it is given up with an error is none of these. Where
    rows are deleted by one function that is called, and others inserted by another, the one may not be for the other.
    """
    if first.conflict:
        return False  # it notes what is done: that is taken for done ever after
    if first.verb == "delete" and first.chain and second.chain:
        return True
    ways = [chosen(operation, a, b) for a, b in ((first, second), (second, first))]
    if first.verb == "delete":
        return ways == [False, True] or (ways == [True, False] and not of_each(first, second))
    return first.verb == "insert" and first.dataset != second.dataset and (any(ways) or found_or_made(first, system))


def of_none(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether rows are changed that belong to a new one, and nobody is seen to have made any."""
    if second.verb != "update" or first.verb != "insert" or first.dataset == second.dataset:
        return False
    return not any(
        e.verb in ("insert", "get-or-create") and e.dataset == second.dataset and e.number < second.number
        for e in operation.of(Kind.WRITE)
    )


def found_or_made(write: Effect, system: System) -> bool:
    """Whether the function that inserts a row, for another, does so only where it does not give one back before."""
    makers = (system.operation(name) for name in system.standing_at(write.place)) if write.chain else ()
    return any(
        x.kind == "return" and x.number < e.number
        for maker in makers
        if maker is not None
        for e in maker.of(Kind.WRITE)
        if e.place == write.place and not e.chain
        for x in maker.exits
    )


def chosen(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether the second write stands in a branch that the first does not, whose other arm goes on."""
    standing = {s.number for s in first.scopes}
    arms = [s for s in second.scopes if s.number not in standing and conditional(s)]
    raised = {(s.number, s.arm) for x in operation.exits if x.kind == "raise" for s in x.scopes}
    return any(not any(n == s.number and arm != s.arm for n, arm in raised) for s in arms)


def of_each(first: Effect, second: Effect) -> bool:
    """Whether all conditions of the second write are those that each of many must meet: they stand in a loop of its."""
    standing = {s.number for s in first.scopes}
    own = [s for s in second.scopes if s.number not in standing]
    return bool(own) and next((s.kind == "loop" for s in own if s.kind == "loop" or conditional(s)), False)


def conditional(scope: Scope) -> bool:
    return scope.kind == "branch" or (scope.kind == "try" and scope.arm.startswith("handler"))


def hit(
    first: Effect, second: Effect, why: str, answer: Answer, datasets: tuple[str, ...], unseen: int, optional: bool
) -> Hit:
    return Hit(
        place=here(second),
        message=f"a crash between the two writes leaves {why}: they are committed one by one",
        story=crash_between(first, second, why),
        rests_on=(first, second),
        likely="insert" in (first.verb, second.verb),
        doubts=int(answer == Answer.UNKNOWN) + unseen + 2 * int(optional),
        datasets=datasets,
        severity=Severity.MAJOR if "insert" in (first.verb, second.verb) else None,
        fix=one_transaction(first, datasets),
    )
