"""The files that a patch changes, and where in them a statement and its transaction stand."""

from __future__ import annotations

import ast

from datakeel.mend import layout
from datakeel.mend.patch import Files, Patch
from datakeel.mend.text import applied
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect
from datakeel.model.place import Place
from datakeel.naming import snake
from datakeel.patterns import part
from datakeel.read.languages.python.draft import Draft, Refused


class Parts:
    """The files that a patch changes."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.before: dict[str, str] = {}
        self.after: dict[str, str] = {}

    def new(self, path: str, text: str) -> None:
        if self.files.text(path) is not None:
            raise Mistake(f"{path} is there already: no patch is made over it")
        self.before[path], self.after[path] = "", text

    def draft(self, draft: Draft) -> None:
        self.before[draft.path] = self.before.get(draft.path, draft.text)
        self.after[draft.path] = applied(draft.text, draft.edits())
        try:
            ast.parse(self.after[draft.path])
        except SyntaxError:
            raise Refused from None

    def models(self, app: layout.App, name: str, model: str) -> None:
        """A model at the end of the app's models, or in a module of its own where they are a package."""
        path = app.within("models.py")
        text = self.after.get(path) or self.files.text(path)
        if text is None:
            whole = app.within("models/__init__.py")
            package = self.files.text(whole)
            if package is None:
                raise Mistake(f"{app.module} has neither models.py nor models/")
            module = snake(name)
            self.new(app.within(f"models/{module}.py"), f"from django.db import models\n\n\n{model}")
            self.before[whole] = package
            self.after[whole] = f"{package}from .{module} import {name}  # noqa: F401\n"
            return
        if f"class {name}(" in text:
            raise Mistake(f"{path} has a {name} already: use that")
        draft = Draft(text, path)
        if draft.name("django.db", "models", draft.tree.body[-1]) != "models":
            raise Refused
        layout.appended(draft, model)
        self.draft(draft)

    def mapped(self, table: Dataset, name: str, template: str, needed: tuple[str, ...]) -> None:
        """A class of SQLAlchemy behind the one that maps a table, in the manner of that one. `needed` are the names of
        the package that its template speaks of."""
        assert table.place is not None
        path = table.place.path
        text = self.text(path)
        if f"class {name}(" in text:
            raise Mistake(f"{path} has a {name} already: use that")
        draft = Draft(text, path)
        like = layout.class_of(draft, table.model.rpartition(".")[2])
        if not like.bases or not isinstance(like.bases[0], ast.Name | ast.Attribute):
            raise Refused
        whole = draft.known("", "sqlalchemy", like)
        for one in needed if whole is None else ():
            draft.add_import("sqlalchemy", one) if draft.known("sqlalchemy", one, like) is None else None
        if "mapped_column" in text:
            column = draft.name("sqlalchemy.orm", "mapped_column", like)
        else:
            column = f"{whole}.Column" if whole is not None else draft.name("sqlalchemy", "Column", like)
        known = {"base": draft.source(like.bases[0]), "column": column, "prefix": f"{whole}." if whole else ""}
        layout.appended(draft, part(template, **known))
        self.draft(draft)

    def text(self, path: str) -> str:
        """A file as it is by now."""
        text = self.after.get(path) or self.files.text(path)
        if text is None:
            raise Mistake(f"{path} cannot be changed")
        return text

    def alembic(self, name: str, template: str, /, **known: object) -> bool:
        """The next revision behind Alembic's head, where there is one; whether there is."""
        folder, head = layout.alembic(self.files)
        if head:
            revision = layout.revision(head, name)
            self.new(f"{folder}/{revision}_{name}.py", part(template, revision=revision, head=head, **known))
        return bool(head)

    def sql(self, path: str, name: str, template: str) -> None:
        """A table in the next of a folder's numbered files of SQL, or at the end of the file that makes another."""
        following = layout.next_sql(path, name, self.files)
        if following:
            return self.new(following, part(template))
        text = self.text(path)
        self.before[path] = self.before.get(path, text)
        self.after[path] = f"{text}{'' if text.endswith(chr(10)) else chr(10)}\n{part(template)}"

    def migration(self, app: layout.App, name: str, template: str, /, **known: object) -> None:
        """The next migration of an app, where it has any."""
        leaf, number = layout.migrated(app, self.files)
        if leaf:
            self.new(app.within(f"migrations/{number}_{name}.py"), part(template, label=app.label, leaf=leaf, **known))

    def patch(self, title: str) -> Patch:
        return Patch(title, self.before, {path: self.after[path] for path in sorted(self.after)})


# Statements -----------------------------------------------------------------------------------------------------------


def block_of(site: Draft, statement: ast.stmt) -> list[ast.stmt]:
    parent = site.parents[statement]
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block
    raise Refused


def atomic(site: Draft, block: ast.AST) -> bool:
    """Whether a block is a transaction: ``with transaction.atomic():``, ``with session.begin():``."""
    if not isinstance(block, ast.With):
        return False
    calls = (i.context_expr for i in block.items)
    return any(isinstance(c, ast.Call) and site.source(c.func).rpartition(".")[2] in ("atomic", "begin") for c in calls)


def held(site: Draft, statement: ast.stmt) -> bool:
    """Whether a statement stands in a transaction of its function."""
    for node in site.above(statement):
        if atomic(site, node):
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return any(site.source(d).rpartition(".")[2].startswith("atomic") for d in node.decorator_list)
    return False


def called(statement: ast.stmt) -> str:
    """The method that a statement calls."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""


def indented(site: Draft, at: ast.stmt, text: str) -> str:
    """A statement of several lines as it stands where another one does."""
    return text.replace("\n", "\n" + site.indent(at))


def session_of(site: Draft, at: ast.AST) -> str:
    """The session that the function writes with. Raises Refused where there are several."""
    calls = [n for n in ast.walk(site.function(at)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    for known in (("add", "add_all", "flush", "execute", "scalars", "begin"), ("commit",)):  # a consumer commits, too
        found = {site.source(c.func.value) for c in calls if c.func.attr in known}  # type: ignore[attr-defined]
        if len(found) == 1:
            return found.pop()
    raise Refused


def place_of(effect: Effect) -> Place:
    """Where an effect stands in the function's own text: a callee's is at its call."""
    return effect.chain[0] if effect.chain else effect.place


def spoken_before(site: Draft, name: str) -> bool:
    """Whether a file uses a name already."""
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(site.tree)) or site.hidden(
        name, site.tree.body[-1]
    )


def indent_more(site: Draft, statements: list[ast.stmt], columns: int) -> None:
    """Moves statements to the right. Raises Refused where a text over several lines would be moved too."""
    moved = [n for s in statements for n in ast.walk(s) if isinstance(n, ast.Constant | ast.JoinedStr)]
    if any(n.lineno != n.end_lineno for n in moved):
        raise Refused
    last = statements[-1].end_lineno or statements[-1].lineno
    for number in range(statements[0].lineno, last + 1):
        begin = site.starts[number - 1]
        end = site.starts[number] if number < len(site.starts) else len(site.text)
        if site.text[begin:end].strip():
            site.insert(begin, " " * columns)
