"""What is done once for each element of a collection, and how many elements that may be."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, Scope, Source
from datakeel.model.operation import Operation
from datakeel.rules.facts.turns import loops_over_rows, many


def turn(effect: Effect) -> Scope | None:
    """The innermost loop round an effect that goes through something, one turn for each element: no loop that waits
    for messages, asks again, or goes on until something is done."""
    loop = effect.inside("loop")
    if loop is None or loop.unbounded or any(g.place == loop.place for g in effect.guards):
        return None
    inner = effect.scopes[effect.scopes.index(loop) :]
    return None if any(s.kind == "retry" for s in inner) else loop


def within(effect: Effect, loop: Scope) -> bool:
    return any(s.number == loop.number for s in effect.scopes)


def of_rows(operation: Operation, effect: Effect, loop: Scope) -> Effect | None:
    """The query whose many rows a loop goes through."""
    return next((rows for scope, rows in loops_over_rows(operation, effect) if scope == loop and many(rows)), None)


def of_arguments(effect: Effect) -> bool:
    """Whether each turn's effect is made from what the function was given, and from no literal that the loop goes
    through; how many that are is not known."""
    kinds = {s.kind for s in made_of(effect)}
    loop = effect.inside("loop")
    # its turns are counted
    given = loop is not None and loop.over is not None and loop.over.root.startswith("parameter:")
    return "parameter" in kinds and (given or "loop" not in kinds)


def made_of(effect: Effect) -> Iterator[Source]:
    """What an effect's values and its row come from."""
    if effect.rows is not None:
        kind, _, number = effect.rows.root.partition(":")
        if kind in ("read", "element") and number.isdigit() and int(number) != effect.number:
            yield Source("read", int(number))
    for assignment in effect.assigned:
        yield from assignment.sources
    for predicate in effect.predicates:
        yield from predicate.sources


def caught_each_turn(effect: Effect, loop: Scope) -> bool:
    """Whether each turn's failure is handled by itself: the others go on."""
    inner = effect.scopes[effect.scopes.index(loop) + 1 :]
    return any(s.kind in ("try", "savepoint", "transaction") for s in inner)


def chosen_in_turn(operation: Operation, write: Effect, loop: Scope) -> bool:
    """Whether a turn writes only if a test says so, and nothing if not."""
    inner = write.scopes[write.scopes.index(loop) + 1 :]
    if not any(s.kind == "branch" for s in inner):
        return False
    alike = (w for w in operation.of(Kind.WRITE) if w.dataset == write.dataset and within(w, loop))
    return not any(operation.exclusive(write, other) for other in alike)
