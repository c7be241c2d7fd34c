"""Quantities as a person says them: numbers with their units, rounded to what matters."""

from __future__ import annotations

import math

SIZES = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB"))
LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
YEAR, DAY, HOUR, MINUTE = 365 * 86_400.0, 86_400.0, 3_600.0, 60.0


def count(number: float, of: str = "") -> str:
    """A number of things.

    >>> count(1_234_567, "rows"), count(0.25, "writes/s"), count(1, "node"), count(86_400, "rows")
    ('1.23 million rows', '0.25 writes/s', '1 node', '86,400 rows')
    """
    for unit, word in LARGE:
        if number >= unit:
            return f"{three_digits(number / unit)} {word} {of}".rstrip()
    return f"{three_digits(number)} {of}".rstrip()


def several(number: int, one: str, more: str) -> str:
    """A number of things whose plural is not the same word.

    >>> several(1, "kind of event", "kinds of event"), several(4, "kind of event", "kinds of event")
    ('1 kind of event', '4 kinds of event')
    """
    return count(number, one if number == 1 else more)


def size(number: float) -> str:
    """Bytes.

    >>> size(86_400_000), size(512), size(1.5e13)
    ('86.4 MB', '512 bytes', '15 TB')
    """
    for unit, word in SIZES:
        if number >= unit:
            return f"{three_digits(number / unit)} {word}"
    return f"{three_digits(number)} bytes"


def period(seconds: float) -> str:
    """
    >>> period(0.01), period(90), period(7 * 86_400), period(2 * 365 * 86_400), period(1)
    ('10 ms', '1.5 minutes', '7 days', '2 years', '1 second')
    """
    if 0 < seconds < 1:
        return f"{three_digits(seconds * 1000)} ms"
    for unit, word in ((YEAR, "year"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1.0, "second")):
        if seconds >= unit:
            text = three_digits(seconds / unit)
            return f"{text} {word}" if text == "1" else f"{text} {word}s"
    return "0 seconds"


def share(part: float) -> str:
    """A part of one, as a percentage; near one as exact as it must be.

    >>> share(0.5), share(0.9995), share(0.0123), share(0.00001)
    ('50 %', '99.95 %', '1.23 %', 'under 0.01 %')
    """
    if 0 < part < 0.0001:
        return "under 0.01 %"
    digits = 4 if 0.99 < part < 1 else 3
    return f"{float(f'{part * 100:.{digits}g}'):,g} %" if part < 10 else f"{part * 100:,.0f} %"


def three_digits(number: float) -> str:
    """
    >>> three_digits(1234.5), three_digits(0.01234), three_digits(86_400), three_digits(0)
    ('1,230', '0.0123', '86,400', '0')
    """
    if number == 0:
        return "0"
    if number == int(number) and number < 1e6:
        return f"{int(number):,}"
    places = max(0, 2 - math.floor(math.log10(abs(number))))
    rounded = round(number, 2 - math.floor(math.log10(abs(number))))
    text = f"{rounded:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def times(factor: float) -> str:
    """
    >>> times(3), times(12.345)
    ('3 times', '12.3 times')
    """
    return f"{three_digits(factor)} times"
