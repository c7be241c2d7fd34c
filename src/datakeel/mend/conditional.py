"""A conditional update: test and change in one statement whose row count decides, and the constraint behind it."""

from __future__ import annotations

import ast
import re

from msgspec import Struct
from msgspec.structs import replace

from datakeel.finding import Finding
from datakeel.mend import layout
from datakeel.mend.guarded import Guarded, guarded, invariant
from datakeel.mend.parts import Parts, block_of, held, indent_more, place_of, session_of, spoken_before
from datakeel.mend.patch import Files, Patch
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.read.languages.python.draft import Draft, Refused, call_text

RULES = ("lost-update", "unguarded-state-transition")
MOST_STATES = 12
LOOKUPS = {"==": "", "<": "__lt", "<=": "__lte", ">": "__gt", ">=": "__gte", "in": "__in"}
OLD_NAME = re.compile(r"CheckConstraint\(\s*check=")
OLD_DJANGO = re.compile(r"(?i)^[^#\n]*\bdjango[\"' ]*[=~<>!]=?[\"' ]*(?:[1-4]\.|5\.0)", re.M)
SIGNALS = re.compile(r"\b(pre|post)_save\b")


def patch(finding: Finding, system: System, files: Files) -> Patch:
    """Raises Mistake where the test, the change or the place of a part is not plain."""
    operation, write, table = found(finding, system)
    text = files.text(operation.place.path)
    if text is None or table.place is None or write.technology not in ("django", "sqlalchemy"):
        raise Mistake(f"there is a conditional update for Django and for SQLAlchemy, and none for {write.technology}")
    parts = Parts(files)
    site = Draft(text, operation.place.path)
    try:
        column = changed_column(operation, write)
        offset = site.offset(place_of(write).line, place_of(write).column)
        function = function_at(site, offset)
        change = guarded(site, function, column, offset)
        if write.technology == "django":
            return for_django(site, change, table, parts, system)
        return for_sqlalchemy(site, change, table, parts)
    except Refused:
        raise Mistake(f"{finding.place}: the test, or the change, is not plain enough for a patch") from None


def found(finding: Finding, system: System) -> tuple[Operation, Effect, Dataset]:
    for operation in system.operations:
        if operation.symbol == finding.symbol and operation.place.path == finding.place.path:
            places = {step.place for step in finding.story} | {finding.place}
            for write in operation.of(Kind.WRITE):
                table = system.dataset_of(write)
                if table is not None and write.own and write.dataset in finding.datasets and write.place in places:
                    return operation, write, table
    raise Mistake(f"{finding.place}: the row is not written in this function's own text: no patch can be made")


def changed_column(operation: Operation, write: Effect) -> str:
    """The column that is tested and changed."""
    tested = {s.path[-1] for g in write.guards for s in g.sources if s.path}
    found = [a.column for a in write.assigned if a.column in tested]
    if not found:
        raise Refused
    return found[0]


def function_at(site: Draft, offset: int) -> ast.AST:
    functions = [
        n
        for n in ast.walk(site.tree)
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and site.start(n) <= offset < site.end(n)
    ]
    if not functions:
        raise Refused
    return max(functions, key=site.start)


class Gone(Struct, frozen=True):
    """The statements that an update takes the place of; `moved`: what is left goes into a transaction of its own."""

    statements: tuple[ast.stmt, ...]
    moved: bool = False


def gone_with(change: Guarded, *saving: ast.stmt) -> Gone:
    return Gone((change.setting, *(s for _, s, _ in change.others), *saving))


def put(site: Draft, change: Guarded, gone: Gone, update: str, decides: tuple[str, str], behind: str) -> None:
    """Puts the update where the test stands, and lets its row count decide. `decides` says that no row, or that one was
    changed; `behind` is what follows the update."""
    test, body = change.test, change.test.body
    missed, done = decides
    indent = site.indent(test)
    deeper = "    " if gone.moved else ""
    site.insert(site.start(test), f"{update}\n{indent}{deeper}")
    site.replace(site.start(test.test), site.end(test.test), missed if change.leaving else done)
    if change.leaving and behind:
        site.insert(site.behind(test), f"{indent}{deeper}{behind}\n")
    elif not change.leaving and (behind or all(s in gone.statements for s in body)):
        site.insert(site.starts[body[0].lineno - 1], f"{site.indent(body[0])}{behind or 'pass'}\n")
    for one in gone.statements:
        site.replace(site.starts[one.lineno - 1], site.behind(one), "")


def looked_at(site: Draft, change: Guarded, gone: Gone) -> bool:
    """Whether the row is looked at behind the update in another way than by its key: also by whoever handed it over.
    Raises Refused where what is set rests on what stands between."""
    function = site.function(change.test)
    begin = site.start(change.test)
    made = {
        n.id
        for n in ast.walk(function)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and begin < site.start(n) < site.end(change.setting)
    }
    if any(isinstance(n, ast.Name) and n.id in made for s in gone.statements for n in ast.walk(s)):
        raise Refused
    if any(isinstance(n, ast.arg) for n in site.binders(function, change.row)):
        return True
    uses = (n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == change.row)
    return any(begin < site.start(n) and not aside(site, n, change, gone) for n in uses)


def aside(site: Draft, use: ast.Name, change: Guarded, gone: Gone) -> bool:
    """Whether a row is spoken of where it makes no difference what it holds: in what goes, by its key, as what another
    row refers to."""
    above, parent = list(site.above(use)), site.parents[use]
    if change.test.test in (use, *above) or any(s in above for s in gone.statements):
        return True
    if isinstance(parent, ast.Attribute):
        return parent.attr in ("pk", "id")
    return isinstance(parent, ast.keyword) and makes_row(site.parents[parent])


def makes_row(call: ast.AST) -> bool:
    if not isinstance(call, ast.Call):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in ("create", "get_or_create", "filter", "update_or_create") or name[:1].isupper()


def fresh(site: Draft, names: tuple[str, ...]) -> str:
    return next((n for n in names if not spoken_before(site, n)), names[-1])


# Django ---------------------------------------------------------------------------------------------------------------


def for_django(site: Draft, change: Guarded, table: Dataset, parts: Parts, system: System) -> Patch:
    at, indent = change.test, site.indent(change.test)
    if isinstance(site.function(at), ast.AsyncFunctionDef):
        raise Refused
    app = layout.app_of(table)
    module, _, own = table.model.rpartition(".")
    unsaved(layout.class_of(models_of(site, table, parts), own), own, parts.files)
    model = own if table.place is not None and site.path == table.place.path else site.name(module, own, at)
    saving = saved(site, change)
    gone = gone_with(change, saving)
    behind = f"{change.row}.refresh_from_db()" if looked_at(site, change, gone) else ""
    if change.leaving and not held(site, at) and between(site, change, saving, gone):
        gone = replace(gone, moved=True)
        site.insert(site.starts[at.lineno - 1], f"{indent}with {site.name('django.db', 'transaction', at)}.atomic():\n")
        block = block_of(site, at)
        stretch = block[block.index(at) : block.index(saving) + 1]
        indent_more(site, [s for s in stretch if s not in gone.statements], 4)
    changed = fresh(site, ("changed", "updated"))
    head = f"{changed} = {query(site, model, change)}.update"
    inner = f"{indent}    " if gone.moved else indent
    update = call_text(head, values(site, change, table), inner, site.width)
    put(site, change, gone, update, (f"not {changed}", changed), behind)
    parts.draft(site)
    return parts.patch(title(table, change, constrained(app, own, table, change, parts, system)))


def query(site: Draft, model: str, change: Guarded) -> str:
    asked = f"pk={change.row}.pk", asked_of(site, change)
    if change.condition.sign in ("!=", "is not"):
        return f"{model}.objects.filter({asked[0]}).exclude({asked[1]})"
    return f"{model}.objects.filter({', '.join(asked)})"


def values(site: Draft, change: Guarded, table: Dataset) -> list[str]:
    """What is set, with what a save would set by itself."""
    others = {name: text for name, _, text in change.others}
    renewed = [c.name for c in table.schema.columns if c.renewed and c.name not in others]
    now = f"{site.name('django.utils', 'timezone', change.test)}.now()" if renewed else ""
    return [
        value_of(site, change),
        *(f"{name}={text}" for name, text in others.items()),
        *(f"{name}={now}" for name in renewed),
    ]


def models_of(site: Draft, table: Dataset, parts: Parts) -> Draft:
    assert table.place is not None
    return site if site.path == table.place.path else Draft(parts.text(table.place.path), table.place.path)


def unsaved(mapped: ast.ClassDef, model: str, files: Files) -> None:
    """Raises Mistake where a save does more than the statement: a method of the model's own, or a signal."""
    if any(isinstance(n, ast.FunctionDef) and n.name == "save" for n in mapped.body):
        raise Mistake(f"{model} has a save() of its own, which an update in the database would go past")
    for path in files.below(""):
        text = (files.text(path) or "") if path.endswith(".py") else ""
        if SIGNALS.search(text) and model in text:
            raise Mistake(f"{path} listens to what is saved of {model}, which an update in the database would go past")


def saved(site: Draft, change: Guarded) -> ast.stmt:
    """The only save of the row, behind the change in its block."""
    block = block_of(site, change.setting)
    saves = [
        n
        for n in ast.walk(site.function(change.test))
        if isinstance(n, ast.Call) and site.source(n.func) == f"{change.row}.save"
    ]
    if len(saves) != 1 or not isinstance(site.parents[saves[0]], ast.Expr):
        raise Refused
    statement = site.statement(saves[0])
    if statement not in block or block.index(statement) < block.index(change.setting):
        raise Refused
    return statement


def between(site: Draft, change: Guarded, saving: ast.stmt, gone: Gone) -> bool:
    """Whether something is done between the test and the save: it stands or falls with the change."""
    block = block_of(site, change.test)
    stretch = block[block.index(change.test) + 1 : block.index(saving)]
    return any(s not in gone.statements for s in stretch)


def asked_of(site: Draft, change: Guarded) -> str:
    condition, column = change.condition, change.column
    if condition.sign == "truth":
        return f"{column}={condition.bound}"
    if condition.sign in ("is", "is not"):
        return f"{column}__isnull=True"
    bound = condition.bound
    if condition.own:
        bound = f"{site.name('django.db.models', 'F', change.test)}({site.string(condition.own)})"
    if condition.shift:
        sign, amount = condition.shift[0], condition.shift[2:]
        bound = amount if bound == "0" and sign == "-" else f"{bound} {'-' if sign == '+' else '+'} {amount}"
    return f"{column}{LOOKUPS.get(condition.sign, '')}={bound}"


def value_of(site: Draft, change: Guarded) -> str:
    if not change.change:
        return f"{change.column}={change.value}"
    stored = f"{site.name('django.db.models', 'F', change.test)}({site.string(change.column)})"
    return f"{change.column}={stored} {change.change}"


def constrained(app: layout.App, model: str, table: Dataset, change: Guarded, parts: Parts, system: System) -> str:
    """The constraint behind what was tested, where there is none yet; gives its condition, or nothing."""
    assert table.place is not None
    draft = Draft(parts.text(table.place.path), table.place.path)
    mapped = layout.class_of(draft, model)
    held_by, allowed = invariant(change), states(draft, mapped, change.column)
    if checked(table, change.column) or not (held_by or (allowed and kept_to(table, change.column, allowed, system))):
        return ""
    if draft.known("django.db", "models", mapped) != "models":
        raise Refused
    if held_by is not None:
        sign, bound = held_by
        right = bound if bound.lstrip("-").isdigit() else f'models.F("{bound}")'
        asked, text = f"{LOOKUPS[sign]}={right}", f"{change.column} {sign} {bound}"
    else:
        asked = "__in=[" + ", ".join(f'"{s}"' for s in allowed) + "]"
        text = f"{change.column} IN ({', '.join(map(repr, allowed))})"
    name = layout.named(f"{app.label}_{model.lower()}_{change.column}_check")
    keyword = "check" if old_django(parts.files) else "condition"
    constraint = f'models.CheckConstraint({keyword}=models.Q({change.column}{asked}), name="{name}")'
    layout.constrained(draft, mapped, constraint)
    parts.draft(draft)
    laid = layout.laid_out(draft, constraint, 12 * " ")
    known = {"model": model.lower(), "constraint": laid, "table": table.name, "condition": text}
    parts.migration(app, name, "conditional/django_migration.py", **known)
    return text


def states(draft: Draft, mapped: ast.ClassDef, column: str) -> tuple[str, ...]:
    """What a field says that its column may hold, where the file spells it out; empty where it does not."""
    assigned = (s for s in mapped.body if isinstance(s, ast.Assign) and draft.source(s.targets[0]) == column)
    field = next((s.value for s in assigned if isinstance(s.value, ast.Call)), None)
    if field is None:
        return ()
    given = {k.arg: k.value for k in field.keywords}
    blank = given.get("blank")
    spelt = choices(draft, mapped, given["choices"]) if "choices" in given else ()
    empty = ("",) if spelt and isinstance(blank, ast.Constant) and blank.value is True else ()
    return tuple(dict.fromkeys((*spelt, *empty))) if len(spelt) <= MOST_STATES else ()


def choices(draft: Draft, mapped: ast.ClassDef, said: ast.expr) -> tuple[str, ...]:
    """The values of ``Status.choices``, or of pairs in a list; empty where one of them is not a text of this file."""
    bodies = (mapped.body, draft.tree.body)
    if isinstance(said, ast.Attribute) and said.attr == "choices":
        name = draft.source(said.value).rpartition(".")[2]
        own = next((n for b in bodies for n in b if isinstance(n, ast.ClassDef) and n.name == name), None)
        members = [s.value for s in own.body if isinstance(s, ast.Assign)] if own is not None else []
        first = [m.elts[0] if isinstance(m, ast.Tuple) and m.elts else m for m in members]
    else:
        listed = value_named(draft, bodies, said)
        pairs = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
        if not all(isinstance(p, ast.List | ast.Tuple) and len(p.elts) == 2 for p in pairs):
            return ()
        first = [value_named(draft, bodies, p.elts[0]) for p in pairs]  # type: ignore[attr-defined]
    texts = [n.value for n in first if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    plain = len(texts) == len(first) and not any(set(t) & set("\"'\\") for t in texts)
    return tuple(texts) if plain else ()


def value_named(draft: Draft, bodies: tuple[list[ast.stmt], ...], said: ast.expr) -> ast.expr:
    """What a name of the class, or of the module, is given, where it is given one thing."""
    if not isinstance(said, ast.Name):
        return said
    found = [s.value for b in bodies for s in b if isinstance(s, ast.Assign) and draft.source(s.targets[0]) == said.id]
    return found[0] if len(found) == 1 else said


def kept_to(table: Dataset, column: str, allowed: tuple[str, ...], system: System) -> bool:
    """Whether no write of the column is seen to set anything else."""
    writes = (e for o in system.operations for e in o.of(Kind.WRITE) if system.dataset_of(e) is table)
    set_to = {
        a.text.removeprefix("const:") for e in writes for a in e.assigned if (a.column, a.how) == (column, "constant")
    }
    return set_to <= {*map(repr, allowed), "None", ""}


def old_django(files: Files) -> bool:
    """Whether the project's Django calls a constraint's condition `check`, as it did before 5.1."""
    texts = [
        t for p in files.below("") if p.endswith(("models.py", "/models")) or "/models/" in p if (t := files.text(p))
    ]
    if any(OLD_NAME.search(t) for t in texts):
        return True
    pins = (files.text(n) or "" for n in ("requirements.txt", "requirements/base.txt", "pyproject.toml", "Pipfile"))
    return any(OLD_DJANGO.search(p) for p in pins)


def checked(table: Dataset, column: str) -> bool:
    return any(c.kind == "check" and re.search(rf"\b{column}\b", c.text) for c in table.schema.constraints)


def title(table: Dataset, change: Guarded, constraint: str) -> str:
    behind = f", and let the table refuse what breaks {constraint}" if constraint else ""
    return f"change {table.name}.{change.column} only where it still is what was tested{behind}"


# SQLAlchemy -----------------------------------------------------------------------------------------------------------


def for_sqlalchemy(site: Draft, change: Guarded, table: Dataset, parts: Parts) -> Patch:
    assert table.place is not None
    at = change.test
    key = table.schema.primary_key()
    if len(key) != 1:
        raise Refused
    module, _, own = table.model.rpartition(".")
    model = own if site.path == table.place.path else site.name(module, own, at)
    gone = gone_with(change)
    looked_at(site, change, gone)
    session = session_of(site, at)
    asked = [f"{model}.{key[0]} == {change.row}.{key[0]}", asked_by(model, change)]
    new = f"{model}.{change.column} {change.change}" if change.change else change.value
    given = [f"{change.column}={new}", *(f"{name}={text}" for name, _, text in change.others)]
    indent = site.indent(at)
    waited = "await " if isinstance(site.function(at), ast.AsyncFunctionDef) else ""
    changed = fresh(site, ("changed", "updated"))
    update = (
        f"{changed} = {waited}{session}.execute(\n"
        f"{indent}    {site.name('sqlalchemy', 'update', at)}({model})\n"
        f"{indent}    {call_text('.where', asked, indent + '    ', site.width)}\n"
        f"{indent}    {call_text('.values', given, indent + '    ', site.width)}\n{indent})"
    )
    put(site, change, gone, update, (f"{changed}.rowcount == 0", f"{changed}.rowcount"), "")
    parts.draft(site)
    return parts.patch(title(table, change, constrained_by_table(own, table, change, parts)))


def asked_by(model: str, change: Guarded) -> str:
    condition, column = change.condition, f"{model}.{change.column}"
    if condition.sign == "truth":
        return f"{column}.is_({condition.bound})"
    if condition.sign in ("is", "is not"):
        return f"{column}.{'is_not' if condition.sign == 'is not' else 'is_'}(None)"
    if condition.sign == "in":
        return f"{column}.in_({condition.bound})"
    bound = f"{model}.{condition.own}" if condition.own else condition.bound
    left = f"{column} {condition.shift}" if condition.shift else column
    return f"{left} {condition.sign} {bound}"


def constrained_by_table(model: str, table: Dataset, change: Guarded, parts: Parts) -> str:
    assert table.place is not None
    held_by = invariant(change)
    if held_by is None or checked(table, change.column):
        return ""
    condition = f"{change.column} {held_by[0]} {held_by[1]}"
    draft = Draft(parts.text(table.place.path), table.place.path)
    mapped = layout.class_of(draft, model)
    name = layout.named(f"{table.name.rpartition('.')[2]}_{change.column}_check")
    check = draft.name("sqlalchemy", "CheckConstraint", mapped)
    layout.table_argument(draft, mapped, f'{check}("{condition}", name="{name}")')
    parts.draft(draft)
    parts.alembic(name, "conditional/alembic.py", name=name, table=table.name, condition=condition)
    return condition
