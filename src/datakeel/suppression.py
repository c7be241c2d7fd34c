"""What the code says against a finding: `# datakeel: ignore[rule] reason`, on a statement, a function, a class or a
file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from datakeel.finding import Finding
from datakeel.mistake import nearest, unknown
from datakeel.model.place import Place
from datakeel.model.system import Remark

INSTRUCTION = re.compile(r"(?P<verb>ignore(?:-file)?)\b\s*(?:\[(?P<rules>[^\]]*)\])?\s*(?P<reason>.*)", re.S)
VERBS = ("ignore", "ignore-file")


class Comment(Protocol):
    """A comment as the reader gives it: its line, its text behind ``datakeel:``, and whether its line holds nothing
    else."""

    @property
    def line(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def alone(self) -> bool: ...


class Stretch(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def end_line(self) -> int: ...


class Definition(Protocol):
    """A function or class as the reader gives it; of a decorator only the place matters, and a bare name has none."""

    @property
    def at(self) -> Stretch: ...
    @property
    def decorators(self) -> Sequence[object]: ...


class Block(Struct, frozen=True, order=True, gc=False):
    """A function or class: the line of its first decorator, that of its `def` or `class`, and its last."""

    first: int
    line: int
    end: int


class Suppression(Struct, frozen=True, gc=False):
    """One comment, understood. It governs lines `first` to `last`; `whole` when that is a function, a class or the
    file."""

    path: str
    line: int
    rules: tuple[str, ...]
    reason: str
    first: int
    last: int
    whole: bool

    def governs(self, place: Place) -> bool:
        """Whether a finding at `place` is meant: it begins in the block, or the statement touches the line."""
        if self.whole:
            return self.first <= place.line <= self.last
        return place.line <= self.last and self.first <= max(place.end_line, place.line)


class Outcome(Struct, frozen=True):
    """What is still reported, what the code answers for (with its reason), and what is wrong with the comments
    themselves."""

    kept: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    remarks: tuple[Remark, ...]


def apply(
    findings: Iterable[Finding],
    comments: Mapping[str, Sequence[Comment]],
    blocks: Mapping[str, Sequence[Block]],
    ran: Collection[str],
    known: Collection[str] | None = None,
) -> Outcome:
    """Parts the findings by what the code's comments say.

    `comments` and `blocks` are given by path, for every file that is judged; `ran` are the rules that ran, `known`
    all that exist. A comment whose rule did not run is not called unused.
    """
    read = [
        understood(path, comment, blocks.get(path, ()), comments[path])
        for path in comments
        for comment in comments[path]
    ]
    by_path: dict[str, list[Suppression]] = {}
    for suppression in read:
        if isinstance(suppression, Suppression):
            by_path.setdefault(suppression.path, []).append(suppression)
    kept: list[Finding] = []
    suppressed: list[Finding] = []
    used: set[tuple[str, int, str]] = set()
    for finding in findings:
        place = statement(finding.place, blocks.get(finding.place.path, ()))
        against = [s for s in by_path.get(place.path, ()) if finding.rule in s.rules and s.governs(place)]
        used.update((s.path, s.line, finding.rule) for s in against)
        if against:
            narrowest = min(against, key=lambda s: (s.whole, s.last - s.first, s.line))
            suppressed.append(msgspec.structs.replace(finding, suppressed=narrowest.reason))
        else:
            kept.append(finding)
    remarks = [r for r in read if isinstance(r, Remark)]
    for suppressions in by_path.values():
        for suppression in suppressions:
            remarks += said_of(suppression, used, ran, ran if known is None else known)
    return Outcome(tuple(kept), tuple(suppressed), tuple(sorted(remarks)))


def understood(
    path: str, comment: Comment, blocks: Sequence[Block], others: Sequence[Comment]
) -> Suppression | Remark | None:
    """A comment as a suppression, as a remark on what is wrong with it, or None where it says something else."""
    match = INSTRUCTION.match(comment.text.strip())
    if match is None:
        word = re.split(r"[\s\[:=]", comment.text.strip(), maxsplit=1)[0]
        meant = nearest(word, VERBS) if word else None
        if meant is None:
            return None
        return Remark(
            path,
            comment.line,
            f'"# datakeel: {word}" is not understood; did you mean "{meant}[rule] reason"?',
        )
    rules = tuple(name.strip() for name in (match["rules"] or "").split(",") if name.strip())
    if not rules:
        verb = match["verb"]
        text = f'"# datakeel: {verb}" names no rule and is not followed; write "{verb}[rule] reason"'
        return Remark(path, comment.line, text)
    first, last, whole = reach(match["verb"], comment, blocks, others)
    return Suppression(path, comment.line, rules, match["reason"].strip(" \t-–—:"), first, last, whole)


def reach(verb: str, comment: Comment, blocks: Sequence[Block], others: Sequence[Comment]) -> tuple[int, int, bool]:
    """The lines that a comment governs: the file, the function or class at whose head it stands, or a statement."""
    if verb == "ignore-file":
        return 0, 2**31, True
    target = comment.line
    if comment.alone:  # it speaks of the next line; several such comments may stand above one another
        alone = {c.line for c in others if c.alone}
        while target in alone:
            target += 1
    for block in blocks:
        if block.first <= target <= block.line:
            return block.first, block.end, True
    return comment.line, target, False


def statement(place: Place, blocks: Sequence[Block]) -> Place:
    """The place as far as a comment on a statement may touch it: of a finding that spans a whole function, its first
    line."""
    if any(place.line <= b.line and b.end <= place.end_line for b in blocks):
        return msgspec.structs.replace(place, end_line=place.line)
    return place


def said_of(
    suppression: Suppression, used: Collection[tuple[str, int, str]], ran: Collection[str], known: Collection[str]
) -> Iterator[Remark]:
    """What is wrong with a comment: rules that do not exist or found nothing, no reason."""
    path, line = suppression.path, suppression.line
    for rule in suppression.rules:
        if rule not in known:
            yield Remark(path, line, f"the comment ignores an {unknown('rule', rule, known)}")
        elif rule in ran and (path, line, rule) not in used:
            yield Remark(path, line, f"the comment ignores {rule}, which finds nothing here: delete it")
    if not suppression.reason:
        yield Remark(
            path,
            line,
            f"the comment ignores {', '.join(suppression.rules)} without a reason: write one behind the bracket",
        )


def blocks_of(definitions: Iterable[Definition]) -> tuple[Block, ...]:
    """The functions and classes of a file, as far as a comment at their head is concerned."""
    return tuple(sorted(block(definition) for definition in definitions))


def block(definition: Definition) -> Block:
    """A decorator without a place is taken to stand on a line of its own, above what follows it."""
    first = line = definition.at.line
    for decorator in reversed(definition.decorators):
        first = min(line_of(decorator) or first - 1, first)
    return Block(first, line, definition.at.end_line)


def line_of(decorator: object) -> int | None:
    at: Stretch | None = getattr(decorator, "at", None)
    return None if at is None else at.line
