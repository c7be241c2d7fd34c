"""What the quantities of a request say of the workload, latency and availability: each value with its reason."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from datakeel.design.intake.domains import Known
from datakeel.design.intake.quantities import DAY, MONTH, YEAR, Quantity
from datakeel.design.intake.text import Text, verb_forms
from datakeel.design.intake.vocabulary import lexicon, pairs
from datakeel.requirements import Workload
from datakeel.requirements.units import UNITS

TEAM = 10_000  # users: as many as one employer or school has; more are the public
SERVED_BY_DAY = 20  # records that one user writes a day, where nothing is said: one every half hour of a working day
PEAK_FACTOR = 3.0  # the busiest hour of a day against its mean
RECORD = 500.0  # bytes: a dozen short columns
BY_HAND = 1000  # writes a second: more of an unknown system are not made by hand, nor read by people ten times
READS_PER_WRITE = 10  # business systems read about ten times as often as they write
FEW_RECORDS = 1000  # fewer of anything make no difference to a database
MOST_REGIONS = 40  # the largest cloud has fewer
LARGEST_RECORD = 16e6  # bytes: a size beyond this is that of the whole (MongoDB's limit for a document)


class Figures:
    """Values by their path, and the reason for each. What was not understood is kept too."""

    def __init__(self, request: Text, quantities: list[Quantity], mentioned: frozenset[str]) -> None:
        self.request, self.quantities = request, quantities
        self.mentioned = mentioned  # words that the domains are called by
        self.record: float = RECORD  # bytes, where nothing is said
        self.values: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}
        self.unread: list[str] = []
        self.rates: list[tuple[Quantity, float]] = []
        self.at_most: list[tuple[int, str]] = []
        self.records: list[Quantity] = []
        self.users: Quantity | None = None
        self.capacity: int | None = None  # seats of one event
        self.reach: tuple[float, str] | None = None
        self.rollup: list[float] = []

    def put(self, path: str, value: Any, quantity: Quantity | str, how: str = "said") -> None:
        """Keeps a value, if there is none yet; what is beyond all bounds is kept as not understood."""
        said = quantity if isinstance(quantity, str) else f"“{self.quote(quantity)}”"
        if not possible(path, value):
            self.unread.append(said.strip("“”"))
        elif path not in self.values:
            self.values[path], self.reasons[path] = value, f"{how}: {said}"

    def assume(self, path: str, value: Any, why: str) -> None:
        if path not in self.values and value is not None:
            self.values[path], self.reasons[path] = value, f"assumed: {why}"

    def quote(self, q: Quantity) -> str:
        return " ".join(self.request.said(q.first, q.last).split())

    def near(self, q: Quantity, before: int = 6, after: int = 4) -> set[str]:
        """The words around a quantity in its own part of the sentence, and the verbs that they may be."""
        left: list[str] = []
        for token in reversed(self.request.before(q.first, before)):
            if token.text in ",:" or token.is_number:
                break
            left.append(token.low)
        right: list[str] = []
        for token in self.request.after(q.last, after):
            if token.text in ",:" or token.is_number:
                break
            right.append(token.low)
        return {v for w in (*left, *right) for v in verb_forms(w)}

    def left(self, q: Quantity, count: int = 3) -> list[str]:
        return [t.low for t in self.request.before(q.first, count)]


UNIT_OF = {
    "workload.reads": "rate",
    "workload.writes": "rate",
    "workload.peak": "factor",
    "workload.record": "size",
    "workload.records": "count",
    "workload.retention": "period",
    "workload.growth": "growth",
    "workload.users": "heads",
    "latency.read": "latency",
    "latency.write": "latency",
    "availability.target": "share",
    "availability.loss": "loss",
    "availability.outage": "period",
    "freshness": "period",
    "lateness": "period",
}


def possible(path: str, value: Any) -> bool:
    """Whether a value can be meant: neither nothing, nor beyond the physical world."""
    if path == "availability.regions":
        return 1 <= int(value) <= MOST_REGIONS
    unit = UNITS.get(UNIT_OF.get(path, ""))
    return unit is None or unit.least <= value <= unit.most


def figures(request: Text, quantities: list[Quantity], domains: list[Known]) -> Figures:
    """Places every quantity of a request, in the order of their certainty."""
    spoken = frozenset(w for d in domains for phrase in d.words for w in phrase.split())
    found = Figures(request, quantities, spoken)
    found.record = next((d.assume.record for d in domains if d.assume.record), RECORD)
    for quantity in quantities:
        if quantity.value < 0:
            found.unread.append(found.quote(quantity))
        else:
            PLACED[quantity.kind](found, quantity)
    _rates(found)
    _words(found)
    return found


def _count(found: Figures, q: Quantity) -> None:
    last = q.of[-1] if q.of else ""
    near = found.near(q, 4, 3)
    if q.each and {"most", "maximum", "max", "than", "limit", "capacity", "only", "cap"} & (near | set(found.left(q))):
        found.at_most.append((int(q.value), q.each))
    elif lexicon("regions") & set(q.of) or (q.of[:2] == ("data", "center") or q.of[:2] == ("data", "centre")):
        found.put("availability.regions", int(q.value), q)
    elif lexicon("people") & set(q.of) and not q.each and q.value >= 2:
        _users(found, q)
    elif q.each or "most" in found.left(q, 2):  # a constraint, or nothing
        found.unread += [found.quote(q)] if q.value > 3 and "most" not in found.left(q, 2) else []
    elif last in ("seat", "spot", "ticket") and q.value >= 2:
        found.capacity = int(q.value)
    elif q.of and q.value >= 2 and last not in lexicon("uncounted") and q.of[0] not in lexicon("uncounted"):
        if "no" not in found.left(q, 1):  # no two cars
            found.records.append(q)
    elif q.of and q.value > 3 and last not in ("thing", "time"):
        found.unread.append(found.quote(q))


def _users(found: Figures, q: Quantity) -> None:
    """The patients, and not the twelve doctors; the users, and not the followers of one."""
    if found.users is None or ("user" not in found.users.of and (found.users.value < q.value or "user" in q.of)):
        found.users = q
        found.values.pop("workload.users", None)
        found.put("workload.users", max(1, round(q.value)), q)


def _rate(found: Figures, q: Quantity) -> None:
    each = _multiplier(found, q)
    found.rates.append((q, q.value * each))


def _multiplier(found: Figures, q: Quantity) -> float:
    """How many there are of those of whom each does so."""
    if q.each is None and not {"each", "every"} & set(found.left(q, 4)):
        return 1
    counts = [c for c in found.quantities if c.kind == "count" and c.first < q.first and not c.each and c.of]
    named = [c for c in counts if q.each in c.of or (q.each == "user" and lexicon("people") & set(c.of))]
    chosen = (named or [c for c in counts if q.each in (None, "each")])[-1:]
    return chosen[0].value if chosen else 1


def _flow(found: Figures, q: Quantity) -> None:
    found.rates.append((q, q.value))


def _size(found: Figures, q: Quantity) -> None:
    near = found.near(q)
    if ({"up", "max", "maximum"} & near and q.value < LARGEST_RECORD) or {"ram", "memory", "disk", "cpu"} & near:
        found.unread.append(found.quote(q))
    elif q.value <= LARGEST_RECORD or q.each:
        found.put("workload.record", q.value, q)
    else:
        found.records.append(q)


def _period(found: Figures, q: Quantity) -> None:
    near, left = found.near(q), found.left(q, 5)
    around = found.near(q, 8, 5)
    if {"cold", "archive"} & near:
        found.values.pop("workload.retention", None)
        found.put("workload.retention", q.value, q)
    elif {"rpo"} & around or ({"lose", "loss"} & around and "time" not in near):
        found.put("availability.loss", q.value, q)
    elif {"rto", "downtime", "outage", "recover", "recovery"} & around or "down" in near:
        found.put("availability.outage", q.value, q)
    elif {"last", "past"} & set(left[-1:]) and possible("lateness", q.value):
        found.reach = (q.value, f"said: “{found.quote(q)}”")
    elif "every" in left[-2:]:
        _interval(found, q)
    elif (
        (lexicon("keeps") & around and q.value >= 60 and not (lexicon("fresh") - {"old", "update"}) & near)
        or (q.value >= DAY and "for" in left[-3:])
        or (q.value >= MONTH and {"data", "history"} & near)
    ):
        found.put("workload.retention", q.value, q)
    elif {"window", "tumbling", "average", "rollup", "bucket"} & near:
        found.rollup += [q.value] if possible("lateness", q.value) else []
    elif {"late", "lateness", "order"} & near and {"out", "late", "lateness"} & near:
        found.put("lateness", q.value, q)
    elif lexicon("fresh") & near or (
        q.value >= 1 and {"dashboard", "index", "view", "analytics"} & near and not {"load", "respond"} & near
    ):
        found.put("freshness", q.value, q)
    elif q.value <= 60 and (
        lexicon("answering") & around or lexicon("limiting") & set(left) or _percentile_near(found, q)
    ):
        _latency(found, q)
    elif q.value >= MONTH and _alone(found, q):
        found.put("workload.retention", q.value, f"“{found.quote(q)}”, taken to be how long data is kept", "inferred")
    else:
        found.unread.append(found.quote(q))


def _alone(found: Figures, q: Quantity) -> bool:
    """Whether nothing but signs stands beside a quantity: ``…, 10 years, …``."""
    beside = (*found.request.before(q.first, 1), *found.request.after(q.last, 1))
    return not any(t.is_word or t.is_number for t in beside)


def _percentile_near(found: Figures, q: Quantity) -> Quantity | None:
    return next((p for p in found.quantities if p.kind == "percentile" and abs(p.first - q.first) <= 8), None)


def _latency(found: Figures, q: Quantity) -> None:
    near = found.near(q, 7, 5)
    reads = bool(near & {"read", "query", "search", "lookup", "load", "page", "get", "fetch"})
    writes = bool(near & {"write", "append", "insert", "ingest", "checkout", "commit", "save"})
    percentile = _percentile_near(found, q)
    said = f"“{found.quote(q)}”" if percentile is None else f"“{found.quote(percentile)}” and “{found.quote(q)}”"
    if reads or not writes:
        found.put("latency.read", q.value, said)
    if writes or not reads:
        found.put("latency.write", q.value, said)
    if percentile is not None and percentile.value != 99:
        found.values.setdefault("latency.percentile", percentile.value)


def _interval(found: Figures, q: Quantity) -> None:
    """Every so often: for each of the things counted before."""
    counts = [c for c in found.quantities if c.kind == "count" and c.value > 1 and c.of]
    before = [c for c in counts if c.first < q.first]
    counted = before[-1] if before else counts[0] if counts else None
    if counted is not None and q.value > 0:
        found.rates.append((q, counted.value / q.value))
        found.reasons["rates"] = f"“{found.quote(counted)}” × one every “{found.quote(q)}”"
    elif q.value < DAY:
        found.unread.append(found.quote(q))


def _share(found: Figures, q: Quantity) -> None:
    near = found.near(q, 5, 5)
    if {"read", "write"} & near and q.value < 1:
        part = q.value if "read" in found.near(q, 1, 2) else 1 - q.value
        found.put("ratio", part / (1 - part), q)
    elif {"grow", "growth", "more", "increase"} & near:
        found.put("workload.growth", q.value * (12 if {"month", "monthly"} & near else 1), q)
    elif {"percentile"} & near:
        found.values.setdefault("latency.percentile", q.value * 100)
    elif 0.9 <= q.value < 1 and not {"latency", "request"} & near:
        found.put("availability.target", round(q.value, 9), q)
    else:
        found.unread.append(found.quote(q))


def _factor(found: Figures, q: Quantity) -> None:
    near = found.near(q)
    if {"grow", "growth"} & near and "year" in near and q.value > 1:
        found.put("workload.growth", q.value - 1, q)
    elif q.value >= 1:
        found.put("workload.peak", q.value, q)


def _ratio(found: Figures, q: Quantity) -> None:
    near = found.near(q)
    if {"read", "write", "ratio"} & near:
        text = [t.low for t in (*found.request.before(q.first, 5), *found.request.after(q.last, 4))]
        writes_first = "write" in " ".join(text) and " ".join(text).find("write") < " ".join(text).find("read")
        found.put("ratio", (1 / q.value if writes_first else q.value), q)


def _percentile(found: Figures, q: Quantity) -> None:
    """Read with the latency beside it."""


PLACED = {
    "count": _count, "rate": _rate, "flow": _flow, "size": _size, "period": _period, "share": _share, "factor": _factor,
    "ratio": _ratio, "percentile": _percentile,
}  # fmt: skip


def _rates(found: Figures) -> None:
    """Reads, writes and peaks; what is said twice of one is added up where the things differ."""
    means: dict[str, list[tuple[Quantity, float]]] = {"reads": [], "writes": [], "mixed": []}
    peaks = []
    for q, value in found.rates:
        if value <= 0:
            found.unread.append(found.quote(q))
            continue
        if lexicon("peaks") & found.near(q, 3, 3):
            peaks.append((q, value))
        else:
            means[_direction(found, q)].append((q, value))
    for kind in ("writes", "reads"):
        if means[kind]:
            _put_rate(found, f"workload.{kind}", means[kind])
    if means["mixed"]:
        _mixed(found, means["mixed"])
    for q, value in peaks:
        _peak(found, q, value)


def _peak(found: Figures, q: Quantity, value: float) -> None:
    """A peak beside a mean is so many times the mean; alone it is three times a mean that nobody said."""
    direction = _direction(found, q)
    path = f"workload.{'writes' if direction == 'mixed' else direction}"
    mean = found.values.get(path)
    if mean and value > mean:
        found.put("workload.peak", round(value / mean, 2), q)
    elif not mean:
        times = found.values.get("workload.peak", PEAK_FACTOR)
        found.put(path, value / times, f"“{found.quote(q)}” at the peak, {times:g} times the mean", "inferred")
        found.put("workload.peak", times, f"“{found.quote(q)}” is the peak", "inferred")


def _direction(found: Figures, q: Quantity) -> str:
    if q.kind == "flow":
        return "reads" if lexicon("reads") & found.near(q, 2, 3) else "writes"
    things = set(q.of)
    if not things and q.kind == "rate":
        things = found.near(q, 3, 3)
    if things & lexicon("reads") or ({"view", "visit"} & things and not {"view", "visit"} & found.mentioned):
        return "reads"
    if things & lexicon("requests") and not things & found.mentioned:
        after = found.near(q, 0, 4)
        return "reads" if lexicon("reads") & after else "writes" if {"write", "insert"} & after else "mixed"
    return "writes"


def _put_rate(found: Figures, path: str, rates: list[tuple[Quantity, float]]) -> None:
    total, said = 0.0, []
    for q, value in rates:
        if q.kind == "flow":
            record = found.values.get("workload.record", found.record)
            value /= record
            said.append(f"“{found.quote(q)}” in records of {record:,.0f} B")
        elif q.kind == "period":
            said.append(found.reasons.pop("rates", f"“{found.quote(q)}”"))
        else:
            times = f" × {value / q.value:,.0f}" if value > q.value * 1.5 else ""
            said.append(f"“{found.quote(q)}”{times}{', read as two of them' if q.vague else ''}")
        total += value
    found.put(path, total, " and ".join(said), "said")


def _mixed(found: Figures, rates: list[tuple[Quantity, float]]) -> None:
    """Requests: nine in ten are taken to read, unless a ratio is said."""
    ratio = found.values.get("ratio", 9)
    total = sum(value for _, value in rates)
    said = " and ".join(f"“{found.quote(q)}”" for q, _ in rates)
    found.put(
        "workload.reads", total * ratio / (1 + ratio), f"{said}, of which {ratio / (1 + ratio):.0%} read", "inferred"
    )
    found.put("workload.writes", total / (1 + ratio), f"{said}, of which {1 / (1 + ratio):.0%} write", "inferred")


_NOTHING_LOST = re.compile(
    r"\b(no|zero|without) data loss\b|\b(never|not|cannot|can't|don't) lose\b|\bnothing (may be |is |gets? )?lost\b",
    re.I,
)
_DOUBLES = re.compile(r"\b(doubl\w+|tripl\w+) (in size )?(every|each|per|a) (year|month)\b", re.I)
_SOON = re.compile(r"\b(real[- ]?time|live|instant(ly)?|immediately)\b", re.I)
_IN_SYNC = re.compile(r"\bin sync\b|\bup[- ]to[- ]date\b|\bnear[- ]real[- ]?time\b", re.I)


def _words(found: Figures) -> None:
    """What is said without a number."""
    written = found.request.written
    if match := _NOTHING_LOST.search(written):
        found.put("availability.loss", 0.0, f"“{match.group()}”")
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


_PARTS_OF_HOUR = re.compile(r"\b(quarter|half)[- ]hourly\b|\bevery (quarter|half) (?:of an |an )?hour\b", re.I)


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


def complete(found: Figures, main: Workload, what: str) -> None:
    """Assumes what was not said of the workload: from the users if they are known, else what `main`, the first domain,
    usually has."""
    record = main.record or RECORD
    _total(found, found.values.get("workload.record", record))
    found.assume("workload.record", record, f"usual for {what}")
    _reads_and_writes(found, main, what)
    found.assume("workload.peak", main.peak or PEAK_FACTOR, "the busiest hour against the mean of a day")
    if main.retention:
        why = f"usual for {what}: it comes all the time, so it must go some day"
        found.assume("workload.retention", main.retention, why)
    found.assume("availability.regions", 1, "no other region was spoken of")
    if found.values["availability.regions"] > 1:
        found.assume("availability.writes_in", "one region", "nothing was said of writes in every region")


def _reads_and_writes(found: Figures, main: Workload, what: str) -> None:
    """What machines write is not read in proportion: there only the usual figures are taken."""
    ratio, said = found.values.pop("ratio", None), found.reasons.pop("ratio", "")
    by_machines = main.reads is not None and main.writes is not None and main.reads < main.writes
    usual = main.reads / main.writes if main.reads and main.writes else READS_PER_WRITE
    if main.reads is None and (found.values.get("workload.writes") or 0) > BY_HAND:
        usual = 1.0
    per = ratio or (None if by_machines else usual)
    how = said.removeprefix("said: ") if ratio else f"{usual:g} reads for each write, usual for {what}"
    reads, users = found.values.get("workload.reads"), found.values.get("workload.users")
    if reads is not None and per:
        found.assume("workload.writes", reads / per, how)
    elif users and not by_machines:
        active = _active(found, users)
        said = f"{active:,.0f} of {users:,} users on a day × {SERVED_BY_DAY} writes each"
        found.assume("workload.writes", active * SERVED_BY_DAY / DAY, said)
    found.assume("workload.writes", main.writes or 1.0, f"usual for {what}; nothing was said of how much is written")
    if per:
        found.assume("workload.reads", found.values["workload.writes"] * per, how)
    found.assume("workload.reads", main.reads or READS_PER_WRITE, f"usual for {what}")


def _active(found: Figures, users: int) -> float:
    """How many of the users come on one day: all of a team, and of the public one in ten."""
    daily = found.users is not None and {"dau", "active", "concurrent", "daily", "online"} & set(found.users.of)
    return users if daily or users <= TEAM else users / 10


def _total(found: Figures, record: float) -> None:
    """``5 TB`` and ``2 million products``: how many records there are, by the largest number."""
    sizes = [q for q in found.records if q.kind == "size"]
    counts = sorted((q for q in found.records if q.kind == "count"), key=lambda q: -q.value)
    kept = [q for q in counts if q.value >= FEW_RECORDS or set(q.of) & found.mentioned][:1]
    for q in sizes[:1]:
        how = f"“{found.quote(q)}” in records of {record:,.0f} B"
        found.put("workload.records", float(round(q.value / record)), how, "inferred")
    for q in kept:
        found.put("workload.records", q.value, q)
    found.unread += [found.quote(q) for q in (*counts, *sizes) if q not in kept and q not in sizes[:1]]
