"""The pattern catalogue: at a terminal, as one Markdown page, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from rich.text import Text

from datakeel.patterns.catalogue import Chapter, Pattern
from datakeel.show.output import Paper
from datakeel.show.sources import Sources
from datakeel.show.terminal import Page
from datakeel.technologies.catalogue import known

PREFACE = """\
# Patterns

For each pattern: what it is, when to use it and when not, what it costs and how it fails; which product has it, by what
means; which rules of `datakeel review` speak where it lacks or is misused, and which strengths where it is there; and
what of datakeel writes it. This page is what `datakeel patterns --format markdown` prints; [the
checklist](checklist.md) has the questions.
"""


def render(chapters: Iterable[Chapter], paper: Paper) -> str:
    """The patterns' names and titles, under a heading for each chapter."""
    chapters = tuple(chapters)
    page = Page(Sources(), paper)
    wide = max(len(name) for chapter in chapters for name in chapter.patterns)
    for number, chapter in enumerate(chapters):
        page.lines([Text()] * bool(number))
        page.lines([Text(chapter.title, "bold")])
        for name, pattern in chapter.patterns.items():
            title = page.cut(pattern.title, max(paper.width - wide - 4, 10))
            page.lines([Text(f"  {name:<{wide}}  ") + Text(title, "dim")])
    return page.text()


def render_one(name: str, pattern: Pattern, paper: Paper) -> str:
    page = Page(Sources(), paper)
    page.lines(page.wrapped(Text(name, "bold") + Text(f"  {pattern.title}", "dim"), ""))
    for heading, text in pattern.prose:
        page.lines([Text()])
        page.lines(page.note(heading.lower(), Text(text)))
    page.lines([Text()])
    for label, texts in references(pattern).items():
        page.lines(line for n, text in enumerate(texts) for line in page.note("" if n else label, Text(text)))
    return page.text()


def references(pattern: Pattern) -> dict[str, tuple[str, ...]]:
    """Where else to look: each label with its lines, and none that has nothing to say."""
    made = [f"datakeel generate ({', '.join(pattern.written)})"] if pattern.written else []
    made += ["datakeel fix"] if pattern.parts else []
    found = {
        "step": (pattern.step,),
        "engines": tuple(f"{known()[name].title}: {means}" for name, means in pattern.technologies.items()),
        "rules": (", ".join(pattern.rules),) if pattern.rules else (),
        "strengths": (", ".join(pattern.strengths),) if pattern.strengths else (),
        "made by": (", ".join(made),) if made else (),
    }
    return {label: texts for label, texts in found.items() if texts}


def markdown(chapters: Iterable[Chapter]) -> str:
    blocks = [PREFACE.rstrip()]
    for chapter in chapters:
        blocks.append(f"## {chapter.title}")
        blocks += [markdown_one(name, pattern, "###").rstrip() for name, pattern in chapter.patterns.items()]
    return "\n\n".join(blocks) + "\n"


def markdown_one(name: str, pattern: Pattern, heading: str = "#") -> str:
    told = "\n".join(f"- **{word}.** {text}" for word, text in pattern.prose[1:])
    return f"{heading} {name}: {pattern.title}\n\n{pattern.what}\n\n{told}\n" + "".join(
        f"- *{label}*: {text}\n" for label, text in linked(pattern)
    )


def linked(pattern: Pattern) -> Iterator[tuple[str, str]]:
    """The references in Markdown: names of rules and strengths as code."""
    for label, texts in references(pattern).items():
        if label in ("rules", "strengths"):
            yield label, ", ".join(f"`{name}`" for name in getattr(pattern, label))
        else:
            yield label, "; ".join(texts)


def render_json(patterns: Mapping[str, Pattern], chapters: Iterable[Chapter]) -> str:
    """A list of the patterns, each with its name and its chapter."""
    chapter_of = {name: chapter.title for chapter in chapters for name in chapter.patterns}
    rows = [
        {"pattern": name, "chapter": chapter_of[name], **msgspec.structs.asdict(pattern)}
        for name, pattern in patterns.items()
    ]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"
