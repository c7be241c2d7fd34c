"""Mapped classes: their tables, columns, relations and version columns, in every form that they are declared in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from datakeel.model.certainty import Origin
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.program import Assign, Attribute, Call, Collection, Const, Expression, Global, Item
from datakeel.read.symbols import ClassInfo

if TYPE_CHECKING:
    from datakeel.read.world import World


class Mapped(Struct, frozen=True):
    """A mapped class. `relations` maps a relationship's name to the other class; `version` the column checked by the mapper."""

    name: str
    table: str
    columns: dict[str, Any]
    relations: dict[str, str]
    version: str = ""
    origin: Origin = Origin.RESOLVED
    eager: tuple[str, ...] = ()
    abstract: bool = False


class Mappings:
    def __init__(self, world: World) -> None:
        self.world = world
        self._mapped: dict[str, Mapped | None] = {}
        self._names: dict[str, str] | None = None
        self._sessions: dict[str, bool] = {}

    # Mapped classes ---------------------------------------------------------------------------------------------------

    def mapped(self, type_name: str) -> Mapped | None:
        if type_name not in self._mapped:
            self._mapped[type_name] = None
            cls = self.world.class_named(type_name)
            if cls is not None:
                self._mapped[type_name] = self.read_mapped(cls)
        return self._mapped[type_name]

    def read_mapped(self, cls: ClassInfo) -> Mapped | None:
        table = self.table_of(cls)
        fields = {n: s for a in reversed(cls.ancestors()) for n, s in a.fields.items() if isinstance(s, Assign)}
        columns: dict[str, Any] = {}
        relations: dict[str, str] = {}
        eager: list[str] = []
        for name, statement in fields.items():
            kind = self.field_kind(statement)
            if kind == "column":
                columns[name] = column_name(name, statement)
            elif kind == "relationship":
                relations[name] = self.related(cls, statement)
                if lazy_of(statement) in ("joined", "selectin", "subquery", "immediate"):
                    eager.append(name)
        sqlmodel = any(k == "table" and isinstance(v, Const) and v.value is True for k, v in cls.facts.keywords)
        if sqlmodel:
            columns |= {n: n for n, s in fields.items() if n not in relations and s.annotation is not None}
        if not table and not sqlmodel:
            return None
        if not columns and not any(a.field("__table__") for a in cls.ancestors()):
            return None
        return Mapped(
            cls.name,
            table or cls.facts.name.lower(),
            columns,
            relations,
            self.version_of(cls),
            Origin.RESOLVED,
            tuple(eager),
        )

    def table_of(self, cls: ClassInfo) -> str:
        found = cls.field("__tablename__")
        if found is not None and isinstance(found[1], Assign) and isinstance(found[1].value, Const):
            return str(found[1].value.value)
        if found is not None and isinstance(found[1], Assign) and found[1].value is not None:
            value = self.world.class_field(cls, "__tablename__")
            return value.text if value is not None and value.text else snake(cls.facts.name)
        abstract = cls.fields.get("__abstract__")
        if abstract is not None:
            return ""
        if cls.field("__table__") is not None or cls.method("__tablename__") is not None:
            return snake(cls.facts.name)
        if any(b.endswith((".db.Model", "flask_sqlalchemy.Model", ".ext.declarative.Base")) for b in cls.externals()):
            return snake(cls.facts.name)
        own = [s for s in cls.fields.values() if isinstance(s, Assign) and self.field_kind(s) == "column"]
        based = any(
            b.rpartition(".")[2] in ("Base", "Model", "DeclarativeBase")
            for b in cls.externals()
            if not b.startswith("django")
        )
        return snake(cls.facts.name) if own and based else ""

    def field_kind(self, statement: Assign) -> str:
        if isinstance(statement.value, Call):
            last = (dotted_of(statement.value.function) or "").rpartition(".")[2]
            if last in ("Column", "mapped_column", "column_property", "CreatedAt"):
                return "column"
            if last in ("relationship", "Relationship", "relation", "dynamic_loader"):
                return "relationship"
        annotation = statement.annotation
        if isinstance(annotation, Item) and (dotted_of(annotation.base) or "").rpartition(".")[2] in (
            "Mapped",
            "DynamicMapped",
            "WriteOnlyMapped",
        ):
            return "column"
        return ""

    def related(self, cls: ClassInfo, statement: Assign) -> str:
        if isinstance(statement.value, Call) and statement.value.arguments:
            first = statement.value.arguments[0]
            if isinstance(first, Const) and isinstance(first.value, str):
                return self.class_by_name(first.value.rpartition(".")[2])
            if isinstance(first, Global | Attribute):
                symbol = self.world.names.resolve(cls.module, dotted_of(first) or "")
                return symbol.name if isinstance(symbol, ClassInfo) else ""
        if isinstance(statement.annotation, Item):
            return self.class_in(cls, statement.annotation.key)
        return ""

    def class_in(self, cls: ClassInfo, expression: Expression) -> str:
        if isinstance(expression, Const) and isinstance(expression.value, str):
            return self.class_by_name(expression.value)
        found = self.world.annotated(cls.module, expression)
        inner = found.of if found.of is not None else found
        return inner.type

    def class_by_name(self, name: str) -> str:
        if self._names is None:
            self._names = {}
            for module in self.world.names.every_module():
                for facts in module.file.classes:
                    if facts.bases:
                        self._names.setdefault(facts.name, f"{module.name}.{facts.name}")
        return self._names.get(name, "")

    def version_of(self, cls: ClassInfo) -> str:
        found = cls.field("__mapper_args__")
        if found is None or not isinstance(found[1], Assign) or not isinstance(found[1].value, Collection):
            return ""
        value = found[1].value
        for key, item in zip(value.keys, value.items, strict=False):
            if isinstance(key, Const) and key.value == "version_id_col":
                return (
                    (dotted_of(item) or "version").rpartition(".")[2]
                    if not isinstance(item, Const)
                    else str(item.value)
                )
        return ""


def column_name(name: str, statement: Assign) -> str:
    if isinstance(statement.value, Call) and statement.value.arguments:
        first = statement.value.arguments[0]
        if isinstance(first, Const) and isinstance(first.value, str):
            return first.value
    return name


def lazy_of(statement: Assign) -> str:
    if isinstance(statement.value, Call):
        found = next((v for k, v in statement.value.keywords if k == "lazy"), None)
        if isinstance(found, Const) and isinstance(found.value, str):
            return found.value
    return ""


def snake(name: str) -> str:
    name = name.rpartition(".")[2]
    out = ""
    for index, letter in enumerate(name):
        if (
            letter.isupper()
            and index
            and (not name[index - 1].isupper() or (index + 1 < len(name) and name[index + 1].islower()))
        ):
            out += "_"
        out += letter.lower()
    return out
