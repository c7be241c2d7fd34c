"""Quantities: texts that people write (``2M/s``, ``15 min``, ``2 TB``, ``p99 50ms``) ↔ plain numbers in base units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, localcontext
from fractions import Fraction

from msgspec import Struct

from datakeel.mistake import Mistake, nearest

MINUTE, HOUR, DAY = 60, 3600, 86_400
YEAR = Fraction(36_525, 100) * DAY
MONTH = YEAR / 12

MULTIPLES = {
    "k": 10**3,
    "K": 10**3,
    "thousand": 10**3,
    "M": 10**6,
    "million": 10**6,
    "G": 10**9,
    "B": 10**9,
    "billion": 10**9,
}

PERIODS: dict[str, Fraction] = {
    **dict.fromkeys(("us", "µs", "microsecond", "microseconds"), Fraction(1, 10**6)),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), Fraction(1, 1000)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Fraction(1)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), Fraction(MINUTE)),
    **dict.fromkeys(("h", "hour", "hours"), Fraction(HOUR)),
    **dict.fromkeys(("d", "day", "days"), Fraction(DAY)),
    **dict.fromkeys(("w", "week", "weeks"), Fraction(7 * DAY)),
    **dict.fromkeys(("month", "months"), MONTH),
    **dict.fromkeys(("y", "year", "years"), YEAR),
}
SIZES: dict[str, Fraction] = {
    **dict.fromkeys(("B", "byte", "bytes"), Fraction(1)),
    **{f"{letter}B": Fraction(1000 ** (i + 1)) for i, letter in enumerate("kMGTPE")},
    "KB": Fraction(1000),
    **{f"{letter}iB": Fraction(1024 ** (i + 1)) for i, letter in enumerate("KMGTPE")},
}


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


class Unit(Struct, frozen=True):
    """One kind of quantity: how it is asked for, what is too small or too large to be meant, and how its text reads."""

    expected: str
    least: float
    most: float
    pattern: str


TIME = _alternatives(PERIODS)
NUMBER = r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)"
COUNT = rf"{NUMBER} ?(?P<multiple>{_alternatives(MULTIPLES)})?"
EACH = r" ?(?:/|per |a |an ) ?"  # what stands between a quantity and its period: 500/min, 3k per second, 40 a day

# The bounds are those of the physical world: what lies outside is a slip of the pen, not a requirement.
UNITS = {
    "rate": Unit("a rate, such as 2M/s, 500/min or 40/day", 1e-9, 1e12, rf"{COUNT}{EACH}(?P<unit>{TIME})"),
    "size": Unit("a size, such as 512 B, 1.5 KiB or 2 TB", 1, 1e21, rf"{NUMBER} ?(?P<unit>{_alternatives(SIZES)})"),
    "period": Unit(
        "a period, such as 200ms, 15 min, 2 weeks or 7y", 1e-6, float(1000 * YEAR), rf"{NUMBER} ?(?P<unit>{TIME})"
    ),
    "loss": Unit("a period, such as 5 min, or 0s for nothing", 0, float(1000 * YEAR), rf"{NUMBER} ?(?P<unit>{TIME})"),
    "share": Unit("a share below 100%, such as 99.9%", 1e-6, 1 - 1e-12, rf"{NUMBER} ?%"),
    "growth": Unit("a growth a year, such as 20%/y or 2x/y", 1e-6, 1e4, rf"{NUMBER} ?(?P<unit>[%x]){EACH}(?:y|year)"),
    "factor": Unit("a factor of 1x or more, such as 3x", 1, 1e6, rf"{NUMBER} ?x"),
    "latency": Unit(
        "a latency, such as p99 50ms",
        1e-6,
        float(DAY),
        rf"(?:p(?P<percentile>[1-9][0-9](?:\.[0-9]+)?) )?{NUMBER} ?(?P<unit>{TIME})",
    ),
    "count": Unit("a number, such as 40, 2k or 3 million", 1e-6, 1e18, COUNT),
    "heads": Unit("a whole number, such as 40 or 2k", 1, 1e11, COUNT),
}


class Quantity(Struct, frozen=True):
    value: float
    percentile: float | None = None  # of a latency that names one


def parse(text: str, kind: str) -> Quantity:
    """The quantity that a text says. Raises Mistake, with what was expected.

    >>> parse("2M/s", "rate").value, parse("500/min", "rate").value, parse("3k per second", "rate").value
    (2000000.0, 8.333333333333334, 3000.0)
    >>> parse("1.5 KiB", "size").value, parse("2 weeks", "period").value, parse("99.9%", "share").value
    (1536.0, 1209600.0, 0.999)
    >>> parse("2x/y", "growth").value, parse("p99.9 50ms", "latency")
    (1.0, Quantity(value=0.05, percentile=99.9))
    """
    text = " ".join(text.split())
    unit = UNITS[kind]
    found = re.fullmatch(unit.pattern, text)
    if found is None:
        raise Mistake(f'expected {unit.expected}, not "{text}"{_slip(text, kind)}')
    parts = found.groupdict()
    value = float(_exact(kind, Fraction(re.sub("[,_]", "", parts["number"])), parts))
    if not unit.least <= value <= unit.most or (kind == "heads" and value % 1):
        raise Mistake(f'expected {unit.expected}; "{text}" {_absurd(value, unit)}')
    percentile = parts.get("percentile")
    return Quantity(value, float(percentile) if percentile else None)


def text(value: float, kind: str, percentile: float = 99.0) -> str:
    """The shortest text that people would write and that says exactly this.

    >>> text(2e6, "rate"), text(500 / 60, "rate"), text(1536, "size"), text(900, "period"), text(0.999, "share")
    ('2M/s', '500/min', '1.5 KiB', '15 min', '99.9%')
    >>> text(0.05, "latency"), text(0.2, "growth"), text(3, "factor"), text(14 * 86400, "period"), text(40, "count")
    ('p99 50ms', '20%/y', '3x', '2 weeks', '40')
    """
    if kind == "latency":
        return f"p{_decimal(Fraction(repr(percentile)))} {text(value, 'period')}"
    if not value:
        return "0s"
    exact = [t for t in _texts(Fraction(repr(value)), kind) if _says(t, kind, value)]
    return next((t for t in exact if _short(t)), None) or min(exact, key=len)


def pattern(kind: str) -> str:
    """How a text of this kind reads, as a regular expression of JSON Schema (ECMA-262)."""
    return f"^{re.sub(r'[?]P<[a-z]+>', '?:', UNITS[kind].pattern)}$"


def _exact(kind: str, number: Fraction, parts: dict[str, str | None]) -> Fraction:
    number *= MULTIPLES.get(parts.get("multiple") or "", 1)
    unit = parts.get("unit") or ""
    if kind == "rate":
        return number / PERIODS[unit]
    if kind == "growth":
        return number - 1 if unit == "x" else number / 100
    if kind == "share":
        return number / 100
    return number * (SIZES if kind == "size" else PERIODS).get(unit, Fraction(1))


def _absurd(value: float, unit: Unit) -> str:
    if value == 0:
        return "is nothing: leave it out, or say more than zero"
    if value < unit.least:
        return "is too little to be meant"
    return "is more than can be meant" if value > unit.most else "has a fraction"


def _slip(text: str, kind: str) -> str:
    """What is probably wrong: a sign that should not be there, a unit that is missing or misspelt."""
    if re.match(r"[-−]", text):
        return ": it must be more than zero"
    found = re.fullmatch(rf"(?:p\S+ )?{COUNT}(?![A-Za-z])(?:{EACH})?(?P<rest>.*)", text) or re.fullmatch(
        rf"(?:p\S+ )?{NUMBER}(?:{EACH})?(?P<rest>.*)", text
    )
    known = {"size": SIZES, "rate": PERIODS, "period": PERIODS, "loss": PERIODS, "latency": PERIODS}.get(kind)
    if found is None or known is None:
        return ""
    rest = found["rest"].strip()
    if not rest:
        return ": its unit is missing"
    if rest in known:
        return ""
    folded = next((word for word in known if word.lower() == rest.lower()), None)
    meant = folded or nearest(rest, known)
    return f'; did you mean "{meant}"?' if meant else ""


def _texts(value: Fraction, kind: str) -> Iterator[str]:
    """Texts for a value, the likeliest first. Where a number does not end, its text is not exact."""
    if kind == "share":
        yield from (f"{n}%" for n in _numbers(value * 100))
    elif kind == "growth":
        yield from (f"{n}%/y" for n in _numbers(value * 100))
        yield from (f"{n}x/y" for n in _numbers(value + 1))
    elif kind == "factor":
        yield from (f"{n}x" for n in _numbers(value))
    elif kind == "rate":
        yield from (f"{n}/{unit}" for unit in RATED for n in _multiplied(value * PERIODS[unit]))
    elif kind == "size":
        yield from _measured(value, SIZED, SIZES)
    elif kind in ("period", "loss"):
        yield from _measured(value, TIMED, PERIODS)
    else:
        yield from _multiplied(value)


RATED = ("s", "min", "h", "day", "month", "y")
SIZED = (*(f" {m}B" for m in "EPTGMk"), *(f" {m}iB" for m in "EPTGMK"), " B")
TIMED = ("y", " months", " weeks", "d", "h", " min", "s", "ms", "us")


def _measured(value: Fraction, endings: tuple[str, ...], units: Mapping[str, Fraction]) -> Iterator[str]:
    """In each unit; those in which it is whole come first."""
    shown = [(n, ending) for ending in endings for n in _numbers(value / units[ending.strip()])]
    for n, ending in sorted(shown, key=lambda s: "." in s[0]):
        yield n + (ending.removesuffix("s") if n == "1" and len(ending) > 2 else ending)


def _multiplied(value: Fraction) -> Iterator[str]:
    for multiple in ("", "k", "M", "G"):
        yield from (n + multiple for n in _numbers(value / MULTIPLES.get(multiple, 1)))


def _numbers(value: Fraction) -> Iterator[str]:
    """A number short, as a float would have it, and whole."""
    yield _decimal(Fraction(f"{float(value):.12g}"))
    yield _decimal(value)


def _decimal(value: Fraction) -> str:
    """
    >>> _decimal(Fraction(99)), _decimal(Fraction(1, 10**5)), _decimal(Fraction("999.50"))
    ('99', '0.00001', '999.5')
    """
    with localcontext(prec=60):
        found = format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    return found.rstrip("0").rstrip(".") if "." in found else found


def _says(text: str, kind: str, value: float) -> bool:
    found = re.fullmatch(UNITS[kind].pattern, text)
    if found is None:
        return False
    parts = found.groupdict()
    return float(_exact(kind, Fraction(parts["number"]), parts)) == value


def _short(text: str) -> bool:
    """One or more, in three digits at most, as people like numbers."""
    digits = re.split(r"[^0-9.]", text, maxsplit=1)[0].replace(".", "")
    return len(digits) <= 3 and not text.startswith("0")
