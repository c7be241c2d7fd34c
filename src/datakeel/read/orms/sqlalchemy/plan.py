"""What SQLAlchemy code builds before anything runs: tables, columns, conditions, statements and queries."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.effect import Assignment, Predicate, Rows, Source
from datakeel.read.values import Plan as Lazy
from datakeel.read.values import Value, canonical, canonical_source, handed, union

SESSION = "sqlalchemy.orm.Session"
FACTORY = "sqlalchemy.orm.sessionmaker"
REGISTRY = "sqlalchemy.orm.scoped_session"
ENGINE = "sqlalchemy.engine.Engine"
CONNECTION = "sqlalchemy.engine.Connection"
DRIVER = "dbapi.Connection"  # what a driver gives
TRANSACTION = "sqlalchemy.engine.Transaction"
SAVEPOINT = "sqlalchemy.engine.NestedTransaction"
QUERY = "sqlalchemy.orm.Query"
SELECT = "sqlalchemy.Select"
TEXT = "sqlalchemy.TextClause"
RESULT = "sqlalchemy.engine.Result"
PAGE = "flask_sqlalchemy.pagination.Pagination"
FLASK = "flask_sqlalchemy.SQLAlchemy"
COLLECTION = "sqlalchemy.orm.Collection"
ROW = "row"


class ColumnOf(Struct, frozen=True):
    """A column of a table in an expression; `model` is the class that maps the table, where one does."""

    table: str
    column: str
    model: str = ""


class TableOf(Struct, frozen=True):
    """A table, or the rows of a subquery, by its name; `keys` are its unique keys, the primary one first."""

    table: str
    model: str = ""
    keys: tuple[tuple[str, ...], ...] = ()
    columns: tuple[str, ...] = ()


class RelationOf(Struct, frozen=True):
    """A relationship named through its class (``Order.items``): `other` is the class at its end."""

    model: str
    name: str
    other: str


class Computed(Struct, frozen=True):
    """A value that the store computes: `how` is a function's name or an operator, `columns` what it reads."""

    how: str
    columns: tuple[ColumnOf, ...] = ()
    label: str = ""
    key: Predicate | None = None  # what an advisory lock is taken on


class Eager(Struct, frozen=True):
    """A loader option: the relations that it loads with the rows, each with those after it (``items.product``)."""

    paths: tuple[str, ...]


class Declared(Struct, frozen=True):
    """A column that is declared by a call; `name` is empty where the class gives it."""

    name: str = ""
    primary: bool = False
    unique: bool = False
    references: str = ""


class Clause(Struct, frozen=True):
    """A condition: terms that all hold, each a predicate with its table; not `complete` where part of it was not
    understood."""

    terms: tuple[tuple[str, Predicate], ...] = ()
    complete: bool = True

    @property
    def table(self) -> str:
        return self.terms[0][0] if self.terms else ""


class Plan(Lazy, frozen=True):
    """A statement or query that is not executed yet.

    `connection` is set where a session made it (``session.query``). `entities` are what each result row holds, in
    order: a class's name, or a column. `key` is the value that an advisory lock is taken on.
    """

    verb: str = "select"
    model: str = ""
    table: str = ""
    keys: tuple[tuple[str, ...], ...] = ()
    entities: tuple[ColumnOf | TableOf | Computed, ...] = ()
    predicates: tuple[Predicate, ...] = ()
    complete: bool = True
    lock: str = ""
    skip_locked: bool = False
    nowait: bool = False
    order: tuple[str, ...] = ()
    limit: int | None = None
    offset: bool = False
    aggregate: str = ""
    assigned: tuple[Assignment, ...] = ()
    conflict: str = ""
    joins: tuple[str, ...] = ()
    eager: tuple[str, ...] = ()
    connection: str | None = None
    returning: bool = False
    streamed: bool = False
    grouped: bool = False
    many: bool = False
    advisory: str = ""  # the advisory lock's function that it calls
    key: Predicate | None = None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns that are read of its own table; None: all."""
        if not self.entities or any(isinstance(e, TableOf) for e in self.entities):
            return None
        found = [c for e in self.entities for c in (e.columns if isinstance(e, Computed) else (e,))]
        return tuple(dict.fromkeys(c.column for c in found if isinstance(c, ColumnOf)))

    def joined(self, other: object) -> Plan:
        """What holds of both plans; a lock that either takes counts as taken."""
        if not isinstance(other, Plan) or other == self:
            return self
        same = self.predicates == other.predicates
        columns = {a.column for a in self.assigned}
        return replace(
            self,
            model=self.model if self.model == other.model else "",
            table=self.table if self.table == other.table else "",
            predicates=self.predicates if same else tuple(p for p in self.predicates if p in other.predicates),
            complete=self.complete and other.complete and same,
            lock=self.lock or other.lock,
            skip_locked=self.skip_locked or other.skip_locked,
            nowait=self.nowait or other.nowait,
            order=self.order if self.order == other.order else (),
            limit=self.limit if self.limit == other.limit else None if None in (self.limit, other.limit) else 0,
            offset=self.offset and other.offset,
            entities=self.entities if self.entities == other.entities else (Computed(""),),
            aggregate=self.aggregate if self.aggregate == other.aggregate else "",
            assigned=(*self.assigned, *(a for a in other.assigned if a.column not in columns)),
            conflict=self.conflict or other.conflict,
            eager=tuple(dict.fromkeys((*self.eager, *other.eager))),
            joins=tuple(dict.fromkeys((*self.joins, *other.joins))),
            connection=self.connection if self.connection is not None else other.connection,
            streamed=self.streamed and other.streamed,
            grouped=self.grouped or other.grouped,
            many=self.many or other.many,
        )

    def passed_as(self, name: str) -> Plan:
        """The plan as a callee sees it in its parameter `name`; `part` gives back what stands for what."""
        return replace(
            self,
            predicates=tuple(part_of(p, name, f"$p{i}") for i, p in enumerate(self.predicates)),
            assigned=tuple(
                replace(a, sources=(Source("parameter", name=name, path=(f"$a{i}",)),)) if a.sources else a
                for i, a in enumerate(self.assigned)
            ),
            key=part_of(self.key, name, "$key") if self.key is not None else None,
            connection=f"parameter:{name}.$connection" if self.connection else self.connection,
        )

    def part(self, name: str) -> Value | None:
        """What a name that `passed_as` gave stands for; None for any other."""
        if name == "$connection":
            root, *path = (self.connection or "").split(".")
            return Value(rows=Rows(root, tuple(path)))
        if name == "$key":
            return Value(sources=frozenset(self.key.sources)) if self.key is not None else None
        kind, place = name[1:2], name[2:]
        if not place.isdecimal():
            return None
        number = int(place)
        parts = self.predicates if kind == "p" else self.assigned
        return Value(sources=frozenset(parts[number].sources)) if number < len(parts) else None

    def narrowed(self, clauses: tuple[Value, ...]) -> Plan:
        """The plan under further conditions."""
        plan = self
        for value in clauses:
            state = value.state
            if isinstance(state, Clause):
                plan = plan if plan.table else replace(plan, table=state.table)
                own = tuple(named(p, table, plan.table) for table, p in state.terms)
                plan = replace(
                    plan, predicates=(*plan.predicates, *own), complete=plan.complete and state.complete
                )  # fmt: skip
            elif value.const is not True:
                plan = replace(plan, complete=False)
        return plan


def named(predicate: Predicate, table: str, main: str) -> Predicate:
    """A predicate as a plan over `main` knows it: another table's column has that table's name in front."""
    if not table or table == main or "." in predicate.column:
        return predicate
    return replace(predicate, column=f"{table}.{predicate.column}")


def assignment(name: str, value: Value) -> Assignment:
    """What a value that is assigned to a column says of the write."""
    sources = tuple(sorted(union((value,))))
    if isinstance(value.state, Plan):
        return Assignment(name, "derived", sources)
    if value.atomic:
        return Assignment(name, "atomic", sources)
    if isinstance(value.state, ColumnOf):
        return Assignment(name, "atomic" if value.state.column == name else "derived", sources)
    if value.known:
        return Assignment(name, "constant", (), text=canonical(value))
    return Assignment(name, "value", sources, text=handed(value))


def compared(column: str, operator: str, value: Value) -> Predicate:
    """``column operator value`` in the program's terms."""
    if value.known and value.const is None and operator in ("=", "!="):
        return Predicate(column, "is-null" if operator == "=" else "not-null")
    if isinstance(value.state, ColumnOf):
        return Predicate(column, operator, f"column:{value.state.table}.{value.state.column}")
    if isinstance(value.state, Computed) and value.state.how in ("any_", "all_") and operator == "=":
        return Predicate(column, "in", "", tuple(sorted(union((value,)))))
    if value.state is not None or value.atomic:
        return Predicate(column, operator, "", tuple(sorted(union((value,)))))
    return Predicate(column, operator, canonical(value), tuple(sorted(union((value,)))))


def part_of(predicate: Predicate, name: str, part: str) -> Predicate:
    if not predicate.sources:
        return loose(predicate)
    source = Source("parameter", name=name, path=(part,))
    known = predicate.value and not predicate.value.startswith(("const:", "column:"))
    return replace(predicate, sources=(source,), value=canonical_source(source) if known else loose(predicate).value)


def loose(predicate: Predicate) -> Predicate:
    """A predicate without what only the function at hand knows."""
    fixed = predicate.value if predicate.value.startswith(("const:", "column:")) else ""
    return replace(predicate, sources=(), value=fixed)


def true(value: Value | None) -> bool:
    return value is not None and value.const is True
