"""The pattern catalogue: one table a chapter, and what to ask at each step of a review; checked as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import msgspec
from msgspec import Struct

HERE = Path(__file__).parent
CHAPTERS = HERE / "chapters"
STEPS = HERE / "steps.toml"

Table = TypeVar("Table")


class Pattern(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cure. `what` it is; when to `use` it, and where not (`avoid`); what it `cost`s and how it `fails`. `step`: of
    the review, where its absence shows. `technologies`: which product has it, by what means. `rules` speak where it
    lacks or is misused, `strengths` where it is there. `written`: targets of ``generate`` that write it; `parts`: the
    folder beside this file with what ``datakeel fix`` writes of it."""

    title: str
    step: str
    what: str
    use: str
    avoid: str
    cost: str
    fails: str
    technologies: dict[str, str] = {}
    rules: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    parts: str = ""

    @property
    def prose(self) -> tuple[tuple[str, str], ...]:
        """What is said of it, each with its heading."""
        return (
            ("What", self.what),
            ("When", self.use),
            ("Limits", self.avoid),
            ("Costs", self.cost),
            ("Fails", self.fails),
        )


class Chapter(Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    title: str
    patterns: dict[str, Pattern]


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """A step of a review: its question, and what to ask that code alone does not tell."""

    question: str
    ask: tuple[str, ...]


@cache
def chapters() -> tuple[Chapter, ...]:
    """Every chapter, in the order of its number. Raises ValueError where a table is wrong."""
    found = (read(path, Chapter) for path in sorted(CHAPTERS.glob("*.toml")))
    return tuple(sorted(found, key=lambda chapter: chapter.number))


@cache
def known() -> Mapping[str, Pattern]:
    """Every pattern by its name. Raises ValueError where two chapters have one of the same name."""
    named = [entry for chapter in chapters() for entry in chapter.patterns.items()]
    if len(dict(named)) < len(named):
        raise ValueError("two patterns have one name")
    return MappingProxyType(dict(named))


@cache
def steps() -> Mapping[str, Step]:
    """Every step of a review, in its order."""
    return MappingProxyType(read(STEPS, dict[str, Step]))


def read(path: Path, kind: type[Table]) -> Table:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path.name}: {error}") from error
