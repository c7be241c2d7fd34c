"""The command line: words typed, a call, words printed."""

# ruff: noqa: PLC0415  (an order loads what it needs, when it needs it; an option is a parameter)

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from datakeel import __version__
from datakeel.cli.catalogue import ChecklistOrder, ExplainOrder, PatternsOrder, RulesOrder, TryOrder
from datakeel.cli.generate import DesignOrder, DoOrder, DriftOrder, GenerateOrder, ImpactOrder, UpdateOrder
from datakeel.cli.review import SEVERITIES, CureOrder, FixOrder, Judged, ProveOrder, Reviewer, ReviewOrder, reviewer
from datakeel.ending import told
from datakeel.mistake import FULL, Mistake, nearest, unknown

COMMANDS = (
    *("review", "map", "fix", "prove", "explain", "rules", "patterns", "checklist"),
    *("design", "generate", "do", "update", "drift", "impact"),
)
FORMATS = ("terminal", "markdown", "json", "sarif", "html")
REFERENCES = ("terminal", "markdown", "json")
DRAWINGS = ("mermaid", "html")
CONFIDENCES = ("high", "medium", "low")

WRONG = 2  # the statuses of the program, beside 0 and those of the orders
INTERRUPTED = 130


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
        if isinstance(fault, OSError) and fault.errno in FULL:
            return failed(f"cannot write: {fault.strerror}", WRONG)
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
Paths = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH...", readable=False, help="Folders and files; none: this folder.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write what is asked for there.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration, in place of the one found.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=0, metavar="N", help="Processes; 0: one for each processor.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Read every file anew.")]
TeamRules = Annotated[
    bool,
    typer.Option(
        "--team-rules",
        envvar="DATAKEEL_TEAM_RULES",
        help="Run the rules that the configuration names: code of whoever wrote it.",
    ),
]
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
    paths: Paths = None,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help=f"One of: {', '.join(FORMATS)}.")
    ] = "terminal",
    output: Output = None,
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
    config: ConfigFile = None,
    jobs: Jobs = 0,
    no_cache: NoCache = False,
    team_rules: TeamRules = False,
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
    paths: Paths = None,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help=f"One of: {', '.join(DRAWINGS)}.")
    ] = "mermaid",
    output: Output = None,
    config: ConfigFile = None,
    jobs: Jobs = 0,
    no_cache: NoCache = False,
    team_rules: TeamRules = False,
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


Reference = Annotated[str, typer.Option("--format", "-f", metavar="NAME", help=f"One of: {', '.join(REFERENCES)}.")]


@app.command("patterns", help="List the patterns by chapter, or show one: when it holds, its cost, who has it.")
def type_patterns(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="As the list has it; none: the list.")] = "",
    form: Reference = "terminal",
    output: Output = None,
    debug: Debug = False,
) -> PatternsOrder:
    return PatternsOrder(name, one_of("format", form, REFERENCES), output)


@app.command("checklist", help="Show what to ask at each step of a review, with its red flags.")
def type_checklist(form: Reference = "terminal", output: Output = None, debug: Debug = False) -> ChecklistOrder:
    return ChecklistOrder(one_of("format", form, REFERENCES), output)


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
        from datakeel.show.output import silence

        silence(sys.stdout)
        raise Mistake(f"cannot write: {error.strerror or error}") from None
    except Exception as error:
        if not isinstance(error, USAGE):
            raise
        refuse(error)
    if isinstance(given, Order):
        return given
    if given == INTERRUPTED:  # while the words were read
        raise KeyboardInterrupt
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
    said = unknown("command", word, COMMANDS)
    if nearest(word, COMMANDS) is not None:
        return said
    if Path(word).exists():
        return f'"{word}" is no command; to review it: datakeel review {word}'
    return f"{said} (datakeel --help lists them)"


Order = (
    ReviewOrder
    | TryOrder
    | FixOrder
    | CureOrder
    | ProveOrder
    | ExplainOrder
    | RulesOrder
    | PatternsOrder
    | ChecklistOrder
    | DesignOrder
    | GenerateOrder
    | UpdateOrder
    | DriftOrder
    | ImpactOrder
)


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
