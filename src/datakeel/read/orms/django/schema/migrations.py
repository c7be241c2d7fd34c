"""Django's migrations, one operation after the other → changes of tables, each in its step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.dataset import Index
from datakeel.model.place import Place
from datakeel.read import schema
from datakeel.read.change import Change, Home
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.django.schema.declared import contributed
from datakeel.read.orms.django.schema.fields import Field, Fields, Key, split
from datakeel.read.orms.django.schema.graph import Graph, Migration, items
from datakeel.read.orms.django.schema.keys import Keys, Owner, names_of
from datakeel.read.orms.django.schema.library import CONTRIB
from datakeel.read.orms.django.schema.state import Model, State, together
from datakeel.read.program import Attribute, Call, Collection, Const, Expression, body
from datakeel.read.scripts import SqlFiles, calls, names_of_files, script
from datakeel.read.symbols import ClassInfo, External, FunctionInfo, Module, place_of

if TYPE_CHECKING:
    from datakeel.read.world import World

Made = Iterable[Change]


class Migrations:
    """All migrations of a project; `changes` are theirs in the order in which they run."""

    def __init__(
        self,
        world: World,
        fields: Fields,
        files: SqlFiles,
        within: Callable[[str], bool] = lambda path: True,
        dialect: str = "postgres",
    ) -> None:
        self.files = files
        self.world = world
        self.names = world.names
        self.fields = fields
        self.literals = fields.literals
        self.keys = Keys(fields.literals, fields.expressions)
        self.graph = Graph(world.names, fields.literals, fields.labels, within)
        self.dialect = dialect

    def changes(self) -> Iterator[Change]:
        state = State()
        state.auto = self.fields.labels.usual().rpartition(".")[2]
        contributed(self.world, self.fields, state)
        for key in sorted(state.models):
            yield from state.create(state.models[key])
        for migration in self.graph.ordered:
            run = Run(self, state, migration)
            # where a setting picks the operations, large tables are thought of
            home = Home("django", migration.cls.place) if not migration.picked else None
            for change in run.all():
                whole = change.complete and migration.name[0] not in self.graph.broken
                yield replace(change, step=migration.step, home=home, transactional=migration.atomic, complete=whole)


class Run:
    """One migration on the state that those before it left."""

    def __init__(self, migrations: Migrations, state: State, migration: Migration) -> None:
        self.migrations = migrations
        self.literals = migrations.literals
        self.fields = migrations.fields
        self.keys = migrations.keys
        self.state = state
        self.migration = migration
        self.label = migration.name[0]

    def all(self) -> Iterator[Change]:
        operations, whole = items(self.literals, self.migration.cls, "operations")
        for module, expression in operations:
            yield from self.operation(module, expression, True, True)
        if not whole:
            yield from self.unseen()

    def unseen(self) -> Iterator[Change]:
        """Operations that are not in the text may have done anything to the app's tables: the models tell more of
        them."""
        for model in self.state.models.values():
            if model.key[0] == self.label:
                yield Change(kind="comment", table=model.table, complete=False)

    def operation(self, module: Module, expression: Expression, state: bool, database: bool) -> Iterator[Change]:
        """One operation, on the state, the database or both."""
        if not isinstance(expression, Call):
            module, expression = self.literals.followed(module, expression)
        if not isinstance(expression, Call):
            return
        kind, own_state, own_database = self.kind(module, expression)
        handler = OPERATIONS.get(kind)
        if handler is None:
            return
        state, database = state and own_state, database and own_database
        before = self.state
        if not state:
            self.state = before.copy()
        place = place_of(module.path, expression.at)
        concurrently = kind.endswith("Concurrently")
        for change in handler(self, Given(self, module, expression)):
            if database:
                inner = change.place if kind in HOLDING and change.place is not None else place
                yield replace(change, place=inner, concurrently=concurrently or change.concurrently)
        self.state = before

    def kind(self, module: Module, call: Call) -> tuple[str, bool, bool]:
        """The operation of Django's that a class is derived from, and whether it does its part on the state and on the
        database."""
        dotted = dotted_of(call.function)
        symbol = self.migrations.names.resolve(module, dotted) if dotted is not None else None
        if isinstance(symbol, External):
            return symbol.dotted.rpartition(".")[2], True, True
        if not isinstance(symbol, ClassInfo):
            return "", True, True
        found = next((n for b in symbol.externals() if (n := b.rpartition(".")[2]) in OPERATIONS), "")
        return found, passes_on(symbol, "state_forwards"), passes_on(symbol, "database_forwards")

    # Models -----------------------------------------------------------------------------------------------------------

    def create_model(self, given: Given) -> Made:
        name = given.text("name", 0)
        if name is None:
            return
        key = (self.label, name.lower())
        fields: dict[str, Field] = {}
        complete = True
        members, whole = given.items("fields", 1)
        for module, item in members:
            if isinstance(item, Collection) and len(item.items) == 2:
                one = self.literals.text(module, item.items[0])
                field = self.fields.field(module, one, item.items[1], key) if one else None
                if one and field is not None:
                    fields[one] = field
                    continue
            complete = False
        options = given.options()
        table = self.literals.text(given.module, options.get("db_table"))
        model = Model(
            key,
            fields,
            named=table or "",
            parents=self.parents(given, fields),
            tableless=any(self.flag(given, options, o, d) for o, d in (("proxy", True), ("managed", False))),
            complete=complete and whole,
            place=given.place,
        )
        if self.literals.text(given.module, options.get("order_with_respect_to")):
            fields["_order"] = self.fields.made(given.module, "_order", "OrderWrt", {}, key)
        model = self.with_options(given.module, model, options)
        self.state.models[key] = model
        if not model.tableless:
            yield from self.state.create(model)

    def flag(self, given: Given, options: dict[str, Expression], name: str, value: bool) -> bool:
        return name in options and self.literals.value(given.module, options[name]) is value

    def parents(self, given: Given, fields: dict[str, Field]) -> tuple[Key, ...]:
        """The models that a model extends: those it links to as its parents, else (of a proxy) those it names."""
        linked = [f.relation.target for f in fields.values() if f.relation is not None and f.relation.parent]
        if linked:
            return tuple(k for k in linked if k is not None)
        named = [self.literals.text(m, e) for m, e in given.items("bases", 3)[0]]
        keys = [split(n, self.label) for n in named if n]
        return tuple(k for k in keys if k in self.state.models or k in CONTRIB)

    def with_options(self, module: Module, model: Model, options: dict[str, Expression]) -> Model:
        owner = self.owner(model)
        keys = []
        complete = model.complete
        for option in ("indexes", "constraints"):
            found, whole = self.literals.items(module, options.get(option))
            read = [self.keys.key(where, item, owner) for where, item in found]
            complete = complete and whole and None not in read
            keys += [k for k in read if k is not None]
        return replace(
            model,
            unique_together=names_of(self.literals.value(module, options.get("unique_together"))),
            index_together=names_of(self.literals.value(module, options.get("index_together"))),
            keys=tuple(keys),
            complete=complete,
        )

    def owner(self, model: Model) -> Owner:
        return Owner(model.table, model.column, *model.key)

    def delete_model(self, given: Given) -> Made:
        model = self.state.models.pop((self.label, (given.text("name", 0) or "").lower()), None)
        if model is not None and not model.tableless:
            yield from self.state.drop(model)

    def rename_model(self, given: Given) -> Made:
        old, new = given.text("old_name", 0), given.text("new_name", 1)
        model = self.state.models.pop((self.label, (old or "").lower()), None)
        if model is None or not new:
            return
        renamed = replace(model, key=(self.label, new.lower()))
        before = self.state.copy()
        before.models[model.key] = model
        self.repoint(model.key, renamed.key)
        moved = self.retargeted(renamed, model.key, renamed.key)
        self.state.models[renamed.key] = moved
        yield from self.state.rename_tables(model, moved)
        for key in sorted(self.state.models):
            if key != moved.key and before.models.get(key) is not self.state.models[key]:
                yield from self.state.rename_tables(before.models[key], self.state.models[key])

    def repoint(self, old: Key, new: Key) -> None:
        for key, model in self.state.models.items():
            self.state.models[key] = self.retargeted(model, old, new)

    def retargeted(self, model: Model, old: Key, new: Key) -> Model:
        """The model with its relations to `old` pointing at `new`."""
        changed = {
            name: replace(f, relation=replace(f.relation, target=new))
            for name, f in model.fields.items()
            if f.relation is not None and f.relation.target == old
        }
        if not changed and old not in model.parents:
            return model
        parents = tuple(new if p == old else p for p in model.parents)
        return replace(model, fields=model.fields | changed, parents=parents)

    def alter_table(self, given: Given) -> Made:
        model = self.model(given, "name")
        if model is None:
            return
        new = replace(model, named=given.text("table", 1) or "")
        self.state.models[model.key] = new
        yield from self.state.rename_tables(model, new)

    def alter_unique_together(self, given: Given) -> Made:
        return self.alter_together(given, "unique_together")

    def alter_index_together(self, given: Given) -> Made:
        return self.alter_together(given, "index_together")

    def alter_together(self, given: Given, option: str) -> Made:
        model = self.model(given, "name")
        if model is None:
            return
        unique = option == "unique_together"
        old = model.unique_together if unique else model.index_together
        new = names_of(given.value(option, 1))
        if unique:
            self.state.models[model.key] = replace(model, unique_together=new)
        else:
            self.state.models[model.key] = replace(model, index_together=new)
        for names in old:
            if names not in new:
                yield schema.drop_index(model.table, columns=model.columns(names), unique=unique)
        for names in new:
            if names not in old:
                yield schema.add_index(model.table, together(model, names, unique))

    def alter_order(self, given: Given) -> Made:
        model = self.model(given, "name")
        if model is None:
            return
        has = "_order" in model.fields
        wants = isinstance(given.value("order_with_respect_to", 1), str)
        if wants and not has:
            field = self.fields.made(given.module, "_order", "OrderWrt", {}, model.key)
            self.state.models[model.key] = replace(model, fields=model.fields | {"_order": field})
            yield from self.state.add_field(model, field)
        elif has and not wants:
            yield from self.without_field(model, "_order")

    # Fields -----------------------------------------------------------------------------------------------------------

    def model(self, given: Given, keyword: str = "model_name") -> Model | None:
        return self.state.models.get((self.label, (given.text(keyword, 0) or "").lower()))

    def add_field(self, given: Given) -> Made:
        model, name = self.model(given), given.text("name", 1)
        field = self.field(given, model, name)
        if model is None or name is None or field is None:
            return
        self.state.models[model.key] = replace(model, fields=model.fields | {name: field})
        if not model.tableless:
            yield from self.state.add_field(model, field)

    def field(self, given: Given, model: Model | None, name: str | None) -> Field | None:
        found = given.get("field", 2)
        if model is None or name is None or found is None:
            return None
        return self.fields.field(given.module, name, found, model.key)

    def remove_field(self, given: Given) -> Made:
        model, name = self.model(given), given.text("name", 1)
        if model is not None and name is not None:
            yield from self.without_field(model, name)

    def without_field(self, model: Model, name: str) -> Made:
        fields = dict(model.fields)
        field = fields.pop(name, None)
        gone = model.gone
        if field is not None:
            self.state.models[model.key] = replace(model, fields=fields, gone=gone | {name: field})
        field = field or gone.get(name)
        if field is not None and not model.tableless:
            yield from self.state.remove_field(model, field)

    def alter_field(self, given: Given) -> Made:
        model, name = self.model(given), given.text("name", 1)
        new = self.field(given, model, name)
        if model is None or name is None or new is None:
            return
        old = model.fields.get(name)
        self.state.models[model.key] = replace(model, fields=model.fields | {name: new})
        if old is not None and not model.tableless:
            yield from self.state.alter_field(model, old, new)

    def rename_field(self, given: Given) -> Made:
        model, old, new = self.model(given), given.text("old_name", 1), given.text("new_name", 2)
        field = model.fields.get(old or "") if model is not None else None
        if model is None or field is None or not old or not new:
            return
        renamed = field.named(new)
        fields = {new if n == old else n: renamed if n == old else f for n, f in model.fields.items()}
        self.state.models[model.key] = replace(
            model,
            fields=fields,
            unique_together=renamed_in(model.unique_together, old, new),
            index_together=renamed_in(model.index_together, old, new),
        )
        if field.column != renamed.column:
            yield schema.rename_column(model.table, field.column, renamed.column)
            yield from self.point_again(model, renamed)
        before, after = self.state.link(model, field), self.state.link(model, renamed)
        if before and before != after:
            yield schema.rename_table(before, after)

    def point_again(self, model: Model, field: Field) -> Made:
        relation = field.relation
        if relation is not None and relation.constraint and field.columns:
            target = self.state.target(relation.target, relation.to_field)
            yield from self.state.point_again(model.table, field.column, target)

    # Keys -------------------------------------------------------------------------------------------------------------

    def add_key(self, given: Given) -> Made:
        model = self.model(given)
        expression = given.get("index", 1) or given.get("constraint", 1)
        if model is None or expression is None:
            return
        key = self.keys.key(given.module, expression, self.owner(model))
        if key is None:
            yield Change(kind="comment", table=model.table, complete=False)
        elif isinstance(key, Index):
            yield schema.add_index(model.table, key, place=key.place)
        else:
            valid = not (dotted_of(given.call.function) or "").endswith("NotValid")
            yield schema.add_constraint(model.table, replace(key, valid=valid), place=key.place)

    def validate_key(self, given: Given) -> Made:
        model, name = self.model(given), given.text("name", 1)
        if model is not None and name:
            yield schema.validate_constraint(model.table, name)

    def remove_key(self, given: Given) -> Made:
        model, name = self.model(given), given.text("name", 1)
        if model is not None and name:
            yield schema.drop_constraint(model.table, name)

    def rename_index(self, given: Given) -> Made:
        model, new = self.model(given), given.text("new_name", 1)
        if model is None or not new:
            return
        old = given.text("old_name", 2)
        fields = names_of(given.value("old_fields", 3))
        if old is None and fields:
            old = together(model, fields[0], unique=False).name
            kept = tuple(n for n in model.index_together if n != fields[0])
            self.state.models[model.key] = replace(model, index_together=kept)
        if old:
            yield schema.rename_index(model.table, old, new)

    # The rest ---------------------------------------------------------------------------------------------------------

    def separate(self, given: Given) -> Made:
        """The database's part is done on the state as it was, the state's part changes that alone."""
        kept = self.state
        self.state = kept.copy()
        for module, item in given.items("database_operations", 0)[0]:
            yield from self.operation(module, item, True, True)
        self.state = kept
        for module, item in given.items("state_operations", 1)[0]:
            for _ in self.operation(module, item, True, False):
                pass

    def run_sql(self, given: Given) -> Made:
        expression = given.get("sql", 0)
        for module, item in given.items("state_operations", 2)[0]:
            for _ in self.operation(module, item, True, False):
                pass
        if expression is not None:
            yield from self.sql(given.module, expression, given.place)

    def sql(self, module: Module, expression: Expression, place: Place) -> Made:
        text = self.literals.written(module, expression)
        if text is not None:
            yield from script(text, self.migrations.dialect, place)
            return
        for name in names_of_files(self.literals.followed(module, expression)[1]):
            yield from self.migrations.files.changes(name, module.path)
        for where, item in self.literals.items(module, expression)[0]:
            if isinstance(item, Collection) and item.items:
                item = item.items[0]
            text = self.literals.written(where, item)
            if text is not None:
                yield from script(text, self.migrations.dialect, place)

    def run_python(self, given: Given) -> Made:
        """A function that changes tables by ``schema_editor`` or a cursor; any other changes rows only."""
        expression = given.get("code", 0)
        dotted = dotted_of(expression) if expression is not None else None
        symbol = self.migrations.names.resolve(given.module, dotted) if dotted is not None else None
        if not isinstance(symbol, FunctionInfo) or EDITS.isdisjoint(symbol.code.names):
            return
        module = symbol.module
        for name in names_of_files(body(symbol.code)):
            yield from self.migrations.files.changes(name, module.path)
        for call in calls(body(symbol.code), EDITS):
            place = place_of(module.path, call.at)
            if isinstance(call.function, Attribute) and call.function.name == "execute":
                text = self.literals.written(module, call.arguments[0]) if call.arguments else None
                yield from script(text or "", self.migrations.dialect, place)
            elif len(call.arguments) == 3:
                old, new = (self.literals.text(module, a) for a in call.arguments[1:])
                if old and new:
                    yield schema.rename_table(old, new, place)


class Given:
    """The arguments of one operation."""

    def __init__(self, run: Run, module: Module, call: Call) -> None:
        self.literals = run.literals
        self.module = module
        self.call = call
        self.keywords = dict(call.keywords)
        self.place = place_of(module.path, call.at)

    def get(self, name: str, position: int) -> Expression | None:
        found = self.keywords.get(name)
        if found is None and position < len(self.call.arguments):
            return self.call.arguments[position]
        return found

    def text(self, name: str, position: int) -> str | None:
        return self.literals.text(self.module, self.get(name, position))

    def value(self, name: str, position: int) -> object:
        return self.literals.value(self.module, self.get(name, position))

    def items(self, name: str, position: int) -> tuple[list[tuple[Module, Expression]], bool]:
        return self.literals.items(self.module, self.get(name, position))

    def options(self) -> dict[str, Expression]:
        found = self.get("options", 2)
        if found is not None:
            found = self.literals.followed(self.module, found)[1]
        if not isinstance(found, Collection):
            return {}
        pairs = zip(found.keys, found.items, strict=False)
        return {str(k.value): v for k, v in pairs if isinstance(k, Const)}


def passes_on(cls: ClassInfo, method: str) -> bool:
    """Whether an operation of the project does what the one it is derived from does: by not changing, or calling it."""
    info = cls.method(method)
    return info is None or method in info.code.names


def renamed_in(together: tuple[tuple[str, ...], ...], old: str, new: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(new if n == old else n for n in names) for names in together)


EDITS = frozenset(("execute", "alter_db_table"))
HOLDING = frozenset(("SeparateDatabaseAndState", "RunPython"))  # what is done has a place of its own in them
PASSED_ON = frozenset(("state_forwards", "database_forwards"))
OPERATIONS: dict[str, Callable[[Run, Given], Made]] = {
    "CreateModel": Run.create_model,
    "DeleteModel": Run.delete_model,
    "RenameModel": Run.rename_model,
    "AlterModelTable": Run.alter_table,
    "AlterUniqueTogether": Run.alter_unique_together,
    "AlterIndexTogether": Run.alter_index_together,
    "AlterOrderWithRespectTo": Run.alter_order,
    "AddField": Run.add_field,
    "RemoveField": Run.remove_field,
    "AlterField": Run.alter_field,
    "RenameField": Run.rename_field,
    "AddIndex": Run.add_key,
    "AddIndexConcurrently": Run.add_key,
    "RemoveIndex": Run.remove_key,
    "RemoveIndexConcurrently": Run.remove_key,
    "RenameIndex": Run.rename_index,
    "AddConstraint": Run.add_key,
    "AddConstraintNotValid": Run.add_key,
    "RemoveConstraint": Run.remove_key,
    "ValidateConstraint": Run.validate_key,
    "SeparateDatabaseAndState": Run.separate,
    "RunSQL": Run.run_sql,
    "RunPython": Run.run_python,
}
