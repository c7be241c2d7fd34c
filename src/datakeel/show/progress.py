"""How far a long review is: one line on standard error, at a terminal, gone when the review ends."""

from __future__ import annotations

import io
import time
from typing import TextIO

PATIENCE = 0.5  # seconds before anything is shown
EVERY = 0.1
BAR = 24


class Progress:
    """Called with what is being done, how much of it is done, and how much there is (0: not known). `last` is what it
    was told last."""

    def __init__(self, stream: TextIO | None, *, width: int = 80) -> None:
        self.stream = stream or io.StringIO()
        self.width = width
        self.shows = self.stream.isatty()
        self.next = time.monotonic() + PATIENCE
        self.drawn = False
        self.last = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        self.last = what
        now = time.monotonic()
        if self.shows and now >= self.next:
            self.next = now + EVERY
            self.drawn = True
            self.stream.write(f"\r\x1b[K{line(what, done, total, self.width)}")
            self.stream.flush()

    def clear(self) -> None:
        if self.drawn:
            self.drawn = False
            self.stream.write("\r\x1b[K")
            self.stream.flush()


def line(what: str, done: int, total: int, width: int) -> str:
    """
    >>> line("reading", 30, 120, 80)
    'reading ██████░░░░░░░░░░░░░░░░░░  30 of 120'
    >>> line("linking", 0, 0, 80)
    'linking …'
    """
    if total <= 0:
        return f"{what} …"[: width - 1]
    full = min(BAR, BAR * done // total)
    return f"{what} {'█' * full}{'░' * (BAR - full)}  {done:,} of {total:,}"[: width - 1]
