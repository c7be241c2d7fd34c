"""Relations: foreign keys that are followed, and the rows that refer back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.model.effect import Cardinality, Kind, Predicate, Rows, Selection, Source, StoreKind
from datakeel.read.orms.django.fields import Field
from datakeel.read.orms.django.managers import MANAGER, Managers
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.orms.django.query import Query, Related, compared, words
from datakeel.read.orms.django.querysets import ANY, Querysets
from datakeel.read.program import Span
from datakeel.read.values import Value, extended

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

DEEP = 4  # how long a path from a row may grow


class Relations:
    TREE = words(
        "get_children get_descendants get_ancestors get_siblings get_family get_descendants_and_self "
        "get_ancestors_and_self"
    )

    def __init__(self, world: World, models: Models, managers: Managers, querysets: Querysets) -> None:
        self.world = world
        self.models = models
        self.managers = managers
        self.querysets = querysets

    def tree(self, caller: Caller, model: Model, base: Value) -> Value | None:
        """The rows round one of a tree, as the libraries for trees give them."""
        cls = self.world.class_named(model.name)
        if cls is None or not any(b.startswith(("treebeard.", "mptt.")) for b in cls.externals()):
            return None
        found = self.managers.of_model(model, "objects") or Value(type=MANAGER)
        rows = Rows(f"new:{caller.next()}")
        state = Query(model.name, complete=False)
        return Value(type=self.managers.queryset_type(found.type), of=Value(type=model.name), state=state, rows=rows)

    def followed(self, caller: Caller, model: Model, base: Value, field: Field, at: Span) -> Value | None:
        """The related object, or manager, that a field stands for; None where the related model is not known."""
        other = self.models.model(field.relation)
        if other is None:
            return None
        if field.many or field.generic:
            return self.manager(base, field, other, field.name)
        return self.one(caller, base, field.name, field.name, other, at)

    def back(self, caller: Caller, model: Model, base: Value, field: Field, name: str, at: Span) -> Value | None:
        """The rows of another model that refer to this one, under the name by which they are known here."""
        other = self.models.model(field.relation)
        if other is None:
            return None
        if field.one_to_one:
            return self.one(caller, base, name, f"<{field.column}", other, at, owner=field.name)
        return self.manager(base, field, other, name)

    def manager(self, base: Value, field: Field, other: Model, name: str) -> Value:
        key = self.querysets.key_of(base)
        predicates: tuple[Predicate, ...] = (compared("object_id" if field.generic else field.column, "=", key),)
        if field.generic and (kind := other.fields.get("content_type")) is not None:
            predicates += (compared(kind.column, "=", Value(const=base.type)),)
        if field.many:
            link = self.models.link_table(field)
            predicates = (compared(f"{link}.{base.type.rpartition('.')[2].lower()}_id", "=", key),)
            related = Related(link=link, owner=base.rows)
        else:
            related = Related(column=predicates[0].column, owner=base.rows)
        eager = came_with(base)
        loaded = name in named(eager) or ANY in eager
        query = Query(
            other.name,
            predicates,
            managed=True,
            related=related,
            loaded=loaded,
            prefetched=tuple(deeper(eager, name)) if loaded else (),
        )
        found = self.managers.of_model(other, "objects") or self.managers.of_model(other, "_default_manager")
        manager = found.type if found is not None else MANAGER
        return Value(type=manager, of=Value(type=other.name), state=query, origin=base.origin, sources=base.sources)

    def one(
        self, caller: Caller, base: Value, name: str, step: str, other: Model, at: Span, *, owner: str = ""
    ) -> Value:
        """One related row: it came with its owner, or it is read now, once. `owner`: the field by which it refers back
        to the row that it is reached from, which it then has."""
        if base.rows is None:
            return Value(type=other.name, sources=extended(base.sources, name), origin=base.origin)
        stored = caller.state.heap.get((base.rows, f"@loaded:{name}"))
        if stored is not None:
            return stored
        path = (*base.rows.path, step)
        rows = Rows(base.rows.root, path) if len(path) <= DEEP else None
        eager = came_with(base)
        with_it = name in named(eager) or "*" in eager or ANY in eager
        found = Value(
            type=other.name,
            rows=rows,
            sources=extended(base.sources, name),
            origin=base.origin,
            name=note([*(deeper(eager, name) if with_it else ()), *filter(None, (owner,))]),
        )
        waits = other.blocking or getattr(caller.awaiting, "at", None) == at  # Tortoise reads it where it is awaited
        if with_it or base.rows.root.startswith("new:") or not waits:
            return found
        number = caller._number + 1
        key = extended(base.sources, name) if step.startswith("<") else extended(base.sources, f"{name}_id")
        caller.emit(
            Kind.READ,
            "relation",
            at,
            store=StoreKind.RELATIONAL,
            connection="default",
            technology=other.library,
            dataset=other.table,
            selection=Selection((compared(other.primary, "=", Value(sources=key)),), Cardinality.ONE),
            rows=Rows(f"read:{number}"),
            blocking=other.blocking,
            origin=base.origin,
        )
        found = found.but(rows=Rows(f"read:{number}"), sources=frozenset((Source("read", number),)))
        caller.state.heap[(base.rows, f"@loaded:{name}")] = found
        return found


def came_with(base: Value) -> tuple[str, ...]:
    """The relations that were read together with an instance."""
    return tuple(base.name.removeprefix("eager:").split(",")) if base.name.startswith("eager:") else ()


def named(eager: tuple[str, ...]) -> frozenset[str]:
    return frozenset(e.split("__")[0] for e in eager)


def deeper(eager: tuple[str, ...], name: str) -> list[str]:
    """What came with the related row: the rest of the paths that lead through it."""
    return [e if e in ("*", ANY) else e.partition("__")[2] for e in eager if e.startswith((f"{name}__", "*"))]


def note(eager: list[str]) -> str:
    return "eager:" + ",".join(eager) if eager else ""
