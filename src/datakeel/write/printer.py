"""Text that may be broken, and how it is printed within a width: the document language that formatters are built on.

A group stands on one line where it fits there, else all lines in it are broken. A document is a string, a tuple of
documents, or one of the classes below.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct


class Line(Enum):
    SOFT = ""  # nothing, where its group stands on one line
    SPACE = " "
    HARD = "\n"  # breaks every group that it stands in


class Measured(Enum):
    """What has to fit: what comes before the next line, all lines, or only what stands before and behind them."""

    FIRST = "first"
    ALL = "all"
    ENDS = "ends"


class Group(Struct, frozen=True):
    """What stands on one line or is broken. `only`: it is a group only where that one is broken."""

    content: Document
    name: int = 0
    only: int = 0


class Indent(Struct, frozen=True):
    """Lines of it stand deeper. `only`: where that group is broken."""

    content: Document
    only: int = 0


class IfBroken(Struct, frozen=True):
    """One text where a group is broken, another where it is not. `of`: that group, else the one that it stands in."""

    broken: Document
    flat: Document = ""
    of: int = 0


class Free(Struct, frozen=True):
    """What may be broken although `of` stands on one line: the content of brackets that needs no further ones."""

    content: Document
    of: int


class Held(Struct, frozen=True):
    """What gets parentheses round it if it fits into them, and stays as it is if not. `name`: what is free in it
    refers to it; without, it is broken where that is enough, else parenthesized. `comment`: one behind it, which then
    stands in them, too."""

    content: Document
    name: int = 0
    comment: str = ""


Document = str | tuple["Document", ...] | Line | Group | Indent | IfBroken | Free | Held
Entry = tuple[int, bool, Measured, Document]  # indent; whether it is flat; what of it is measured; what it is

STEP = 4
CLOSE = (Line.HARD, ")")


def printed(document: Document, indent: int, width: int) -> str:
    """The document as text. Its first line begins at column `indent`, which the text does not hold."""
    return _Printer(width).run(document, indent)


class _Printer:
    def __init__(self, width: int) -> None:
        self.width = width
        self.flat: dict[int, bool] = {}  # how groups with a name stand
        self.known = False  # that what comes fits
        self.column = 0

    def run(self, document: Document, indent: int) -> str:
        out: list[str] = []
        self.column = indent
        stack: list[Entry] = [(indent, False, Measured.FIRST, document)]
        while stack:
            margin, flat, measured, one = stack.pop()
            if isinstance(one, str):
                out.append(one)
                last = one.rpartition("\n")
                self.column = len(last[2]) + (0 if last[1] else self.column)
            elif one is Line.HARD or (isinstance(one, Line) and not flat):
                out.append("\n" + " " * margin)
                self.column = margin
                self.known = False
            elif isinstance(one, Line):
                out.append(one.value)
                self.column += len(one.value)
            elif isinstance(one, Group):
                stack.append((margin, self._group_is_flat(one, margin, flat, stack), measured, one.content))
            elif isinstance(one, Free):
                if self.flat.get(one.of, True):
                    self.known = False
                stack.append((margin, flat, measured, one.content))
            elif isinstance(one, Held):
                self._hold(one, margin, stack)
            else:
                stack += self._plain(one, margin, flat, measured)
        return "".join(out)

    def _plain(self, one: Document, margin: int, flat: bool, measured: Measured) -> Iterator[Entry]:
        """What printing and measuring take in the same way, as their stack wants it."""
        if isinstance(one, tuple):
            yield from ((margin, flat, measured, part) for part in reversed(one))
        elif isinstance(one, Indent):
            deeper = not one.only or not self.flat.get(one.only, True)
            yield margin + STEP * deeper, flat, measured, one.content
        elif isinstance(one, IfBroken):
            is_flat = self.flat.get(one.of, True) if one.of else flat
            yield margin, flat, measured, one.flat if is_flat else one.broken

    def _group_is_flat(self, group: Group, margin: int, flat: bool, stack: list[Entry]) -> bool:
        if group.only and self.flat.get(group.only, True):
            return flat
        if must_break(group.content):
            is_flat = False
        elif flat and self.known:
            is_flat = True
        else:
            self.known = True
            if group.name:
                self.flat[group.name] = True
            is_flat = self._fits([(margin, True, Measured.FIRST, group.content)], stack)
        if group.name:
            self.flat[group.name] = is_flat
        return is_flat

    def _hold(self, held: Held, margin: int, stack: list[Entry]) -> None:
        flat = (held.content, held.comment)
        self.known = True
        self.flat[held.name] = True
        if self._fits([(margin, True, Measured.FIRST, flat)], stack):
            stack.append((margin, True, Measured.FIRST, flat))
            return
        if not held.name and self._fits([(margin, False, Measured.ALL, flat)], stack):
            stack.append((margin, False, Measured.FIRST, flat))
            return
        self.flat[held.name] = False
        inner = (Line.HARD, flat)
        if not held.name or self._fits(_in_parentheses(inner, margin, Measured.ALL), stack):
            stack += _in_parentheses(inner, margin, Measured.FIRST)
        else:
            self.flat[held.name] = True
            stack.append((margin, True, Measured.FIRST, flat))

    def _fits(self, begun: list[Entry], rest: list[Entry]) -> bool:
        """Whether what is begun, and what follows it up to the next line, fits."""
        column, stack, position = self.column, begun, len(rest)
        while True:
            if not stack:
                if position == 0:
                    return True
                position -= 1
                stack.append(rest[position])
            margin, flat, measured, one = stack.pop()
            if isinstance(one, str):
                first, *more = one.split("\n")
                column += len(first)
                if column > self.width and measured is not Measured.ENDS:
                    return False
                if more and measured is Measured.FIRST:
                    return True
                column = len(more[-1]) if more else column
            elif isinstance(one, Line):
                if one is not Line.HARD and flat:
                    column += len(one.value)
                elif measured is Measured.FIRST:
                    return True
                else:
                    column = margin
            elif isinstance(one, Group):
                breaks = (not one.only or not self.flat.get(one.only, True)) and must_break(one.content)
                is_flat = flat and not breaks
                if one.name:
                    self.flat[one.name] = is_flat
                stack.append((margin, is_flat, measured, one.content))
            elif isinstance(one, Free):
                free = flat and self.flat.get(one.of, True)
                stack.append(
                    (margin, False, Measured.ENDS, one.content) if free else (margin, flat, measured, one.content)
                )
            elif isinstance(one, Held):
                stack.append((margin, flat, measured, (one.content, one.comment)))
            else:
                stack += self._plain(one, margin, flat, measured)


def _in_parentheses(content: Document, margin: int, measured: Measured) -> list[Entry]:
    return [
        (margin, False, measured, CLOSE),
        (margin + STEP, False, measured, content),
        (margin, False, measured, "("),
    ]


def must_break(document: Document) -> bool:
    """Whether a line in it is broken in any case."""
    if isinstance(document, tuple):
        return any(must_break(part) for part in document)
    if isinstance(document, Group | Indent | Held):
        return must_break(document.content)
    return document is Line.HARD or (isinstance(document, str) and "\n" in document)
