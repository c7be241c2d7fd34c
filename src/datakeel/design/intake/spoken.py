"""What a request says of its figures without a number: ``no data loss``, ``doubles every year``, ``in sync``."""

from __future__ import annotations

import re
from functools import cache

from datakeel.design.amounts import period
from datakeel.design.intake.figures import Figures
from datakeel.design.intake.quantities import DAY, YEAR
from datakeel.design.intake.vocabulary import pairs
from datakeel.technologies import value

_NOTHING_LOST = re.compile(
    r"\b(no|zero|without) data loss\b|\b(never|not|cannot|can't|don't) lose\b|\bnothing (may be |is |gets? )?lost\b",
    re.I,
)
_ALWAYS = re.compile(r"\balways (available|up|online|reachable)\b|\bnever (be |goes? |is )?(down|unavailable)\b", re.I)
_BOTH = re.compile(
    r"\balways (?:be |strongly |fully )*"
    r"(?:consistent,?(?: and| but)?(?: always| highly)? (?:available|up|online|reachable)"
    r"|(?:available|up|online|reachable),?(?: and| but)?(?: always| strongly)? consistent)\b",
    re.I,
)
STRONG = re.compile(
    r"(?<!no )(?<!without )\b(?:strong(?:ly)?|strict(?:ly)?)[- ](?:consisten\w+)|\blineari[sz]ab\w+", re.I
)
EVENTUAL = re.compile(r"\beventual(?:ly)?[- ]consisten\w+", re.I)
_WRITES_APART = re.compile(
    r"\bwrit(?:es?|ing|able)\b(?: \w+)? (?:in|to|at|from) (?:both|all|each|every|any|two|three|four|several|[2-9])"
    r" (?:regions?|data ?cent(?:er|re)s?|continents?|locations?|sites?)\b",
    re.I,
)
_WRITES_TO_BOTH = re.compile(r"\bwrit(?:es?|ing)\b (?:in|to|at) (?:both|all of them|each of them)\b", re.I)  # regions
_DOUBLES = re.compile(r"\b(doubl\w+|tripl\w+) (in size )?(every|each|per|a) (year|month)\b", re.I)
_SOON = re.compile(r"\b(real[- ]?time|live|instant(ly)?|immediately)\b", re.I)
_IN_SYNC = re.compile(r"\bin sync\b|\bup[- ]to[- ]date\b|\bnear[- ]real[- ]?time\b", re.I)


def without_numbers(found: Figures) -> None:
    """What is said without a number."""
    written = found.request.written
    if match := _NOTHING_LOST.search(written):
        found.put("availability.loss", 0.0, f"“{match.group()}”")
    if match := _ALWAYS.search(written):
        found.unread.append(match.group())  # which nobody gets: a figure is needed
    if match := _DOUBLES.search(written):
        yearly = (2 if match.group(1).lower().startswith("d") else 3) ** (
            12 if match.group(4).lower() == "month" else 1
        )
        found.put("workload.growth", float(yearly - 1), f"“{match.group()}”")
    if match := re.search(r"\b(one|a) year of (data|history)\b", written, re.I):
        found.put("workload.retention", YEAR, f"“{match.group()}”")
    _parts_of_hours(found)
    _rollups(found)
    _regions(found)
    apart = _WRITES_APART.search(written)
    if apart is None and found.values.get("availability.regions", 1) > 1:
        apart = _WRITES_TO_BOTH.search(written)
    if apart:
        found.put("availability.writes_in", "every region", f"“{apart.group()}”")
        found.put("availability.regions", 2, f"“{apart.group()}”, at least two", "inferred")


_PARTS_OF_HOUR = re.compile(r"\b(quarter|half)[- ]hourly\b|\bevery (quarter|half) (?:of an |an )?hour\b", re.I)


def contradiction(found: Figures) -> str:
    """``always consistent and available in 3 regions``: what nobody gets, and what can be had; or nothing."""
    match, regions = _BOTH.search(found.request.written), found.values.get("availability.regions", 1)
    strong, write = STRONG.search(found.request.written), found.values.get("latency.write")
    trip, everywhere = value("machine", "region_round_trip"), found.values.get("availability.writes_in")
    if strong and everywhere == "every region" and regions >= 2 and write is not None and write < trip:
        return (
            f"“{strong.group()}” with writes in {regions} regions that are answered in {period(write)} contradicts "
            "itself: a write on which all regions agree takes a round trip between them, "
            f"{period(trip)} for neighbours and four times that between continents. Say which gives way: “writes in "
            f"one region”; or “writes within {period(4 * trip)}”; or “eventually consistent”."
        )
    if match is None or regions < 2:
        return ""
    return (
        f"“{match.group()}” in {regions} regions contradicts itself: when they are cut off from each other, a write "
        "waits until they agree (it is not available), or goes on (it is not consistent). Say which gives way: "
        f"“strongly consistent, writes in one region, {regions} regions”, with the minute that a failover takes; or "
        "“writes in every region, merged”, where a reader may be behind."
    )


def _parts_of_hours(found: Figures) -> None:
    """``quarter-hourly values`` of so many."""
    match = _PARTS_OF_HOUR.search(found.request.written)
    counts = [q for q in found.quantities if q.kind == "count" and q.of and q.value >= 2]
    if match and counts:
        seconds = 900 if "quarter" in match.group().lower() else 1800
        said = f"“{found.quote(counts[0])}” × one in {seconds / 60:.0f} min (“{match.group()}”)"
        found.put("workload.writes", counts[0].value / seconds, said)


_ROLLUPS = re.compile(
    r"\b((?:(?:per[- ]minute|minutely|hourly|daily|weekly)(?:, | and |, and | or )?)+) ?"
    r"(?:rollup|roll-up|average|aggregate|mean|summar|statistic|total|min)",
    re.I,
)
_BY_WORD = {"minute": 60, "hourly": 3600, "daily": DAY, "weekly": 7 * DAY}


def _rollups(found: Figures) -> None:
    for match in _ROLLUPS.finditer(found.request.written):
        found.rollup += [seconds for word, seconds in _BY_WORD.items() if word in match.group(1).lower()]


def _regions(found: Figures) -> None:
    if match := re.search(
        r"\b(multi|cross|several|multiple)[- ]?(region|data ?cent(er|re)|dc)s?\b", found.request.written, re.I
    ):
        found.put("availability.regions", 2, f"“{match.group()}”, at least two", "inferred")
    if match := re.search(
        r"\b(world[- ]?wide|globally|all over the world|global users)\b", found.request.written, re.I
    ):
        found.put(
            "availability.regions", 3, f"“{match.group()}”: one region for each of America, Europe and Asia", "inferred"
        )
    places = [t for t in found.request.tokens if _is_place(t.text, t.low)]
    if len({_places()[t.low] for t in places}) >= 2:
        found.put(
            "availability.regions",
            len({_places()[t.low] for t in places}),
            " and ".join(dict.fromkeys(f"“{t.text}”" for t in places)),
        )


@cache
def _places() -> dict[str, str]:
    """Regions by what people call them."""
    return {name: region for region, names in pairs("places").items() for name in names.split()}


def _is_place(text: str, low: str) -> bool:
    return low in _places() and (low not in ("us", "eu", "uk") or text.isupper())


def freshness(found: Figures) -> None:
    """How old a view may be, where it is said in words; only asked of systems with views."""
    for pattern, seconds in ((_IN_SYNC, 5.0), (_SOON, 1.0)):
        if match := pattern.search(found.request.written):
            found.put("freshness", seconds, f"“{match.group()}” is taken to be within {seconds:g} s", "inferred")
    found.assume("freshness", 5.0, "people who look at a view do not mind 5 s")
