"""Where a report goes: a screen, a pipe, or a file that is written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from msgspec import Struct

from datakeel.mistake import Mistake

WIDEST = 110
PIPED = 100  # the width of text that nobody's window limits


class Paper(Struct, frozen=True):
    """What text is laid out for. `person`: somebody looks at it now."""

    width: int = PIPED
    colour: bool = False
    drawn: bool = True  # box-drawing characters can be shown
    person: bool = False


def paper(stream: TextIO | None, environment: Mapping[str, str]) -> Paper:
    """What a stream can show. NO_COLOR and TERM=dumb turn colour off, FORCE_COLOR turns it on where nobody looks."""
    if stream is None:
        return Paper()
    person = stream.isatty()
    plain = bool(environment.get("NO_COLOR")) or (environment.get("TERM") == "dumb" and person)
    forced = bool(environment.get("FORCE_COLOR"))
    width = min(shutil.get_terminal_size((PIPED, 24)).columns, WIDEST) if person else PIPED
    encoding = (stream.encoding or "").lower().replace("-", "")
    return Paper(width=max(width, 40), colour=(person or forced) and not plain, drawn="utf" in encoding, person=person)


def write(text: str, stream: TextIO | None) -> None:
    """Prints; a character that the stream does not know becomes a question mark, a reader that has left is no fault."""
    if stream is None:
        raise Mistake("cannot write: standard output is closed")
    try:
        stream.write(text.encode(stream.encoding or "utf-8", "replace").decode(stream.encoding or "utf-8"))
        stream.flush()
    except BrokenPipeError:
        silence(stream)
    except OSError as error:
        silence(stream)
        raise Mistake(f"cannot write: {error.strerror or error}") from None


def give(text: str, file: Path | None) -> None:
    """Prints it, or puts it into the file that was named."""
    if file is None:
        write(text, sys.stdout)
    else:
        write_file(file, text)


def say(text: str) -> None:
    """Says something beside the report."""
    with contextlib.suppress(Mistake):  # nobody can be told
        write(text, sys.stderr)


def silence(stream: TextIO) -> None:
    """Lets the interpreter's last flush of a broken pipe go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return


def write_file(file: Path, text: str) -> None:
    """Puts the text in place of the file in one step, so that no half report is ever seen. Raises Mistake."""
    try:
        if file.exists() and not file.is_file():  # a device or a pipe is written to, a folder refuses
            file.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        else:
            replace(Path(os.path.realpath(file)), text)
    except OSError as error:
        raise Mistake(f"cannot write {file}: {error.strerror or error}; name another place") from None


def replace(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with beside.open("x", encoding="utf-8", errors="replace", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            if not os.access(file, os.W_OK):
                raise PermissionError(13, "Permission denied")
            shutil.copymode(file, beside)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def error(text: str) -> None:
    """Says what is wrong, on lines of their own that begin with the program's name."""
    with contextlib.suppress(Mistake):  # nobody can be told
        write("".join(f"datakeel: {line}\n" for line in text.splitlines()), sys.stderr)
