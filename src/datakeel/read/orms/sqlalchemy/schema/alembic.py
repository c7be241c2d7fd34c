"""Alembic's revisions, one call of ``op`` after the other → changes of tables, each in its step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.dataset import Constraint
from datakeel.read import schema
from datakeel.read.change import Change, Home
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.sqlalchemy.schema.conventions import Conventions
from datakeel.read.orms.sqlalchemy.schema.elements import Elements, Table, foreign, qualified, single
from datakeel.read.orms.sqlalchemy.schema.revisions import Revision, Revisions
from datakeel.read.orms.sqlalchemy.schema.types import last_of
from datakeel.read.program import (
    Assign,
    Attribute,
    Call,
    Collection,
    Const,
    Evaluate,
    Expression,
    If,
    Local,
    Loop,
    Statement,
    Try,
    With,
    body,
)
from datakeel.read.scripts import SqlFiles, names_of_files, script
from datakeel.read.symbols import FunctionInfo, Module, place_of

if TYPE_CHECKING:
    from datakeel.read.world import World

Made = Iterator[Change]
Bound = dict[str, Expression]
DEPTH = 5  # how far helpers are followed
TURNS = 60  # how often a loop over known values is gone through

EDITORS = frozenset(("op", "execute", "alembic"))  # what a function names that changes tables


class Migrations:
    """All revisions of a project; `changes` are theirs in the order in which they run."""

    def __init__(self, world: World, elements: Elements, conventions: Conventions, files: SqlFiles) -> None:
        self.files = files
        self.names = world.names
        self.elements = elements
        self.literals = elements.literals
        self.conventions = conventions
        self.revisions = list(Revisions(world.names, elements.literals).ordered())

    def changes(self, within: Callable[[str], bool] = lambda path: True) -> Made:
        for revision in self.revisions:
            if within(revision.module.path):
                yield from Run(self, revision).all()


class Where(Struct, frozen=True):
    """Where the run stands: the module whose code it reads, what local names mean, the tables that names of batches
    stand for, whether a transaction is held."""

    module: Module
    bound: Bound
    batches: dict[str, str] = {}
    transactional: bool = True
    depth: int = DEPTH


class Run:
    """One revision."""

    def __init__(self, migrations: Migrations, revision: Revision) -> None:
        self.names = migrations.names
        self.files = migrations.files
        self.elements = migrations.elements
        self.literals = migrations.literals
        self.expressions = migrations.elements.expressions
        self.revision = revision
        self.convention = migrations.conventions.near(revision.module.path)

    def all(self) -> Made:
        where = Where(self.revision.module, {})
        home = Home("alembic", self.revision.upgrade.place)
        for change in self.block(body(self.revision.upgrade.code), where):
            whole = change.complete and self.revision.whole
            yield replace(change, step=self.revision.step, home=home, complete=whole)

    # Code -------------------------------------------------------------------------------------------------------------

    def block(self, code: tuple[Statement, ...], where: Where) -> Made:
        for statement in code:
            if isinstance(statement, Assign | Evaluate):
                yield from self.file(statement, where)
            match statement:
                case Evaluate(Call() as call):
                    yield from self.call(call, where)
                case Assign(targets, value):
                    if isinstance(value, Call):
                        yield from self.call(value, where)
                    if len(targets) == 1 and isinstance(targets[0], Local) and value is not None:
                        where.bound[targets[0].name] = value
                case If(_, then, otherwise):
                    found = list(self.block(then, where))
                    yield from found or self.block(otherwise, where)
                case Try(inner, _, otherwise, final):
                    yield from self.block((*inner, *otherwise, *final), where)
                case Loop():
                    yield from self.loop(statement, where)
                case With():
                    yield from self.scope(statement, where)

    def file(self, statement: Assign | Evaluate, where: Where) -> Made:
        """A file of SQL that a statement names: it is run here."""
        for name in names_of_files(statement.value):
            for change in self.files.changes(name, where.module.path):
                yield replace(change, transactional=where.transactional)

    def loop(self, statement: Loop, where: Where) -> Made:
        """A loop over values that stand in the text is gone through; any other once."""
        items, _ = self.literals.items(where.module, statement.iterable, where.bound)
        if statement.target is None or not items:
            yield from self.block(statement.body, where)
            return
        for module, item in items[:TURNS]:
            del module
            self.bind(statement.target, item, where)
            yield from self.block(statement.body, where)

    def bind(self, target: Expression, item: Expression, where: Where) -> None:
        if isinstance(target, Local):
            where.bound[target.name] = item
        elif isinstance(target, Collection) and isinstance(item, Collection):
            for one, value in zip(target.items, item.items, strict=False):
                self.bind(one, value, where)

    def scope(self, statement: With, where: Where) -> Made:
        context = statement.context
        yield from self.file(Evaluate(context, statement.at), where)
        if isinstance(context, Call):
            kind = last_of(context.function)
            if kind == "autocommit_block":
                where = replace(where, transactional=False)
            elif kind == "batch_alter_table":
                table = self.table(Given(self, where, context), "table_name", 0)
                if isinstance(statement.target, Local) and table:
                    where = replace(where, batches=where.batches | {statement.target.name: table})
        yield from self.block(statement.body, where)

    def call(self, call: Call, where: Where) -> Made:
        function = call.function
        if isinstance(function, Attribute):
            batch = where.batches.get(function.base.name) if isinstance(function.base, Local) else None
            if batch is not None or (dotted_of(function.base) or last_of(function.base)).rpartition(".")[2] == "op":
                yield from self.operation(function.name, call, where, batch)
                return
            if function.name == "execute" and call.arguments:
                yield from self.done(self.sql(Given(self, where, call)), call, where)
                return
        if where.depth > 0:
            yield from self.helper(call, where)

    def helper(self, call: Call, where: Where) -> Made:
        """A function of the project that the revision calls."""
        dotted = dotted_of(call.function)
        symbol = self.names.resolve(where.module, dotted) if dotted is not None else None
        if not isinstance(symbol, FunctionInfo) or not self.edits(symbol, where.depth):
            return
        parameters = symbol.signature.parameters
        bound: Bound = {p.name: p.default for p in parameters if p.default is not None}
        given = dict(zip((p.name for p in parameters), call.arguments, strict=False)) | dict(call.keywords)
        for name, value in given.items():
            bound[name] = self.literals.followed(where.module, value, where.bound)[1]
        inner = Where(symbol.module, bound, {}, where.transactional, where.depth - 1)
        yield from self.block(body(symbol.code), inner)

    def edits(self, function: FunctionInfo, depth: int) -> bool:
        """Whether a function changes tables, or one of its module that it calls does."""
        if not EDITORS.isdisjoint(function.code.names):
            return True
        own = self.names.functions(function.module)
        called = (own[name] for name in function.code.names if name in own and own[name] is not function)
        return depth > 0 and any(self.edits(one, depth - 1) for one in called)

    def operation(self, name: str, call: Call, where: Where, batch: str | None) -> Made:
        handler = OPERATIONS.get(name)
        if handler is not None:
            yield from self.done(handler(self, Given(self, where, call, batch)), call, where)

    def done(self, changes: Made, call: Call, where: Where) -> Made:
        place = place_of(where.module.path, call.at)
        concurrently = self.literals.value(where.module, dict(call.keywords).get("postgresql_concurrently")) is True
        for change in changes:
            yield replace(
                change,
                place=change.place or place,
                transactional=where.transactional,
                concurrently=concurrently or change.concurrently,
            )

    # Tables -----------------------------------------------------------------------------------------------------------

    def table(self, given: Given, keyword: str, position: int, namespace: str = "schema") -> str:
        """The name of the table that a call names, or of the batch it stands in."""
        if given.batch is not None:
            return given.batch
        name = given.text(keyword, position)
        return qualified(name, given.text(namespace, 99)) if name else ""

    def unknown(self, table: str) -> Change:
        return Change(kind="comment", table=table, complete=False)

    def create_table(self, given: Given) -> Made:
        name = self.table(given, "table_name", 0)
        if not name:
            return
        table = Table(name, self.convention, place_of(given.module.path, given.call.at))
        for argument in given.call.arguments[1:]:
            self.elements.element(table, given.module, argument, given.where.bound)
        partitioned = given.get("postgresql_partition_by", 99)
        if partitioned is not None:
            options = Collection("dict", (partitioned,), (Const("postgresql_partition_by"),))
            self.elements.options(table, given.module, options, given.where.bound)
        yield replace(table.change(), if_absent=given.flag("if_not_exists"))

    def drop_table(self, given: Given) -> Made:
        name = self.table(given, "table_name", 0)
        yield schema.drop_table(name) if name else Change(kind="unseen-names")

    def rename_table(self, given: Given) -> Made:
        old, new = self.table(given, "old_table_name", 0), given.text("new_table_name", 1)
        yield schema.rename_table(old, new) if old and new else Change(kind="unseen-names")

    # Columns ----------------------------------------------------------------------------------------------------------

    def add_column(self, given: Given) -> Made:
        name = self.table(given, "table_name", 0)
        expression = given.get("column", 1)
        if expression is not None and not isinstance(expression, Call):
            expression = self.literals.followed(given.module, expression, given.where.bound)[1]
        if not name or not isinstance(expression, Call):
            return
        read = self.elements.column(given.module, expression, bound=given.where.bound)
        table = Table(name, self.convention)
        change = schema.add_column(name, replace(read.column, nullable=read.column.nullable and not read.primary))
        yield replace(change, complete=read.complete, if_absent=given.flag("if_not_exists"))
        for index in single(table, read):
            yield schema.add_index(name, index)
        for reference in read.references:
            yield schema.add_constraint(name, foreign(table, reference))

    def drop_column(self, given: Given) -> Made:
        table, column = self.table(given, "table_name", 0), given.text("column_name", 1)
        if table and column:
            yield schema.drop_column(table, column)

    def alter_column(self, given: Given) -> Made:
        table, column = self.table(given, "table_name", 0), given.text("column_name", 1)
        if not table or not column:
            return
        type_ = given.get("type_", 99)
        nullable = given.value("nullable", 99)
        words = None
        if type_ is not None:
            words = self.elements.types.type(*self.expressions.local(given.module, type_, given.where.bound))
        fills = given.get("server_default", 99)
        default = None
        if fills is not None and given.value("server_default", 99) is not False:
            default = self.elements.default(given.module, fills, given.where.bound) or ""
        known = nullable if isinstance(nullable, bool) else None
        if words or known is not None or default is not None:
            yield schema.alter_column(table, column, type=words or None, nullable=known, default=default)
        new = given.text("new_column_name", 99) or given.text("name", 99)
        if new and new != column:
            yield schema.rename_column(table, column, new)

    # Keys and constraints ---------------------------------------------------------------------------------------------

    def names_of(self, given: Given, table: Table, keyword: str, position: int) -> tuple[str, ...] | None:
        """The columns of a key, by a list of names and expressions; None where one was not understood."""
        items, whole = self.literals.items(given.module, given.get(keyword, position), given.where.bound)
        found = [self.expressions.key(m, e, table.column, given.where.bound) for m, e in items]
        return tuple(found) if found and whole and all(found) else None

    def create_index(self, given: Given) -> Made:
        name = self.table(given, "table_name", 1)
        if not name:
            return
        table = Table(name, self.convention)
        columns = self.names_of(given, table, "columns", 2)
        if columns is None:
            yield self.unknown(name)
            return
        named = given.text("index_name", 0) or ""
        index = self.elements.index_of(table, given.module, given.call, named, columns, given.where.bound)
        change = schema.add_index(name, index, place=index.place)
        yield replace(change, if_absent=given.flag("if_not_exists"))

    def drop_index(self, given: Given) -> Made:
        name = given.text("index_name", 0)
        table = given.batch or self.table(given, "table_name", 1)
        if name:
            yield schema.drop_index(table, name)

    def create_unique(self, given: Given) -> Made:
        name = self.table(given, "table_name", 1)
        if not name:
            return
        columns = self.names_of(given, Table(name), "columns", 2)
        if columns is None:
            yield self.unknown(name)
            return
        distinct = not given.flag("postgresql_nulls_not_distinct")
        named = given.text("constraint_name", 0) or ""
        yield schema.add_index(name, schema.unique(*columns, name=named, nulls_distinct=distinct))

    def create_primary_key(self, given: Given) -> Made:
        name = self.table(given, "table_name", 1)
        columns = self.names_of(given, Table(name), "columns", 2)
        if name and columns:
            yield schema.add_index(name, schema.primary_key(*columns, name=given.text("constraint_name", 0) or ""))

    def create_foreign_key(self, given: Given) -> Made:
        name = self.table(given, "source_table", 1, "source_schema")
        other = given.text("referent_table", 2)
        if not name or not other:
            return
        own, targets = given.texts("local_cols", 3), given.texts("remote_cols", 4)
        if own is None or targets is None:
            return
        other = qualified(other, given.text("referent_schema", 99))
        actions = self.elements.actions(given.module, given.call)
        named = given.text("constraint_name", 0) or ""
        made = schema.foreign_key(own, other, targets, named, actions)
        yield schema.add_constraint(name, replace(made, valid=not given.flag("postgresql_not_valid")))

    def create_check(self, given: Given) -> Made:
        name, condition = self.table(given, "table_name", 1), given.get("condition", 2)
        if not name or condition is None:
            return
        bound = given.where.bound
        text = self.expressions.sql(given.module, condition, bound)
        text = text or self.expressions.term(given.module, condition, str, bound)
        valid = not given.flag("postgresql_not_valid")
        made = Constraint("check", text, given.text("constraint_name", 0) or "", valid=valid)
        yield schema.add_constraint(name, made)

    def create_exclude(self, given: Given) -> Made:
        name = self.table(given, "table_name", 1)
        if name:
            call = replace(given.call, arguments=given.call.arguments[1 if given.batch else 2 :])
            found = self.elements.exclusion(Table(name), given.module, call, given.where.bound)
            yield schema.add_constraint(name, replace(found, name=given.text("constraint_name", 0) or ""))

    def drop_constraint(self, given: Given) -> Made:
        table, name = self.table(given, "table_name", 1), given.text("constraint_name", 0)
        if table and name:
            yield schema.drop_constraint(table, name)

    def sql(self, given: Given) -> Made:
        expression = given.call.arguments[0] if given.call.arguments else given.get("sqltext", 0)
        if expression is None:
            return
        text = self.literals.written(given.module, expression, given.where.bound)
        if text is not None:
            yield from script(text, "postgres", place_of(given.module.path, given.call.at))


class Given:
    """The arguments of one call of ``op``. In a batch the table's name is not among them: positions behind it move."""

    def __init__(self, run: Run, where: Where, call: Call, batch: str | None = None) -> None:
        self.literals = run.literals
        self.where = where
        self.module = where.module
        self.call = call
        self.keywords = dict(call.keywords)
        self.batch = batch

    def get(self, name: str, position: int) -> Expression | None:
        found = self.keywords.get(name)
        if found is not None:
            return found
        if self.batch is not None and position < 99:
            position = max(position - 1, 0)
        return self.call.arguments[position] if position < len(self.call.arguments) else None

    def text(self, name: str, position: int) -> str | None:
        return self.literals.text(self.module, self.get(name, position), self.where.bound)

    def texts(self, name: str, position: int) -> list[str] | None:
        return self.literals.texts(self.module, self.get(name, position), self.where.bound)

    def value(self, name: str, position: int) -> object:
        return self.literals.value(self.module, self.get(name, position), self.where.bound)

    def flag(self, name: str) -> bool:
        return self.value(name, 99) is True


OPERATIONS: dict[str, Callable[[Run, Given], Made]] = {
    "create_table": Run.create_table,
    "drop_table": Run.drop_table,
    "rename_table": Run.rename_table,
    "add_column": Run.add_column,
    "drop_column": Run.drop_column,
    "alter_column": Run.alter_column,
    "create_index": Run.create_index,
    "drop_index": Run.drop_index,
    "create_unique_constraint": Run.create_unique,
    "create_primary_key": Run.create_primary_key,
    "create_foreign_key": Run.create_foreign_key,
    "create_check_constraint": Run.create_check,
    "create_exclude_constraint": Run.create_exclude,
    "drop_constraint": Run.drop_constraint,
    "execute": Run.sql,
}
