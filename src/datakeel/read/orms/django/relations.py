"""Relations: foreign keys that are followed, and the rows that refer back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.model.effect import Cardinality, Kind, Predicate, Rows, Selection, StoreKind
from datakeel.read.orms.django.managers import Managers
from datakeel.read.orms.django.models import Field, Model, Models
from datakeel.read.orms.django.query import (
    Query,
)
from datakeel.read.program import Span
from datakeel.read.values import (
    NONE,
    Value,
    canonical,
    extended,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World


class Relations:
    def __init__(self, world: World, models: Models, managers: Managers) -> None:
        self.world = world
        self.models = models
        self.managers = managers

    def related_rows(self, caller: Caller, base: Value, back: Field, at: Span) -> Value:
        """A reverse relation: the other model's rows that refer to this one."""
        column = back.column if not back.many else back.name
        predicate = Predicate(column, "=", canonical(base), tuple(sorted(base.sources)))
        if back.kind.endswith("OneToOneField"):
            rows = Rows(base.rows.root, (*base.rows.path, f"<{back.column}")) if base.rows is not None else None
            return Value(type=back.relation, rows=rows, sources=extended(base.sources, back.column), origin=base.origin)
        query = Query(
            back.relation, (predicate,), managed=True, parent=base.rows, relation=back.relation if back.many else ""
        )
        manager = "django.db.models.Manager"
        cls = self.world.class_named(back.relation)
        model = self.models.model(back.relation)
        if cls is not None and model is not None:
            manager = self.managers.manager(cls, model, "objects").type
        return Value(type=manager, of=Value(type=back.relation), state=query, origin=base.origin)

    def load_relation(self, caller: Caller, model: Model, base: Value, field: Field, at: Span) -> None:
        """Following a foreign key loads the row, unless it was loaded with its owner or before."""
        if base.rows is None or base.name == f"eager:{field.name}" or base.rows.root.startswith("new:"):
            return
        if field.name in eager_of(base):
            return
        mark = (base.rows, f"$loaded:{field.name}")
        if mark in caller.state.heap:
            return
        caller.state.heap[mark] = NONE
        other = self.models.model(field.relation)
        if other is None:
            return
        path = (*base.rows.path, field.column)
        caller.emit(
            Kind.READ,
            "relation",
            at,
            store=StoreKind.RELATIONAL,
            connection="default",
            technology="django",
            dataset=other.table,
            selection=Selection((Predicate(other.primary, "=", ".".join((base.rows.root, *path))),), Cardinality.ONE),
            rows=Rows(base.rows.root, (*base.rows.path, field.name)),
            blocking=True,
            origin=base.origin,
        )


def eager_of(base: Value) -> tuple[str, ...]:
    names = base.name.removeprefix("eager:").split(",") if base.name.startswith("eager:") else []
    return tuple(n.split("__")[0] for n in names)
