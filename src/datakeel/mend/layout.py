"""Where a part of a pattern goes in a Django or SQLAlchemy project: its app, its models, its next migration."""

from __future__ import annotations

import ast
import re
from hashlib import blake2b

from msgspec import Struct

from datakeel.mend.patch import Files
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.read.languages.python.draft import Draft

NUMBER = re.compile(r"^(\d{4})_\w+\.py$")
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
        for name in re.findall(rf"\(\s*[\"']{app.label}[\"']\s*,\s*[\"'](\w+)[\"']\s*\)", text)
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


def appended(draft: Draft, text: str) -> None:
    """A class at the end of a file."""
    gap = "" if draft.text.endswith("\n") or not draft.text else "\n"
    draft.insert(len(draft.text), f"{gap}\n\n{text}")


def class_of(draft: Draft, name: str) -> ast.ClassDef:
    found = next((n for n in draft.tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if found is None:
        raise Mistake(f"{name} does not stand in {draft.path} by itself: no patch can be made")
    return found
