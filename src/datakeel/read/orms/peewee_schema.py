"""peewee's models → the tables that they stand for: its ``create_tables`` makes them so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from datakeel.model.dataset import Column, Index
from datakeel.read import schema
from datakeel.read.mapping import Mapping
from datakeel.read.orms.peewee import fields_of, option
from datakeel.read.orms.sqlalchemy.declared import flag, last_name
from datakeel.read.program import Call, Collection, Const
from datakeel.read.symbols import place_of

if TYPE_CHECKING:
    from datakeel.read.orms.peewee import Models
    from datakeel.read.orms.sqlalchemy.mapped import Mapped
    from datakeel.read.symbols import ClassInfo
    from datakeel.read.world import World

TYPES = {
    "AutoField": "integer",
    "BigAutoField": "bigint",
    "BigIntegerField": "bigint",
    "BlobField": "bytea",
    "BooleanField": "boolean",
    "CharField": "varchar",
    "DateField": "date",
    "DateTimeField": "timestamp",
    "DateTimeTZField": "timestamptz",
    "DecimalField": "numeric",
    "DoubleField": "double precision",
    "FloatField": "real",
    "IdentityField": "integer",
    "IntegerField": "integer",
    "PrimaryKeyField": "integer",
    "SmallIntegerField": "smallint",
    "TextField": "text",
    "TimeField": "time",
    "UUIDField": "uuid",
}
COUNTED = ("AutoField", "BigAutoField", "IdentityField", "PrimaryKeyField")
NAMES = ("table_name", "db_table")


class PeeweeModels:
    """The models whose files the product owns."""

    def __init__(self, world: World, models: Models, owns: Callable[[str], bool]) -> None:
        self.world = world
        self.models = models
        self.owns = owns

    def mappings(self) -> Iterator[Mapping]:
        """The tables; a model that others inherit from, and that nothing keeps rows of, is none."""
        classes = list(self.world.names.every_class()) if self.models.used else []
        bases = {a.name for cls in classes for a in cls.ancestors()[1:]}
        for cls in classes:
            mapped = self.models.mapped(cls.name) if self.owns(cls.module.path) else None
            if mapped is not None and fields_of(cls) and cls.name not in bases:
                yield Mapping(mapped.table, cls.name, cls.module.path, (self.table(cls, mapped),), place=cls.place)

    def table(self, cls: ClassInfo, mapped: Mapped) -> schema.Change:
        fields = fields_of(cls)
        columns = [self.column(cls, mapped, name, call) for name, call in fields]
        primary, *unique = mapped.keys
        if primary == ("id",) and all(c.name != "id" for c in columns):
            columns.insert(0, Column("id", "integer", nullable=False, default="identity"))
        keys = [schema.unique(*key) for key in unique]
        plain = [Index((mapped.columns[name],), method="btree") for name, call in fields if indexed(call)]
        listed = list(self.listed(cls, mapped))
        return schema.create_table(
            mapped.table, columns, [schema.primary_key(*primary), *keys, *plain, *listed], place=cls.place
        )

    def listed(self, cls: ClassInfo, mapped: Mapped) -> Iterator[Index]:
        """``indexes = ((("show", "number"), True),)`` of the class's Meta."""
        entries = self.models.meta(cls, "indexes")
        for entry in entries.items if isinstance(entries, Collection) else ():
            parts = entry.items if isinstance(entry, Collection) else ()
            named = parts[0] if parts else None
            names = [p.value for p in named.items if isinstance(p, Const)] if isinstance(named, Collection) else []
            columns = tuple(mapped.columns[n] for n in names if isinstance(n, str) and n in mapped.columns)
            if columns and len(columns) == len(names):
                sure = len(parts) > 1 and isinstance(parts[1], Const) and parts[1].value is True
                yield schema.unique(*columns) if sure else Index(columns, method="btree")

    def column(self, cls: ClassInfo, mapped: Mapped, name: str, call: Call) -> Column:
        kind, column = last_name(call.function), mapped.columns[name]
        other = self.target(mapped, name)
        primary = column in mapped.primary
        default = option(call, "default")
        return Column(
            column,
            self.type_of(kind, call, other),
            nullable=flag(call, "null") and not primary,
            default="identity" if kind in COUNTED else repr(default.value) if isinstance(default, Const) else None,
            references=f"{other.table}.{other.primary[0]}" if other is not None else "",
            place=place_of(cls.module.path, call.at),
        )

    def target(self, mapped: Mapped, name: str) -> Mapped | None:
        relation = mapped.relations.get(name)
        return self.models.mapped(relation.other) if relation is not None and relation.other else None

    def type_of(self, kind: str, call: Call, other: Mapped | None) -> str:
        """The column's type; that of a relation is its target's key's, where that is the usual one."""
        if other is None:
            size = option(call, "max_length")
            sized = f"({size.value})" if kind == "CharField" and isinstance(size, Const) else ""
            return TYPES.get(kind, "") + sized
        cls = self.world.class_named(other.name)
        named: dict[str, Any] = dict(fields_of(cls)) if cls is not None else {}
        key = next((c for n, c in named.items() if other.columns.get(n) == other.primary[0]), None)
        return TYPES.get(last_name(key.function), "") if key is not None else "integer"


def indexed(call: Call) -> bool:
    """Whether a plain index is asked for; a relation has one unless it is declined."""
    if flag(call, "unique") or flag(call, "primary_key"):
        return False
    asked = option(call, "index")
    declined = isinstance(asked, Const) and asked.value is False
    return flag(call, "index") or (last_name(call.function) == "ForeignKeyField" and not declined)
