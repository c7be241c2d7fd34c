"""Asks each target that a design has use for, and puts what they give together."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from datakeel import naming
from datakeel.decision import Design
from datakeel.mistake import Mistake
from datakeel.write import targets
from datakeel.write.contribution import Contribution
from datakeel.write.formatting import formatted
from datakeel.write.project import MIGRATIONS, Project, project
from datakeel.write.written import base_of, state

COMMON = "service"  # the target that every project has: it names what the others give
CREATED = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)
ANSWERED = frozenset({"http-api"})  # by what every project has


class Target(Protocol):
    """A folder of `targets`: its module ``write`` has these. `ORDER`: of its migrations among the others'; `PARTS`: the
    patterns of a design that ask for it. It may have `BESIDE`: patterns that it writes where it is asked for anyway."""

    ORDER: int
    PARTS: frozenset[str]
    contribution: Callable[[Design], Contribution]


class Common(Protocol):
    files: Callable[[Design, tuple[Contribution, ...]], Contribution]


def write(design: Design) -> Project:
    """The project that a design asks for. The same design gives the same bytes."""
    refuse_unanswered(design)
    return completed(design, tuple(t.contribution(design) for t in wanted(design)))


def completed(design: Design, given: tuple[Contribution, ...]) -> Project:
    """The project of what targets gave: with what every project has, laid out, and with what it remembers of itself."""
    common = cast(Common, import_module(f"{targets.__name__}.{COMMON}.write")).files(design, given)
    made = project([file for part in (*given, common) for file in part.files])
    refuse_twins(made, naming.snake(design.requirements.name))
    files = formatted(made.files)
    whole = project((*files, state(design, files)))
    return project((*whole.files, base_of(whole)))


def refuse_twins(made: Project, package: str) -> None:
    """Raises Mistake where two things want a table of one name in one database: the user's events, and the store's."""
    there: dict[tuple[str, str], str] = {}
    for file in (f for f in made.files if f.path.startswith(MIGRATIONS) and f.path.endswith(".sql")):
        folder, _, step = file.path.rpartition("/")
        for table in CREATED.findall(file.text):
            if (folder, table) in there:
                raise Mistake(
                    f'two tables would be called "{table}": one for {there[folder, table]}, and one for {step}. Give '
                    f"what is yours another name, such as {package}_{table}"
                )
            there[folder, table] = step


def refuse_unanswered(design: Design) -> None:
    """Raises Mistake where a design asks for what nobody writes: half of a system is none."""
    answered = ANSWERED.union(*(t.PARTS | getattr(t, "BESIDE", frozenset()) for t in wanted(design)))
    missing = sorted(design.parts() - answered)
    if missing:
        raise Mistake(
            f"this version of datakeel decides about {', '.join(missing)}, but does not write it yet; "
            "`datakeel design` prints the decisions. To write the rest, take that construct out of the system.yaml"
        )


def wanted(design: Design) -> Iterator[Target]:
    return (target for target in known() if target.PARTS & design.parts())


@cache
def known() -> tuple[Target, ...]:
    names = sorted(m.name for m in pkgutil.iter_modules(targets.__path__) if m.ispkg and m.name != COMMON)
    found = [cast(Target, import_module(f"{targets.__name__}.{name}.write")) for name in names]
    return tuple(sorted(found, key=lambda t: t.ORDER))
