"""Mapped classes in every form that they are declared in: their tables, columns, keys, relations, version columns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from datakeel.model.certainty import Origin
from datakeel.read.attributes import class_value
from datakeel.read.heirs import is_protocol
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.ledger import TEXT
from datakeel.read.orms.sqlalchemy.declared import (
    Field,
    declared_methods,
    field_of,
    items_of,
    keyword,
    last_name,
    relation_field,
    snake,
    sqlmodel_field,
    table_keys,
    text,
)
from datakeel.read.orms.sqlalchemy.plan import FLASK, TableOf
from datakeel.read.program import Assign, Call, Collection, Const, Expression, Item, Local, Span
from datakeel.read.symbols import ClassInfo, Constant, External, FunctionInfo, Module
from datakeel.read.values import Arguments, FunctionTarget

if TYPE_CHECKING:
    from datakeel.read.world import World

LIBRARIES = ("sqlalchemy", "sqlmodel", "flask_sqlalchemy", "invenio_db", "advanced_alchemy", "geoalchemy2")
BASES = frozenset(("sqlalchemy.orm.DeclarativeBase", "sqlalchemy.orm.DeclarativeBaseNoMeta", "sqlmodel.SQLModel"))
DECLARATIVE = "sqlalchemy.orm.DeclarativeMeta"  # what `declarative_base()` gives
# values of `lazy` where the first use sends no query: the rows load with their owner, or never of themselves
UNSENT = frozenset(
    ("joined", "selectin", "subquery", "immediate", "dynamic", "write_only", "raise", "raise_on_sql", "noload")
)


class Relation(Struct, frozen=True):
    """A relationship: the class at its other end, and how its rows are found. `many` is None where it is not known."""

    other: str
    many: bool | None = None
    lazy: str = ""
    secondary: str = ""
    foreign: tuple[str, ...] = ()


class Mapped(Struct, frozen=True):
    """A mapped class. `columns` maps attributes to columns, `keys` are its unique keys, the primary one first,
    `references` columns to the tables that they refer to, `version` is the column that the mapper checks."""

    name: str
    table: str
    columns: dict[str, str]
    relations: dict[str, Relation]
    keys: tuple[tuple[str, ...], ...] = ()
    references: dict[str, str] = {}
    version: str = ""
    origin: Origin = Origin.RESOLVED

    @property
    def primary(self) -> tuple[str, ...]:
        return (self.keys[0] if self.keys else ()) or ("id",)  # where nothing is seen that is marked, by convention

    def entity(self) -> TableOf:
        return TableOf(self.table, self.name, self.keys)


class Mappings:
    """Answers what a class of the project is mapped to."""

    libraries: tuple[str, ...] = LIBRARIES

    def __init__(self, world: World) -> None:
        self.world = world
        self._mapped: dict[str, Mapped | None] = {}
        self._names: dict[str, list[str]] | None = None
        self._backrefs: dict[str, dict[str, Relation]] | None = None
        self._imperative: dict[str, tuple[Module, Call, FunctionInfo | None]] | None = None

    @cached_property
    def used(self) -> bool:
        """Whether the project imports any library that maps classes so."""
        imported = (i.dotted for m in self.world.names.every_module() for i in m.file.imports)
        return any(d.startswith(self.libraries) for d in imported)

    def mapped(self, type_name: str) -> Mapped | None:
        found = self._mapped.get(type_name)
        if found is None and type_name and type_name not in self._mapped:
            self._mapped[type_name] = None
            cls = self.world.class_named(type_name) if self.used else None
            if cls is not None:
                with self.world.ledger.everywhere():
                    found = self._mapped[type_name] = self.read(cls)
                    for ancestor in cls.ancestors() if found is not None else ():
                        for field in ancestor.fields:
                            self.world.ledger.rests_on(TEXT, ancestor.written(field))
        return found

    def by_table(self, table: str) -> Mapped | None:
        """A class that is mapped to the table, of those that were asked for."""
        return next((m for m in self._mapped.values() if m is not None and m.table == table), None) if table else None

    def read(self, cls: ClassInfo) -> Mapped | None:
        base = self.declarative(cls)
        if base is None:
            return self.read_imperative(cls)
        if "__abstract__" in cls.fields:
            return None
        table = self.table_of(cls, base)
        fields = dict(self.fields(cls, base))
        core = self.core_table(cls)
        columns = {n: f.column for n, f in fields.items() if f.kind == "column"}
        if core is not None:
            columns = {**{c: c for c in core.columns}, **columns}
        elif not table or not columns:
            return None
        return Mapped(
            cls.name,
            core.table if core is not None else table,
            columns,
            {n: self.relation(cls, f) for n, f in fields.items() if f.kind == "relation"},
            core.keys if core is not None else keys_of(cls, fields),
            {f.column: self.referred(cls, f.references) for f in fields.values() if f.references},
            self.version_of(cls, columns),
            Origin.CONVENTION if base == "?" else Origin.RESOLVED,
        )

    # Which classes are mapped -----------------------------------------------------------------------------------------

    def declarative(self, cls: ClassInfo) -> str | None:
        """The declarative base of a class; ``?`` where only its form speaks for one; None when it is not mapped."""
        for ancestor in cls.ancestors():
            for base in ancestor.bases:
                found = self.base_named(ancestor.module, base) if isinstance(base, str) else None
                if found == "sqlmodel.SQLModel" and not is_table(cls):
                    return None
                if found is not None:
                    return found
            if any(last_name(called(d)).startswith("mapped") for d in ancestor.facts.decorators):
                return DECLARATIVE
        formed = cls.field("__tablename__") is not None or cls.field("__table__") is not None
        if formed and any(self.declares(s) for s in cls.fields.values()) and not is_protocol(cls):
            return "?"
        return None

    def base_named(self, module: Module, dotted: str) -> str | None:
        """The declarative base that a name stands for: a library's, ``declarative_base()``, Flask's ``db.Model``."""
        name = self.world.libraries.canonical(dotted)
        if name in BASES:
            return name
        symbol = self.world.names.resolve(module, dotted)
        if isinstance(symbol, Constant):
            return DECLARATIVE if self.world.constant(symbol).type == DECLARATIVE else None
        head, _, last = dotted.rpartition(".")
        if last in ("Model", "Base") and head:
            holder = self.world.names.resolve(module, head)
            if isinstance(holder, Constant) or (isinstance(holder, External) and last == "Model"):
                kind = self.world.symbol_value(holder).type
                return FLASK if kind and self.world.libraries.canonical(kind) == FLASK else None
        return FLASK if name in (f"{FLASK}.Model", "flask_sqlalchemy.Model") else None

    def declares(self, statement: object) -> bool:
        return isinstance(statement, Assign) and (found := field_of("", statement)) is not None and found.kind != "call"

    # Tables and columns -----------------------------------------------------------------------------------------------

    def table_of(self, cls: ClassInfo, base: str) -> str:
        """The table's name: written, computed by a method, or made of the class's name."""
        found = next((a for a in cls.ancestors() if names_table(a)), None)
        if found is not None and "__tablename__" in found.fields:
            value = self.world.class_field(found, "__tablename__")
            return value.text if value is not None and value.text and value.known else snake(cls.facts.name)
        if found is not None:
            return self.computed_name(cls, found.methods["__tablename__"])
        parent = next((m for a in cls.ancestors()[1:] if (m := self.mapped(a.name)) is not None), None)
        own_key = any(f.primary for _, f in self.fields(cls, base, own=True))
        if parent is not None and not own_key:
            return parent.table  # one table holds the class and its subclasses
        return cls.facts.name.lower() if base == "sqlmodel.SQLModel" else snake(cls.facts.name)

    def computed_name(self, cls: ClassInfo, info: FunctionInfo) -> str:
        caller = self.world.scratch(info.module)
        value = caller.call_function(FunctionTarget(info, class_value(cls)), Arguments(), Span(0, 0, 0, 0))
        return value.text if value.text and value.known else snake(cls.facts.name)

    def core_table(self, cls: ClassInfo) -> TableOf | None:
        if cls.field("__table__") is None:
            return None
        value = self.world.class_field(cls, "__table__")
        return value.state if value is not None and isinstance(value.state, TableOf) else None

    def fields(self, cls: ClassInfo, base: str, own: bool = False) -> Iterator[tuple[str, Field]]:
        """What a class and its bases (mixins too) declare; what the nearest says comes last."""
        for ancestor in (cls,) if own else reversed(cls.ancestors()):
            for name, statement in (*ancestor.fields.items(), *declared_methods(ancestor, self.world.text)):
                if not isinstance(statement, Assign) or name.startswith("__"):
                    continue
                found = sqlmodel_field(name, statement) if base == "sqlmodel.SQLModel" else field_of(name, statement)
                if found is not None and found.kind == "call":
                    found = self.evaluated(ancestor, name)
                if found is not None:
                    yield name, found

    def evaluated(self, cls: ClassInfo, name: str) -> Field | None:
        """An attribute that a function of the project declares."""
        from datakeel.read.orms.sqlalchemy.plan import Declared  # noqa: PLC0415

        value = self.world.class_field(cls, name)
        if value is None or not isinstance(value.state, Declared):
            return None
        made = value.state
        return Field("column", made.name or name, made.primary, made.unique, made.references)

    def referred(self, cls: ClassInfo, name: str) -> str:
        """The table in what a foreign key names; a class stands for its table."""
        if not name.startswith("@"):
            return name.rpartition(".")[0]
        symbol = self.world.names.resolve(cls.module, name[1:].rpartition(".")[0].removesuffix(".c"))
        if isinstance(symbol, ClassInfo):
            other = self.mapped(symbol.name)
            return other.table if other is not None else ""
        if isinstance(symbol, Constant):
            state = self.world.constant(symbol).state
            return state.table if isinstance(state, TableOf) else ""
        return ""

    def version_of(self, cls: ClassInfo, columns: dict[str, str]) -> str:
        found = cls.field("__mapper_args__")
        if found is not None and isinstance(found[1], Assign) and isinstance(found[1].value, Collection):
            value = found[1].value
            for key, item in zip(value.keys, value.items, strict=False):
                if isinstance(key, Const) and key.value == "version_id_col":
                    name = text(item) or last_name(item)
                    return columns.get(name, name)
        return ""

    # Relations --------------------------------------------------------------------------------------------------------

    def relation(self, cls: ClassInfo, field: Field) -> Relation:
        return Relation(self.class_in(cls, field.target), field.many, field.lazy, field.secondary, field.foreign)

    def relation_named(self, mapped: Mapped, name: str) -> Relation | None:
        """A relationship of a class, also one that the other class declares by `backref`."""
        found = mapped.relations.get(name)
        return found if found is not None else self.backrefs.get(mapped.name, {}).get(name)

    @property
    def backrefs(self) -> dict[str, dict[str, Relation]]:
        if self._backrefs is None:
            self._backrefs = {}
            with self.world.ledger.everywhere():
                self.read_backrefs()
        return self._backrefs

    def read_backrefs(self) -> None:
        assert self._backrefs is not None
        for cls in self.world.names.every_class() if self.used else ():
            for statement in cls.fields.values():
                field = field_of("", statement) if isinstance(statement, Assign) else None
                if field is not None and field.backref:
                    other = self.class_in(cls, field.target)
                    self._backrefs.setdefault(other, {})[field.backref] = Relation(cls.name, lazy=field.back_lazy)

    def class_in(self, cls: ClassInfo, expression: Expression | None) -> str:
        """The class that a relationship names: itself, its name as text, a lambda's value, an annotation's inside."""
        if isinstance(expression, Const) and isinstance(expression.value, str):
            return self.class_by_name(expression.value, cls)
        if isinstance(expression, Item):
            return self.class_in(cls, expression.key)
        if expression is None:
            return ""
        dotted = dotted_of(expression)
        symbol = self.world.names.resolve(cls.module, dotted) if dotted is not None else None
        if isinstance(symbol, ClassInfo):
            return symbol.name
        found = self.world.annotated(cls.module, expression)
        return (found.of if found.of is not None else found).type or self.class_by_name(dotted or "", cls)

    def class_by_name(self, name: str, near: ClassInfo) -> str:
        """The project's class of that simple name: of several the one nearest to the class that asks."""
        if self._names is None:
            self._names = {}
            for module in self.world.names.every_module():
                for facts in module.file.classes:
                    if facts.bases:
                        self._names.setdefault(facts.name, []).append(f"{module.name}.{facts.name}")
        found = self._names.get(name.rpartition(".")[2], [])
        return max(found, key=lambda n: shared(n, near.name), default="")

    # Mapped by a call -------------------------------------------------------------------------------------------------

    def read_imperative(self, cls: ClassInfo) -> Mapped | None:
        """``mapper(Order, orders, properties={…})`` and ``registry.map_imperatively``, wherever they stand."""
        found = self.imperative.get(cls.name)
        if found is None:
            return None
        module, call, function = found
        table = call.arguments[1] if len(call.arguments) > 1 else keyword(call, "local_table")
        dotted = dotted_of(table) if table is not None else None
        symbol = self.world.names.resolve(module, dotted) if dotted else None
        state = self.world.constant(symbol).state if isinstance(symbol, Constant) else None
        if not isinstance(state, TableOf):
            return None
        columns = {c: c for c in state.columns}
        relations = dict(self.properties(module, call, function, columns))
        version = keyword(call, "version_id_col")
        return Mapped(
            cls.name, state.table, columns, relations, state.keys, {}, last_name(version) if version is not None else ""
        )

    def properties(
        self, module: Module, call: Call, function: FunctionInfo | None, columns: dict[str, str]
    ) -> Iterator[tuple[str, Relation]]:
        given = keyword(call, "properties")
        if not isinstance(given, Collection):
            return
        for key, item in zip(given.keys, given.items, strict=False):
            if not isinstance(key, Const) or not isinstance(key.value, str):
                continue
            if isinstance(item, Call) and last_name(item.function) == "relationship":
                field = relation_field(item, None)
                yield key.value, Relation(self.mapped_at(module, field.target, function), field.many, field.lazy)
            elif last_name(item) in columns:
                columns[key.value] = columns.pop(last_name(item))

    def mapped_at(self, module: Module, target: Expression | None, function: FunctionInfo | None) -> str:
        """The class that a relationship's argument names; a variable holds the mapper that was made before."""
        if isinstance(target, Local) and function is not None:
            for statement in self.world.text(function):
                match statement:
                    case Assign((Local(name),), Call() as made) if name == target.name and made.arguments:
                        return self.mapped_at(module, made.arguments[0], None)
            return ""
        dotted = dotted_of(target) if target is not None else None
        symbol = self.world.names.resolve(module, dotted) if dotted else None
        return symbol.name if isinstance(symbol, ClassInfo) else ""

    @property
    def imperative(self) -> dict[str, tuple[Module, Call, FunctionInfo | None]]:
        if self._imperative is None:
            self._imperative = {}
            with self.world.ledger.everywhere():
                self.read_mapping_calls()
        return self._imperative

    def read_mapping_calls(self) -> None:
        assert self._imperative is not None
        everything = self.world.constructions
        for module, info, code in everything.naming({"map_imperatively", "mapper"}) if self.used else ():
            for call in mapping_calls(everything.read(info, code)):
                name = self.mapped_at(module, call.arguments[0], None)
                self._imperative.setdefault(name, (module, call, info))


def mapping_calls(statements: tuple[object, ...]) -> Iterator[Call]:
    for statement in statements:
        value = getattr(statement, "value", None)
        if isinstance(value, Call) and last_name(value.function) in ("map_imperatively", "mapper") and value.arguments:
            yield value


def keys_of(cls: ClassInfo, fields: dict[str, Field]) -> tuple[tuple[str, ...], ...]:
    """The unique keys of a class's table, the primary one first."""
    named = {n: f.column for n, f in fields.items()}
    primary = tuple(f.column for f in fields.values() if f.kind == "column" and f.primary)
    unique: list[tuple[str, ...]] = [(f.column,) for f in fields.values() if f.kind == "column" and f.unique]
    for ancestor in cls.ancestors():
        statement = ancestor.fields.get("__table_args__")
        for kind, columns in table_keys(items_of(statement.value) if isinstance(statement, Assign) else ()):
            key = tuple(named.get(c, c) for c in columns)
            if kind == "primary":
                primary = key
            else:
                unique.append(key)
    if not primary and ("id" in named.values() or unique):  # a base that is not seen holds it
        primary = ("id",)
    return tuple(dict.fromkeys((primary, *unique))) if primary else ()


def called(expression: Expression) -> Expression:
    return expression.function if isinstance(expression, Call) else expression


def shared(a: str, b: str) -> int:
    """How many parts two dotted names begin with alike."""
    both = zip(a.split("."), b.split("."), strict=False)
    return next((i for i, (x, y) in enumerate(both) if x != y), a.count("."))


def names_table(cls: ClassInfo) -> bool:
    return "__tablename__" in cls.fields or "__tablename__" in cls.methods


def is_table(cls: ClassInfo) -> bool:
    """``class Order(SQLModel, table=True)``."""
    return any(
        key == "table" and isinstance(value, Const) and value.value is True
        for ancestor in cls.ancestors()
        for key, value in ancestor.facts.keywords
    )
