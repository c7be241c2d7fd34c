"""The orders about one's own code: what is typed after ``review``, ``map``, ``fix`` and ``prove``."""

# ruff: noqa: PLC0415  (an order loads what it needs, when it needs it)

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from datakeel.cli.catalogue import known_rules
from datakeel.cli.paths import must_be_writable, must_exist
from datakeel.mistake import Mistake, unknown

if TYPE_CHECKING:
    from datakeel.baseline import Baseline
    from datakeel.config import Config
    from datakeel.finding import Confidence, Review
    from datakeel.show.progress import Progress
    from datakeel.show.sarif import Help

SEVERITIES = ("critical", "major", "minor", "suggestion")
FINDINGS = 1  # the status where something is found


class Reviewer(Protocol):
    def __call__(
        self,
        paths: Sequence[Path | str],
        *,
        config: Config | None = None,
        confidence: Confidence,
        progress: Callable[[str, int, int], None] | None = None,
        known: Baseline | None = None,
    ) -> Review: ...


def reviewer(
    paths: Sequence[Path | str],
    *,
    config: Config | None = None,
    confidence: Confidence,
    progress: Callable[[str, int, int], None] | None = None,
    known: Baseline | None = None,
) -> Review:
    from datakeel.reviewer import review

    return review(paths, config=config, confidence=confidence, progress=progress, known=known)


class Judged:
    """What the reviewer was last said to be at."""

    last = ""


@contextmanager
def watching(judged: Judged) -> Iterator[Progress]:
    """Progress on standard error while something is reviewed; gone from there in any case afterwards."""
    from datakeel.show.progress import Progress

    progress = Progress(sys.stderr)
    try:
        yield progress
    finally:
        judged.last = progress.last
        progress.clear()


class ReviewOrder(Struct, frozen=True, kw_only=True):
    paths: tuple[Path, ...]
    form: str
    output: Path | None
    fail_on: str
    confidence: str
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    config: Path | None
    jobs: int
    cache: bool
    team_rules: bool
    baseline: Path | None = None
    baseline_change: str = ""

    def carried_out(self, review: Reviewer, judged: Judged) -> int:
        self.ready()
        known = self.known()
        done = self.watched(review, judged, known)
        self.note(done)
        self.show(done)
        return self.status(done)

    def ready(self) -> None:
        for path in self.paths:
            must_exist(path)
        if self.output is not None:
            must_be_writable(self.output)

    def status(self, done: Review) -> int:
        if self.fail_on == "never":
            return 0
        limit = SEVERITIES.index(self.fail_on)
        return FINDINGS if any(finding.severity <= limit for finding in done.findings) else 0

    def known(self) -> Baseline | None:
        """The baseline as it is read, before anything is reviewed; a first one is empty. Raises Mistake."""
        from datakeel.baseline import Baseline, read

        if self.baseline is None:
            return None
        if self.baseline_change:
            must_be_writable(self.baseline)
        if self.baseline_change == "set" and not self.baseline.exists():
            return Baseline(str(self.baseline), (), "set")
        return read(self.baseline, self.baseline_change)

    def note(self, done: Review) -> None:
        """Writes the baseline, where that was asked for."""
        from datakeel.baseline import text
        from datakeel.show.output import write_file

        if self.baseline is not None and self.baseline_change and done.baseline is not None:
            write_file(self.baseline, text(done.baseline.entries))

    def watched(self, review: Reviewer, judged: Judged, known: Baseline | None) -> Review:
        """The review, with its progress shown meanwhile."""
        with watching(judged) as progress:
            return review(self.paths, config=self.settings(), confidence=self.sure(), progress=progress, known=known)

    def sure(self) -> Confidence:
        """The least confidence that is shown."""
        from datakeel.finding import Confidence

        return Confidence[self.confidence.upper()]

    def settings(self) -> Config:
        """The configuration that was found, and what was typed above it."""
        from msgspec.structs import replace

        from datakeel.config import load

        categories = known_rules()
        found = load(self.paths, categories, file=self.config)
        names = {*categories, *categories.values(), *(rule.name for rule in found.team)}
        for name in (*self.select, *self.ignore):
            if name not in names:
                raise Mistake(unknown("rule", name, names))
        return replace(
            found,
            select=self.select or found.select,
            ignore=(*found.ignore, *self.ignore),
            jobs=self.jobs,
            cache=self.cache,
            trusted=self.team_rules,
        )

    def show(self, review: Review) -> None:
        from datakeel.show import output

        output.give(self.printable(review), self.output)

    def printable(self, review: Review) -> str:
        """The report; a text in it that no encoding can hold (a string of the code may) is mended."""
        from datakeel.show.words import sound

        try:
            return self.report(review)
        except UnicodeEncodeError:
            return self.report(sound(review))

    def report(self, review: Review) -> str:
        """The report in the form that was asked for; only that form's code is loaded."""
        import os

        from datakeel.show.output import Paper, paper
        from datakeel.show.sources import Sources

        sources = Sources(review.root)
        if self.form in ("json", "sarif"):  # people read the text of a fix, machines its edits
            from datakeel.mender import with_edits

            review = with_edits(review)
        if self.form == "json":
            from datakeel.show import json

            return json.render(review, sources)
        if self.form == "sarif":
            from datakeel.show import sarif

            own = {rule.name: rule.page for rule in self.settings().team}
            return sarif.render(review, lambda category, rule: help_of(category, rule, own.get(rule)))
        if self.form == "markdown":
            from datakeel.show import markdown

            return markdown.render(review, sources)
        if self.form in ("html", "map-html"):
            from datakeel.show import html

            return html.render(review, sources) if self.form == "html" else html.render_map(review, sources)
        if self.form == "map-mermaid":
            from datakeel.show import map as drawing

            return drawing.mermaid(review)
        from datakeel.show import terminal

        return terminal.render(review, sources, Paper() if self.output else paper(sys.stdout, os.environ))


class FixOrder(Struct, frozen=True):
    """A review whose safe edits are made, or (`diff`) shown."""

    review: ReviewOrder
    diff: bool = False

    def carried_out(self) -> int:
        from datakeel.mender import mended
        from datakeel.show import output, words

        order = self.review
        order.ready()
        known = order.known()
        with watching(Judged()) as progress:
            done = mended(order.paths, config=order.settings(), confidence=order.sure(), progress=progress, known=known)
        if self.diff:
            output.give(done.difference(), order.output)
        else:
            done.write()
            order.show(done.review)
        output.say(words.mended(done.fixed, done.left, shown=self.diff))
        if self.diff:
            return FINDINGS if done.after and order.fail_on != "never" else 0
        return order.status(done.review)


class CureOrder(Struct, frozen=True):
    """The patch that cures one finding, shown or written."""

    finding: str
    path: Path
    apply: bool

    def carried_out(self) -> int:
        from datakeel.config import load
        from datakeel.prover import cure
        from datakeel.show import output

        must_exist(self.path)
        with watching(Judged()) as progress:
            found = cure(self.finding, self.path, config=load([self.path], known_rules()), progress=progress)
        if not self.apply:
            output.write(found.patch.difference(), sys.stdout)
            return 0
        found.write()
        output.write("".join(f"wrote {path}\n" for path in found.patch.after), sys.stdout)
        return 0


class ProveOrder(Struct, frozen=True):
    """A test that shows one finding."""

    finding: str
    path: Path
    output: Path | None

    def carried_out(self) -> int:
        from datakeel.config import load
        from datakeel.prover import proven
        from datakeel.show import output

        must_exist(self.path)
        if self.output is not None:
            must_be_writable(self.output)
        with watching(Judged()) as progress:
            _, text = proven(self.finding, self.path, config=load([self.path], known_rules()), progress=progress)
        output.give(text, self.output)
        return 0


def help_of(category: str, rule: str, own: Path | None = None) -> Help:
    """A rule's page as SARIF has it; `own` is the file of a team's."""
    from datakeel.rules.rule import own_page, page
    from datakeel.show.sarif import Help

    read = page(category, rule) if own is None else own_page(own)
    return Help(why=read.why, pattern=read.pattern, text=read.text)
