"""Of how many a rate is that of each: ``400 robots, each sends 10 times a second``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from datakeel.design.intake.quantities import Quantity, is_period
from datakeel.design.intake.text import Text, verb_forms
from datakeel.design.intake.vocabulary import lexicon

BOUNDS = frozenset(("most", "max", "maximum", "limit", "limited", "capacity", "than"))
ASKED = frozenset(("read", "queried", "polled", "fetched", "requested"))  # all of them together
HAVING = frozenset(("has", "have", "with", "contains", "holds", "owns", "runs", "sends", "emits", "measures"))
JOINING = frozenset(("from", "by", "at", "in", "on", "for", "of", "to"))
FREQUENCIES = ("hz", "fps")
FAR, FEW, LONG = 14, 5, 60  # words from who does something to how often
MOST_BY_ONE = 30  # of anything that one does in a period, where it is not said of each


class Givers(Struct, frozen=True):
    """`guessed`: nobody said that it is so many for each, but else each would hardly ever do so."""

    counts: tuple[Quantity, ...] = ()
    guessed: bool = False


def givers(request: Text, quantities: Sequence[Quantity], q: Quantity) -> Givers:
    """The counts by which a rate is multiplied: of those of whom each does so, and where there are so many of these for
    each of others (``40 machines per line``), of the others. None: the rate is that of all together."""
    counts = [c for c in quantities if c.kind == "count" and c.of and c.value >= 2 and not at_most(request, c)]
    counts = [c for c in counts if c is not q]
    first = _hz(request, counts, q) if request.tokens[q.last - 1].low in FREQUENCIES else _giver(request, counts, q)
    if first is not None:
        return Givers(with_owners(request, counts, first))
    doer = _doer(request, counts, q)
    return Givers(with_owners(request, counts, doer), guessed=True) if doer is not None else Givers()


def at_most(request: Text, count: Quantity) -> bool:
    """Whether a number is a bound, and none of what is there: ``at most 20 children per group``."""
    return bool(BOUNDS & {t.low for t in request.before(count.first, 3)})


def _giver(request: Text, counts: list[Quantity], q: Quantity) -> Quantity | None:
    before = [c for c in counts if c.first < q.first]
    if q.each is not None and q.each != "each":
        anyone = lexicon("people") if q.each in ("user", "person", "head") else frozenset[str]()
        return _last(counts, before, {q.each} | anyone)
    at = _each_before(request, q)
    at = _each_after(request, q) if at is None else at
    if at is not None:
        return _each_of(request, counts, at)
    if (one := _one_of(request, counts, q)) is not None:
        return one
    if q.each == "each" or _is_single(request, q):
        named = {"them", *(t.one for t in request.before(q.first, FEW))}  # subscribers read 40 articles a month each
        return before[-1] if before else _last(counts, before, named)
    if before and before[-1].last == q.first - 1 and request.tokens[q.first - 1].low in ("at", "@"):
        return before[-1]  # twelve cameras at 30 frames per second
    if q.of == ("time",) and ASKED & {t.low for t in request.before(q.first, 2)}:
        return None  # 150 rates, read 50k times a second: all of them
    if q.of == ("time",):  # twice a second
        return _here(request, counts, q)
    return None


def _here(request: Text, counts: list[Quantity], q: Quantity) -> Quantity | None:
    """What a sentence counts itself; of those before only where it speaks of ``them``. Calls that come 600 times a day
    are no ambulances."""
    start, end = q.first - len(request.before(q.first, LONG)), q.last + len(request.after(q.last, LONG))
    inside = [c for c in counts if start <= c.first < end]
    spoken = {"they", "them"} & {t.low for t in request.tokens[start:end]}
    before = [c for c in (inside or (counts if spoken else [])) if c.first < q.first]
    return before[-1] if before else inside[0] if inside else None


def _doer(request: Text, counts: list[Quantity], q: Quantity) -> Quantity | None:
    """Those who are said to do something, of which there are fewer than of them: ``1,500 drivers log 8 trips a day``;
    ``students hand in 3 essays a month, 14,000 students``."""
    number = q.value * (q.every or 1)
    several = [c for c in counts if not c.each and number < c.value]
    if q.kind != "rate" or number > MOST_BY_ONE or at_most(request, q):
        return None
    for at in range(q.first - 1, q.first - 1 - len(request.before(q.first, FEW)), -1):
        token = request.tokens[at]
        if token.text == "," or token.low in ("with", "for", "of", "from"):
            return None
        inside = [c for c in several if c.first <= at < c.last]
        if inside:
            return inside[0] if len(inside[0].of) > 1 else None
        named = [c for c in several if token.one in c.of and token.one != token.low]
        if named:
            return named[0]
    return None


def _one_of(request: Text, counts: list[Quantity], q: Quantity) -> Quantity | None:
    """Those of which one is said to do something: ``650 agents, an agent handles 9 calls per hour``."""
    for at in range(q.first - 2, q.first - 1 - len(request.before(q.first, FAR)), -1):
        token, verb = request.tokens[at], request.tokens[at + 1]
        if verb.text == ",":
            return None
        one = {"a", "an", "one"} & {t.low for t in request.before(at, 2)} and token.low == token.one
        if one and verb.is_word and verb.low.endswith("s"):
            return next((c for c in counts if token.one in c.of and not c.first <= at < c.last), None)
    return None


def _last(counts: Sequence[Quantity], before: list[Quantity], names: set[str] | frozenset[str]) -> Quantity | None:
    """The last of these things that is counted before; else the last of all."""
    return next((c for named in (before, counts) for c in reversed(named) if names & set(c.of)), None)


def _each_before(request: Text, q: Quantity) -> int | None:
    """Where ``each`` stands before a quantity, in the same part of the sentence, and not before a period."""
    start = q.first - len(request.before(q.first, FAR))
    for at in range(q.first - 1, start - 1, -1):
        token = request.tokens[at]
        if token.text == ",":
            return None
        if token.low in ("each", "every") and not is_period(request, at + 1):
            return at
        if token.low == "per" and q.first - at <= 2:  # per vehicle 2 points a second
            return at
    return None


def _each_after(request: Text, q: Quantity) -> int | None:
    """Where ``each`` stands behind a quantity: ``50 requests a second from each of 30 banks``."""
    after = range(q.last, q.last + len(request.after(q.last, 2)))
    places = [i for i in after if request.tokens[i].low in ("each", "every") and not is_period(request, i + 1)]
    return next((i for i in places if request.tokens[i - 1].low in JOINING), None)


def _each_of(request: Text, counts: Sequence[Quantity], at: int) -> Quantity | None:
    """Of whom ``each`` is said: of a number that follows (``each of our 40 shops``), of things that are counted
    elsewhere (``each robot``; ``there are 600 of them``), or of the last that were counted."""
    following = request.after(at + 1, 3)
    number = next((i for i, t in enumerate(following) if t.is_number), len(following))
    names = {t.one for t in following[:number] if t.is_word}
    numbered = [c for c in counts if at < c.first <= at + 4]
    before = [c for c in counts if c.first < at]
    named = _last(counts, before, names)
    if numbered and "of" in {t.low for t in following[:2]}:
        return numbered[-1]
    if named is not None:
        return named
    return _last(counts, before, {"them"}) or (before[-1] if before else None)


def _is_single(request: Text, q: Quantity) -> bool:
    """``500 patients, one reading per second``."""
    following = {t.one for t in request.tokens[q.first + 1 : q.first + 2]}
    return request.tokens[q.first].low in ("one", "1") and bool(following & set(q.of))


def _hz(request: Text, counts: list[Quantity], q: Quantity) -> Quantity | None:
    """``250 robots at 10 Hz``, ``10 Hz, 250 robots``: a frequency is that of one of them."""
    none = lexicon("regions") | lexicon("people")
    senders = [c for c in counts if not none & set(c.of) and (not lexicon("uncounted") & set(c.of) or _sends(c))]
    return min(senders, key=lambda c: min(abs(c.first - q.last), abs(c.last - q.first))) if senders else None


def _sends(count: Quantity) -> bool:
    """``5,000 nodes sampling at 50 Hz``: machines of any kind that measure."""
    return any(verb_forms(word) & lexicon("sending") for word in count.of)


def with_owners(request: Text, counts: Sequence[Quantity], first: Quantity) -> tuple[Quantity, ...]:
    """A count, with those of whom each has so many, and of whom each has so many of these."""
    chain = [first]
    while (owner := _owner(request, counts, chain[-1])) is not None and owner not in chain:
        chain.append(owner)
    return tuple(chain)


def _owner(request: Text, counts: Sequence[Quantity], count: Quantity) -> Quantity | None:
    """Those of whom each has so many: ``60 lines, 40 machines per line``, ``40 turbines x 500 tags``."""
    before = [c for c in counts if c.first < count.first]
    at = _each_before(request, count)
    if at is not None and count.each is None and HAVING & {t.low for t in request.tokens[at : count.first]}:
        return _each_of(request, counts, at)  # each of our 25 hotels has 180 rooms
    if count.each == "each":
        return before[-1] if before else None
    if count.each is not None:
        return _last(counts, before, {count.each})
    if request.tokens[count.first - 1].low == "with" and request.tokens[count.first - 2].low in FREQUENCIES and before:
        return before[-1]  # 500 trucks, at 10 Hz with 40 signals
    times = [a for a, b in pairwise((*before, count)) if b is count and a.last + 1 == b.first]
    return times[0] if times and request.tokens[times[0].last].low in ("x", "*") else None
