"""A team's own rules: files of the same shape as ours, in the team's repository. They are code: who loads them runs
them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec.structs import replace

from datakeel.finding import Finding
from datakeel.mistake import Mistake
from datakeel.model.system import Remark, System
from datakeel.rules.judge import Named, Session, distinct, nouns, order
from datakeel.rules.rule import Hit, Rule, described, paged


def loaded(files: Iterable[tuple[str, Path]]) -> tuple[Rule, ...]:
    """The rules of files, each with its category; runs them. Raises Mistake with all that is wrong, each on a line of
    its own."""
    found, faults = [], []
    for category, file in files:
        try:
            found.append(one(category, file))
        except Mistake as mistake:
            faults.append(str(mistake))
    if faults:
        raise Mistake("\n".join(faults))
    return tuple(found)


def one(category: str, file: Path) -> Rule:
    function = getattr(module(file), file.stem, None)
    if not callable(function):
        raise Mistake(f"{file}: a rule's function bears its file's name: def {file.stem}(operation: Operation)")
    if not hasattr(function, "severity"):
        raise Mistake(f"{file}: mark the function as a rule: @rule(Severity.MAJOR)")
    try:
        made = described(category, file.stem, function, file.with_suffix(".md"))
        paged(file.with_suffix(".md"))
    except (TypeError, ValueError, NameError, LookupError) as problem:
        raise Mistake(said(file, problem)) from None
    return made


def said(file: Path, problem: Exception) -> str:
    """What is wrong, with its file in front."""
    text = " ".join(str(problem).split())
    return text if text.startswith(str(file.with_suffix(""))) else f"{file}: {text}"


def module(file: Path) -> ModuleType:
    """The file's code, run. Nothing is written beside it."""
    found = ModuleType(f"datakeel_team_rule_{file.stem}")
    found.__file__ = str(file)
    try:
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), found.__dict__)
    except OSError as problem:
        raise Mistake(f"cannot read {file}: {problem.strerror}") from None
    except Exception as problem:
        what = " ".join(f"{type(problem).__name__}: {problem}".split())
        raise Mistake(f"{file}:{line(problem, file)}: the rule cannot be loaded: {what}") from None
    return found


def line(problem: Exception, file: Path) -> int:
    """The last line of a file that an exception came through."""
    if isinstance(problem, SyntaxError):
        return problem.lineno or 1
    frames = traceback.extract_tb(problem.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(file)), 1)


def verdict(
    rules: Iterable[Rule], system: System, runs: Callable[[str, str], bool], shown: Callable[[Path], str]
) -> tuple[tuple[Finding, ...], tuple[Remark, ...]]:
    """What a team's rules find, and which of them failed: that takes nothing down, it is said. `shown` gives a file's
    path for people."""
    findings: list[Finding] = []
    failed: list[Remark] = []
    for rule in rules:
        if runs(rule.name, rule.category):
            try:
                findings += list(checked(rule, system))
            except Exception as problem:
                failed.append(failure(rule, problem, shown))
    return tuple(sorted(distinct(findings), key=order)), tuple(failed)


def checked(rule: Rule, system: System) -> Iterator[Finding]:
    def judge(*given: Any) -> Iterator[Hit]:
        for hit in rule.judge(*given):
            if not isinstance(hit, Hit):
                raise TypeError(f"a rule yields Hit, not {type(hit).__name__}")
            yield hit

    def unnamed(kind: type) -> Iterator[Named]:
        return ((noun, operation, "") for noun, operation in nouns(kind, system))

    return Session(replace(rule, judge=judge), system).findings(unnamed)


def failure(rule: Rule, problem: Exception, shown: Callable[[Path], str]) -> Remark:
    file = Path(str(rule.file)).with_suffix(".py")
    what = " ".join(f"{type(problem).__name__}: {problem}".split())
    remedy = "what it found so far is left out; `datakeel rules --test` tries its page"
    return Remark(shown(file), line(problem, file), f"the rule {rule.name} failed: {what} ({remedy})")
