"""`synchronous-call-chain`: one request changes several services one after the other, and undoes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.chains import chains, changes, said, undone
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way

OPPOSITES = {
    "charge": "refund",
    "pay": "refund",
    "capture": "refund",
    "reserv": "release",
    "deposit": "withdraw",
    "debit": "credit",
    "credit": "debit",
    "withdraw": "deposit",
    "transfer": "transfer_back",
}


@rule(Severity.MAJOR)
def synchronous_call_chain(operation: Operation, system: System) -> Iterator[Hit]:
    """A request changes one service, then another: when the second call fails, the first change stands alone."""
    if operation.entries and not any(e.kind == "request" for e in operation.entries):
        return  # what is delivered again, or started again by hand, is another rule's
    told: set[int] = set()
    for first, second in chains(operation):
        sure = changes(first) + changes(second)
        if first.number in told or sure < 3 or undone(operation, first, second):
            continue
        told.add(first.number)
        told.add(second.number)
        yield hit(operation, first, second, doubts=(0 if operation.entries else 1) + (4 - sure))


def hit(operation: Operation, first: Effect, second: Effect, doubts: int) -> Hit:
    one, other = thing(first), thing(second)
    starts = next((f"{e.name}" for e in operation.entries if e.kind == "request"), operation.symbol)
    return Hit(
        place=here(second),
        message=f"{one} stands alone when {other} fails: one request changes both, one after the other, and nothing "
        "takes the first back",
        story=(
            *way(first),
            Step(first.place, f"{one} has changed what the other service keeps"),
            *way(second),
            Step(second.place, f"{other} fails, or its answer does not come, or the process dies before it"),
            Step(operation.place, f"{starts} ends with an error: nothing undoes {one}, and nothing knows of it"),
            Step(operation.place, "the user tries again, and the first change is made a second time"),
        ),
        rests_on=(first, second),
        doubts=min(doubts, 2),
        fix=fix(first, second),
    )


def fix(first: Effect, second: Effect) -> Fix:
    """Take the first change back where the second fails, in the names that the code has for them."""
    return Fix(
        title="undo the first change when the second fails; or note both steps in one row, and let a worker do them "
        "with a key each until both are done (saga, outbox)",
        text=f"try:\n    {step(second)}\nexcept Exception:\n    {opposite(first)}\n    raise",
    )


def step(effect: Effect) -> str:
    name = named(effect)
    return f"{name}(…)" if name else f"…  # {thing(effect)}"


def opposite(effect: Effect) -> str:
    """What undoes a change, called as the code calls the change: ``refund`` after ``charge``."""
    words = said(effect).lower()
    undo = next(
        (u for word, u in OPPOSITES.items() if word in words), "refund" if effect.technology == "stripe" else "cancel"
    )
    return f"{undo}(…)  # {step(effect).removeprefix('…  # ')}, by the id that it gave; with a key, for it is repeated"


def named(effect: Effect) -> str:
    """The function or procedure that makes the call, where the code has one."""
    name = effect.callee.rpartition(".")[2]
    if not name and effect.verb == "rpc":
        name = f"{effect.connection.rpartition('.')[2]}.{effect.text}".lstrip(".")
    return name
