"""`saga-without-compensation`: a step of a saga stays done when a later one fails, for nothing takes it back."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Option, StoreKind
from datakeel.model.operation import Handler, Operation, Resource
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.idempotence import ASKING, MONEY, adds_up
from datakeel.rules.facts.sagas import Planned, begun_again, costs, decided, fails, may_run_twice, missed, plans, told
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import way


@rule(Severity.CRITICAL)
def saga_without_compensation(noun: Operation | Resource, system: System) -> Iterator[Hit]:
    """A step of a saga stays done when a later one fails, for nothing takes it back."""
    if isinstance(noun, Resource):
        yield from left_out(noun)
    else:
        yield from of_operation(noun, system)


def of_operation(operation: Operation, system: System) -> Iterator[Hit]:
    for handler in operation.handlers:
        for step, later, undone, undoing in missed(operation, handler, system):
            yield hit(handler, step, later, undone, undoing)
            break  # one step tells the story
    for plan, steps in plans(operation.resources, system):
        yield from halved(plan, steps, system)
    for plan, steps in plans(system.resources, system):
        if steps[0].action.name == operation.name:
            yield from halved(plan, steps, system)
    yield from twice(operation, system)


def left_out(plan: Resource) -> Iterator[Hit]:
    """A step that is called by its name, does something for good, and has nothing that takes it back, before one that
    has."""
    if plan.kind != "named-steps":
        return
    pairs = list(zip(plan.options[::2], plan.options[1::2], strict=True))
    for number, (action, undo) in enumerate(pairs):
        later = next((a for a, u in pairs[number + 1 :] if u.value != "None"), None)
        does = bool(MONEY.search(action.value)) and not ASKING.search(action.value)
        if does and undo.value == "None" and later is not None:
            yield left_out_hit(plan, action, later)
            return


def left_out_hit(plan: Resource, step: Option, later: Option) -> Hit:
    what, then = (o.value.strip("'") for o in (step, later))
    return Hit(
        place=step.place or plan.place,
        message=f"what {what} does stays done when {then} fails: no compensation is named for it",
        story=(
            Step(plan.place, "the steps are done in this order, and taken back in the opposite one"),
            Step(step.place or plan.place, f"{what} is done"),
            Step(later.place or plan.place, f"{then} fails, and what was done before it is taken back"),
            Step(step.place or plan.place, f"nothing takes back {what}: the whole has failed, and half of it stands"),
        ),
        rests_on=(plan,),
        likely=True,
        fix=Fix(title=f"give {what} a compensation that does no harm twice, or let it come after all that may fail"),
    )


def halved(plan: Resource, steps: tuple[Planned, ...], system: System) -> Iterator[Hit]:
    """Steps of a list that stay done, and are not the last that may fail."""
    for number, one in enumerate(steps):
        done = one.done()
        later = next((f for f in map(fails, steps[number + 1 :]) if f is not None), None)
        if done is None or later is None or not one.unmade() or seen_in_flow(done, system):
            continue
        yield planned_hit(plan, one, done, next(s for s in steps[number + 1 :] if fails(s) is later))
        return


def seen_in_flow(done: Effect, system: System) -> bool:
    """Whether the loop that goes through the list is followed, so that its handler is judged itself."""
    return any(
        s.arm.startswith("choice:") and any(o.kind == "try" for o in e.scopes)
        for e in system.effects_at(done.place)
        for s in e.scopes
    )


def twice(operation: Operation, system: System) -> Iterator[Hit]:
    """Compensations that add something each time they run, and run again."""
    if not may_run_twice(operation):
        return
    for effect in operation.of(Kind.CALL, Kind.WRITE):
        if not adds_up(operation, effect, system) or decided(operation, effect):
            continue
        again = begun_again(operation, effect)
        if again is not None:
            yield twice_hit(operation, effect, *again)
            return


def hit(handler: Handler, step: Effect, later: Effect, undone: Effect, undoing: Effect) -> Hit:
    what, other = named(step), named(undone)
    message = (
        f"{what} cannot be taken back, and {named(later)} may still fail after it"
        if told(step)
        else f"{what} stays done when {named(later)} fails: the handler takes back {other}, and not this"
    )
    return Hit(
        place=here(step),
        message=message,
        story=(
            *way(step),
            Step(step.place, f"{what} is done"),
            *way(later),
            Step(later.place, f"{named(later)} fails"),
            *way(undoing),
            Step(undoing.place, f"{other} is taken back"),
            Step(handler.place, f"nothing takes back {what}: the whole has failed, and half of it stands"),
        ),
        rests_on=(step, later, undoing),
        doubts=0 if costs(step) else 1,
        fix=fix(handler, step, undoing, later),
    )


def planned_hit(plan: Resource, one: Planned, done: Effect, later: Planned) -> Hit:
    what, then = one.action.symbol, later.action.symbol
    if told(done):
        message = f"what {what} tells cannot be taken back, and {then} may still fail after it"
        change = Fix(title="do last what cannot be taken back", text=f"{then}\n{what}  # after all that may fail")
    else:
        message = f"what {what} does stays done when {then} fails: nothing takes it back"
        change = Fix(
            title=f"give {what} a compensation that does no harm twice, or let it come after all that may fail",
            text=f"def {undo_name(one)}(…):\n    …  # takes back what {what} did, where it was done",
        )
    nothing = one.compensation.place if one.compensation is not None else one.place
    return Hit(
        place=one.place,
        message=message,
        story=(
            Step(plan.place, "the steps are done in this order, and taken back in the opposite one"),
            Step(done.place, f"{what} is done"),
            Step(later.action.place, f"{then} fails"),
            Step(nothing, f"nothing takes back {what}: the whole has failed, and half of it stands"),
        ),
        rests_on=(done,),
        doubts=0 if costs(done) else 1,
        fix=change,
    )


def undo_name(one: Planned) -> str:
    if one.compensation is not None:
        return one.compensation.symbol.rpartition(".")[2]
    return f"undo_{one.action.symbol.rpartition('.')[2]}"


def twice_hit(operation: Operation, effect: Effect, again: Place, who: str) -> Hit:
    what = thing(effect)
    return Hit(
        place=here(effect),
        message=f"{what} takes back too much when {who} runs {operation.symbol} a second time",
        story=(
            Step(operation.place, f"{operation.symbol} takes back a step"),
            *way(effect),
            Step(effect.place, f"{what} is done; the process dies, or the answer is lost, before anybody notes that"),
            Step(again, f"{who} runs it again"),
            Step(effect.place, f"{what} is done a second time: more is given back than was ever taken"),
        ),
        rests_on=(effect,),
        datasets=(effect.dataset,) if effect.dataset else (),
        fix=Fix(
            title="take it back only where it stands, and note that in the same statement or transaction",
            text=again_text(effect),
        ),
    )


def again_text(effect: Effect) -> str:
    if effect.kind == Kind.WRITE:
        return (
            "UPDATE reservations SET state = 'released' WHERE order_id = :order AND state = 'reserved';\n"
            f"-- one row changed: UPDATE {effect.dataset or '…'} …, in the same transaction"
        )
    if effect.technology == "stripe":
        return 'idempotency_key=f"order-{order.id}-refund"'
    return 'headers={"Idempotency-Key": f"order-{order.id}-refund"}'


def named(effect: Effect) -> str:
    """What a step is called: the function that the code calls for it, or the call itself.

    >>> from datakeel.model.effect import Kind
    >>> from datakeel.model.place import NOWHERE
    >>> named(Effect(number=1, kind=Kind.CALL, verb="http", place=NOWHERE, callee="shop.cars.book_car"))
    'book_car'
    """
    if effect.store == StoreKind.MAIL:
        return "the mail"
    return effect.callee.rpartition(".")[2] or thing(effect)


def fix(handler: Handler, step: Effect, undoing: Effect, later: Effect) -> Fix:
    if told(step):
        return Fix(
            title="do last what cannot be taken back",
            text=f"{named(later)}  # may fail, and can be taken back\n{named(step)}  # after all that may fail",
        )
    caught = ", ".join(n.rpartition(".")[2] for n in handler.exceptions)
    return Fix(
        title=f"take back {named(step)} too, in the opposite order, by calls that do no harm twice",
        text=f"except {caught or 'Exception'}:\n    …  # takes back {named(step)}, where it was done\n"
        f"    …  # then {named(undoing)}, as now\n    raise",
    )
