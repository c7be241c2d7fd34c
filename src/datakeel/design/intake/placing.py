"""Which value of the requirements each quantity of a request is, by the words around it."""

from __future__ import annotations

from itertools import pairwise
from math import prod

from msgspec.structs import replace

from datakeel.design.intake.domains import Known
from datakeel.design.intake.figures import RECORD, Figures, possible
from datakeel.design.intake.givers import FREQUENCIES, givers, with_owners
from datakeel.design.intake.quantities import DAY, HOUR, MEASURES, MONTH, OFTEN, Quantity
from datakeel.design.intake.rates import rates
from datakeel.design.intake.spoken import without_numbers
from datakeel.design.intake.text import Text, singular, verb_forms
from datakeel.design.intake.vocabulary import lexicon

NEAR = 8  # words from a percentile to its latency
MANY = 1000  # places: a system of so many is as large as they are
LARGEST_FILE = 1e9  # bytes: what is larger is a file, and no field of a row (PostgreSQL, Limits)
LARGEST_RECORD = 16e6  # bytes: a size beyond this is that of the whole (MongoDB's limit for a document)


def figures(request: Text, quantities: list[Quantity], domains: list[Known]) -> Figures:
    """Places every quantity of a request, in the order of their certainty."""
    spoken = frozenset(w for d in domains for phrase in d.words for w in phrase.split())
    found = Figures(request, quantities, spoken)
    found.record = next((d.assume.record for d in domains if d.assume.record), RECORD)
    for quantity in quantities:
        if quantity.value < 0 or _is_measured(found, quantity):
            found.unread.append(found.quote(quantity))
        else:
            PLACED[quantity.kind](found, quantity)
    rates(found)
    without_numbers(found)
    return found


def _is_measured(found: Figures, q: Quantity) -> bool:
    """Whether a number is one of money, of distance or of weight (``30 cents``, ``$5``, ``20,000 kg``): of none of the
    things that are kept, and nothing that happens."""
    signs = {t.text for t in (*found.request.before(q.first, 1), *found.request.after(q.last, 1))}
    first = found.request.tokens[q.first + 1 : q.first + 2]
    glued = bool(first) and first[0].text in SIGNS
    return q.kind in ("count", "rate") and (bool(signs & SIGNS) or glued or bool(q.of and q.of[0] in MEASURES))


SIGNS = frozenset("$€£¥°")


def _count(found: Figures, q: Quantity) -> None:
    if q in found.multiplied or "no" in found.left(q, 1):  # no two cars
        return
    last = q.of[-1] if q.of else ""
    near = found.near(q, 4, 3)
    foremost = next((word for word in found.left(q, 1) if word in lexicon("foremost")), None)
    if foremost is not None and not q.each:
        found.pages.append(f"{foremost} {found.quote(q)}")  # top 100: how many are shown, and none that are kept
        return
    if q.of == ("read",) and "write" in {q.each, *(t.one for t in found.request.after(q.last, 3))}:
        found.put("ratio", q.value, q)  # 40 reads for each write
        return
    if _is_of_each(found, q) and _of_people(found, q):
        return
    if 99 <= q.value < 100 and {"availability", "available", "uptime"} & {*q.of, *near}:
        found.put("availability.target", round(q.value / 100, 9), q)
    elif q.each and (
        (q.value == 1 and q.of)
        or {"most", "maximum", "max", "than", "limit", "capacity", "only", "cap"} & (near | set(found.left(q)))
    ):
        before = [c for c in found.quantities if c.kind == "count" and c.last <= q.first and c.of]
        if q.each != "each" or before:  # 14 groups with at most 20 children each
            found.at_most.append((int(q.value), before[-1].of[-1] if q.each == "each" else q.each, last))
        else:
            found.unread.append(found.quote(q))
    elif lexicon("regions") & set(q.of) or (q.of[:2] == ("data", "center") or q.of[:2] == ("data", "centre")):
        found.put("availability.regions", int(q.value), q)
    elif q.each and last in lexicon("seats") and q.each not in lexicon("people") and q.value >= 2:
        found.capacity, found.seats = int(q.value), q  # 300 seats per flight
    elif found.left(q, 2) == ["limited", "to"]:  # classes limited to 15 people
        found.capacity, found.seats = int(q.value), q
    elif q.value < 10 and "by" in found.left(q, 1) and lexicon("people") & set(q.of):
        found.unread.append(f"by {found.quote(q)}")  # approved by two people
    elif q.each in lexicon("dayparts") and "most" not in found.left(q, 2):
        found.rates.append((q, q.value / DAY))  # 180 reservations per evening
    elif lexicon("people") & set(q.of) and not q.each and q.value >= 2:
        _users(found, q)
    elif found.left(q, 3) == ["of", "at", "most"]:  # classes of at most 12
        found.capacity, found.seats = int(q.value), q
    elif q.each or "most" in found.left(q, 2):  # a constraint, or nothing
        found.unread += [found.quote(q)] if "most" not in found.left(q, 2) else []
    elif lexicon("seats") & set(q.of) and q.value >= 2:
        found.capacity, found.seats = int(q.value), q
        found.records += [q] if q.value >= MANY else []
    elif q.of and q.value >= 2 and last not in lexicon("uncounted") and q.of[0] not in lexicon("uncounted"):
        found.records.append(q)
    elif q.of and q.value >= 2 and last not in lexicon("prose"):
        found.others.append(q)
    elif not q.of and q.value >= 2 and "most" not in found.left(q, 1):
        verbs = [t for t in found.request.before(q.first, 1) if t.is_word and t.text == t.low]  # Python 3 is a name
        found.unread += [f"{t.text} {found.quote(q)}" for t in verbs]


def _of_people(found: Figures, q: Quantity) -> bool:
    """``40k visitors a day, each views 7 pages``: whether it is that many for each of those that come."""
    before = [one for one in found.quantities if one.first < q.first][-1:]
    rate = found.rates[-1] if found.rates and before and found.rates[-1][0] is before[0] else None
    if rate is None or rate[0].kind != "rate" or not lexicon("people") & set(rate[0].of) or q.value < 2:
        return False
    found.multiply(rate[0], *found.factors.get(rate[0].first, ()), q)
    found.rates[-1] = (rate[0], rate[1] * q.value)
    return True


def _users(found: Figures, q: Quantity) -> None:
    """The patients, and not the twelve doctors; the users, and not the followers of one."""
    if found.users is None or ("user" not in found.users.of and (found.users.value < q.value or "user" in q.of)):
        found.others += [found.users] if found.users is not None else []
        found.users = q
        found.values.pop("workload.users", None)
        found.put("workload.users", max(1, round(q.value)), q)
    else:
        found.others.append(q)


def _rate(found: Figures, q: Quantity) -> None:
    if q.each and {"max", "maximum", "most"} & set(found.left(q, 2)):  # max 12 appointments per doctor per day
        found.unread.append(f"at most {found.quote(q)}")
        return
    of = givers(found.request, found.quantities, q)
    counts = of.counts
    found.multiply(q, *counts)
    found.guessed |= {q.first} if of.guessed else set()
    found.rates.append((q, q.value * prod(c.value for c in counts)))
    if found.request.tokens[q.last - 1].low in FREQUENCIES:  # their number is no number of records
        found.records = [r for r in found.records if r not in counts]
    _are_machines(found, counts)


def _are_machines(found: Figures, counts: tuple[Quantity, ...]) -> None:
    """The meters of so many households measure: these are nobody who works with the system."""
    if found.users is not None and found.users in counts and "household" in found.users.of:
        found.values.pop("workload.users", None)
        found.records.append(found.users)


def _flow(found: Figures, q: Quantity) -> None:
    """``100k devices sending 1 KB every minute``: so much at a time, from each of them."""
    counts = [c for c in found.quantities if c.kind == "count" and c.of and not c.each and c.value >= 2]
    before = [c for c in counts if 0 <= q.first - c.last <= 3]
    left = found.left(q, 12)
    each = {singular(b) for a, b in pairwise(left) if a in ("each", "every")}
    senders = [c for c in counts if each & set(c.of)] or before  # each sensor has 3 channels and sends 20 bytes
    senders = senders or [c for c in counts if c.first >= q.last][:1]  # cars send 2 KB every 5 seconds, 50,000 cars
    if q.every and senders and q.value * q.every <= LARGEST_RECORD:
        found.put("workload.record", round(q.value * q.every, 3), q)
        found.rates.append((replace(q, kind="period"), senders[-1].value / q.every))
        found.paces[q.first] = f"“{found.quote(senders[-1])}” × “{found.quote(q)}”"
        return
    of = givers(found.request, found.quantities, q).counts
    found.multiply(q, *of)
    found.rates.append((q, q.value * prod(c.value for c in of)))


def _size(found: Figures, q: Quantity) -> None:
    near = found.near(q)
    before = found.request.before(q.first, 2)
    files = len(before) == 2 and before[1].low == "of" and before[0].one != before[0].low  # episodes of 50 MB
    files = files or "file" in {t.one for t in found.request.before(q.first, 4)}
    if ({"up", "max", "maximum"} & near and q.value < LARGEST_FILE) or {"ram", "memory", "disk", "cpu"} & near:
        found.unread.append(found.quote(q))
    elif q.each and q.value > LARGEST_FILE:
        found.unread.append(f"{found.quote(q)}: files, which belong into a store of objects, with their addresses here")
    elif q.value <= LARGEST_RECORD or q.each or (files and q.value <= LARGEST_FILE):
        found.put("workload.record", q.value, q)
    else:
        found.records.append(q)


def _period(found: Figures, q: Quantity) -> None:
    near, left = found.near(q), found.left(q, 5)
    around = found.near(q, 8, 5)
    if tuple(left[-2:]) == ("older", "than") and {"archive", "delete", "purge", "remove", "drop"} & set(
        found.left(q, 7)
    ):
        return  # of a job, read with it
    if {"cold", "archive"} & near:
        found.values.pop("workload.retention", None)
        found.put("workload.retention", q.value, q)
    elif {"average", "rollup", "aggregate"} & found.near(q, 3, 0) and "for" in left[-2:]:
        found.kept = (q.value, f"said: “{found.quote(q)}”")
    elif {"rpo"} & around or ({"lose", "loss"} & around and "time" not in near):
        found.put("availability.loss", q.value, q)
    elif {"rto", "downtime", "outage", "recover", "recovery"} & around or "down" in near:
        found.put("availability.outage", q.value, q)
    elif {"last", "past"} & set(left[-1:]) and possible("lateness", q.value):
        found.reach = (q.value, f"said: “{found.quote(q)}”")
    elif "valid" in left[-3:]:
        found.unread.append(found.quote(q))  # a permit, and no data
    elif left[-1:] == ["once"] and q.value > HOUR and not lexicon("sending") & around:
        found.unread.append(f"once {found.quote(q)}")
    elif "every" in left[-2:] or {"each", "once"} & set(left[-1:]) or "interval" in left[-2:]:
        _interval(found, q)
    elif (burst := _burst(found, q)) is not None:
        found.rates.append((q, burst.value / q.value))
        found.paces[q.first] = f"“{found.quote(burst)}” within “{found.quote(q)}”"
    elif "expire" in found.near(q, 2, 0) and q.value < DAY:
        found.unread.append(found.quote(q))  # a hold or a session that ends, and no data
    elif (
        (lexicon("keeps") & around and q.value >= 60 and not (lexicon("fresh") - {"old", "update"}) & near)
        or (q.value >= DAY and "for" in left[-3:])
        or (q.value >= MONTH and {"data", "history"} & near)
    ):
        found.put("workload.retention", q.value, q)
    elif {"window", "tumbling", "average", "rollup", "bucket"} & near:
        if possible("lateness", q.value):
            found.rollup.append(q.value)
        else:
            found.unread.append(found.quote(q))
    elif {"late", "lateness", "order"} & near and {"out", "late", "lateness"} & near:
        found.put("lateness", q.value, q)
    elif (
        lexicon("fresh") & near
        or {"alert", "alarm", "notify", "notification"} & near
        or {"change", "publish", "propagate"} & around
        or (q.value >= 1 and {"dashboard", "index", "view", "analytics"} & near and not {"load", "respond"} & near)
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


def _burst(found: Figures, q: Quantity) -> Quantity | None:
    """``5 million votes within 10 minutes``: so many, right before."""
    joined = {"within", "in", "during"} & set(found.left(q, 1))
    counts = [c for c in found.quantities if c.kind == "count" and c.last == q.first - 1 and c.of and not c.each]
    return counts[0] if joined and counts and counts[0].value >= 100 and q.value >= 60 else None


def _alone(found: Figures, q: Quantity) -> bool:
    """Whether nothing but signs stands beside a quantity: ``…, 10 years, …``."""
    beside = (*found.request.before(q.first, 1), *found.request.after(q.last, 1))
    return not any(t.is_word or t.is_number for t in beside)


def _percentile_near(found: Figures, q: Quantity) -> Quantity | None:
    return next((p for p in found.quantities if p.kind == "percentile" and abs(p.first - q.first) <= NEAR), None)


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
    """Every so often: for each of the things counted before. What comes round after months is a job's, and no rate."""
    if q.value > MONTH:
        found.unread.append(" ".join(found.request.said(q.first - 2, q.last).split()))
        return
    counts = [c for c in found.quantities if c.kind == "count" and c.value > 1 and c.of]
    before = [c for c in counts if c.first < q.first]
    counted = before[-1] if before else counts[0] if counts else None
    if counted is not None and q.value > 0:
        of = with_owners(found.request, counts, counted)
        number = prod(c.value for c in of)
        said = " × ".join(f"“{found.quote(c)}”" for c in reversed(of))
        found.rates.append((q, number / q.value))
        found.paces[q.first] = f"{said} × one every “{found.quote(q)}”"
        found.multiply(q, *of)
        if len(of) > 1:
            found.put("workload.records", number, said)
        _are_machines(found, (counted,))
    elif q.value < DAY:
        found.unread.append(found.quote(q))


def _share(found: Figures, q: Quantity) -> None:
    near = found.near(q, 5, 5)
    if {"read", "write"} & near and q.value < 1:
        part = q.value if "read" in found.near(q, 1, 2) else 1 - q.value
        found.put("ratio", part / (1 - part), q)
    elif {"grow", "growth", "more", "increase"} & near and "than" not in found.left(q, 1):
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
    elif found.request.tokens[q.last - 1].low in ("times", *OFTEN) and (_is_done(found, q) or _is_of_each(found, q)):
        _repeated(found, q)
    elif found.request.tokens[q.first].low[0] == "x" and not lexicon("peaks") & found.near(q, 6, 2):
        found.unread.append(found.quote(q))
    elif q.value >= 1:
        found.put("workload.peak", q.value, q)
    else:
        found.unread.append(found.quote(q))


def _is_done(found: Figures, q: Quantity) -> bool:
    """``each scanned about 6 times``, ``retried 5 times``: what is done so often, which is no peak."""
    words = [t.low for t in found.request.before(q.first, 3) if t.is_word]
    return any(w.endswith("ed") or verb_forms(w) & lexicon("acts") for w in words)


def _is_of_each(found: Figures, q: Quantity) -> bool:
    return bool({"each", "every"} & set(found.left(q, 5)))


def _is_of_others(found: Figures, q: Quantity, rate: Quantity) -> bool:
    """Whether others than those of a rate have it done: ``a million emails a day, each bounce is retried 3 times``."""
    left = found.request.before(q.first, 5)
    at = next(i for i in range(len(left) - 1, -1, -1) if left[i].low in ("each", "every"))
    named = len(left) > at + 2 and left[at + 2].low in ("is", "are", "was", "gets", "may", "can", "must")
    return named and left[at + 1].one not in rate.of


def _repeated(found: Figures, q: Quantity) -> None:
    """What each of the things before has done to it is written as often."""
    if _is_of_each(found, q) and found.rates and q.value >= 1 and not _is_of_others(found, q, found.rates[-1][0]):
        first, value = found.rates[-1]
        found.rates[-1] = (first, value * q.value)
    else:
        found.unread.append(found.quote(q))


def _ratio(found: Figures, q: Quantity) -> None:
    near = found.near(q)
    if {"read", "write", "ratio"} & near:
        text = [t.low for t in (*found.request.before(q.first, 5), *found.request.after(q.last, 4))]
        writes_first = "write" in " ".join(text) and " ".join(text).find("write") < " ".join(text).find("read")
        found.put("ratio", (1 / q.value if writes_first else q.value), q)
    else:
        found.unread.append(found.quote(q))


def _percentile(found: Figures, q: Quantity) -> None:
    """Read with the latency beside it, where there is one."""
    periods = [p for p in found.quantities if p.kind == "period" and abs(p.first - q.first) <= NEAR]
    found.unread += [] if periods else [found.quote(q)]


PLACED = {
    "count": _count, "rate": _rate, "flow": _flow, "size": _size, "period": _period, "share": _share, "factor": _factor,
    "ratio": _ratio, "percentile": _percentile,
}  # fmt: skip
