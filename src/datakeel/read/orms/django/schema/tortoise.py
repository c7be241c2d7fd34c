"""Tortoise's models → the tables that they stand for: its `generate_schemas`, or its migrations, make them so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from datakeel.model.dataset import Column, Index
from datakeel.read import schema
from datakeel.read.mapping import Mapping
from datakeel.read.orms.django.fields import Field
from datakeel.read.orms.django.models import Model

if TYPE_CHECKING:
    from datakeel.read.world import World

TYPES = {
    "BigIntField": "bigint",
    "BinaryField": "bytea",
    "BooleanField": "boolean",
    "CharEnumField": "varchar({max_length})",
    "CharField": "varchar({max_length})",
    "DateField": "date",
    "DatetimeField": "timestamptz",
    "DecimalField": "numeric({max_digits},{decimal_places})",
    "FloatField": "double precision",
    "IntEnumField": "smallint",
    "IntField": "integer",
    "JSONField": "jsonb",
    "SmallIntField": "smallint",
    "TextField": "text",
    "TimeDeltaField": "bigint",
    "TimeField": "timetz",
    "UUIDField": "uuid",
}
COUNTED = ("IntField", "BigIntField", "SmallIntField")  # as a primary key, the store counts them


class TortoiseModels:
    """The models whose files the product owns."""

    def __init__(self, world: World, owns: Callable[[str], bool]) -> None:
        self.world = world
        self.models = world.orms.django.models
        self.owns = owns

    def mappings(self) -> Iterator[Mapping]:
        for model in self.models.models():
            cls = self.world.class_named(model.name) if model.library == "tortoise" else None
            if cls is not None and self.owns(cls.module.path):
                yield Mapping(model.table, cls.name, cls.module.path, (self.table(model),), place=cls.place)

    def table(self, model: Model) -> schema.Change:
        fields = [f for f in model.fields.values() if not f.many]
        columns = [self.column(f) for f in fields]
        if all(f.column != model.primary for f in fields):
            columns.insert(0, Column(model.primary, "integer", nullable=False, default="identity"))
        keys = [schema.unique(*sorted(k)) for k in model.unique if k != {model.primary}]
        plain = [Index((f.column,), method="btree") for f in fields if indexed(f)]
        cls = self.world.class_named(model.name)
        place = cls.place if cls is not None else None
        return schema.create_table(
            model.table, columns, [schema.primary_key(model.primary), *keys, *plain], place=place
        )

    def column(self, field: Field) -> Column:
        given = field.keywords
        other = self.models.model(field.relation) if field.relation else None
        default = repr(given["default"]) if "default" in given else None
        if field.primary and field.kind in COUNTED:
            default = "identity"
        return Column(
            field.column,
            self.type_of(field, other),
            nullable=given.get("null") is True,
            default=default,
            references=f"{other.table}.{other.primary}" if other is not None else "",
            place=field.place,
            renewed=given.get("auto_now") is True,
        )

    def type_of(self, field: Field, other: Model | None) -> str:
        """The column's type; that of a relation is its target's key's."""
        if other is None:
            sizes = {"max_length": "", "max_digits": "", "decimal_places": "", **field.keywords}
            return TYPES.get(field.kind, "").format(**sizes).replace("()", "").replace("(,)", "")
        key = other.by_column(other.primary)
        return self.type_of(key, None) if key is not None else "integer"


def indexed(field: Field) -> bool:
    return any(field.keywords.get(word) is True for word in ("db_index", "index")) and not field.unique
