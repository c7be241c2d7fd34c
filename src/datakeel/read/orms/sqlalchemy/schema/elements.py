"""What a table is made of: the columns, keys and constraints of ``Table``, ``__table_args__``, ``op.create_table``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.dataset import Column, Constraint, Index, Partitioning
from datakeel.model.place import Place
from datakeel.read import schema
from datakeel.read.change import Change
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.literals import UNKNOWN, Literals, Locals
from datakeel.read.orms.sqlalchemy.schema.expressions import Expressions
from datakeel.read.orms.sqlalchemy.schema.naming import DEFAULT, conventional
from datakeel.read.orms.sqlalchemy.schema.types import PYTHON, Annotated, Types, last_of
from datakeel.read.program import Attribute, Call, Collection, Const, Expression
from datakeel.read.symbols import Module, place_of

if TYPE_CHECKING:
    from datakeel.read.world import World

NUMBERS = frozenset(("integer", "bigint", "smallint"))


class Reference(Struct, frozen=True):
    """A foreign key: `targets` are columns of `table`."""

    columns: tuple[str, ...]
    table: str
    targets: tuple[str, ...]
    name: str = ""
    rest: str = ""


class Read(Struct, frozen=True):
    """One column with what its call says of keys; `name` is its attribute's. `index` and `unique` as given."""

    name: str
    column: Column
    primary: bool = False
    unique: bool = False
    index: bool = False
    references: tuple[Reference, ...] = ()
    checks: tuple[Constraint, ...] = ()
    serial: bool = True  # a primary key of a whole number counts by itself, unless it says otherwise
    complete: bool = True


class Table:
    """A table while it is read: `attributes` maps the names that code uses for columns."""

    def __init__(self, name: str, conventions: Mapping[str, str] = DEFAULT, place: Place | None = None) -> None:
        self.name = name
        self.conventions = conventions
        self.place = place
        self.columns: list[Read] = []
        self.attributes: dict[str, str] = {}
        self.indexes: list[Index] = []
        self.constraints: list[Constraint] = []
        self.references: list[Reference] = []
        self.primary: tuple[str, ...] = ()
        self.primary_name = ""
        self.partitioning: Partitioning | None = None
        self.complete = True

    def add(self, read: Read) -> None:
        self.columns = [c for c in self.columns if c.column.name != read.column.name] + [read]
        self.attributes[read.name] = read.column.name
        self.complete = self.complete and read.complete

    def column(self, attribute: str) -> str:
        return self.attributes.get(attribute, attribute)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        return self.primary or tuple(r.column.name for r in self.columns if r.primary)

    def change(self) -> Change:
        """The table's creation."""
        primary = self.key
        indexes: list[Index] = []
        if primary:
            name = self.primary_name or conventional(self.conventions, "pk", self.name, primary)
            indexes.append(schema.primary_key(*primary, name=name))
        references = [r for read in self.columns for r in read.references] + self.references
        constraints = [c for read in self.columns for c in read.checks] + self.constraints
        for read in self.columns:
            indexes += single(self, read)
        made = schema.create_table(
            self.name,
            [self.keyed(r, primary) for r in self.columns],
            indexes + self.indexes,
            constraints + [foreign(self, r) for r in references],
            self.partitioning,
            place=self.place,
        )
        return replace(made, complete=self.complete)

    def keyed(self, read: Read, primary: tuple[str, ...]) -> Column:
        """The column; a lone whole number as key is counted by the store."""
        column = read.column
        if column.name not in primary:
            return column
        counts = read.serial and len(primary) == 1 and column.type in NUMBERS and not read.references
        default = "nextval" if counts and column.default is None else column.default
        return replace(column, nullable=False, default=default)


def single(table: Table, read: Read) -> list[Index]:
    """The key or index that a column says of itself."""
    columns = (read.column.name,)
    if read.index:
        name = conventional(table.conventions, "ix", table.name, columns)
        return [Index(columns, name=name, unique=read.unique, method="btree", place=read.column.place)]
    if read.unique:
        name = conventional(table.conventions, "uq", table.name, columns)
        return [replace(schema.unique(*columns, name=name), place=read.column.place)]
    return []


def foreign(table: Table, reference: Reference) -> Constraint:
    target = (reference.table, reference.targets[0] if reference.targets else "")
    name = reference.name or conventional(table.conventions, "fk", table.name, reference.columns, target)
    return schema.foreign_key(reference.columns, reference.table, reference.targets, name, reference.rest)


class Elements:
    """Reads the calls that make columns, keys and constraints."""

    def __init__(self, world: World, literals: Literals) -> None:
        self.world = world
        self.literals = literals
        self.types = Types(world, literals)
        self.expressions = Expressions(literals, self.types)

    # Columns ----------------------------------------------------------------------------------------------------------

    def column(
        self,
        module: Module,
        call: Call,
        attribute: str = "",
        annotation: Annotated | None = None,
        bound: Locals | None = None,
        annotated_types: Mapping[str, str] | None = None,
    ) -> Read:
        """``Column(…)``, ``mapped_column(…)``."""
        name, type_, rest = self.parts(module, call, attribute, bound)
        keywords = dict(call.keywords)
        nullable: object = None
        if annotation is not None and annotation.given:
            for where, inner in annotation.calls:
                base = self.column(where, inner, attribute, None, bound)
                keywords = dict(inner.keywords) | keywords
                type_ = type_ or base.column.type
                rest = (*inner.arguments, *rest)
            if not any(last_of(a.function) == "ForeignKey" for a in rest if isinstance(a, Call)):
                type_ = type_ or self.python_type(annotation, annotated_types or {})
            nullable = annotation.nullable
        primary = self.flag(module, keywords, "primary_key", bound)
        given = self.literals.value(module, keywords.get("nullable"), bound)
        nullable = given if isinstance(given, bool) else nullable if nullable is not None else True
        references, checks, default = self.attached(module, rest, name, bound)
        place = place_of(module.path, call.at)
        default = default or self.default(module, keywords.get("server_default"), bound)
        auto = self.literals.value(module, keywords.get("autoincrement"), bound)
        return Read(
            attribute or name,
            Column(
                name,
                type_,
                bool(nullable) and not primary,
                default,
                place=place,
                filled_by=filler(keywords),
                initial=self.initial(module, keywords.get("default"), bound),
            ),
            primary=primary,
            unique=self.flag(module, keywords, "unique", bound),
            index=self.flag(module, keywords, "index", bound),
            references=references,
            checks=checks,
            serial=auto is not False,
            complete=bool(name) and "" not in keywords,
        )

    def initial(self, module: Module, given: Expression | None, bound: Locals | None) -> str:
        """The constant that is the application's default."""
        found = self.literals.value(module, given, bound) if given is not None else UNKNOWN
        return f"const:{found!r}" if isinstance(found, (bool, int, float, str)) or found is None else ""

    def parts(
        self, module: Module, call: Call, attribute: str, bound: Locals | None
    ) -> tuple[str, str, tuple[Expression, ...]]:
        """A column's name, its type, and what else its call holds."""
        keywords = dict(call.keywords)
        arguments = list(call.arguments)
        name = self.literals.text(module, keywords.get("name"), bound)
        if arguments and name is None:
            first = self.literals.value(module, arguments[0], bound)
            if isinstance(first, str):
                name = first
                arguments.pop(0)
            elif not attribute and not self.types.is_type(module, arguments[0]):
                arguments.pop(0)
        words = ""
        given = keywords.get("type_") or (arguments[0] if arguments else None)
        if given is not None:
            where, type_ = self.expressions.local(module, given, bound)
            if "type_" in keywords or self.types.is_type(where, type_):
                words = self.types.type(where, type_)
                arguments = arguments if "type_" in keywords else arguments[1:]
        return name or attribute, words, tuple(arguments)

    def python_type(self, annotation: Annotated, types: Mapping[str, str]) -> str:
        """The type that an annotation alone stands for, as the class's map or SQLAlchemy itself says."""
        for key in (*annotation.keys, annotation.python):
            if key in types:
                return types[key]
        return annotation.enum or PYTHON.get(annotation.python) or PYTHON.get(f"builtins.{annotation.text}", "")

    def flag(self, module: Module, keywords: Mapping[str, Expression], name: str, bound: Locals | None = None) -> bool:
        return self.literals.value(module, keywords.get(name), bound) is True

    def attached(
        self, module: Module, arguments: tuple[Expression, ...], name: str, bound: Locals | None
    ) -> tuple[tuple[Reference, ...], tuple[Constraint, ...], str | None]:
        """What stands among a column's arguments: references, checks, and what fills it."""
        references: list[Reference] = []
        checks: list[Constraint] = []
        default = None
        for argument in arguments:
            if not isinstance(argument, Call):
                continue
            match last_of(argument.function):
                case "ForeignKey":
                    found = self.reference(module, argument, (name,), bound)
                    references += [found] if found is not None else []
                case "CheckConstraint":
                    checks.append(self.check(module, argument, lambda n: n, bound))
                case "Identity":
                    default = "identity"
                case "Sequence":
                    default = "nextval"
                case "Computed":
                    default = "generated"
        return tuple(references), tuple(checks), default

    def default(self, module: Module, given: Expression | None, bound: Locals | None) -> str | None:
        """What the store fills in: a text alone stands for itself, as a string."""
        if given is None:
            return None
        value = self.literals.value(module, given, bound)
        if value is None or value is False:
            return None
        if isinstance(value, str) and not isinstance(given, Call):
            return "'" + value.replace("'", "''") + "'"
        return self.expressions.term(module, given, str, bound) or "?"

    def reference(self, module: Module, call: Call, columns: tuple[str, ...], bound: Locals | None) -> Reference | None:
        """``ForeignKey("users.id")``; a column object is its class's attribute."""
        if not call.arguments:
            return None
        target = self.literals.text(module, call.arguments[0], bound)
        if target is None and isinstance(call.arguments[0], Attribute):
            target = self.attribute_target(module, call.arguments[0])
        if not target:
            return None
        table, _, column = target.rpartition(".")
        return Reference(columns, table, (column,), self.named(module, call, bound), self.actions(module, call))

    def attribute_target(self, module: Module, expression: Attribute) -> str:
        """``User.id`` → ``users.id``."""
        symbol = self.types.names.resolve(module, dotted_of(expression.base) or "?")
        mapped = self.world.orms.sqlalchemy.mappings.mapped(getattr(symbol, "name", ""))
        return f"{mapped.table}.{mapped.columns.get(expression.name, expression.name)}" if mapped is not None else ""

    def named(self, module: Module, call: Call, bound: Locals | None) -> str:
        return self.literals.text(module, dict(call.keywords).get("name"), bound) or ""

    def actions(self, module: Module, call: Call) -> str:
        """``on delete cascade on update …``."""
        keywords = dict(call.keywords)
        found = []
        for keyword, words in (("ondelete", "on delete"), ("onupdate", "on update")):
            value = self.literals.text(module, keywords.get(keyword))
            if value:
                found.append(f"{words} {value.lower()}")
        return " ".join(found)

    # Keys and constraints ---------------------------------------------------------------------------------------------

    def element(self, table: Table, module: Module, expression: Expression, bound: Locals | None = None) -> None:
        """One element of a table's arguments."""
        if not isinstance(expression, Call):
            module, expression = self.literals.followed(module, expression, bound)
        if not isinstance(expression, Call):
            if isinstance(expression, Collection) and expression.kind == "dict":
                self.options(table, module, expression, bound)
            elif not isinstance(expression, Const):
                table.complete = False
            return
        kind = last_of(expression.function)
        match kind:
            case "Column" | "mapped_column":
                table.add(self.column(module, expression, bound=bound))
            case "UniqueConstraint":
                self.keep(table, self.unique(table, module, expression, bound))
            case "PrimaryKeyConstraint":
                columns = self.columns(table, module, expression.arguments, bound)
                table.primary, table.primary_name = columns or (), self.named(module, expression, bound)
            case "Index":
                self.keep(table, self.index(table, module, expression, bound))
            case "CheckConstraint":
                found = self.check(module, expression, table.column, bound)
                name = conventional(table.conventions, "ck", table.name, (), name=found.name)
                table.constraints.append(replace(found, name=name))
            case "ExcludeConstraint":
                table.constraints.append(self.exclusion(table, module, expression, bound))
            case "ForeignKeyConstraint":
                self.foreign(table, module, expression, bound)
            case _:
                table.complete = table.complete and kind in ("Comment", "info")

    def keep(self, table: Table, found: Index | None) -> None:
        if found is None:
            table.complete = False
        else:
            table.indexes.append(found)

    def options(self, table: Table, module: Module, expression: Collection, bound: Locals | None) -> None:
        """The keywords at the end of ``__table_args__``."""
        for key, item in zip(expression.keys, expression.items, strict=False):
            name = key.value if isinstance(key, Const) else ""
            if name == "schema":
                table.name = qualified(table.name, self.literals.text(module, item, bound))
            elif name == "postgresql_partition_by":
                table.partitioning = partitioning(self.literals.text(module, item, bound) or "")

    def columns(
        self, table: Table, module: Module, arguments: tuple[Expression, ...], bound: Locals | None
    ) -> tuple[str, ...] | None:
        """The columns of a key; None where one was not understood."""
        found: list[str] = []
        for argument in arguments:
            name = self.expressions.key(module, argument, table.column, bound)
            value = self.literals.texts(module, argument, bound) if not name else None
            found += value if value is not None else [name]
        return tuple(found) if all(found) else None

    def unique(self, table: Table, module: Module, call: Call, bound: Locals | None) -> Index | None:
        columns = self.columns(table, module, call.arguments, bound)
        if not columns:
            return None
        name = self.named(module, call, bound) or conventional(table.conventions, "uq", table.name, columns)
        distinct = not self.flag(module, dict(call.keywords), "postgresql_nulls_not_distinct", bound)
        place = place_of(module.path, call.at)
        return replace(schema.unique(*columns, name=name, nulls_distinct=distinct), place=place)

    def index(self, table: Table, module: Module, call: Call, bound: Locals | None) -> Index | None:
        """``Index("name", columns…, unique=True, postgresql_where=…)``."""
        if not call.arguments:
            return None
        columns = self.columns(table, module, call.arguments[1:], bound)
        if not columns:
            return None
        name = self.literals.text(module, call.arguments[0], bound) or ""
        name = name or conventional(table.conventions, "ix", table.name, columns)
        return self.index_of(table, module, call, name, columns, bound)

    def index_of(
        self, table: Table, module: Module, call: Call, name: str, columns: tuple[str, ...], bound: Locals | None
    ) -> Index:
        """An index with what its keywords say."""
        keywords = dict(call.keywords)
        where = next((v for k, v in call.keywords if k.endswith("_where")), None)
        predicate = self.predicate(table, module, where, bound)
        method = self.literals.text(module, keywords.get("postgresql_using"), bound) or "btree"
        return Index(
            columns,
            name=name,
            unique=self.flag(module, keywords, "unique", bound),
            predicate=predicate,
            method=method,
            nulls_distinct=not self.flag(module, keywords, "postgresql_nulls_not_distinct", bound),
            place=place_of(module.path, call.at),
            sorting=("?",) * len(columns) if "postgresql_ops" in keywords else (),
            carried=("?",) if "postgresql_include" in keywords else (),
        )

    def predicate(self, table: Table, module: Module, where: Expression | None, bound: Locals | None) -> str:
        if where is None:
            return ""
        if isinstance(self.literals.value(module, where, bound), str):
            return self.expressions.sql(module, where, bound) or "?"
        return self.expressions.term(module, where, table.column, bound) or "?"

    def check(self, module: Module, call: Call, columns: object, bound: Locals | None) -> Constraint:
        named = self.named(module, call, bound)
        text = ""
        if call.arguments:
            text = self.expressions.sql(module, call.arguments[0], bound)
            if not text and callable(columns):
                text = self.expressions.term(module, call.arguments[0], columns, bound)
        return Constraint("check", text, named, place_of(module.path, call.at))

    def exclusion(self, table: Table, module: Module, call: Call, bound: Locals | None) -> Constraint:
        """``ExcludeConstraint(("room", "="), ("during", "&&"), using="gist")``."""
        parts = []
        for argument in call.arguments:
            if isinstance(argument, Collection) and len(argument.items) == 2:
                column = self.expressions.key(module, argument.items[0], table.column, bound)
                operator = self.literals.text(module, argument.items[1], bound) or "?"
                parts.append(f"{column} with {operator}")
        using = self.literals.text(module, dict(call.keywords).get("using"), bound) or "gist"
        return Constraint(
            "exclude",
            f"using {using} ({', '.join(parts)})",
            self.named(module, call, bound),
            place_of(module.path, call.at),
        )

    def foreign(self, table: Table, module: Module, call: Call, bound: Locals | None) -> None:
        own = self.literals.texts(module, call.arguments[0], bound) if call.arguments else None
        others = self.literals.texts(module, call.arguments[1], bound) if len(call.arguments) > 1 else None
        if not own or not others:
            table.complete = False
            return
        other = others[0].rpartition(".")[0]
        targets = tuple(o.rpartition(".")[2] for o in others)
        name = self.named(module, call, bound)
        table.references.append(Reference(tuple(own), other, targets, name, self.actions(module, call)))


def qualified(table: str, namespace: str | None) -> str:
    return f"{namespace}.{table}" if namespace and namespace != "public" and "." not in table else table


def partitioning(text: str) -> Partitioning | None:
    """``RANGE (created_at)``."""
    kind, _, rest = text.partition("(")
    columns = tuple(c.strip() for c in rest.rstrip(") ").split(",") if c.strip())
    return Partitioning(kind.strip().lower(), columns) if columns else None


def filler(keywords: Mapping[str, Expression]) -> str:
    """The last name of the function that is the application's default."""
    given = keywords.get("default")
    return (dotted_of(given) or "").rpartition(".")[2] if given is not None else ""
