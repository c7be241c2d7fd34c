"""A project in memory: paths and texts; and the templates that it is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Struct

from datakeel import naming
from datakeel.write.prose import sql

EXECUTABLE = 0o755
MIGRATIONS = "migrations"


class File(Struct, frozen=True, order=True):
    """One file of a project, by its path from the project's folder, with ``/``."""

    path: str
    text: str
    executable: bool = False


class Project(Struct, frozen=True):
    """Files in the order of their paths; no two have one path."""

    files: tuple[File, ...]

    def text(self, path: str) -> str:
        return next(f.text for f in self.files if f.path == path)


def frozen(path: str) -> bool:
    """Whether a file is never rewritten: databases have run it already, or hold what it describes."""
    return path.startswith(f"{MIGRATIONS}/") or path.endswith(".avsc")


def project(files: Iterable[File]) -> Project:
    """The files as a project. Raises ValueError where two writers write one path."""
    by_path: dict[str, File] = {}
    for file in files:
        if file.path in by_path:
            raise ValueError(f"two writers write {file.path}")
        by_path[file.path] = file
    return Project(tuple(by_path[path] for path in sorted(by_path)))


def rendered(folder: Path, values: Mapping[str, object], names: Iterable[str] | None = None) -> Iterable[File]:
    """The files that the templates below a folder make: a template's path is the path of what it makes, less its ending
    ``.jinja``; ``[package]`` in it stands for the value of that name. `names`: only these templates."""
    environment = templates(folder)
    for name in sorted(environment.list_templates() if names is None else names):
        template = environment.get_template(name)
        path = name.removesuffix(".jinja")
        for key, value in values.items():
            path = path.replace(f"[{key}]", str(value))
        yield File(str(PurePosixPath(path)), template.render(values), executable=path.endswith(".sh"))


@cache
def templates(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # what is made is code; `naming` makes names in it safe
    )
    environment.filters |= {
        "snake": naming.snake,
        "pascal": naming.pascal,
        "kebab": naming.kebab,
        "plural": naming.plural,
        "words": naming.words,
        "column": naming.column,
        "sql": sql,
    }
    return environment
