"""What an old code base is known for: the findings that were there when it began to be reviewed, in a file of its own.

One line is one finding, in the order of paths, so that branches merge line by line. A line says which finding it is
(`identity`: rule, symbol, normalised code, datasets; never where it stands) and what its function was made of
(`function`). A finding whose function has changed since is reported again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import msgspec
from msgspec import Struct

from datakeel.finding import Confidence, Entry, Finding, Standing
from datakeel.mistake import Mistake

VERSION = 1
REMEDY = "restore it from version control, or delete it and write it anew with --set-baseline"
CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


class Header(Struct, frozen=True):
    datakeel: str
    version: int


class Baseline(Struct, frozen=True):
    """The file's name as it was typed, and what it holds. What becomes of it in this review: it shrinks (``update``),
    takes in all that is shown (``set``), or is only read."""

    file: str
    entries: tuple[Entry, ...] = ()
    change: str = ""


class Outcome(Struct, frozen=True):
    """What is new, what was known, and how the baseline stands."""

    kept: tuple[Finding, ...]
    known: tuple[Finding, ...] = ()
    standing: Standing | None = None


def apply(
    findings: Iterable[Finding],
    baseline: Baseline,
    entry_of: Callable[[Finding], Entry],
    judged: Callable[[Entry], bool],
    least: Confidence = Confidence.MEDIUM,
) -> Outcome:
    """Parts the findings by what the baseline knows. An entry answers for one finding; equal ones have several.

    `judged` says whether this review could have found what an entry speaks of (its rule ran, its path was reviewed):
    only of those it can be said that they are gone. `least`: a baseline that is set takes in what is as sure as this.
    """
    unmet = Counter(entry.key for entry in baseline.entries)
    identities = {entry.identity for entry in baseline.entries}
    kept: list[Finding] = []
    known: list[Finding] = []
    added: list[Entry] = []
    reopened = 0
    for finding in findings:
        entry = entry_of(finding)
        if unmet[entry.key]:
            unmet[entry.key] -= 1
            known.append(finding)
        elif baseline.change == "set" and finding.confidence <= least:
            added.append(entry)
            known.append(finding)
        else:
            kept.append(finding)
            reopened += entry.identity in identities
    left = []
    for entry in baseline.entries:
        if unmet[entry.key] and judged(entry):
            unmet[entry.key] -= 1
        else:
            left.append(entry)
    entries = (*left, *added) if baseline.change else baseline.entries
    standing = Standing(
        file=baseline.file,
        size=len(entries),
        matched=len(known),
        gone=len(baseline.entries) - len(left),
        reopened=reopened,
        added=len(added),
        change=baseline.change,
        entries=tuple(sorted(entries)),
    )
    return Outcome(tuple(kept), tuple(known), standing)


# The file -------------------------------------------------------------------------------------------------------------


def text(entries: Iterable[Entry]) -> str:
    """The whole file: a header, then a line for each entry, sorted. The same entries give the same bytes.

    >>> print(text([Entry("b.py", "pay", "lost-update", "f1"), Entry("a.py", "", "dual-write", "f2", "d1")]), end="")
    {"datakeel": "baseline", "version": 1}
    {"path": "a.py", "symbol": "", "rule": "dual-write", "identity": "f2", "function": "d1"}
    {"path": "b.py", "symbol": "pay", "rule": "lost-update", "identity": "f1", "function": ""}
    """
    head = {"datakeel": "baseline", "version": VERSION}
    lines = [head, *(msgspec.structs.asdict(entry) for entry in sorted(entries))]
    return "".join(json.dumps(line) + "\n" for line in lines)


def read(file: Path, change: str = "") -> Baseline:
    """What a file holds. Raises Mistake, with the remedy, where it is not there or is no baseline."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise Mistake(f"there is no baseline {file}; --set-baseline writes a first one") from None
    except UnicodeDecodeError:
        raise Mistake(f"{file} is no baseline of datakeel: {REMEDY}") from None
    except OSError as error:
        raise Mistake(f"cannot read {file}: {error.strerror or error}") from None
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    for number, line in filled:
        if line.startswith(CONFLICT):
            told = "a merge conflict; keep the entries of both sides and delete the lines with the marks"
            raise Mistake(f"{file}:{number}: {told}")
    if not filled:
        raise Mistake(f"{file} is empty, no baseline of datakeel: {REMEDY}")
    must_begin(file, filled[0][1])
    return Baseline(str(file), tuple(sorted(entry(file, number, line) for number, line in filled[1:])), change)


def must_begin(file: Path, line: str) -> None:
    """The first line says what the file is."""
    try:
        head = msgspec.convert(json.loads(line), Header)
    except (ValueError, msgspec.ValidationError):
        raise Mistake(f"{file} is no baseline of datakeel: {REMEDY}") from None
    if head.datakeel != "baseline":
        raise Mistake(f"{file} is no baseline of datakeel: {REMEDY}")
    if head.version != VERSION:
        newer = "install a newer datakeel" if head.version > VERSION else "delete it and write it anew (--set-baseline)"
        raise Mistake(f"{file} is a baseline of version {head.version}, and this datakeel reads {VERSION}: {newer}")


def entry(file: Path, number: int, line: str) -> Entry:
    try:
        return msgspec.convert(json.loads(line), Entry)
    except (ValueError, msgspec.ValidationError):
        refused(file, number)


def refused(file: Path, number: int) -> NoReturn:
    raise Mistake(f"{file}:{number}: not an entry of a baseline: {REMEDY}")
