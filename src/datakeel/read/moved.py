"""Two states of one file side by side: where its lines went, and which functions' texts, or columns', are others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from msgspec import Raw, Struct
from msgspec.structs import replace

from datakeel.model.place import Place
from datakeel.read.program import (
    Assign,
    Attribute,
    Call,
    Class,
    Code,
    Const,
    Expression,
    File,
    Global,
    Signature,
    Span,
    Statement,
    body,
)

T = TypeVar("T")

Lines = dict[int, int]  # of one file: where a line of code was → where it is
Ends = dict[tuple[int, int], tuple[int, int]]  # the same, of where functions and classes end: line and column

# of a file's facts: not compared as they stand
UNSEEN = ("lines", "comments", "digest", "bodies", "words", "loads", "classes")
# of a column's declaration: what only its store and its keys depend on
STORED = frozenset(
    ("unique", "index", "db_index", "null", "nullable", "blank", "max_length", "help_text", "verbose_name", "editable")
)
COLUMNS = ("Field", "ForeignKey", "Column", "mapped_column")  # how the calls end that declare one


class Changed(Exception):
    """Something else has changed than comments, places and the texts of functions."""


class Moves(Struct, frozen=True):
    """What an edit did to a file: where lines went; the functions whose texts changed, each with the names that only
    one of its two texts has; the columns whose declarations have other options (``Order.number``)."""

    lines: Lines
    ends: Ends
    functions: dict[str, frozenset[str]]
    declarations: frozenset[str] = frozenset()

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
    if len(before.bodies) != len(now.bodies) or len(before.classes) != len(now.classes):
        raise Changed
    classes = zip(before.classes, now.classes, strict=True)
    declarations = frozenset(name for was, one in classes for name in redeclared(was, one, lines, ends))
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
    return Moves(lines, ends, functions, declarations)


def redeclared(before: Class, now: Class, lines: Lines, ends: Ends) -> Iterator[str]:
    """The columns of a class that are declared with other options. Raises Changed where anything else differs."""
    fields = before.fields, now.fields
    alike(replace(before, fields=()), replace(now, fields=()), lines)
    if len(before.fields) != len(now.fields):
        raise Changed
    for was, one in zip(*fields, strict=True):
        own: Lines = {}
        try:
            alike(was, one, own)
        except Changed:
            own.clear()
            yield f"{before.name}.{other_options(was, one, own, ends)}"
        for line, where in own.items():
            follow(line, where, lines)


def other_options(before: Statement, now: Statement, lines: Lines, ends: Ends) -> str:
    """The name of a column that two statements declare with other options. Raises Changed where they differ in anything
    else, or declare none; but where they end may move within its line."""
    match before, now:
        case Assign((Global(dotted),), Call() as was), Assign((Global(),), Call() as one) if declares(was):
            for old, new in ((before.at, now.at), (was.at, one.at)):
                alike(old, new, lines, defines=True)
                follow((old.end_line, old.end_column), (new.end_line, new.end_column), ends)
            alike(before.targets, now.targets, lines)
            alike(before.annotation, now.annotation, lines)
            alike((was.function, was.arguments, kept(was)), (one.function, one.arguments, kept(one)), lines)
            return dotted.rpartition(".")[2]
    raise Changed


def declares(call: Call) -> bool:
    """Whether a call declares a column."""
    match call.function:
        case Global(name) | Attribute(_, name):
            return name.endswith(COLUMNS)
    return False


def kept(call: Call) -> tuple[tuple[str, Expression], ...]:
    """What a column's declaration says beside what only its store depends on."""
    return tuple((k, v) for k, v in call.keywords if k not in STORED or not isinstance(v, Const))


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
