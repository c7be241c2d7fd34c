"""Where a part of a pattern goes in a Django or SQLAlchemy project: its app, its models, its next migration."""

from __future__ import annotations

import ast
import re
from hashlib import blake2b

from msgspec import Struct

from datakeel.mend.patch import Files
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.read.languages.python.draft import Draft, Refused, call_text

LONGEST = 60  # of a constraint's name: PostgreSQL keeps 63 bytes
NUMBER = re.compile(r"^(\d{4})_[\w-]+\.py$")
REVISION = re.compile(r"^revision(?:\s*:\s*[\w.]+)?\s*=\s*[\"']([^\"']+)[\"']", re.M)
REVISES = re.compile(r"^down_revision(?:\s*:[^=]+)?\s*=\s*(.+)$", re.M)


class App(Struct, frozen=True):
    """A Django app: its dotted module, its folder, its label."""

    module: str
    folder: str
    label: str

    def within(self, path: str) -> str:
        return f"{self.folder}/{path}" if self.folder else path


def app_of(table: Dataset) -> App:
    """The app whose models hold a table. Raises Mistake where that is not plain."""
    module = table.model.rpartition(".")[0]
    name, _, rest = module.partition(".models")
    path = table.place.path if table.place is not None else ""
    folder, found, _ = path.rpartition("/models.py" if not rest else "/models/")
    if not found or not name:
        raise Mistake(f"{table.model or table.name} stands in no app's models: no patch can find its place")
    return App(name, folder, name.rpartition(".")[2])


def migrated(app: App, files: Files) -> tuple[str, str]:
    """The last migration of an app, and the number of the next; both empty where the app has no migrations. Raises
    Mistake where there are two ends."""
    paths = [p for p in files.below(app.within("migrations")) if NUMBER.match(p.rpartition("/")[2])]
    if not paths:
        return "", ""
    texts = {p.rpartition("/")[2][:-3]: files.text(p) or "" for p in paths}
    asked = {
        name
        for text in texts.values()
        for name in re.findall(rf"\(\s*[\"']{app.label}[\"']\s*,\s*[\"']([\w-]+)[\"']\s*,?\s*\)", text)
    }
    ends = sorted(set(texts) - asked)
    if len(ends) != 1:
        raise Mistake(f"the migrations of {app.label} have several ends ({', '.join(ends)}): merge them first")
    return ends[0], f"{int(ends[0][:4]) + 1:04}"


def alembic(files: Files) -> tuple[str, str]:
    """The folder of Alembic's versions and its head; both empty where there is none. Raises Mistake for two heads."""
    found = [(p, t) for p in files.below("") if "/versions/" in f"/{p}" and p.endswith(".py") and (t := files.text(p))]
    known = {m[1]: (p, REVISES.search(t)) for p, t in found if (m := REVISION.search(t))}
    asked = {
        name for _, revises in known.values() if revises for name in re.findall(r"[\"']([^\"']+)[\"']", revises[1])
    }
    heads = sorted(set(known) - asked)
    if len(heads) > 1:
        raise Mistake(f"Alembic has several heads ({', '.join(heads)}): merge them first")
    return (known[heads[0]][0].rpartition("/")[0], heads[0]) if heads else ("", "")


def revision(head: str, name: str) -> str:
    """A revision that is the same in every run."""
    return blake2b(f"{head} {name}".encode(), digest_size=6).hexdigest()


def sql_of(table: Dataset, files: Files) -> str:
    """The file of SQL that makes a table; empty where there is none."""
    name = re.escape(table.name.rpartition(".")[2])
    made = re.compile(rf"(?i)\bcreate\s+table\s+(if\s+not\s+exists\s+)?[\w.\"]*\b{name}\b")
    return next((p for p in files.below("") if p.endswith(".sql") and made.search(files.text(p) or "")), "")


def next_sql(path: str, name: str, files: Files) -> str:
    """The file of SQL behind the last of those with numbers that stand with another; empty where it has none."""
    folder, _, own = path.rpartition("/")
    numbered = re.compile(r"^(V?)(\d+)(_+)[\w-]+\.sql$")
    found = [
        m for p in files.below(folder) if p.rpartition("/")[0] == folder and (m := numbered.match(p.rpartition("/")[2]))
    ]
    if not numbered.match(own):
        return ""
    last = max(found, key=lambda m: int(m[2]))
    number = f"{int(last[2]) + 1:0{len(last[2])}}"
    return f"{folder}/{last[1]}{number}{last[3]}{name}.sql" if folder else f"{last[1]}{number}{last[3]}{name}.sql"


def appended(draft: Draft, text: str) -> None:
    """A class at the end of a file."""
    gap = "" if draft.text.endswith("\n") or not draft.text else "\n"
    draft.insert(len(draft.text), f"{gap}\n\n{text}")


def class_of(draft: Draft, name: str) -> ast.ClassDef:
    found = next((n for n in draft.tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if found is None:
        raise Mistake(f"{name} does not stand in {draft.path} by itself: no patch can be made")
    return found


def constrained(draft: Draft, mapped: ast.ClassDef, constraint: str) -> None:
    """Puts a constraint into a model's Meta."""
    meta = next((n for n in mapped.body if isinstance(n, ast.ClassDef) and n.name == "Meta"), None)
    indent = draft.indent(mapped.body[0])
    constraint = laid_out(draft, constraint, f"{indent}        ")
    if meta is None:
        fields = [n for n in mapped.body if isinstance(n, ast.Assign | ast.AnnAssign)]
        text = f"\n{indent}class Meta:\n{indent}    constraints = [\n{indent}        {constraint},\n{indent}    ]\n"
        return draft.insert(draft.behind(fields[-1]), text)
    own = [s for s in meta.body if isinstance(s, ast.Assign) and draft.source(s.targets[0]) == "constraints"]
    inner = draft.indent(meta.body[0])
    if not own:
        text = f"{inner}constraints = [\n{inner}    {constraint},\n{inner}]\n"
        return draft.insert(draft.behind(meta.body[-1]), text)
    listed = own[0].value
    if not isinstance(listed, ast.List | ast.Tuple) or not listed.elts:
        raise Refused
    first = listed.elts[0]
    gap = "\n" + draft.before(first) if not draft.before(first).strip() else " "
    return draft.insert(draft.start(first), f"{constraint},{gap}")


def named(name: str) -> str:
    """A constraint's name, as far as a database keeps it."""
    return name[:LONGEST].rstrip("_")


def laid_out(draft: Draft, code: str, indent: str) -> str:
    """A call as this file would have it, at the beginning of a line of its own."""
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    items = [ast.get_source_segment(code, a) or "" for a in call.args]
    items += [f"{k.arg}={ast.get_source_segment(code, k.value)}" for k in call.keywords]
    head = ast.get_source_segment(code, call.func) or ""
    return call_text(head, [draft.quoted(i) for i in items], indent, draft.width - 1)


def table_argument(draft: Draft, mapped: ast.ClassDef, argument: str) -> None:
    """Puts a constraint among the arguments of a table of SQLAlchemy."""
    argument = draft.quoted(argument)
    own = {draft.source(s.targets[0]): s for s in mapped.body if isinstance(s, ast.Assign)}
    taken, tabled = own.get("__table_args__"), own.get("__tablename__")
    if taken is None:
        if tabled is None:
            raise Refused
        indent = draft.indent(tabled)
        line = f"{indent}__table_args__ = ({argument},)"
        if not draft.fits(line):
            laid = laid_out(draft, argument, f"{indent}    ")
            line = f"{indent}__table_args__ = (\n{indent}    {laid},\n{indent})"
        return draft.insert(draft.behind(tabled), f"{line}\n")
    if not isinstance(taken.value, ast.Tuple) or not taken.value.elts:
        raise Refused
    first = taken.value.elts[0]
    gap = "\n" + draft.before(first) if not draft.before(first).strip() else " "
    return draft.insert(draft.start(first), f"{argument},{gap}")
