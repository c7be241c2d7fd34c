"""The rules, as a table by category or as JSON; and the strengths."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import msgspec
from msgspec import Struct
from rich.text import Text

from datakeel.finding import Severity
from datakeel.show.output import Paper
from datakeel.show.sources import Sources
from datakeel.show.terminal import COLOURS, Page


class Entry(Struct, frozen=True):
    """One rule as the catalogue shows it; `why` is the first paragraph of its page."""

    rule: str
    category: str
    severity: Severity
    pillar: str
    pattern: str
    why: str


class Praised(Struct, frozen=True):
    """One strength as the catalogue shows it; `why` is the first paragraph of its page."""

    strength: str
    category: str
    pillar: str
    pattern: str
    why: str


def render(entries: Iterable[Entry], paper: Paper) -> str:
    """The entries in their given order, under a heading for each category."""
    entries = tuple(entries)
    page = Page(Sources(), paper)
    wide = max((len(entry.rule) for entry in entries), default=0)
    for number, (category, group) in enumerate(groupby(entries, key=lambda entry: entry.category)):
        page.lines([Text()] * bool(number))
        page.lines([Text(category, "bold")])
        page.lines(row(entry, wide, page) for entry in group)
    return page.text()


def row(entry: Entry, wide: int, page: Page) -> Text:
    pattern = page.cut(entry.pattern, max(page.paper.width - wide - 16, 10))
    severity = Text(f"{entry.severity.word:<10}", COLOURS[entry.severity])
    return Text(f"  {entry.rule:<{wide}}  ") + severity + Text(f"  {pattern}", "dim")


def render_json(entries: Iterable[Entry]) -> str:
    rows = [msgspec.structs.asdict(entry) | {"severity": entry.severity.word} for entry in entries]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"


def render_praised(entries: Iterable[Praised], paper: Paper) -> str:
    """The strengths in their given order, under one heading."""
    entries = tuple(entries)
    page = Page(Sources(), paper)
    wide = max((len(entry.strength) for entry in entries), default=0)
    page.lines([Text("strengths", "bold")])
    for entry in entries:
        pattern = page.cut(entry.pattern, max(page.paper.width - wide - 21, 10))
        page.lines([Text(f"  {entry.strength:<{wide}}  {entry.pillar:<15}") + Text(f"  {pattern}", "dim")])
    return page.text()


def praised_json(entries: Iterable[Praised]) -> str:
    rows = [msgspec.structs.asdict(entry) for entry in entries]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"
