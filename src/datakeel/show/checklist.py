"""The review checklist by step: what to ask, the red flags (what the rules look for), and the patterns of the step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct
from rich.text import Text

from datakeel.finding import Severity
from datakeel.patterns.catalogue import Step
from datakeel.show.output import Paper
from datakeel.show.sources import Sources
from datakeel.show.terminal import COLOURS, Page

PREFACE = """\
# Checklist of a review

Ten steps, in their order. The questions are for people: code alone does not tell their answers. The red flags are what
the rules of `datakeel review` look for, most severe first; `datakeel explain RULE` shows the page of one. The patterns
are those of [the catalogue](patterns.md). This page is what `datakeel checklist --format markdown` prints.
"""


class Flag(Struct, frozen=True):
    """What a rule looks for: `says` is the first sentence of its function, `cure` the pattern of its page."""

    rule: str
    severity: Severity
    says: str
    cure: str


class Part(Struct, frozen=True):
    """One step with all that belongs to it; `patterns` are names of the catalogue."""

    name: str
    step: Step
    flags: tuple[Flag, ...]
    patterns: tuple[str, ...]


def render(parts: Iterable[Part], paper: Paper) -> str:
    page = Page(Sources(), paper)
    for number, part in enumerate(parts, 1):
        page.lines([Text()] * (number > 1))
        page.lines(page.wrapped(Text(f"{number}. {part.name}: {part.step.question}", "bold"), ""))
        for question in part.step.ask:
            page.lines(page.wrapped(Text(question), "  [ ] ", "      "))
        page.lines(line for flag in part.flags for line in told(flag, page))
        page.lines(page.note("patterns", Text(", ".join(part.patterns), "green")))
    return page.text()


def told(flag: Flag, page: Page) -> Iterator[Text]:
    head = Text(flag.rule, COLOURS[flag.severity]) + Text(f" ({flag.severity.word}): ", "dim")
    yield from page.wrapped(head + Text(flag.says), "  ! ", "    ")


def markdown(parts: Iterable[Part]) -> str:
    blocks = [PREFACE.rstrip()]
    for number, part in enumerate(parts, 1):
        blocks.append(f"## {number}. {part.name.capitalize()}\n\n{part.step.question}")
        blocks.append("\n".join(f"- [ ] {question}" for question in part.step.ask))
        blocks.append("Red flags:")
        blocks.append("\n".join(f"- `{f.rule}` ({f.severity.word}): {f.says} *Cure:* {f.cure}." for f in part.flags))
        blocks.append(f"Patterns: {', '.join(part.patterns)}.")
    return "\n\n".join(blocks) + "\n"


def render_json(parts: Iterable[Part]) -> str:
    rows = [
        {
            "step": part.name,
            "question": part.step.question,
            "ask": part.step.ask,
            "red_flags": [msgspec.structs.asdict(flag) | {"severity": flag.severity.word} for flag in part.flags],
            "patterns": part.patterns,
        }
        for part in parts
    ]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"
