"""The decisions of a design at a terminal, and what a changed requirement changes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from datakeel.decision import Change, Decision, Design, impact
from datakeel.show.output import Paper
from datakeel.show.sources import Sources
from datakeel.show.terminal import Page, clean

NARROW = 80  # columns under which figures stand without their derivations, and tables in lines


def render(design: Design, paper: Paper) -> str:
    """Each decision with its reasons, its figures and what was rejected; what would change them; what to know."""
    page = Page(Sources(), paper)
    for decision in design.decisions:
        page.lines(described(decision, page))
    page.lines(sensitivity(design, page))
    for warning in design.warnings:
        page.lines(page.wrapped(Text(clean(warning), "yellow"), "note: ", "      "))
    return page.text()


def described(decision: Decision, page: Page) -> Iterator[Text]:
    yield from page.wrapped(Text(f"{decision.question}: ") + Text(clean(decision.title), "bold"), "")
    yield from notes(page, "why", decision.because)
    yield from notes(page, "figures", figures(decision, page))
    yield from notes(page, "not", (f"{option.name}: {option.cost}" for option in decision.rejected), "dim")
    yield from notes(page, "asked", [decision.judgement] if decision.judgement else [], "yellow")
    yield Text()


def figures(decision: Decision, page: Page) -> Iterator[str]:
    for figure in decision.figures:
        worked_out = f" ({figure.derivation})" if figure.derivation and page.paper.width >= NARROW else ""
        yield f"{figure.name}: {figure.value}{worked_out}"


def notes(page: Page, label: str, texts: Iterable[str], style: str = "") -> Iterator[Text]:
    """Texts beside one word in the margin."""
    for number, text in enumerate(texts):
        yield from page.note("" if number else label, Text(clean(text), style))


def sensitivity(design: Design, page: Page) -> Iterator[Text]:
    """What would change which decision: a line for each input and question."""
    rows = [(f.input, f.at, d.question, f.to) for d in design.decisions for f in d.flips]
    if not rows:
        return
    yield Text("what would change this", "bold")
    wide = max(len(name) for name, *_ in rows), max(len(at) for _, at, *_ in rows)
    for name, at, question, to in rows:
        line = f"{name:<{wide[0]}}  {at:<{wide[1]}}  {question}: {to}"
        if page.paper.width >= NARROW and len(line) + 2 <= page.paper.width:
            yield Text(f"  {line}")
        else:
            yield from page.wrapped(Text(f"{name} at {at}: {question} becomes {to}"), "  ", "    ")
    yield Text()


def render_impact(before: Design, after: Design, files: tuple[str, ...], paper: Paper) -> str:
    """The decisions that differ and why, and the files, each with ``+``, ``-`` or ``~`` in front."""
    page = Page(Sources(), paper)
    changes = impact(before, after)
    for change in changes:
        page.lines(different(change, page))
    if not changes:
        page.lines([Text("no decision changes")])
    for warning in after.warnings:
        if warning not in before.warnings:
            page.lines(page.wrapped(Text(clean(warning), "yellow"), "note: ", "      "))
    page.lines(Text(path) for path in files or ("no file changes",))
    return page.text()


def different(change: Change, page: Page) -> Iterator[Text]:
    becomes = change.after if change.before == change.after else f"{change.before} → {change.after}"
    yield from page.wrapped(Text(f"{change.question}: ") + Text(becomes, "bold"), "")
    yield from notes(page, "why", change.why)
    yield from notes(page, "figures", (f"{name}: {was} → {now}" for name, was, now in change.figures))
    yield from notes(page, "comes", change.parts_come, "green")
    yield from notes(page, "goes", change.parts_gone, "red")
    yield Text()
