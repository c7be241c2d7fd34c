"""How the program is told to end before its work is done: by Ctrl-C, by the system, by a terminal that is closed."""

from __future__ import annotations

import signal
from types import FrameType

SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]


class Ended(KeyboardInterrupt):
    """A signal came. Whoever is at work tidies up, as at Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def heed() -> None:
    """From now on a signal raises Ended, once; what is ignored already (by nohup) stays so."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


def end(number: int, frame: FrameType | None) -> None:
    """Further signals must not disturb what is tidied up."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Ended(number)


def told(by: KeyboardInterrupt) -> tuple[str, int]:
    """What is said, and the status: that of a program which such a signal ends."""
    number = by.number if isinstance(by, Ended) else int(signal.SIGINT)
    text = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    return text, 128 + number
