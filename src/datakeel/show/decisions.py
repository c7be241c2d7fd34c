"""The decisions of a design at a terminal, and what a changed requirement changes of them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from datakeel.decision import Decision, Design
from datakeel.show.output import Paper
from datakeel.show.sources import Sources
from datakeel.show.terminal import Page


def render(design: Design, paper: Paper) -> str:
    """Each decision with its reasons, its figures and what was rejected; then what was noted."""
    page = Page(Sources(), paper)
    for decision in design.decisions:
        page.lines(described(decision))
    for warning in design.warnings:
        page.lines([Text(f"note: {warning}", "yellow")])
    return page.text()


def described(decision: Decision) -> Iterator[Text]:
    yield Text(f"{decision.question}: ", "bold") + Text(decision.title)
    for reason in decision.because:
        yield Text(f"  {reason}")
    for figure in decision.figures:
        yield Text(f"  {figure.name}: ", "dim") + Text(figure.value) + Text(f"  {figure.derivation}".rstrip(), "dim")
    for option in decision.rejected:
        yield Text(f"  not {option.name}: {option.cost}", "dim")
    if decision.judgement:
        yield Text(f"  {decision.judgement}", "yellow")
    yield Text()


def render_impact(before: Design, after: Design, files: tuple[str, ...], paper: Paper) -> str:
    """The decisions that differ, and the files, each with ``+``, ``-`` or ``~`` in front."""
    page = Page(Sources(), paper)
    pairs = [(a, b) for a, b in zip(before.decisions, after.decisions, strict=True) if a.chosen != b.chosen]
    page.lines(Text(f"{a.question}: {a.title} → {b.title}") for a, b in pairs)
    if not pairs:
        page.lines([Text("no decision changes")])
    page.lines(Text(path) for path in files or ("no file changes",))
    return page.text()
