"""`shared-mutable-state`: two services write the same table, or one reads another's tables directly."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.services import databases, serving, touched
from datakeel.rules.rule import Hit, rule

SHARED = ("outbox", "alembic_version", "django_migrations", "schema_migrations")  # each service has its own rows there


@rule(Severity.MAJOR)
def shared_mutable_state(system: System) -> Iterator[Hit]:
    """Two services work on one table of one database, and neither owns it."""
    services = serving(system)
    if len(services) < 2:
        return
    reached = {name: databases(system, name, operations) for name, operations in services.items()}
    for first, second in combinations(sorted(services), 2):
        if not reached[first] & reached[second]:
            continue
        pair = (first, second)
        writes = {s: touched(services[s], Kind.WRITE) for s in pair}
        either = {s: {**touched(services[s], Kind.READ), **writes[s]} for s in pair}
        for owner, other in (pair, pair[::-1]):
            shared = (t for t in sorted(writes[owner]) if t in either[other] and t not in SHARED)
            for table in shared:
                if table not in writes[other] or owner_of(table, pair, services) == owner:
                    yield hit(table, owner, other, writes[owner][table][1], either[other][table])
                    break  # one table tells the story


def owner_of(table: str, pair: tuple[str, str], services: dict[str, list[Operation]]) -> str:
    """Of two services that write a table, the one that is named after it, else the larger one."""
    return max(pair, key=lambda s: (bool(set(s.split("/")) & {table, table.rstrip("s")}), len(services[s]), s))


def hit(table: str, owner: str, other: str, write: Effect, there: tuple[Operation, Effect]) -> Hit:
    operation, effect = there
    both = effect.kind == Kind.WRITE
    does = "writes" if both else "reads"
    harm = "each undoes what the other relies on" if both else f"the next change of {table} breaks it"
    return Hit(
        place=effect.place,
        message=f"{other} {does} {table}, which {owner} writes too: {harm}",
        story=(
            Step(write.place, f"{owner} writes {table} by its own rules"),
            Step(effect.place, f"{other} {does} the same table, past those rules and past {owner}'s code"),
            Step(
                effect.place,
                f"{owner} changes a column's meaning, or what must hold between its rows, and tests itself: {harm}",
            ),
        ),
        rests_on=(write, effect),
        datasets=(table,),
        symbol=operation.symbol,
        fix=Fix(
            title=f"let one service own {table}",
            text=f"{other} asks {owner} (an endpoint), or keeps its own copy from the events that {owner} publishes",
        ),
    )
