"""A mutant: a project with one protection taken out. They stand in a table for each project."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from datakeel.write.project import File, Project

HERE = Path(__file__).parent


class Stale(Exception):
    """A mutant whose text is not in its project, or not just once: it would prove nothing."""


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In the one file of that path (a pattern), the text that stands there once becomes another."""

    file: str
    text: str
    becomes: str


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name`: what is wrong with it. `rule`: who should say so in a review; `silent`: why it does not, or why there is
    none; `missed`: what it does not see, and should. `killed_by`: the tests that should notice, the first to be run."""

    name: str
    edits: tuple[Edit, ...]
    killed_by: tuple[str, ...] = ()
    rule: str = ""
    silent: str = ""
    missed: str = ""


def mutants(seed: str) -> list[Mutant]:
    """Those of a seed, in the order of their table."""
    return tabled(HERE / f"{seed}.toml")


def tabled(table: Path) -> list[Mutant]:
    return msgspec.convert(tomllib.loads(table.read_text(encoding="utf-8"))["mutant"], list[Mutant])


def mutated(project: Project, mutant: Mutant) -> Project:
    """The project with the mutant's edits. Raises Stale."""
    for edit in mutant.edits:
        project = _edited(project, edit, mutant.name)
    return project


def _edited(project: Project, edit: Edit, name: str) -> Project:
    holding = [file for file in project.files if fnmatchcase(file.path, edit.file) and edit.text in file.text]
    if len(holding) != 1 or holding[0].text.count(edit.text) != 1:
        found = ", ".join(f"{file.path} ({file.text.count(edit.text)} times)" for file in holding) or "nowhere"
        raise Stale(f"{name}: what it changes in {edit.file} is to stand there once; it stands {found}:\n{edit.text}")
    (file,) = holding
    changed = File(file.path, file.text.replace(edit.text, edit.becomes), file.executable)
    return Project(tuple(changed if other is file else other for other in project.files))
