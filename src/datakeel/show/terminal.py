"""The review at a terminal: each finding as a code frame with its story, then a table, then what was not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from io import StringIO

from msgspec import Struct
from rich.console import Console
from rich.text import Text

from datakeel.finding import Confidence, Finding, Review, Severity, Step
from datakeel.model.place import Place
from datakeel.show.output import Paper
from datakeel.show.sources import Sources
from datakeel.show.words import DOUBT, by_severity, counted, flat, joined, size, tally, unseen

COLOURS = {
    Severity.CRITICAL: "bold red",
    Severity.MAJOR: "bold yellow",
    Severity.MINOR: "bold cyan",
    Severity.SUGGESTION: "bold green",
}
REMARKS = 12  # shown; the others are counted
MENTIONED = 3  # entry points named in one finding
LABEL = 10  # columns of the words before why, pattern, fix
TAB = 4


class Marks(Struct, frozen=True):
    """The characters that frames are drawn with."""

    top: str = "╭─"
    side: str = "│"
    turn: str = "├─"
    bottom: str = "╰─"
    rule: str = "─"
    cut: str = "…"
    dot: str = "·"
    tick: str = "✓"


DRAWN = Marks()
TYPED = Marks(top=",-", side="|", turn="|-", bottom="`-", rule="-", cut="~", dot=".", tick="+")


def render(review: Review, sources: Sources, paper: Paper) -> str:
    """The whole report as text, with colour only where the paper has it."""
    page = Page(sources, paper)
    for finding in review.findings:
        page.lines(page.finding(finding))
    page.lines(page.doubtful(review))
    page.lines(page.closing(review))
    return page.text()


class Page:
    """Lays text out for one paper; every method gives lines."""

    def __init__(self, sources: Sources, paper: Paper) -> None:
        self.sources = sources
        self.paper = paper
        self.marks = DRAWN if paper.drawn else TYPED
        self.console = Console(
            file=StringIO(),
            width=paper.width,
            force_terminal=paper.colour,
            color_system="standard" if paper.colour else None,
            no_color=not paper.colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def lines(self, lines: Iterable[Text]) -> None:
        for line in lines:
            line.rstrip()
            self.console.print(line, soft_wrap=True)

    def text(self) -> str:
        assert isinstance(self.console.file, StringIO)
        return self.console.file.getvalue()

    # One finding -------------------------------------------------------------------------------------------------

    def finding(self, finding: Finding) -> Iterator[Text]:
        yield headline(finding)
        yield from self.wrapped(Text(clean(flat(finding.message)), "bold"), "  ")
        yield from Frame(self, finding).lines()
        yield from self.notes(finding)
        yield Text()

    def doubtful(self, review: Review) -> Iterator[Text]:
        """What may be a fault, in a section of its own."""
        if not review.doubtful:
            return
        yield Text(f"{self.marks.rule * 2} Low confidence {self.marks.rule * 2}", "bold")
        yield from self.wrapped(Text(DOUBT, "dim"), "")
        yield Text()
        for finding in review.doubtful:
            yield from self.finding(finding)

    def notes(self, finding: Finding) -> Iterator[Text]:
        """Why, pattern, fix: a word in the margin, and the text beside it."""
        if finding.reached_from:
            yield from self.note("from", Text(clean(mentioned(finding.reached_from))))
        yield from self.note("why", Text(clean(flat(finding.why))))
        yield from self.note("pattern", Text(clean(flat(finding.pattern)), "green"))
        if finding.fix is not None:
            yield from self.note("fix", Text(clean(flat(finding.fix.title)), "green"))
            for line in finding.fix.text.strip("\n").split("\n") if finding.fix.text.strip() else ():
                yield Text(" " * (LABEL + 4)) + Text(clean(line.expandtabs(TAB)), "cyan")
        if finding.related:
            yield from self.note("also", Text(f"answers {joined(finding.related)}"))

    def note(self, label: str, text: Text) -> Iterator[Text]:
        if text.plain:
            yield from self.wrapped(text, f"  {label:<{LABEL}}", " " * (LABEL + 2))

    def wrapped(self, text: Text, first: str, rest: str | None = None) -> Iterator[Text]:
        """The text within the page's width, its first line after `first`, the others after `rest` (the same width)."""
        rest = first if rest is None else rest
        width = max(self.paper.width - len(first), 24)
        for number, line in enumerate(text.wrap(self.console, width)):
            line.rstrip()
            yield Text(rest if number else first, "dim") + line

    def cut(self, text: str, width: int) -> str:
        """The text in one line of at most `width` columns."""
        return text if len(text) <= width else text[: width - 1] + self.marks.cut

    # The end of the report ---------------------------------------------------------------------------------------

    def closing(self, review: Review) -> Iterator[Text]:
        yield from self.strengths(review)
        if review.findings:
            yield from self.table(review.findings)
            yield Text()
        yield from self.verdict(review)
        yield from self.remarks(review)

    def strengths(self, review: Review) -> Iterator[Text]:
        for strength in review.strengths:
            text = Text(f"{clean(flat(strength.pattern))}: ", "green") + Text(clean(flat(strength.message)))
            yield from self.wrapped(text, f"{self.marks.tick} ", "  ")
            spots = [
                f"{clean(self.sources.name(s.place.path))}:{s.place.line}" for s in strength.evidence if s.place.path
            ]
            seen = ", ".join(dict.fromkeys(spots[:MENTIONED]))
            others = strength.places - MENTIONED
            more = f" and {counted(others, 'more place', 'more places')}" if others > 0 else ""
            if seen:
                yield from self.wrapped(Text(f"{seen}{more}", "dim"), "  ")
        if review.strengths:
            yield Text()

    def table(self, findings: tuple[Finding, ...]) -> Iterator[Text]:
        """Findings by rule and severity; a severity that does not occur has no column."""
        severities = by_severity(findings)
        counts = Counter((finding.rule, finding.severity) for finding in findings)
        rules = sorted({f.rule for f in findings}, key=lambda rule: [(-counts[rule, s]) for s in Severity] + [rule])
        wide = max(map(len, ("rule", *rules)))
        head = Text(f"{'rule':<{wide}}", "dim")
        for severity in severities:
            head += Text("  ") + Text(severity.word, COLOURS[severity])
        yield head
        yield Text(self.marks.rule * len(head), "dim")
        for rule in rules:
            row = Text(f"{rule:<{wide}}")
            for severity in severities:
                number = counts[rule, severity]
                style = COLOURS[severity] if number else "dim"
                row += Text(f"  {f'{number:,}' if number else self.marks.dot:>{len(severity.word)}}", style)
            yield row

    def verdict(self, review: Review) -> Iterator[Text]:
        style = COLOURS[min(f.severity for f in review.findings)] if review.findings else "bold green"
        phrase = tally(review.findings)
        took = f" in {review.summary.seconds:.1f} s" if self.paper.person and review.summary.seconds else ""
        yield from self.wrapped(Text(phrase[0].upper() + phrase[1:], style) + Text(f" in {size(review)}{took}."), "")
        if review.doubtful:
            yield from self.wrapped(Text(f"Low confidence: {tally(review.doubtful)}.", "dim"), "")
        for text in unseen(review):
            yield from self.wrapped(Text(text[0].upper() + text[1:] + ".", "dim"), "")

    def remarks(self, review: Review) -> Iterator[Text]:
        remarks = review.summary.remarks
        if not remarks:
            return
        yield Text()
        yield Text("Not analysed, or to be looked at:", "bold")
        for remark in remarks[:REMARKS]:
            yield from self.wrapped(Text(clean(flat(self.sources.remark(remark)))), f"  {self.marks.dot} ", "    ")
        if len(remarks) > REMARKS:
            yield Text(f"    and {len(remarks) - REMARKS:,} more (--format json has all)", "dim")


class Frame:
    """The code of one finding, with its story as numbered steps; a place that is told again is not shown again."""

    def __init__(self, page: Page, finding: Finding) -> None:
        self.page = page
        self.finding = finding
        self.story = finding.story
        if not any(same_line(step.place, finding.place) for step in self.story):
            self.story = (Step(finding.place, ""), *self.story)
        self.gutter = max(len(str(step.place.line)) for step in self.story) + 2
        self.margins = {path: self.margin(path) for path in {step.place.path for step in self.story}}
        self.underlined = False

    def lines(self) -> Iterator[Text]:
        """A step's line follows its words; of several steps at one line in a row, the line stands under the first."""
        marks = self.page.marks
        spot = self.finding.place
        before: Place | None = None
        numbers = iter(range(1, len(self.story) + 1))
        yield self.edge(marks.top, self.name(self.story[0].place if self.story[0].place.path else spot))
        for step in self.story:
            moved = step.place.path and before is not None and step.place.path != before.path
            if moved:
                yield self.edge(marks.turn, self.name(step.place))
            if step.message:
                yield from self.told(step, next(numbers))
            if step.place.path:
                if before is None or moved or not same_line(step.place, before):
                    yield from self.code(step.place)
                before = step.place
        yield self.edge(marks.bottom, "")

    def told(self, step: Step, number: int) -> Iterator[Text]:
        first = f"{' ' * self.gutter}{self.page.marks.side} {number}. "
        rest = f"{' ' * self.gutter}{self.page.marks.side} {' ' * len(f'{number}. ')}"
        yield from self.page.wrapped(Text(clean(flat(step.message))), first, rest)

    def code(self, place: Place) -> Iterator[Text]:
        """The source line; the finding's own is underlined, once."""
        raw = self.page.sources.line(place.path, place.line)
        if raw is None:
            yield self.beside(str(place.line), Text("    (the line cannot be read)", "dim"))
            return
        shown = clean(raw.expandtabs(TAB))[self.margins[place.path] :]
        yield self.beside(str(place.line), Text(f"    {self.page.cut(shown, self.room)}"))
        if same_line(place, self.finding.place) and not self.underlined:
            self.underlined = True
            yield from self.underline(raw)

    def underline(self, raw: str) -> Iterator[Text]:
        place = self.finding.place
        margin = self.margins[place.path]
        text = raw.rstrip()
        start = place.column or len(text) - len(text.lstrip())
        end = place.end_column if place.end_line == place.line and place.end_column > start else len(text)
        first, last = (len(raw[:column].expandtabs(TAB)) - margin for column in (start, end))
        last = min(last, self.room)
        if 0 <= first < last:
            mark = Text("    " + " " * first) + Text("^" * (last - first), COLOURS[self.finding.severity])
            yield self.beside("", mark)

    @property
    def room(self) -> int:
        """The columns that a source line may take."""
        return max(self.page.paper.width - self.gutter - 6, 24)

    def beside(self, number: str, text: Text) -> Text:
        return Text(f"{number:>{self.gutter - 1}} {self.page.marks.side}", "dim") + text

    def edge(self, mark: str, name: str) -> Text:
        return Text(f"{' ' * self.gutter}{mark} ", "dim") + Text(name, "blue")

    def name(self, place: Place) -> str:
        """The path, and for the finding's own file the place where it stands."""
        path = clean(self.page.sources.name(place.path))
        own = self.finding.place
        if place.path != own.path:
            return f"{path}:{place.line}"
        return f"{path}:{own.line}:{own.column + 1}"

    def margin(self, path: str) -> int:
        """The indentation that all shown lines of a file share."""
        shown = (self.page.sources.line(path, step.place.line) for step in self.story if step.place.path == path)
        filled = [line.expandtabs(TAB) for line in shown if line and line.strip()]
        return min((len(line) - len(line.lstrip()) for line in filled), default=0)


def headline(finding: Finding) -> Text:
    """``critical lost-update in Account.pay (medium confidence)``"""
    text = Text(finding.severity.word, COLOURS[finding.severity]) + Text(f" {finding.rule}", "bold")
    if finding.symbol:
        text += Text(f" in {clean(finding.symbol)}", "dim")
    if finding.confidence is not Confidence.HIGH:
        text += Text(f" ({finding.confidence.word} confidence)", "dim")
    return text


def mentioned(entries: tuple[str, ...]) -> str:
    """
    >>> mentioned(("POST /pay", "task settle"))
    'POST /pay and task settle'
    >>> mentioned(("a", "b", "c", "d", "e"))
    'a, b, c and 2 more'
    """
    more = (f"{counted(len(entries) - MENTIONED, 'more', 'more')}",) if len(entries) > MENTIONED else ()
    return joined((*entries[:MENTIONED], *more))


def same_line(a: Place, b: Place) -> bool:
    return (a.path, a.line) == (b.path, b.line)


def clean(text: str) -> str:
    """Text that cannot steer the terminal: control characters, also those that turn the reading direction, become
    ``?``.

    >>> clean("a\\x1b[2Jb")
    'a?[2Jb'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
