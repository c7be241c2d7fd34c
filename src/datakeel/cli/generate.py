"""The orders of generation: what is typed after ``design``, ``generate``, ``do``, ``drift`` and ``impact``."""

# ruff: noqa: PLC0415  (an order loads what it needs, when it needs it)

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from datakeel.mistake import Mistake

if TYPE_CHECKING:
    from datakeel.decision import Design
    from datakeel.requirements import Requirements
    from datakeel.write.project import Project
    from datakeel.write.update import Outcome, Plan, Steps

BASE = ".datakeel/base.json"
DIFFERENT = 1  # the status of a comparison that found something
PRINTED = "-"
NEXT = """
    cd {folder}
    make test    # proves it, on a PostgreSQL of its own
    make run     # starts it"""


class DesignOrder(Struct, frozen=True, kw_only=True):
    """A sentence becomes a system.yaml; either way the decisions are printed."""

    request: str
    output: Path | None
    force: bool

    def carried_out(self) -> int:
        from datakeel import generator, requirements
        from datakeel.design.designer import design
        from datakeel.show import output

        described = asked(generator.understood(self.request), self.request)
        decided = design(described)
        if self.output == Path(PRINTED):
            output.write(requirements.text(described), sys.stdout)
            return 0
        if self.output is not None or not generator.is_file(self.request):
            file = self.output or Path("system.yaml")
            if file.exists() and not self.force:
                raise Mistake(f"{file} is there already: name another with --output, or add --force to replace it")
            output.write_file(file, requirements.text(described))
            print(f"{file} says what the system must do; edit it, then: datakeel generate {file} -o DIR")
            remark(described)
            print()
        show(decided)
        return 0


class GenerateOrder(Struct, frozen=True, kw_only=True):
    request: str
    output: Path
    force: bool
    diff: bool

    def carried_out(self) -> int:
        from datakeel import generator

        wanted = asked(generator.understood(self.request), self.request)
        if self.diff and (self.output / BASE).is_file():
            return compared_with(wanted, self.output)
        decided, project = generator.generated(wanted)
        if self.diff:
            return compared(project, self.output)
        written(project, self.output, self.force)
        if not generator.is_file(self.request):
            remark(wanted)
        for warning in decided.warnings:
            print(f"note: {warning}")
        print(NEXT.format(folder=shlex.quote(str(self.output))))
        return 0


class DoOrder(Struct, frozen=True, kw_only=True):
    """Decides by the request's words which of the two halves is meant."""

    request: str
    path: Path | None

    def decided(self) -> str:
        """``review`` or ``generate``. Raises Mistake where that cannot be told, and nobody can be asked."""
        from datakeel.design.intake import mode

        found = mode(self.request)
        if found is not None:
            return found
        if not at_terminal():
            where = self.path or Path()
            raise Mistake(
                "it is not clear whether this asks for a review or for a new system; say\n"
                f"    datakeel review {where}\n"
                f'    datakeel generate "{self.request}" -o {self.path or "DIR"}'
            )
        while True:
            try:
                said = input("Review what is there, or generate a new system? [review/generate] ").strip().lower()
            except EOFError:
                raise Mistake(
                    "nothing was answered; datakeel review and datakeel generate say which is meant"
                ) from None
            meant = [word for word in ("review", "generate") if said and word.startswith(said)]
            if meant:
                return meant[0]


class DriftOrder(Struct, frozen=True, kw_only=True):
    """How a generated project differs from one that is generated now from its system.yaml, and why."""

    folder: Path

    def carried_out(self) -> int:
        from datakeel import generator

        return compared_with(generator.of_project(self.folder), self.folder)


class UpdateOrder(Struct, frozen=True, kw_only=True):
    """A generated project follows its system.yaml, or a newer datakeel; what its people changed stays. `contract`: what
    nothing uses any more is dropped."""

    folder: Path
    contract: bool

    def carried_out(self) -> int:
        from datakeel import generator
        from datakeel.write import disk, update

        new = generator.of_project(self.folder)
        with disk.alone(self.folder):
            if disk.finish(self.folder):
                print("finished: an update that was broken off")
            plan = update.plan(self.folder, generator.generated(new)[1], new)
            update.refuse(plan.steps.refused)
            steps = update.contracted(plan) if self.contract else plan.steps
            update.carried_out(plan, steps, self.folder)
        if self.contract and not steps.files:
            print("nothing is left that could be dropped")
        return followed(plan, steps, self.folder)


class ImpactOrder(Struct, frozen=True, kw_only=True):
    """Which decisions and files a changed requirement would change."""

    file: Path
    changes: tuple[str, ...]

    def carried_out(self) -> int:
        from datakeel import generator
        from datakeel.show import decisions, output
        from datakeel.write import update

        was, now = generator.read(self.file), generator.changed(self.file, self.changes)
        before, old = generator.generated(was)
        after, new = generator.generated(now)
        steps = update.steps_between(old, new, was, now)
        output.write(
            decisions.render_impact(before, after, differing(old, new, steps), output.paper(sys.stdout, os.environ)),
            sys.stdout,
        )
        for reason in steps.refused:
            print(f"an update is refused: {reason}")
        return 0


def followed(plan: Plan, steps: Steps, folder: Path) -> int:
    """Says what an update has done; gives the status."""
    for outcome in plan.outcomes:
        print(f"{became(outcome, plan)}: {outcome.path}{f' ({outcome.note})' if outcome.note else ''}")
    for file in steps.files:
        print(f"added: {file.path}")
    for note in steps.notes:
        print(f"note: {note}")
    for left in steps.left:
        print(f"stays in the database: {left}")
    if steps.left:
        print(f"when nothing uses that any more: datakeel update {folder} --contract")
    conflicts = sum(outcome.conflict for outcome in plan.outcomes)
    files = "1 file" if conflicts == 1 else f"{conflicts} files"
    print(f"{files} in conflict; the lines are marked as git marks them" if conflicts else "done")
    return DIFFERENT if conflicts else 0


def became(outcome: Outcome, plan: Plan) -> str:
    """What has become of a file, in a word."""
    if outcome.conflict:
        return "conflict"
    if outcome.note:
        return "left"
    if outcome.text is None:
        return "removed"
    return "updated" if outcome.path in plan.yours else "added"


def differing(old: Project, new: Project, steps: Steps) -> tuple[str, ...]:
    """The paths of files that differ between two projects, with ``+`` or ``-`` in front where only one has them; of
    those that are never rewritten, the ones that would be added."""
    from datakeel.write.disk import OURS
    from datakeel.write.project import frozen

    before = {f.path: f.text for f in old.files}
    after = {f.path: f.text for f in new.files}
    signs = {True: "~", False: "+"}
    changed = {
        path: "-" if path not in after else signs[path in before]
        for path in {*before, *after}
        if before.get(path) != after.get(path) and not path.startswith(OURS) and not frozen(path)
    }
    return tuple(f"{sign} {path}" for path, sign in sorted({**changed, **{f.path: "+" for f in steps.files}}.items()))


def asked(of: Requirements, request: str) -> Requirements:
    """The requirements of a sentence, after questions at a terminal about what was assumed and matters."""
    from datakeel import generator
    from datakeel.design.intake import answered, questions

    if generator.is_file(request) or generator.is_document(request) or not at_terminal():
        return of
    for question in questions(of):
        print(f"{question.ask} ({question.changes})")
        while True:
            try:
                of = answered(of, question, input(f"[{question.default}] "))
                break
            except EOFError:
                return of
            except Mistake as mistake:
                print(mistake)
    return of


def remark(of: Requirements) -> None:
    """Says what stands in a request and nowhere in the requirements that were made of it."""
    if "summary" in of.reasons:
        print(f"note: {of.reasons['summary']}")


def at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def compared(project: Project, folder: Path) -> int:
    from datakeel.show import output
    from datakeel.write import disk

    text = disk.difference(project, folder)
    output.write(text, sys.stdout)
    return DIFFERENT if text else 0


def compared_with(wanted: Requirements, folder: Path) -> int:
    """Shows how a project differs from what the requirements ask for, and why."""
    from datakeel import generator
    from datakeel.show import output
    from datakeel.write import disk, drift, update

    if disk.pending(folder):
        raise Mistake(f"an update of {folder} was broken off; this finishes it: datakeel update {folder}")
    plan = update.plan(folder, generator.generated(wanted)[1], wanted)
    try:
        again = generator.generated(plan.old)[1]
    except Mistake:  # what another version could build, and this one cannot
        again = None
    text = drift.told(plan, again)
    output.write(text, sys.stdout)
    return DIFFERENT if text else 0


def written(project: Project, folder: Path, force: bool) -> None:
    from datakeel.write import disk

    kept = disk.put(project, folder, force)
    print(f"{len(project.files) - len(kept)} files in {folder}")
    for path in kept:
        print(f"left as it is, since you changed it: {path}")


def show(decided: Design) -> None:
    from datakeel.show import decisions, output

    output.write(decisions.render(decided, output.paper(sys.stdout, os.environ)), sys.stdout)
