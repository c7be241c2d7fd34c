"""Mapped classes and table objects of the code → the tables that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.read.change import Change, add_index
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.literals import Literals
from datakeel.read.mapping import Mapping
from datakeel.read.orms.sqlalchemy.schema.conventions import Conventions
from datakeel.read.orms.sqlalchemy.schema.elements import Elements, Read, Table, qualified
from datakeel.read.orms.sqlalchemy.schema.types import PYTHON, Annotated, last_of
from datakeel.read.program import (
    Assign,
    Attribute,
    Call,
    Collection,
    Const,
    Derive,
    Evaluate,
    Expression,
    Global,
    Local,
    Return,
    Statement,
    body,
)
from datakeel.read.symbols import ClassInfo, Constant, FunctionInfo, Module, place_of

if TYPE_CHECKING:
    from datakeel.read.orms.sqlalchemy.mapped import Mapped
    from datakeel.read.world import World

COLUMNS = frozenset(("Column", "mapped_column"))
FIELDS = frozenset(("Field",))  # SQLModel's
WRAPPERS = frozenset(("deferred", "column_property"))
RELATIONS = frozenset(("relationship", "Relationship", "relation", "column_property", "synonym", "association_proxy"))
AUTOMATIC = frozenset(("automap_base", "DeferredReflection"))


class Declared:
    """All tables that the project's classes and table objects stand for."""

    def __init__(self, world: World, elements: Elements, owns: Callable[[str], bool]) -> None:
        self.world = world
        self.owns = owns  # whether a file is one whose classes speak for the product
        self.elements = elements
        self.literals: Literals = elements.literals
        self.conventions = Conventions(world, elements.literals)
        self.tables: dict[str, Table] = {}  # by class or constant
        self.mapped: dict[str, Mapped] = {}
        self.imperative: dict[str, Mapped] = {}  # by table

    def mappings(self) -> Iterator[Mapping]:
        if not self.world.orms.sqlalchemy.mappings.used:
            return
        core = list(self.core_tables())
        classes = [c for c in self.world.names.every_class() if self.owns(c.module.path) and self.is_mapped(c)]
        for cls in sorted(classes, key=lambda c: (len(c.ancestors()), c.name)):
            self.class_table(cls)
        for module in self.world.names.every_module():
            self.outside(module)
        for cls in classes:
            table = self.tables.get(cls.name)
            if table is not None and self.own_table(cls):
                yield self.mapping(cls, table)
        for constant, table in core:
            mapped = self.imperative.get(table.name)
            name, version = (mapped.name, mapped.version) if mapped is not None else (constant.dotted, "")
            yield Mapping(table.name, name, constant.module.path, (table.change(),), version=version, place=table.place)

    def mapping(self, cls: ClassInfo, table: Table) -> Mapping:
        mapped = self.mapped[cls.name]
        parent = self.parent(cls)
        above = self.tables.get(parent.name) if parent is not None else None
        version = table.column(mapped.version) if mapped.version else ""
        return Mapping(
            table.name,
            cls.name,
            cls.module.path,
            (table.change(),),
            above.name if above is not None else "",
            version,
            cls.place,
            mapped.origin,
        )

    # Classes ----------------------------------------------------------------------------------------------------------

    def is_mapped(self, cls: ClassInfo) -> bool:
        mappings = self.world.orms.sqlalchemy.mappings
        found = mappings.mapped(cls.name)
        if found is None:
            return False
        if mappings.declarative(cls) is None:  # mapped by a call: its table is an object of the code
            self.imperative[found.table] = found
            return False
        self.mapped[cls.name] = found
        return True

    def parent(self, cls: ClassInfo) -> ClassInfo | None:
        """The nearest ancestor that is mapped by itself."""
        return next((a for a in cls.ancestors()[1:] if a.name in self.mapped), None)

    def own_table(self, cls: ClassInfo) -> bool:
        """Whether a class has a table of its own: one that inherits a mapped class has only if it says so."""
        return self.parent(cls) is None or "__tablename__" in cls.fields or "__table__" in cls.fields

    def class_table(self, cls: ClassInfo) -> None:
        parent = self.parent(cls)
        if parent is not None and not self.own_table(cls):
            table = self.tables.get(parent.name)
            if table is not None:
                self.tables[cls.name] = table
                self.read_columns(cls, table, single=True)
            return
        table = Table(self.mapped[cls.name].table, self.conventions.of(cls), cls.place)
        self.tables[cls.name] = table
        found = cls.field("__table__")
        if found is not None and isinstance(found[1], Assign) and found[1].value is not None:
            self.given_table(found[0], found[1].value, table)
        self.read_columns(cls, table)
        self.arguments(cls, table)
        if any(b.rpartition(".")[2] in AUTOMATIC for b in cls.externals()) or not (table.key or mapped_by(cls)):
            table.complete = False  # a class is mapped by a key: one that is not in view has it from elsewhere

    def given_table(self, owner: ClassInfo, expression: Expression, table: Table) -> None:
        """``__table__ = …``: a table object, here or elsewhere."""
        module, expression = self.literals.followed(owner.module, expression)
        if isinstance(expression, Call) and last_of(expression.function) == "Table":
            self.read_table(module, expression, table)
        else:
            table.complete = False

    def read_columns(self, cls: ClassInfo, table: Table, single: bool = False) -> None:
        """The columns of a class and of its unmapped ancestors; `single`: they go into the table of its parent."""
        parent = self.parent(cls)
        inherited = {a.name for a in parent.ancestors()} if parent is not None else set()
        types = self.conventions.types(cls)
        seen = set(table.attributes) if single else set()  # of a parent's table: what it says again is the parent's
        for ancestor in cls.ancestors():
            if ancestor.name in inherited:
                continue
            for name, statement in ancestor.fields.items():
                if name in seen or not isinstance(statement, Assign) or name.startswith("__"):
                    continue
                seen.add(name)
                self.read_field(cls, ancestor, name, statement, table, types, single)
            for name, method in ancestor.methods.items():
                if name not in seen:
                    seen.add(name)
                    self.read_method(name, method, table, types)
        if not single and any(not plain(b) for b in cls.externals()):
            table.complete = False  # a library's mixin may bring columns

    def read_field(
        self,
        cls: ClassInfo,
        owner: ClassInfo,
        name: str,
        statement: Assign,
        table: Table,
        types: dict[str, str],
        single: bool,
    ) -> None:
        call = statement.value
        module = owner.module
        if isinstance(call, Global | Attribute):
            module, call = self.literals.followed(module, call)
        while isinstance(call, Call) and last_of(call.function) in WRAPPERS and call.arguments:
            call = call.arguments[0]
        annotation = self.elements.types.annotated(owner.module, statement.annotation, mapped=True)
        if isinstance(call, Call) and self.is_column(module, call):
            table.add(self.elements.column(module, call, name, annotation, None, types))
        elif self.is_sqlmodel(cls):
            self.sqlmodel_field(owner, name, statement, table, types)
        elif call is None and annotation.given and not single and self.is_value(annotation, types):
            empty = Call(Const(None), (), (), statement.at)
            table.add(self.elements.column(owner.module, empty, name, annotation, None, types))
        elif isinstance(call, Call):
            self.made_by_function(module, call, name, annotation, table, types)

    def is_value(self, annotation: Annotated, types: dict[str, str]) -> bool:
        """Whether an annotation alone stands for a column, and not for other rows."""
        if collection(annotation):
            return False
        known = bool(annotation.calls) or bool(self.elements.python_type(annotation, types))
        return known or self.world.class_named(annotation.python) is None

    def is_column(self, module: Module, call: Call) -> bool:
        """A column's call; also by a class or function of the project that is named for it."""
        last = last_of(call.function)
        if last in COLUMNS:
            return True
        symbol = self.world.names.resolve(module, dotted_of(call.function) or "?")
        return isinstance(symbol, ClassInfo) and any(b.rpartition(".")[2] == "Column" for b in symbol.externals())

    def made_by_function(
        self, module: Module, call: Call, name: str, annotation: Annotated, table: Table, types: dict[str, str]
    ) -> None:
        """A function of the project that gives a column back."""
        symbol = self.world.names.resolve(module, dotted_of(call.function) or "?")
        if isinstance(symbol, Constant) and isinstance(symbol.value, Call):  # partial(mapped_column, …)
            inner = symbol.value
            if last_of(inner.function) == "partial" and inner.arguments and last_of(inner.arguments[0]) in COLUMNS:
                merged = tuple((dict(inner.keywords) | dict(call.keywords)).items())
                both = replace(call, keywords=merged, arguments=(*inner.arguments[1:], *call.arguments))
                table.add(self.elements.column(symbol.module, both, name, annotation, None, types))
        if not isinstance(symbol, FunctionInfo) or COLUMNS.isdisjoint(symbol.code.names):
            return
        returned = [s.value for s in body(symbol.code) if isinstance(s, Return)]
        if len(returned) != 1 or not isinstance(returned[0], Call):
            table.complete = False
            return
        parameters = [p for p in symbol.signature.parameters if p.kind == "positional"]
        bound = {p.name: p.default for p in symbol.signature.parameters if p.default is not None}
        bound |= {p.name: a for p, a in zip(parameters, call.arguments, strict=False)} | dict(call.keywords)
        table.add(self.elements.column(symbol.module, returned[0], name, annotation, bound, types))

    def read_method(self, name: str, method: FunctionInfo, table: Table, types: dict[str, str]) -> None:
        """``@declared_attr``: a column that a method makes."""
        if name.startswith("__") or not declares(method) or COLUMNS.isdisjoint(method.code.names):
            return
        returned = [s.value for s in body(method.code) if isinstance(s, Return)]
        if len(returned) == 1 and isinstance(returned[0], Call) and last_of(returned[0].function) in COLUMNS:
            annotation = self.elements.types.annotated(method.module, method.signature.returns, mapped=True)
            table.add(self.elements.column(method.module, returned[0], name, annotation, None, types))
        elif RELATIONS.isdisjoint(method.code.names):
            table.complete = False

    def arguments(self, cls: ClassInfo, table: Table) -> None:
        """``__table_args__``, as a value or as a method."""
        found = cls.field("__table_args__")
        if found is not None and isinstance(found[1], Assign) and found[1].value is not None:
            self.read_arguments(found[0].module, found[1].value, table)
            return
        method = cls.method("__table_args__")
        if method is None:
            return
        returned = [s.value for s in body(method.code) if isinstance(s, Return)]
        if len(returned) != 1 or returned[0] is None:
            table.complete = False
            return
        parts = returned[0].operands if isinstance(returned[0], Derive) and returned[0].how == "+" else (returned[0],)
        for part in parts:  # a base adds its own to what each class says: ``cls._arguments + (Index(…),)``
            self.read_arguments(*self.own_value(cls, method, part), table)

    def own_value(self, cls: ClassInfo, method: FunctionInfo, expression: Expression) -> tuple[Module, Expression]:
        """What a class method's expression stands for, where it is an attribute of the class; with the module in whose
        terms that speaks."""
        own = method.signature.parameters[0].name if method.signature.parameters else ""
        if isinstance(expression, Attribute) and isinstance(expression.base, Local) and expression.base.name == own:
            found = cls.field(expression.name)
            if found is not None and isinstance(found[1], Assign) and found[1].value is not None:
                return found[0].module, found[1].value
        return method.module, expression

    def read_arguments(self, module: Module, expression: Expression, table: Table) -> None:
        module, expression = self.literals.followed(module, expression)
        if isinstance(expression, Collection) and expression.kind == "dict":
            self.elements.options(table, module, expression, None)
            return
        items, whole = self.literals.items(module, expression)
        table.complete = table.complete and whole
        for where, item in sorted(items, key=lambda i: not isinstance(i[1], Collection)):  # the schema's name first
            self.elements.element(table, where, item)

    # SQLModel ---------------------------------------------------------------------------------------------------------

    def is_sqlmodel(self, cls: ClassInfo) -> bool:
        return any(b.rpartition(".")[2] == "SQLModel" for b in cls.externals())

    def sqlmodel_field(
        self, owner: ClassInfo, name: str, statement: Assign, table: Table, types: dict[str, str]
    ) -> None:
        """A plain annotated name is a column; ``Field`` says more of it."""
        call = statement.value
        if statement.annotation is None or (isinstance(call, Call) and last_of(call.function) in RELATIONS):
            return
        annotation = self.elements.types.annotated(owner.module, statement.annotation, mapped=False)
        keywords = dict(call.keywords) if isinstance(call, Call) and last_of(call.function) in FIELDS else {}
        given = keywords.get("sa_column")
        if isinstance(given, Call):
            read = self.elements.column(owner.module, given, name, annotation, None, types)
            table.add(replace(read, name=name))
            return
        if annotation.python in ("list", "dict", "sequence") and "sa_type" not in keywords:
            return
        extra = keywords.get("sa_column_kwargs")
        if isinstance(extra, Collection):
            pairs = zip(extra.keys, extra.items, strict=False)
            keywords |= {str(k.value): v for k, v in pairs if isinstance(k, Const)}
        if "sa_type" in keywords:
            keywords["type_"] = keywords["sa_type"]
        arguments: tuple[Expression, ...] = ()
        if "foreign_key" in keywords:
            actions = tuple((k, v) for k, v in keywords.items() if k == "ondelete")
            arguments = (Call(Global("sqlalchemy.ForeignKey"), (keywords["foreign_key"],), actions, statement.at),)
        made = Call(Const(None), arguments, tuple(keywords.items()), statement.at)
        read = self.elements.column(owner.module, made, name, annotation, None, types)
        length = self.literals.value(owner.module, keywords.get("max_length"))
        if isinstance(length, int) and read.column.type == PYTHON["builtins.str"]:
            read = replace(read, column=replace(read.column, type=f"varchar({length})"))
        table.add(read)

    # Table objects ----------------------------------------------------------------------------------------------------

    def core_tables(self) -> Iterator[tuple[Constant, Table]]:
        """``users = Table("users", metadata, Column(…), …)``."""
        for module in filter(lambda m: self.owns(m.path), self.world.names.every_module()):
            for statement in module.file.constants:
                if not isinstance(statement, Assign) or not isinstance(statement.value, Call):
                    continue
                if last_of(statement.value.function) != "Table" or not self.is_library_table(module, statement.value):
                    continue
                name = self.literals.text(module, statement.value.arguments[0])
                target = statement.targets[0]
                if not name or not isinstance(target, Global) or target.dotted.count(".") != 1:
                    continue
                place = place_of(module.path, statement.at)
                table = Table(name, self.conventions.of_module(module), place)
                self.read_table(module, statement.value, table)
                constant = Constant(module, target.dotted[1:], statement.value, None)
                self.tables[constant.dotted] = table
                yield constant, table

    def is_library_table(self, module: Module, call: Call) -> bool:
        dotted = dotted_of(call.function) or ""
        symbol = self.world.names.resolve(module, dotted)
        known = getattr(symbol, "dotted", "")
        return bool(call.arguments) and (known.startswith("sqlalchemy.") or dotted.endswith(("db.Table", "sa.Table")))

    def read_table(self, module: Module, call: Call, table: Table) -> None:
        keywords = dict(call.keywords)
        table.name = qualified(table.name, self.literals.text(module, keywords.get("schema")))
        second = next(iter(call.arguments[1:2]), None)
        bare = isinstance(second, Call) and last_of(second.function) == "Column"  # Flask-SQLAlchemy knows the metadata
        for argument in call.arguments[1 if bare else 2 :]:
            self.elements.element(table, module, argument)
        if any(k.startswith("autoload") for k in keywords) or "" in keywords:
            table.complete = False

    # Indexes that stand outside of classes ----------------------------------------------------------------------------

    def outside(self, module: Module) -> None:
        """``Index("name", User.email, unique=True)`` at the top of a module."""
        if not module.file.bodies or "Index" not in module.file.bodies[-1].names or not self.owns(module.path):
            return
        for statement in body(module.file.bodies[-1]):
            call = called(statement)
            if call is None or last_of(call.function) != "Index" or len(call.arguments) < 2:
                continue
            table = next((t for a in call.arguments[1:] if (t := self.table_in(module, a)) is not None), None)
            if table is not None:
                self.elements.element(table, module, call)

    def table_in(self, module: Module, expression: Expression) -> Table | None:
        """The table whose column an expression names."""
        match expression:
            case Attribute(base):
                symbol = self.world.names.resolve(module, dotted_of(base) or "?")
                if isinstance(symbol, ClassInfo):
                    return self.tables.get(symbol.name)
                if isinstance(symbol, Constant):
                    return self.tables.get(symbol.dotted)
                return self.table_in(module, base)
            case Call(function, arguments):
                return next((t for a in (function, *arguments) if (t := self.table_in(module, a)) is not None), None)
        return None


def called(statement: Statement) -> Call | None:
    if isinstance(statement, Evaluate | Assign) and isinstance(statement.value, Call):
        return statement.value
    return None


def declares(method: FunctionInfo) -> bool:
    """Whether a method's result is an attribute of the class."""
    return any("declared_attr" in (dotted_of(d) or last_of(d)) for d in method.signature.decorators)


PLAIN = frozenset(
    (
        *("sqlalchemy", "sqlmodel", "flask_sqlalchemy", "sqlalchemy_utils", "sqlalchemy_serializer", "geoalchemy2"),
        *("builtins", "abc", "typing", "typing_extensions", "enum", "dataclasses", "collections", "pydantic"),
        "flask_login",
    )
)


def mapped_by(cls: ClassInfo) -> bool:
    """Whether a class tells its mapper what stands for the key of a table that may have none."""
    return cls.field("__mapper_args__") is not None or cls.method("__mapper_args__") is not None


def plain(base: str) -> bool:
    """Whether a library's class brings no column that would not be seen."""
    return base.partition(".")[0] in PLAIN or base.rpartition(".")[2] in ("Base", "Model") or base == "?"


def collection(annotation: Annotated) -> bool:
    """Whether an annotation is of a relation's kind: many of something."""
    return not annotation.calls and annotation.python in (
        "list",
        "set",
        "dict",
        "sequence",
        "collection",
        "tuple",
        "annotationfactory",
    )


__all__ = ["Change", "Declared", "Read", "add_index"]
