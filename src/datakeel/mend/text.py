"""Edits into a file's bytes: its encoding, its mark and its line ends stay as they are; written whole or not at all."""

from __future__ import annotations

import codecs
import difflib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from datakeel.finding import Edit
from datakeel.mistake import Mistake
from datakeel.read.languages.python.draft import LINE_END
from datakeel.read.text import declared_encoding, decoded

IMPORT = re.compile(r"(?:from|import) [^\n]*\n\Z")
LINE = re.compile(r"[^\n]*\n|[^\n]+")


def text_of(data: bytes) -> str | None:
    """A file's text; None where it could not be written back byte for byte."""
    text, wrong = decoded(data)
    try:
        return text if not wrong and data_of(text, data) == data else None
    except (LookupError, ValueError):
        return None


def data_of(text: str, before: bytes) -> bytes:
    """A text in the encoding that a file had before, with its byte order mark."""
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    return mark + text.encode(declared_encoding(before[len(mark) :]))


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text with edits made; none may overlap another."""
    starts = [0, *(m.end() for m in LINE_END.finditer(text))]
    for edit in sorted(edits, key=lambda e: (e.place.line, e.place.column, e.place.end_line, e.text), reverse=True):
        begin, end = span(edit, starts)
        text = text[:begin] + edit.text + text[end:]
    return text


def span(edit: Edit, starts: list[int]) -> tuple[int, int]:
    place = edit.place
    return starts[place.line - 1] + place.column, starts[place.end_line - 1] + place.end_column


def overlap(one: Edit, other: Edit) -> bool:
    """Whether two edits want the same text, or want to put different texts at one place. Equal edits (both need one
    import) are one."""
    imports = IMPORT.match(one.text) and IMPORT.match(other.text)  # of one place: they stand in their order
    if one == other or one.place.path != other.place.path or (imports and one.place == other.place):
        return False
    a, b = bounds(one), bounds(other)
    if a[0] == a[1] or b[0] == b[1]:
        return a[0] <= b[1] and b[0] <= a[1]
    return a[0] < b[1] and b[0] < a[1]


def bounds(edit: Edit) -> tuple[tuple[int, int], tuple[int, int]]:
    place = edit.place
    return (place.line, place.column), (place.end_line, place.end_column)


def difference(path: str, before: str, after: str) -> str:
    """A unified diff that `git apply` and `patch` take; with an empty text before, of a new file."""
    origin = f"a/{path}" if before else "/dev/null"
    lines = difflib.unified_diff(LINE.findall(before), LINE.findall(after), origin, f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def write(files: Mapping[Path, bytes]) -> None:
    """Puts all files in place, or none: each is written beside the old one first, and what was put in place is put
    back where the next one cannot be. A file keeps its mode; a link stays a link. Raises Mistake."""
    beside: dict[Path, Path] = {}
    done: dict[Path, bytes | None] = {}
    try:
        for file, data in sorted(files.items()):
            place = Path(os.path.realpath(file))
            beside[place] = laid_out(place, data)
        for place, part in beside.items():
            done[place] = place.read_bytes() if place.exists() else None
            part.replace(place)
    except OSError as error:
        for place, before in done.items():
            put_back(place, before)
        name = error.filename or "the files"
        raise Mistake(f"nothing was written: {name}: {error.strerror or error}") from None
    finally:
        for part in beside.values():
            part.unlink(missing_ok=True)


def laid_out(place: Path, data: bytes) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(13, "Permission denied", str(place))
        with part.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if place.exists():
            shutil.copymode(place, part)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def put_back(place: Path, before: bytes | None) -> None:
    if before is None:
        place.unlink(missing_ok=True)
    else:
        mode = place.stat().st_mode
        part = place.with_name(f".{place.name}.{os.getpid()}.back")
        part.write_bytes(before)
        part.chmod(mode)
        part.replace(place)
