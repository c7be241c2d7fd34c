"""`strict-reader`: what reads messages fails on a field that it does not know, and so on every newer writer."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.place import Place
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def strict_reader(operation: Operation) -> Iterator[Hit]:
    """What reads messages fails on a field that it does not know, and so on every newer writer."""
    if operation.role != Role.PRODUCT:
        return
    for parse in operation.of(Kind.CALL):
        if parse.verb != "parse" or len(parse.chain) > 1:
            continue
        came = next((e for s in parse.payload if (e := operation.effect(s.number)) is not None and foreign(e)), None)
        if came is not None:
            yield hit(operation, parse, came)


def foreign(effect: Effect) -> bool:
    """Whether another program wrote it: a message, or another service's answer."""
    if effect.kind == Kind.CONSUME:
        return effect.verb != "changes"
    return effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE


def hit(operation: Operation, parse: Effect, came: Effect) -> Hit:
    what = "message" if came.kind == Kind.CONSUME else "answer"
    source = came.dataset or came.technology or "another service"
    return Hit(
        place=parse.place,
        symbol=operation.symbol,
        message=f"the first {what} of {source} with a field more than {parse.text} names cannot be read",
        story=(
            Step(came.place, f"the {what} comes from another program, with a release of its own"),
            Step(parse.place, f"{parse.text} takes exactly the fields that it names, and fails on any other"),
            *after(parse.place, what),
        ),
        rests_on=(parse, came),
        doubts=1 if came.kind == Kind.CONSUME else 2,  # who asks sees it fail
        datasets=(came.dataset,) if came.dataset else (),
        fix=Fix(
            title=f"let {parse.text} take the fields that it knows, and leave the rest",
            text=f"{parse.text}(**{{k: v for k, v in data.items() if k in FIELDS}})",
        ),
    )


def after(place: Place, what: str) -> tuple[Step, ...]:
    return (
        Step(place, f"the writer adds a field, as a compatible change: each {what} fails until this side is released"),
    )
