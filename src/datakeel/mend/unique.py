"""A unique key behind an insert: the constraint, its migration, and a savepoint for the run that comes second."""

from __future__ import annotations

import ast

from datakeel.finding import Finding
from datakeel.mend import layout
from datakeel.mend.parts import Parts, indent_more
from datakeel.mend.patch import Files, Patch
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind
from datakeel.model.system import System
from datakeel.read.languages.python.draft import Draft, Refused, call_text

RULES = ("check-then-insert",)
TAKES = "get-or-create"  # what the key refuses, it takes itself


def patch(finding: Finding, system: System, files: Files) -> Patch:
    """Raises Mistake where the insert, or the place of a part, is not plain."""
    read, write = found(finding, system)
    table = system.dataset_of(write)
    columns = looked_for(read, write)
    text = files.text(write.place.path)
    if repeated(read, write):
        raise Mistake(
            f"{write.place}: one look is followed by several inserts, of which a key would refuse all but one"
        )
    unknown = read.selection is None or not read.selection.complete or handed_on(read, files)
    if table is None or table.place is None or text is None or not columns or unknown:
        raise Mistake(f"{finding.place}: by what the row is looked for, or its table, is not known well enough")
    try:
        site = Draft(text, write.place.path)
        keys = (i for i in table.schema.indexes if i.unique and i.total)
        if any(set(key.columns) <= set(columns) for key in keys):
            return answered(site, write, table, columns, files)
        if write.technology == "django":
            return for_django(site, write, table, columns, files)
        if write.technology == "sqlalchemy":
            return for_sqlalchemy(site, write, table, columns, files)
    except Refused:
        raise Mistake(f"{write.place}: the insert, or its place, is not plain enough for a patch") from None
    raise Mistake(f"there is a patch for Django and for SQLAlchemy, and none for {write.technology or 'this'}")


def found(finding: Finding, system: System) -> tuple[Effect, Effect]:
    """The read that looks for the row, and the insert; both in one function's own text, or one call."""
    places = {step.place for step in finding.story} | {finding.place}
    for operation in system.operations:
        if operation.symbol != finding.symbol or operation.place.path != finding.place.path:
            continue
        effects = [e for e in operation.own() if e.place in places and e.dataset in finding.datasets]
        read = next((e for e in effects if e.kind == Kind.READ), None)
        write = next((e for e in effects if e.kind == Kind.WRITE and e.verb == "insert"), None)
        if read is not None and write is not None:
            return read, write
        both = next((e for e in effects if e.verb == TAKES), None)
        if both is not None:
            return both, both
    raise Mistake(f"{finding.place}: the look and the insert do not stand in one function: no patch can be made")


def handed_on(read: Effect, files: Files) -> bool:
    """Whether a row is looked for by what somebody hands in as well (``**options``): a key over the rest would refuse
    rows that differ in that."""
    site = Draft(files.text(read.place.path) or "", read.place.path)
    begin, end = (
        site.offset(read.place.line, read.place.column),
        site.offset(read.place.end_line, read.place.end_column),
    )
    call: ast.AST = next((n for n in site.at.get((begin, end), ()) if isinstance(n, ast.Call)), site.tree)
    while isinstance(call, ast.Call | ast.Attribute):
        if isinstance(call, ast.Call) and any(k.arg is None for k in call.keywords):
            return True
        call = call.func if isinstance(call, ast.Call) else call.value
    return False


def repeated(read: Effect, write: Effect) -> bool:
    """Whether the insert stands in a loop that the look does not stand in."""
    looked = {s.number for s in read.scopes}
    return any(s.kind == "loop" and s.number not in looked for s in write.scopes)


def looked_for(read: Effect, write: Effect) -> tuple[str, ...]:
    """The columns of the key; none where the row is looked for in any other way than by what it is given."""
    asked = read.predicates
    given = {a.column for a in write.assigned} | {p.column for p in asked if write.verb == TAKES}
    # a key over a flag would refuse rows that are right once the first one has left its state
    flags = ("const:True", "const:False")
    plain = all(p.operator == "=" and p.column in given and p.value not in flags for p in asked)
    return tuple(dict.fromkeys(p.column for p in asked)) if plain else ()


def answered(site: Draft, write: Effect, table: Dataset, columns: tuple[str, ...], files: Files) -> Patch:
    """The key is there already: only its refusal is to be answered. Raises Refused."""
    parts = Parts(files)
    guarded(site, write, columns)
    parts.draft(site)
    return parts.patch(f"answer to the refusal of the unique key of {table.name} on {', '.join(columns)}")


# The insert -----------------------------------------------------------------------------------------------------------


def guarded(site: Draft, write: Effect, columns: tuple[str, ...]) -> None:
    """The insert goes into a savepoint, and the refusal of the key is answered: another run was faster, and its row is
    taken. Raises Refused where what the insert gives is used in another way than by a name."""
    call = site.find(write.place, ast.Call)
    statement = site.statement(call)
    if isinstance(site.function(statement), ast.AsyncFunctionDef):
        raise Refused
    taken = "pass  # another run was faster: its row is there"
    if isinstance(statement, ast.Assign) and write.technology == "django":
        taken = f"{instead(site, statement, call, columns)}  # another run was faster"
    elif not isinstance(statement, ast.Expr):
        raise Refused
    elif write.technology == "sqlalchemy":
        taken = there(site, statement, call, columns) or taken
    indent = site.indent(statement)
    opened, refusal = words(site, write, call)
    site.insert(site.starts[statement.lineno - 1], f"{indent}try:\n{indent}    with {opened}:\n")
    indent_more(site, [statement], 8)
    site.insert(site.behind(statement), f"{indent}except {refusal}:\n{indent}    {taken}\n")


def words(site: Draft, write: Effect, call: ast.Call) -> tuple[str, str]:
    """A savepoint, and the refusal of a key, in the words of the library."""
    if write.technology == "django":
        transaction = site.name("django.db", "transaction", call)
        return f"{transaction}.atomic()", site.name("django.db", "IntegrityError", call)
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "add":
        raise Refused
    refusal = site.name("sqlalchemy.exc", "IntegrityError", call)
    return f"{site.source(call.func.value)}.begin_nested()", refusal


def there(site: Draft, statement: ast.Expr, call: ast.Call, columns: tuple[str, ...]) -> str:
    """What takes the row that is there, where the new one is used further on; empty where it is not. Raises Refused."""
    row = call.args[0] if len(call.args) == 1 else None
    if not isinstance(row, ast.Name) or not isinstance(call.func, ast.Attribute):
        return ""
    names = [n for n in ast.walk(site.function(statement)) if isinstance(n, ast.Name) and n.id == row.id]
    if not any(isinstance(n.ctx, ast.Load) and site.start(n) > site.end(statement) for n in names):
        return ""
    before = [n for n in names if isinstance(n.ctx, ast.Store) and site.start(n) < site.start(statement)]
    made = site.parents[max(before, key=site.start)] if before else None
    value = made.value if isinstance(made, ast.Assign) else None
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name) or value.args:
        raise Refused
    given = {k.arg: k.value for k in value.keywords if k.arg}
    if not all(isinstance(given.get(c), ast.Name | ast.Attribute | ast.Constant) for c in columns):
        raise Refused
    indent = site.indent(statement) + "    "
    head = f"{row.id} = {site.source(call.func.value)}.query({site.source(value.func)}).filter_by"
    asked = call_text(head, [f"{c}={site.source(given[c])}" for c in columns], indent, site.width)
    return f"{asked}.one()"


def instead(site: Draft, statement: ast.Assign, call: ast.Call, columns: tuple[str, ...]) -> str:
    """``row = Row.objects.create(key=…, more=…)`` → ``row = Row.objects.get(key=…)``."""
    plain = statement.value is call and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)
    if not plain or not isinstance(call.func, ast.Attribute) or call.func.attr != "create" or call.args:
        raise Refused
    given = {k.arg: site.source(k.value) for k in call.keywords if k.arg}
    named = [next((n for n in (c, c.removesuffix("_id")) if n in given), "") for c in columns]
    if not all(named) or any("\n" in given[name] for name in named):
        raise Refused
    asked = ", ".join(f"{name}={given[name]}" for name in named)
    return f"{site.source(statement.targets[0])} = {site.source(call.func.value)}.get({asked})"


# Django ---------------------------------------------------------------------------------------------------------------


def for_django(site: Draft, write: Effect, table: Dataset, columns: tuple[str, ...], files: Files) -> Patch:
    app = layout.app_of(table)
    parts = Parts(files)
    if write.verb != TAKES:
        guarded(site, write, columns)
        parts.draft(site)
    model = table.model.rpartition(".")[2]
    assert table.place is not None
    draft = Draft(parts.after.get(table.place.path) or files.text(table.place.path) or "", table.place.path)
    mapped = layout.class_of(draft, model)
    fields = tuple(field_of(mapped, column) for column in columns)
    name = layout.named(f"{app.label}_{model.lower()}_{'_'.join(fields)}_key")
    listed = ", ".join(f'"{field}"' for field in fields)
    constraint = f'models.UniqueConstraint(fields=[{listed}], name="{name}")'
    if draft.known("django.db", "models", mapped) != "models":
        raise Refused
    layout.constrained(draft, mapped, constraint)
    parts.draft(draft)
    laid = layout.laid_out(draft, constraint, 12 * " ")
    known = {"model": model.lower(), "constraint": laid, "table": table.name, "columns": columns}
    known["loose"] = loose(table, columns)
    parts.migration(app, name, "unique/django_migration.py", **known)
    answer = "" if write.verb == TAKES else ", and let the second run go on"
    return parts.patch(f"give {table.name} a unique key on {', '.join(columns)}{answer}")


def loose(table: Dataset, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a key that may be null: rows in which one is are all different to it."""
    return tuple(c for c in columns if (column := table.column(c)) is not None and column.nullable)


def field_of(mapped: ast.ClassDef, column: str) -> str:
    """The field of a column: a relation's column has an ending that its field has not."""
    named = {t.id for s in mapped.body if isinstance(s, ast.Assign) for t in s.targets if isinstance(t, ast.Name)}
    for name in (column, column.removesuffix("_id")):
        if name in named:
            return name
    raise Refused  # a base class has it


# SQLAlchemy -----------------------------------------------------------------------------------------------------------


def for_sqlalchemy(site: Draft, write: Effect, table: Dataset, columns: tuple[str, ...], files: Files) -> Patch:
    parts = Parts(files)
    guarded(site, write, columns)
    parts.draft(site)
    assert table.place is not None
    path = table.place.path
    draft = Draft(parts.after.get(path) or files.text(path) or "", path)
    mapped = layout.class_of(draft, table.model.rpartition(".")[2])
    name = layout.named(f"{table.name.rpartition('.')[2]}_{'_'.join(columns)}_key")
    listed = ", ".join(f'"{column}"' for column in columns)
    unique = draft.name("sqlalchemy", "UniqueConstraint", mapped)
    layout.table_argument(draft, mapped, f'{unique}({listed}, name="{name}")')
    parts.draft(draft)
    known = {"name": name, "quoted": listed, "table": table.name, "columns": columns, "loose": loose(table, columns)}
    parts.alembic(name, "unique/alembic.py", **known)
    return parts.patch(f"give {table.name} a unique key on {', '.join(columns)}, and let the second run go on")
