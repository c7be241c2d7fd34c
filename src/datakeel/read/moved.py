"""Two states of one file side by side: where its lines went, and which functions' texts are others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Raw, Struct

from datakeel.model.place import Place
from datakeel.read.program import Class, Code, File, Signature, Span, body

T = TypeVar("T")

Lines = dict[int, int]  # of one file: where a line of code was → where it is
Ends = dict[tuple[int, int], tuple[int, int]]  # the same, of where functions and classes end: line and column

UNSEEN = ("lines", "comments", "digest", "bodies", "words")  # of a file's facts: what is not compared as it stands


class Changed(Exception):
    """Something else has changed than comments, places and the texts of functions."""


class Moves(Struct, frozen=True):
    """What an edit did to a file: where lines went, and the functions whose texts changed, each with the names that
    only one of its two texts has."""

    lines: Lines
    ends: Ends
    functions: dict[str, frozenset[str]]

    def place(self, path: str, line: int, column: int, end_line: int, end_column: int) -> Place:
        """A place in the file where its code stands now."""
        ends = self.ends.get((end_line, end_column)) or (self.at(end_line), end_column)
        return Place(path, self.at(line), column, *ends)

    def at(self, line: int) -> int:
        """Where a line is now; one without code of its own goes with the code before it."""
        before = line
        while before > 1 and before not in self.lines:
            before -= 1
        return line + self.lines.get(before, before) - before


def moves(before: File, now: File) -> Moves:
    """Compares two states of a file. Raises Changed where they differ in what other files may see, or in what runs at
    import."""
    lines: Lines = {}
    ends: Ends = {}
    functions: dict[str, frozenset[str]] = {}
    alike(before, now, lines)
    if len(before.bodies) != len(now.bodies):
        raise Changed
    defined = zip(definitions(before), definitions(now), strict=True)
    for was, one in defined:
        follow((was.at.end_line, was.at.end_column), (one.at.end_line, one.at.end_column), ends)
    for number, (old, new) in enumerate(zip(before.bodies, now.bodies, strict=True)):
        own: Lines = {}
        try:
            alike(old, new, own)
        except Changed:
            if number >= len(now.functions):
                raise
            functions[now.functions[number].name] = frozenset(set(old.names) ^ set(new.names))
        else:
            for line, where in own.items():
                follow(line, where, lines)
    return Moves(lines, ends, functions)


def definitions(file: File) -> Iterable[Signature | Class]:
    return (*file.functions, *file.classes)


def alike(before: object, now: object, lines: Lines, *, defines: bool = False) -> None:
    """Two files' facts, or parts of them, side by side: notes where lines went. Raises Changed where they differ in
    anything else; but where a definition ends may move within its line."""
    if type(before) is not type(now):
        raise Changed
    match before, now:
        case Span(), Span():
            if before.column != now.column or (before.end_column != now.end_column and not defines):
                raise Changed
            follow(before.line, now.line, lines)
            follow(before.end_line, now.end_line, lines)
        case Code(), Code():
            alike(before.names, now.names, lines)
            alike(body(before), body(now), lines)
        case Struct(), Struct():
            for name in before.__struct_fields__:
                if not (isinstance(before, File) and name in UNSEEN):
                    defines = name == "at" and isinstance(before, Signature | Class)
                    alike(getattr(before, name), getattr(now, name), lines, defines=defines)
        case tuple(), tuple():
            if len(before) != len(now):
                raise Changed
            for one, other in zip(before, now, strict=True):
                alike(one, other, lines)
        case _:
            assert not isinstance(before, Raw | list | dict)
            if before != now:
                raise Changed


def follow(before: T, now: T, moved: dict[T, T]) -> None:
    if moved.setdefault(before, now) != now:
        raise Changed  # what was one line is two
