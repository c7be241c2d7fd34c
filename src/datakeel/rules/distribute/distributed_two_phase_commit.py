"""`distributed-two-phase-commit`: the application prepares a transaction, and commits it in a second phase."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.rule import Hit, rule


@rule(Severity.MAJOR)
def distributed_two_phase_commit(system: System) -> Iterator[Hit]:
    """The application prepares a transaction and commits it in a second phase: between the two it is in doubt."""
    for operation in system.operations:
        if operation.role in (Role.PRODUCT, Role.SCRIPT):
            prepared = next((e for e in operation.own() if prepares(e)), None)
            if prepared is not None:
                yield hit(prepared.place, prepared, tables(operation, prepared), operation.symbol)
            yield from (hit(r.place, r, (), operation.symbol) for r in operation.resources if two_phase(r))
    yield from (hit(r.place, r, ()) for r in system.resources if two_phase(r))


def prepares(effect: Effect) -> bool:
    return effect.kind == Kind.CALL and effect.verb == "prepare" and effect.store == StoreKind.RELATIONAL


def two_phase(resource: Resource) -> bool:
    """Whether every transaction of a session is one in two phases."""
    option = resource.option("twophase")
    return option is not None and option.value == "True" and not resource.chain


def tables(operation: Operation, prepared: Effect) -> tuple[str, ...]:
    """What is written before the first phase ends: those rows are locked while the transaction is in doubt."""
    written = (e.dataset for e in operation.of(Kind.WRITE) if e.number < prepared.number and e.dataset)
    return tuple(dict.fromkeys(written))[:3]


def hit(place: Place, proof: Effect | Resource, written: tuple[str, ...], symbol: str = "") -> Hit:
    rows = " and ".join(written) or "the rows it wrote"
    return Hit(
        place=place,
        message=f"when the process dies between the two phases, {rows} stay locked until somebody decides by hand",
        story=(
            Step(place, f"the first phase ends: the database promises to commit, and keeps its locks on {rows}"),
            Step(place, "the process that coordinates dies, or the other side is unreachable, before the second"),
            Step(
                place,
                "the transaction is in doubt, also after a restart: others wait for its locks",
            ),
        ),
        rests_on=(proof,),
        datasets=written,
        symbol=symbol,
        fix=Fix(
            title="commit in one database only, and let the others follow from an outbox; or undo by a saga",
            text=f"BEGIN;  -- {rows}\nINSERT INTO outbox (topic, payload) VALUES (…);  -- a relay sends it\nCOMMIT;",
        ),
    )
