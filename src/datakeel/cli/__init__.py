"""The command line: words typed, a call, words printed."""

# ruff: noqa: PLC0415  (an order loads what it needs, when it needs it; an option is a parameter)

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Protocol

import typer
from msgspec import Struct
from typer.main import get_command

from datakeel import __version__
from datakeel.cli.generate import DesignOrder, DoOrder, DriftOrder, GenerateOrder, ImpactOrder, UpdateOrder
from datakeel.ending import told
from datakeel.mistake import Mistake, nearest, unknown

if TYPE_CHECKING:
    from datakeel.baseline import Baseline
    from datakeel.config import Config
    from datakeel.finding import Confidence, Review
    from datakeel.rules.rule import Page
    from datakeel.show.catalogue import Entry, Praised
    from datakeel.show.sarif import Help

COMMANDS = (
    *("review", "map", "fix", "prove", "explain", "rules"),
    *("design", "generate", "do", "update", "drift", "impact"),
)
FORMATS = ("terminal", "markdown", "json", "sarif", "html")
DRAWINGS = ("mermaid", "html")
SEVERITIES = ("critical", "major", "minor", "suggestion")
CONFIDENCES = ("high", "medium", "low")

FINDINGS = 1  # the statuses of the program, beside 0
WRONG = 2
INTERRUPTED = 130


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


def main(arguments: Sequence[str] | None = None, review: Reviewer | None = None) -> int:
    """Does what the words say and gives the program's status. `review` stands in for the reviewer, in tests."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    judged = Judged()
    try:
        order = understood(words)
        if isinstance(order, int):
            return order
        return order.carried_out(review or reviewer, judged) if isinstance(order, ReviewOrder) else order.carried_out()
    except Mistake as mistake:
        return failed(str(mistake), WRONG)
    except KeyboardInterrupt as stopped:
        return failed(*told(stopped))
    except BrokenPipeError:
        return INTERRUPTED
    except MemoryError:
        return failed("there is not enough memory for this review", WRONG)
    except Exception as fault:
        return our_fault(fault, judged, debug="--debug" in words)


# What may be typed --------------------------------------------------------------------------------------------------

app = typer.Typer(
    name="datakeel",
    help="Finds where data-intensive code loses, duplicates or corrupts data, and writes systems that do not.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Request = Annotated[str, typer.Argument(metavar="REQUEST", help="A sentence, or the path of a system.yaml.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback if datakeel itself fails.")]


def tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"datakeel {__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Debug = False,
) -> None:
    pass


@app.command("review", help="Review code. Status: 0 nothing found, 1 findings, 2 wrong usage or configuration.")
def type_review(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", readable=False, help="Folders and files; none: this folder."),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help=f"One of: {', '.join(FORMATS)}.")
    ] = "terminal",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the report there.")
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(metavar="NAME", help=f"The least severity that gives status 1: {', '.join(SEVERITIES)}, never."),
    ] = "suggestion",
    confidence: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"The least confidence that is shown: {', '.join(CONFIDENCES)}; low ones stand apart.",
        ),
    ] = "medium",
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Report only what this file does not know.")
    ] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Drop from the baseline what is no longer found; add nothing.")
    ] = False,
    set_baseline: Annotated[
        bool, typer.Option("--set-baseline", help="Write the baseline with all that is found now.")
    ] = False,
    select: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Judge only these rules or categories.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Leave these rules or categories out.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Configuration, in place of the one found.")
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, metavar="N", help="Processes; 0: one for each processor.")
    ] = 0,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Read every file anew.")] = False,
    team_rules: Annotated[
        bool,
        typer.Option(
            "--team-rules",
            envvar="DATAKEEL_TEAM_RULES",
            help="Run the rules that the configuration names: code of whoever wrote it.",
        ),
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Make the edits that are safe, where a second review is content with them.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="With --fix: write nothing; show what would change.")] = False,
    debug: Debug = False,
) -> ReviewOrder | FixOrder:
    if fix and (update_baseline or set_baseline):
        raise Mistake("--fix changes the code that a baseline speaks of: mend first, then note what is left")
    if diff and not fix:
        raise Mistake("--diff shows what --fix would change: datakeel review --fix --diff")
    order = ReviewOrder(
        paths=tuple(paths or [Path()]),
        form=one_of("format", form, FORMATS),
        output=output,
        fail_on=one_of("severity", fail_on, (*SEVERITIES, "never")),
        confidence=one_of("confidence", confidence, CONFIDENCES),
        baseline=baseline,
        baseline_change=change_of(baseline, update=update_baseline, whole=set_baseline),
        select=split(select),
        ignore=split(ignore),
        config=config,
        jobs=jobs,
        cache=not no_cache,
        team_rules=team_rules,
    )
    return FixOrder(order, diff) if fix else order


Named = Annotated[
    str, typer.Argument(metavar="FINDING", help="Its fingerprint, or the beginning of it; or its place, as in a.py:12.")
]
Where = Annotated[Path | None, typer.Argument(metavar="[PATH]", help="What is reviewed; none: this folder.")]


@app.command("fix", help="Show the patch that cures a finding, also over several files. Status: 2 where there is none.")
def type_fix(
    finding: Named,
    path: Where = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write it, instead of showing it.")] = False,
    debug: Debug = False,
) -> CureOrder:
    return CureOrder(finding, path or Path(), apply)


@app.command("prove", help="Write a test that shows a finding on a PostgreSQL, and passes once it is mended.")
def type_prove(
    finding: Named,
    path: Where = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the test goes; none: print it.")
    ] = None,
    debug: Debug = False,
) -> ProveOrder:
    return ProveOrder(finding, path or Path(), output)


@app.command("map", help="Draw the system: who reads, writes, publishes and derives what, and where it breaks.")
def type_map(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", readable=False, help="Folders and files; none: this folder."),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help=f"One of: {', '.join(DRAWINGS)}.")
    ] = "mermaid",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the drawing there.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Configuration, in place of the one found.")
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, metavar="N", help="Processes; 0: one for each processor.")
    ] = 0,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Read every file anew.")] = False,
    team_rules: Annotated[
        bool,
        typer.Option(
            "--team-rules",
            envvar="DATAKEEL_TEAM_RULES",
            help="Run the rules that the configuration names: code of whoever wrote it.",
        ),
    ] = False,
    debug: Debug = False,
) -> ReviewOrder:
    return ReviewOrder(
        paths=tuple(paths or [Path()]),
        form=f"map-{one_of('format', form, DRAWINGS)}",
        output=output,
        fail_on="never",
        confidence="medium",
        select=(),
        ignore=(),
        config=config,
        jobs=jobs,
        cache=not no_cache,
        team_rules=team_rules,
    )


@app.command("explain", help="Show the page of a rule or strength: what it is, when it holds, the sources.")
def type_explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="As `datakeel rules` lists it.")], debug: Debug = False
) -> ExplainOrder:
    return ExplainOrder(rule)


@app.command("rules", help="List the rules by category, and the strengths that are recognised.")
def type_rules(
    form: Annotated[str, typer.Option("--format", "-f", metavar="terminal|json")] = "terminal",
    strengths: Annotated[bool, typer.Option("--strengths", help="Only the strengths (JSON: else only rules).")] = False,
    test: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Run a team's own rules in that folder on their pages' cases.")
    ] = None,
    debug: Debug = False,
) -> RulesOrder | TryOrder:
    if test is not None:
        return TryOrder(test)
    return RulesOrder(one_of("format", form, ("terminal", "json")), strengths)


@app.command("design", help="Say what a system must do, in a system.yaml, and decide how it is built.")
def type_design(
    request: Request,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where the system.yaml goes; `-`: print it, and no more."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    debug: Debug = False,
) -> DesignOrder:
    return DesignOrder(request=request, output=output, force=force)


@app.command("generate", help="Write a complete, tested project.")
def type_generate(
    request: Request,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The project's folder.")],
    force: Annotated[
        bool, typer.Option("--force", help="Write also into a folder that has files; yours stay as they are.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
    debug: Debug = False,
) -> GenerateOrder:
    return GenerateOrder(request=request, output=output, force=force, diff=diff)


@app.command("do", help="Review or generate, whichever the request asks for.")
def type_do(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="A sentence.")],
    path: Annotated[
        Path | None, typer.Argument(metavar="[PATH]", help="What to review, or the new project's folder.")
    ] = None,
    debug: Debug = False,
) -> ReviewOrder | FixOrder | GenerateOrder:
    if DoOrder(request=request, path=path).decided() == "review":
        return type_review([path] if path is not None else None)
    if path is None:
        raise Mistake(f'where to? name a folder: datakeel do "{request}" DIR')
    return GenerateOrder(request=request, output=path, force=False, diff=False)


@app.command("update", help="Follow a changed system.yaml, or a newer datakeel. Status: 1 where lines are in conflict.")
def type_update(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A project that `generate` wrote.")],
    contract: Annotated[
        bool, typer.Option("--contract", help="Add a migration that drops what nothing uses any more.")
    ] = False,
    debug: Debug = False,
) -> UpdateOrder:
    return UpdateOrder(folder=folder, contract=contract)


@app.command("drift", help="Show how a generated project differs from a fresh one. Status: 0 not at all, 1 somehow.")
def type_drift(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A project that `generate` wrote.")],
    debug: Debug = False,
) -> DriftOrder:
    return DriftOrder(folder=folder)


@app.command("impact", help="Show which decisions and files a changed requirement would change.")
def type_impact(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A system.yaml.")],
    changes: Annotated[list[str], typer.Argument(metavar="CHANGE...", help="As in workload.writes=5k/s.")],
    debug: Debug = False,
) -> ImpactOrder:
    return ImpactOrder(file=file, changes=tuple(changes))


def one_of(kind: str, word: str, words: Sequence[str]) -> str:
    if word not in words:
        raise Mistake(unknown(kind, word, words))
    return word


def change_of(baseline: Path | None, *, update: bool, whole: bool) -> str:
    """What becomes of the baseline: nothing, it shrinks (``update``), or it is set anew (``set``)."""
    for option, given in (("--update-baseline", update), ("--set-baseline", whole)):
        if given and baseline is None:
            raise Mistake(f"{option} of which baseline? name it: --baseline FILE {option}")
    if update and whole:
        raise Mistake("--update-baseline drops what is gone, --set-baseline writes all that is found: give one of them")
    return "update" if update else "set" if whole else ""


def split(words: Sequence[str] | None) -> tuple[str, ...]:
    """Names given one by one, or several with commas."""
    return tuple(name.strip() for word in words or () for name in word.split(",") if name.strip())


# What was typed -----------------------------------------------------------------------------------------------------


def understood(words: Sequence[str]) -> Order | int:
    """The order that the words give, or the status where help or the version was all that was wanted. Raises
    Mistake."""
    first = next((word for word in words if not word.startswith("-")), None)
    if first is not None and first not in COMMANDS:
        raise Mistake(no_command(first))
    if set(words) <= {"--debug"}:
        raise Mistake(f"which command? {', '.join(COMMANDS)} (datakeel --help says more)")
    try:
        given: object = get_command(app)(list(words), prog_name="datakeel", standalone_mode=False)
    except SystemExit:  # whoever read the help has left
        return 0
    except OSError as error:
        raise Mistake(f"cannot write: {error.strerror or error}") from None
    except Exception as error:
        if not isinstance(error, USAGE):
            raise
        refuse(error)
    if isinstance(given, Order):
        return given
    return given if isinstance(given, int) else 0


USAGE = typer.BadParameter.__mro__[2]  # the parser's own base of all its complaints


def refuse(error: Exception) -> NoReturn:
    """Says in one line what the parser has to say in several."""
    option = getattr(error, "option_name", None)
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoSuchOption" and option and context is not None:
        known = [name for parameter in context.command.params for name in parameter.opts] + ["--help"]
        raise Mistake(unknown("option", option, [name for name in known if name.startswith("--")])) from None
    text: str = error.format_message() if hasattr(error, "format_message") else str(error)
    text = " ".join(text.split()).rstrip(".")
    raise Mistake(text[:1].lower() + text[1:]) from None


def no_command(word: str) -> str:
    """A path where a command should stand is a review that lacks its word, unless a command is nearly meant."""
    if nearest(word, COMMANDS) is None and Path(word).exists():
        return f'"{word}" is no command; to review it: datakeel review {word}'
    return unknown("command", word, COMMANDS)


class Judged:
    """What the reviewer was last said to be at."""

    last = ""


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
        from datakeel.finding import Confidence
        from datakeel.show.progress import Progress

        progress = Progress(sys.stderr)
        sure = Confidence[self.confidence.upper()]
        try:
            return review(self.paths, config=self.settings(), confidence=sure, progress=progress, known=known)
        finally:
            judged.last = progress.last
            progress.clear()

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
        from datakeel.finding import Confidence
        from datakeel.mender import mended
        from datakeel.show import output, words
        from datakeel.show.progress import Progress

        order = self.review
        order.ready()
        progress = Progress(sys.stderr)
        sure = Confidence[order.confidence.upper()]
        try:
            known = order.known()
            done = mended(order.paths, config=order.settings(), confidence=sure, progress=progress, known=known)
        finally:
            progress.clear()
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
        from datakeel.show.progress import Progress

        must_exist(self.path)
        progress = Progress(sys.stderr)
        try:
            found = cure(self.finding, self.path, config=load([self.path], known_rules()), progress=progress)
        finally:
            progress.clear()
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
        from datakeel.show.progress import Progress

        must_exist(self.path)
        if self.output is not None:
            must_be_writable(self.output)
        progress = Progress(sys.stderr)
        try:
            _, text = proven(self.finding, self.path, config=load([self.path], known_rules()), progress=progress)
        finally:
            progress.clear()
        output.give(text, self.output)
        return 0


class ExplainOrder(Struct, frozen=True):
    rule: str

    def carried_out(self) -> int:
        import os

        from datakeel.rules.rule import page
        from datakeel.show import explain, output

        categories, strengths = known_rules(), known_strengths()
        own = {} if self.rule in categories or self.rule in strengths else team_pages(categories)
        if self.rule in own:
            output.write(explain.render(own[self.rule].text, output.paper(sys.stdout, os.environ)), sys.stdout)
            return 0
        if self.rule in categories.values():
            named = ", ".join(rule for rule, category in categories.items() if category == self.rule)
            raise Mistake(f'"{self.rule}" is a category; its rules: {named}')
        if self.rule not in categories and self.rule not in strengths:
            raise Mistake(f"{unknown('rule', self.rule, {*categories, *strengths, *own})} (datakeel rules lists them)")
        text = strengths[self.rule] if self.rule in strengths else page(categories[self.rule], self.rule).text
        output.write(explain.render(text, output.paper(sys.stdout, os.environ)), sys.stdout)
        return 0


class RulesOrder(Struct, frozen=True):
    form: str
    strengths: bool = False

    def carried_out(self) -> int:
        import os

        from datakeel.show import catalogue, output

        if self.form == "json":
            given = catalogue.praised_json(praised()) if self.strengths else catalogue.render_json(entries())
            output.write(given, sys.stdout)
            return 0
        paper = output.paper(sys.stdout, os.environ)
        rules = "" if self.strengths else catalogue.render(entries(), paper) + "\n"
        output.write(rules + catalogue.render_praised(praised(), paper), sys.stdout)
        return 0


class TryOrder(Struct, frozen=True):
    """The rules of a folder are run on their pages' cases."""

    folder: Path

    def carried_out(self) -> int:
        from datakeel.config import team_rules
        from datakeel.rules import team
        from datakeel.rules.rule import CATEGORIES
        from datakeel.show import output
        from datakeel.trial import cases, tried

        known = known_rules()
        named = team_rules(self.folder, CATEGORIES)
        if not named:
            raise Mistake(f"{self.folder} has no rules: one is CATEGORY/name.py with name.md beside it")
        taken = [
            f"{r.file}: {r.name} is datakeel's rule already; give it another name" for r in named if r.name in known
        ]
        if taken:
            raise Mistake("\n".join(taken))
        rules = team.loaded((rule.category, Path(rule.file)) for rule in named)
        wrong = list(tried(rules))
        count = sum(len(cases(rule.page.text)) for rule in rules)
        lines = f"{count} cases: {'all lines are as marked' if not wrong else 'not as they should be'}"
        output.write("\n".join((*wrong, f"{', '.join(rule.name for rule in rules)}; {lines}")) + "\n", sys.stdout)
        return FINDINGS if wrong else 0


Order = (
    ReviewOrder
    | TryOrder
    | FixOrder
    | CureOrder
    | ProveOrder
    | ExplainOrder
    | RulesOrder
    | DesignOrder
    | GenerateOrder
    | UpdateOrder
    | DriftOrder
    | ImpactOrder
)


# What an order needs: loaded when it is needed ----------------------------------------------------------------------


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


def must_be_writable(file: Path) -> None:
    """Said before the review, not after it."""
    import os

    if file.is_dir():
        raise Mistake(f"cannot write {file}: it is a folder")
    folder = file.absolute().parent
    if not folder.is_dir():
        raise Mistake(f"cannot write {file}: there is no folder {file.parent}")
    if not file.exists() and not os.access(folder, os.W_OK):
        raise Mistake(f"cannot write {file}: its folder cannot be written to")


def must_exist(path: Path) -> None:
    try:
        path.stat()
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | ValueError)
        raise Mistake(nothing_at(path) if missing else f"cannot read {path}: {error}") from None


def nothing_at(path: Path) -> str:
    """What is said of a path that does not exist, with the one that was probably meant."""
    import os

    sound = next((folder for folder in path.parents if folder.is_dir()), None)
    if sound is None or "\0" in str(path):
        return f"there is no {path}"
    wrong, *rest = path.relative_to(sound).parts
    try:
        meant = nearest(wrong, os.listdir(sound))
    except OSError:
        meant = None
    if meant is None:
        return f"there is no {path}"
    whole = Path(sound, meant, *rest)
    return f'there is no {path}; did you mean "{whole if whole.exists() else sound / meant}"?'


def known_rules() -> dict[str, str]:
    """Every rule, with its category."""
    from datakeel.rules.rule import rules

    return {rule.name: rule.category for rule in rules()}


def team_pages(categories: dict[str, str]) -> dict[str, Page]:
    """The pages of the rules that the configuration of this folder names; nothing of the rules is run."""
    from datakeel.config import load
    from datakeel.rules.rule import own_page

    return {rule.name: own_page(rule.page) for rule in load([Path()], categories).team}


def known_strengths() -> dict[str, str]:
    """Every strength, with its page."""
    from datakeel.rules.strength import strengths

    return {pattern.name: pattern.page.text for pattern in strengths()}


def praised() -> Iterator[Praised]:
    from datakeel.rules.strength import strengths
    from datakeel.show.catalogue import Praised

    for found in strengths():
        page = found.page
        yield Praised(found.name, found.category, page.pillar.value, page.pattern, page.why)


def help_of(category: str, rule: str, own: Path | None = None) -> Help:
    """A rule's page as SARIF has it; `own` is the file of a team's."""
    from datakeel.rules.rule import own_page, page
    from datakeel.show.sarif import Help

    read = page(category, rule) if own is None else own_page(own)
    return Help(why=read.why, pattern=read.pattern, text=read.text)


def entries() -> Iterator[Entry]:
    from datakeel.rules.rule import rules
    from datakeel.show.catalogue import Entry

    for rule in rules():
        page = rule.page
        yield Entry(rule.name, rule.category, rule.severity, page.pillar.value, page.pattern, page.why)


# How it can end badly -----------------------------------------------------------------------------------------------


def failed(text: str, status: int) -> int:
    from datakeel.show.output import error

    error(text)
    return status


def our_fault(fault: Exception, judged: Judged, *, debug: bool) -> int:
    """A programming mistake of ours: said as such, with the file it happened at where that is known (its notes say)."""
    if debug:
        import traceback

        traceback.print_exception(fault)
    notes = getattr(fault, "__notes__", ())
    at = notes[0] if notes else judged.last
    what = " ".join(f"{type(fault).__name__}: {fault}".split()).removesuffix(":")
    where = f" while {at}" if at else ""
    how = "" if debug else "; --debug shows the details"
    return failed(f"this is a fault of datakeel, not of your code: {what[:300]}{where}{how}", WRONG)
