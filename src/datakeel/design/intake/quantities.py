"""Numbers with their units in a request: ``2 million readings per second``, ``50k orders/day``, ``7 years``, 5 TB."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.text import Text, Token
from datakeel.design.intake.vocabulary import lexicon, units

SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, YEAR = 1, 60, 3600, 86_400, 604_800, 2_629_800, 31_557_600
PERIODS, ADVERBS, SIZES = units("periods"), units("adverbs"), units("sizes")
BITS, MULTIPLES, WORDS = units("bits"), units("multiples"), units("numbers")
PROCESSORS = ("x86", "x64")
RATES = {
    "rps": "request",
    "qps": "query",
    "tps": "transaction",
    "wps": "write",
    "hz": "reading",
    "eps": "event",
    "fps": "frame",
}
WRITTEN_RATES = {
    "req": "request",
    "reqs": "request",
    "msg": "message",
    "msgs": "message",
    "ops": "operation",
    "tx": "transaction",
    "txn": "transaction",
}
LONG_UNITS = sorted(u for u in (*PERIODS, *SIZES, *MULTIPLES) if len(u) >= 5)
STOPS, MEASURES = lexicon("stops"), lexicon("measures")
OFTEN = {"once": 1.0, "twice": 2.0, "thrice": 3.0}
DAYPARTS = lexicon("dayparts")
DAYS = lexicon("days")  # on which something happens, again and again
NTH = {"other": 2, "second": 2, "third": 3, "fourth": 4}
USUAL = ("average", "normal", "typical", "usual", "working", "busy", "single", "school", "business")  # a day
PARTS = {"quarter": 0.25, "half": 0.5}

Kind = Literal["count", "rate", "size", "flow", "period", "share", "factor", "percentile", "ratio"]


class Quantity(Struct, frozen=True, kw_only=True):
    """`flow` is bytes a second, `rate` things a second. `of` names the things, in the singular; `each`: for each of
    these; `every`: of a flow, the seconds between two (``1 KB every minute``), and of a rate, those of its period;
    `vague`: ``millions`` is read as two million."""

    kind: Kind
    value: float
    first: int
    last: int
    of: tuple[str, ...] = ()
    each: str | None = None
    every: float | None = None
    vague: bool = False


class _Start(Struct, frozen=True):
    """Where a quantity begins, and whether its number is vague."""

    first: int
    vague: bool


class _Number(Struct, frozen=True):
    value: float
    end: int
    vague: bool = False


def quantities(request: Text) -> list[Quantity]:
    """Every quantity of a request, in order; of a range (``10-20 users``) the upper end."""
    found: list[Quantity] = []
    at = 0
    while at < len(request.tokens):
        one = _quantity(request, at)
        if one is not None:
            found.append(one)
        at = one.last if one is not None else at + 1
    return found


def _quantity(request: Text, at: int) -> Quantity | None:
    token = request.tokens[at]
    if token.low[0] == "p" and token.low[1:].replace("_", "").isdigit() and len(token.low) in (3, 4, 5):
        return _percentile(request, at)
    if re.fullmatch(r"x[0-9]{1,3}", token.low) and token.low not in PROCESSORS:
        return Quantity(kind="factor", value=float(token.low[1:]), first=at, last=at + 1)
    if token.low.startswith("sub") and token.low[3:] in PERIODS:
        return Quantity(kind="period", value=PERIODS[token.low[3:]], first=at, last=at + 1)
    if token.low == "sub" and _low(request, at + 1) in PERIODS:
        return Quantity(kind="period", value=PERIODS[_low(request, at + 1)], first=at, last=at + 2)
    if token.low in ("a", "an") and (unit := _one_period(request, at)) is not None:
        return Quantity(kind="period", value=unit, first=at, last=at + 2)
    one = _period_at(request, at + 1) if token.low in ("each", "every") else None
    if one is not None and (one[0] <= HOUR or request.tokens[at + 1].low in NTH):
        return Quantity(kind="period", value=one[0], first=at + 1, last=one[1])
    once = token.low == "once" and _low(request, at + 1) in ("a", "per", "each", "every", "/")
    if once and (unit := _unit_of(request, at + 2)) is not None and unit <= DAY:
        return Quantity(kind="period", value=unit, first=at + 1, last=at + 3)
    often = OFTEN.get(token.low)
    if often is not None and (suffix := _rate_suffix(request, at + 1)) is not None:  # twice a second
        rate = _made("rate", often / suffix[0], suffix[1], _Start(at, False), of=("time",))
        return replace(rate, every=suffix[0])
    if often is not None and often > 1:
        return Quantity(kind="factor", value=often, first=at, last=at + 1)
    number = _number(request, at)
    if number is None:
        return None
    upper = _upper(request, number.end)
    if upper is not None:
        number = upper
    if _negative(request, at):
        number = _Number(-number.value, number.end)
    return _with_unit(request, at, number)


def _one_period(request: Text, at: int) -> float | None:
    """``within a minute``: the seconds of the unit."""
    before = _low(request, at - 1) if at else ""
    if before not in ("within", "under", "in", "for", "than", "after") or at + 1 >= len(request.tokens):
        return None
    return _unit_of(request, at + 1)


def _unit_of(request: Text, at: int) -> float | None:
    """The seconds of the unit that stands here."""
    name = _unit(request.tokens[at], PERIODS) if at < len(request.tokens) else None
    return PERIODS[name] if name else None


def _negative(request: Text, at: int) -> bool:
    """``-5``, ``minus five``, and not ``10-5``."""
    sign = request.tokens[at - 1] if at else None
    if sign is not None and sign.low in ("minus", "negative"):
        return True
    return sign is not None and sign.text in ("-", "−") and not sign.glued and request.tokens[at].glued


def _percentile(request: Text, at: int) -> Quantity:
    digits = request.tokens[at].low[1:].replace("_", "")
    value = float(f"{digits[:2]}.{digits[2:] or 0}")
    last = at + 1
    if _low(request, last) == "." and request.tokens[last + 1 : last + 2] and request.tokens[last + 1].is_number:
        value, last = float(f"{digits}.{request.tokens[last + 1].text}"), last + 2
    return Quantity(kind="percentile", value=value, first=at, last=last)


def _number(request: Text, at: int) -> _Number | None:
    """A number in digits or words, with its multiples: ``1.5M``, ``two hundred thousand``, ``millions of``."""
    token = request.tokens[at]
    if token.is_number and _low(request, at + 1) == "^" and at + 2 < len(request.tokens):  # 10^6
        power = request.tokens[at + 2]
        if power.is_number and len(power.text) <= 2 and len(token.text) <= 3:
            return _multiplied(request, _digits(request, token, at) ** int(_digits(request, power, at + 2)), at + 3)
    if token.is_number:
        return _multiplied(request, _digits(request, token, at), at + 1)
    if (
        token.low in ("a", "an")
        and _low(request, at + 1) in {*MULTIPLES, "couple", "few"}
        and len(_low(request, at + 1)) > 2
    ):
        return _number_in_words(request, at + 1, None if _low(request, at + 1) in WORDS else 1.0)
    if token.low in WORDS or _plural_multiple(token):
        return _number_in_words(request, at, None)
    return None


def _digits(request: Text, token: Token, at: int) -> float:
    text = token.text
    if text.endswith(".000") and _low(request, at + 1) not in ("%", "percent"):
        text = text.replace(".", "")  # ten thousand, as it is written on the continent
    return float("".join(c for c in text if c in "0123456789."))


def _multiplied(request: Text, value: float, at: int) -> _Number:
    while at < len(request.tokens):
        token = request.tokens[at]
        name = _unit(token, MULTIPLES)
        if name is None or not _is_multiple(request, at, name):
            break
        value, at = value * MULTIPLES[name], at + 1
    return _Number(value, at)


def _is_multiple(request: Text, at: int, name: str) -> bool:
    """``m`` is a million where things or a rate follow (``2m users``, ``2m/s``), and minutes elsewhere (``5m``)."""
    token = request.tokens[at]
    if len(name) > 2 or name in ("bn", "mn"):
        return True
    if not token.glued and token.text not in ("K", "M", "B", "k"):
        return False
    if name != "m" or token.text == "M":
        return True
    follows = request.tokens[at + 1 : at + 2]
    return bool(follows) and (follows[0].text == "/" or (follows[0].is_word and follows[0].low not in STOPS))


def _plural_multiple(token: Token) -> bool:
    return token.low.endswith("s") and token.one in MULTIPLES and len(token.one) > 2


def _number_in_words(request: Text, at: int, start: float | None) -> _Number | None:
    """Reads as one does aloud: what is below a hundred adds up, a hundred multiplies, a thousand closes."""
    total, current, vague, begun = 0.0, start or 0.0, False, start is not None
    while at < len(request.tokens):
        word = request.tokens[at].low
        name = _unit(request.tokens[at], MULTIPLES)
        if word in WORDS and not (begun and current % 10 and WORDS[word] < 10):
            current += WORDS[word]
        elif name is not None and len(name) > 2:
            if _plural_multiple(request.tokens[at]) and not begun:
                vague, current = True, 2.0
            current = (current or 1.0) * MULTIPLES[name]
            if MULTIPLES[name] >= 1000:
                total, current = total + current, 0.0
        elif not begun or not _joins(request, at):
            break
        begun, at = True, at + 1
    return _Number(total + current, at, vague) if begun else None


def _joins(request: Text, at: int) -> bool:
    """Whether a small word stands inside a number: ``two hundred and fifty``, ``hundreds of thousands``."""
    word, following = request.tokens[at].low, request.tokens[at + 1 : at + 2]
    if not following:
        return False
    multiple = _unit(following[0], MULTIPLES) is not None and len(following[0].low) > 2
    previous = request.tokens[at - 1].one
    if word == "and":
        return previous in ("hundred", "thousand") and following[0].low in WORDS
    return word in ("of", "a") and multiple


def _upper(request: Text, at: int) -> _Number | None:
    """The upper end of a range: ``10-20``, ``10 to 20``, ``between 10 and 20``."""
    if _low(request, at) not in ("-", "–", "to", "and") or at + 1 >= len(request.tokens):
        return None
    if _low(request, at) == "and" and "between" not in {t.low for t in request.before(at, 4)}:
        return None
    return _number(request, at + 1)


def _with_unit(request: Text, first: int, number: _Number) -> Quantity | None:
    value, at = number.value, number.end
    token = request.tokens[at] if at < len(request.tokens) else None
    low = token.low if token else ""
    start = _Start(first, number.vague)
    if low in ("st", "nd", "rd", "th") and token and token.glued:
        return None
    if low in ("%", "percent", "pct"):
        return _made("share", value / 100, at + 1, start)
    if low == "nines":
        return _made("share", 1 - 10**-value, at + 1, start)
    often = _rate_suffix(request, at + 1) if low in ("x", "times") else None
    if often is not None:  # 5x a second
        rate = _made("rate", value / often[0], often[1], start, of=("time",))
        return replace(rate, every=often[0], each=(_each(request, often[1]) or (None, 0))[0])
    if low in ("x", "times", "fold"):
        return _made("factor", value, at + 1, start)
    if low == ":" and token and token.glued and at + 1 < len(request.tokens) and request.tokens[at + 1].is_number:
        other = _digits(request, request.tokens[at + 1], at + 1)
        return _made("ratio", value / other, at + 2, start) if other else None
    if token is not None and (name := _unit(token, BITS)) is not None:
        return _made("flow", value * BITS[name] / 8, at + 1, start)
    if token is not None and (name := _unit(token, SIZES)) is not None:
        return _sized(request, value * SIZES[name], at + 1, start)
    if token is not None and low in RATES:
        return _made("rate", value, at + 1, start, of=(RATES[low],))
    if token is not None and (name := _unit(token, PERIODS)) is not None:
        return _made("period", value * PERIODS[name], at + 1, start)
    return _counted(request, value, at, start)


def _sized(request: Text, value: float, at: int, start: _Start) -> Quantity:
    each, end = _each(request, at) or (None, at)
    suffix = _rate_suffix(request, end)
    if suffix is not None:
        late = _each(request, suffix[1])  # 2 GB per day each
        each, end = late if late is not None else (each, suffix[1])
        flow = _made("flow", value / suffix[0], end, start, each=each)
        return replace(flow, every=suffix[0]) if _low(request, at) in ("every", "each") else flow
    return _made("size", value, end, start, each=each)


def _counted(request: Text, value: float, at: int, start: _Start) -> Quantity:
    """So many things; a rate where a period follows them, or is said before (``every day 500 orders``)."""
    of: list[str] = []
    while at < len(request.tokens) and len(of) < 5:
        token = request.tokens[at]
        if token.low == "of":
            at += 1
            of += ["them"] if _low(request, at) == "them" else []
            continue
        often = token.low in ADVERBS and not _are_people(request, at + 1)
        if not token.is_word or token.low in {*STOPS, *WORDS, "x"} or often:
            break
        of.append(WRITTEN_RATES.get(token.low, token.one))
        at += 1
        if of[0] in MEASURES:
            return _measured(request, value, at, start, of[0])
    things = tuple(of) or _named_before(request, start.first, at)
    if not things and _rate_suffix(request, at) is not None and _low(request, start.first - 1) == ",":
        things = _named_before(request, _head(request, start.first - 1), at)  # orders, 3 million a day
    each = _each(request, at)
    if each is not None:
        at = each[1]
    suffix = _rate_suffix(request, at) or _later_suffix(request, at)
    if suffix is None:
        suffix = _earlier_suffix(request, start.first, at)
    if suffix is None:
        return _made("count", value, max(at, start.first + 1), start, of=things, each=each[0] if each else None)
    each = each or _each(request, suffix[1])
    rate = _made("rate", value / suffix[0], max(suffix[1], at), start, of=things, each=each[0] if each else None)
    return replace(rate, every=suffix[0])


def _measured(request: Text, value: float, at: int, start: _Start, unit: str) -> Quantity:
    """``30 cents per kilometre``, ``300 km a day``: with what stands right behind it."""
    each = _each(request, at)
    end = each[1] if each is not None else at
    suffix = _rate_suffix(request, end) if _low(request, end) != "every" else None
    return _made("count", value, suffix[1] if suffix is not None else end, start, of=(unit,))


def _are_people(request: Text, at: int) -> bool:
    """``daily users``, ``monthly active users``: how many they are, and nothing that happens every day."""
    first = at + (_low(request, at) == "active")
    return first < len(request.tokens) and request.tokens[first].one in lexicon("people")


def _named_before(request: Text, first: int, end: int) -> tuple[str, ...]:
    """``SKUs ~ 400k``, ``products: 2 million``, ``meters 80.000``, ``vans, 12,000,``: the things stand before."""
    at = first - 1
    around = (request.tokens[at].text, _low(request, end)) if at > 0 else ("", "")
    if around in ((",", ","), ("(", ")")):
        at -= 1
    if around == ("(", ")") and at > 0 and request.tokens[at - 1].low in ("each", "every"):  # every employee (8,000)
        return (request.tokens[at].one,)
    while at > 0 and request.tokens[at].low in ("~", "≈", "=", ":", "about", "around"):
        at -= 1
    plural = at >= 0 and request.tokens[at].is_word and request.tokens[at].one != request.tokens[at].low
    return (request.tokens[at].one,) if plural and request.tokens[at].low not in STOPS else ()


def _head(request: Text, end: int) -> int:
    """Where the first of things and those whom they are for ends: ``appointments for doctors, 5,000 a day``."""
    before = request.tokens[max(0, end - 3) : end]
    of = len(before) == 3 and before[1].low in ("for", "of", "from", "by") and before[0].one != before[0].low
    return end - 2 if of else end


def _made(
    kind: Kind, value: float, last: int, start: _Start, of: tuple[str, ...] = (), each: str | None = None
) -> Quantity:
    return Quantity(kind=kind, value=value, first=start.first, last=last, of=of, each=each, vague=start.vague)


def _each(request: Text, at: int) -> tuple[str, int] | None:
    """``per user``, ``each``: for each of what. Who each does something (``2 million users each track``) is none."""
    low = _low(request, at)
    if low in ("per", "/") and at + 1 < len(request.tokens) and request.tokens[at + 1].is_word:
        token = request.tokens[at + 1]
        return (token.one, at + 2) if _unit(token, PERIODS) is None else None
    following = request.tokens[at + 1 : at + 2]
    if low == "each" and (not following or not following[0].is_word or following[0].low in STOPS):
        return "each", at + 1
    return None


def _rate_suffix(request: Text, at: int) -> tuple[float, int] | None:
    """``/day``, ``per second``, ``a day``, ``every 10 seconds``, ``daily``: in seconds, and where it ends."""
    low = _low(request, at)
    if low in ADVERBS:
        return ADVERBS[low], at + 1
    if low in ("perday", "persecond", "persec", "perhour", "perminute"):
        return PERIODS[low[3:]], at + 1
    if low in ("on", "at") and _low(request, at + 1) in DAYS:
        return DAY, at + 2
    if low == "on" and _low(request, at + 1) in ("a", "an"):
        return _rate_suffix(request, at + 1)
    if low not in ("/", "per", "a", "an", "each", "every") or at + 1 >= len(request.tokens):
        return None
    if low == "a" and _number(request, at + 1) is not None:
        return None
    if low in ("each", "every") and _low(request, at + 1) in DAYPARTS:  # every morning
        return DAY, at + 2
    if low != "/" and _low(request, at + 1) in USUAL:
        at += 1
    return _period_at(request, at + 1)


def _later_suffix(request: Text, at: int) -> tuple[float, int] | None:
    """A period a few words on: ``50k orders come in per day``."""
    for ahead in range(at, min(at + 6, len(request.tokens))):
        token = request.tokens[ahead]
        if token.text in ",.;:" or token.is_number or token.low in ("within", "under", "for", "x", *OFTEN):
            return None
        if _low(request, ahead + 1) == "times" and token.low in WORDS:
            return None
        if token.low in ADVERBS and _of_a_thing(request, ahead):
            return None
        if token.low in ("per", "each", "every", "a", "/", "on") or token.low in ADVERBS:
            suffix = _rate_suffix(request, ahead)
            if suffix is not None:  # recalls every 6 months are no rate of what is counted
                return None if token.low == "every" and suffix[0] > MONTH and suffix[1] > ahead + 2 else suffix
    return None


def _of_a_thing(request: Text, at: int) -> bool:
    """``with weekly invoices``: how often there are those, and none of what stands before."""
    following = request.tokens[at + 1 : at + 2]
    return bool(following) and following[0].is_word and following[0].low not in STOPS


def _earlier_suffix(request: Text, first: int, end: int) -> tuple[float, int] | None:
    """A period said before: ``every day about 500 orders``, ``daily volume of 3 million``."""
    tokens = request.before(first, 5)
    for i, token in enumerate(tokens):
        if any(t.text in ",:" or t.is_number for t in tokens[i:]):
            continue
        if any(t.is_number for t in request.before(first - len(tokens) + i, 3)):  # that of what stands before
            continue
        if token.low in ADVERBS and token.low not in ("nightly", "hourly"):
            return ADVERBS[token.low], end
        if token.low in ("every", "each", "per") and i + 1 < len(tokens):
            name = _unit(tokens[i + 1], PERIODS)
            if name is not None and (token.low == "per" or PERIODS[name] > HOUR):  # else a quantity of its own
                return PERIODS[name], end
    return None


def is_period(request: Text, at: int) -> bool:
    """Whether a period stands here: ``day``, ``ten minutes``."""
    return _period_at(request, at) is not None


def _period_at(request: Text, at: int) -> tuple[float, int] | None:
    """The seconds of the period that stands here, and where it ends: ``10 minutes``, ``quarter of an hour``."""
    if at >= len(request.tokens):
        return None
    low, end = request.tokens[at].low, at + 1
    if low in NTH and (unit := _unit_of(request, end)) is not None:  # every second night
        return NTH[low] * unit, end + 1
    if low in PARTS:
        while _low(request, end) in ("of", "a", "an"):
            end += 1
        whole = _unit_of(request, end)
        if whole is not None and whole <= HOUR:
            return PARTS[low] * whole, end + 1
    number = _number(request, at)
    if number is not None and (not number.value or number.end >= len(request.tokens)):
        return None
    unit_at = number.end if number else at
    unit = _unit_of(request, unit_at)
    return (unit * (number.value if number else 1), unit_at + 1) if unit is not None else None


def _unit(token: Token, units: dict[str, float]) -> str | None:
    """The unit that a word names, in the singular, or misspells."""
    for name in (token.low, token.one):
        if name in units:
            return name
    if len(token.low) < 5 or not token.is_word:
        return None
    close = get_close_matches(token.one, LONG_UNITS, n=1, cutoff=0.87)
    return close[0] if close and close[0] in units else None


def _low(request: Text, at: int) -> str:
    return request.tokens[at].low if 0 <= at < len(request.tokens) else ""
