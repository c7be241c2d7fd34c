"""Which value of the requirements each quantity of a request is, by the words around it."""

from __future__ import annotations

from itertools import pairwise

from msgspec.structs import replace

from datakeel.design.intake.domains import Known
from datakeel.design.intake.figures import RECORD, Figures, possible
from datakeel.design.intake.quantities import DAY, HOUR, MONTH, Quantity
from datakeel.design.intake.rates import rates
from datakeel.design.intake.spoken import without_numbers
from datakeel.design.intake.text import Text, singular, verb_forms
from datakeel.design.intake.vocabulary import lexicon

MANY = 1000  # places: a system of so many is as large as they are
LARGEST_FILE = 1e9  # bytes: what is larger is a file, and no field of a row (PostgreSQL, Limits)
LARGEST_RECORD = 16e6  # bytes: a size beyond this is that of the whole (MongoDB's limit for a document)


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
    rates(found)
    without_numbers(found)
    return found


def _count(found: Figures, q: Quantity) -> None:
    if q in found.multiplied or "no" in found.left(q, 1):  # no two cars
        return
    last = q.of[-1] if q.of else ""
    near = found.near(q, 4, 3)
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
        found.capacity = int(q.value)  # 300 seats per flight
    elif found.left(q, 2) == ["limited", "to"]:  # classes limited to 15 people
        found.capacity = int(q.value)
    elif q.value < 10 and "by" in found.left(q, 1) and lexicon("people") & set(q.of):
        return  # approved by two people
    elif lexicon("people") & set(q.of) and not q.each and q.value >= 2:
        _users(found, q)
    elif found.left(q, 3) == ["of", "at", "most"]:  # classes of at most 12
        found.capacity = int(q.value)
    elif q.each or "most" in found.left(q, 2):  # a constraint, or nothing
        found.unread += [found.quote(q)] if q.value > 3 and "most" not in found.left(q, 2) else []
    elif lexicon("seats") & set(q.of) and q.value >= 2:
        found.capacity = int(q.value)
        found.records += [q] if q.value >= MANY else []
    elif q.of and q.value >= 2 and last not in lexicon("uncounted") and q.of[0] not in lexicon("uncounted"):
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
    if q.each and {"max", "maximum", "most"} & set(found.left(q, 2)):  # max 12 appointments per doctor per day
        found.unread.append(f"at most {found.quote(q)}")
        return
    each = _multiplier(found, q)
    found.rates.append((q, q.value * each))


def _multiplier(found: Figures, q: Quantity) -> float:
    """How many there are of those of whom each does so; ``500 patients, one reading per second``: one for each."""
    if found.request.tokens[q.last - 1].low == "hz":
        return _senders(found, q)
    if q.each is None and not _single(found, q) and not {"each", "every"} & set(found.left(q, 4)):
        return 1
    every = [c for c in found.quantities if c.kind == "count" and not c.each and c.of]
    counts = [c for c in every if c.first < q.first]
    anyone = q.each in ("user", "person")
    named = [c for c in counts if q.each in c.of or (anyone and lexicon("people") & set(c.of))]
    named = named or [c for c in every if q.each in c.of]  # 10 orders per customer a month, 50k customers
    chosen = (named or [c for c in counts if q.each in (None, "each")])[-1:]
    found.multiply(*chosen)
    return chosen[0].value if chosen else 1


def _senders(found: Figures, q: Quantity) -> float:
    """``250 robots at 10 Hz``, ``10 Hz, 250 robots``: a frequency is that of one of them."""
    counts = [c for c in found.quantities if c.kind == "count" and c.value >= 1 and c.of and not c.each]
    senders = [c for c in counts if not (lexicon("regions") | lexicon("uncounted") | lexicon("people")) & set(c.of)]
    if not senders:
        return 1
    nearest = min(senders, key=lambda c: abs(c.first - q.first))
    each = [c for c in senders if c.last + 1 == nearest.first and found.request.tokens[c.last].low in ("x", "*")]
    found.multiply(nearest, *each)  # 40 turbines x 500 tags
    found.records = [r for r in found.records if r not in (nearest, *each)]
    return nearest.value * (each[0].value if each else 1)


def _single(found: Figures, q: Quantity) -> bool:
    """``one reading per second``."""
    number, thing = found.request.tokens[q.first : q.first + 2]
    return number.low in ("one", "1") and thing.one in q.of


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
        found.reasons["rates"] = f"“{found.quote(senders[-1])}” × “{found.quote(q)}”"
        return
    found.rates.append((q, q.value * _givers(found, q, counts)))


def _givers(found: Figures, q: Quantity, counts: list[Quantity]) -> float:
    """Of how many each gives so much: ``each device sends 40 MB a day, 500 devices``, ``2 GB per day each, 300 of
    them``, ``50 MB per user per day``."""
    left = found.left(q, 5)
    each = next((at for at, word in enumerate(left) if word in ("each", "every", "per")), None)
    whose = {singular(w) for w in left[each + 1 :]} if each is not None else set()
    if q.each is None and each is None:
        return 1
    named = [c for c in counts if {c.of[-1], *c.of} & {*whose, q.each}]
    anyone = q.each == "each" or (each is not None and left[each - 1 : each] == [","])  # 200 servers, each writes
    chosen = named or [c for c in counts if anyone or c.of == ("them",)]
    if not chosen:
        return 1
    nearest = min(chosen, key=lambda c: abs(c.first - q.first))
    found.multiply(nearest)
    return nearest.value


def _size(found: Figures, q: Quantity) -> None:
    near = found.near(q)
    before = found.request.before(q.first, 2)
    files = len(before) == 2 and before[1].low == "of" and before[0].one != before[0].low  # episodes of 50 MB
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
    elif "every" in left[-2:] or {"each", "once"} & set(left[-1:]):
        _interval(found, q)
    elif (burst := _burst(found, q)) is not None:
        found.rates.append((q, burst.value / q.value))
        found.reasons["rates"] = f"“{found.quote(burst)}” within “{found.quote(q)}”"
    elif "expire" in found.near(q, 2, 0) and q.value < DAY:
        found.unread.append(found.quote(q))  # a hold or a session that ends, and no data
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
    """Every so often: for each of the things counted before. What comes round after months is a job's, and no rate."""
    if q.value > MONTH:
        found.unread.append(" ".join(found.request.said(q.first - 2, q.last).split()))
        return
    counts = [c for c in found.quantities if c.kind == "count" and c.value > 1 and c.of]
    before = [c for c in counts if c.first < q.first]
    counted = before[-1] if before else counts[0] if counts else None
    if counted is not None and q.value > 0:
        owners = [c for c in before if c is not counted and not c.each] if counted.each == "each" else []
        times = owners[-1].value if owners else 1  # 120 turbines send 200 signals each
        of = f"“{found.quote(owners[-1])}” × “{found.quote(counted)}”" if owners else f"“{found.quote(counted)}”"
        found.rates.append((q, times * counted.value / q.value))
        found.reasons["rates"] = f"{of} × one every “{found.quote(q)}”"
        found.multiply(*owners[-1:], counted)
        if owners:
            found.put("workload.records", times * counted.value, of)
        if counted is found.users and "household" in counted.of:  # their meters, and nobody who works with the system
            del found.values["workload.users"]
            found.records.append(counted)
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
    elif found.request.tokens[q.last - 1].low == "times" and _is_done(found, q):
        _repeated(found, q)
    elif found.request.tokens[q.first].low[0] == "x" and not lexicon("peaks") & found.near(q, 6, 2):
        found.unread.append(found.quote(q))
    elif q.value >= 1:
        found.put("workload.peak", q.value, q)


def _is_done(found: Figures, q: Quantity) -> bool:
    """``each scanned about 6 times``, ``retried 5 times``: what is done so often, which is no peak."""
    words = [t.low for t in found.request.before(q.first, 3) if t.is_word]
    return any(w.endswith("ed") or verb_forms(w) & lexicon("acts") for w in words)


def _repeated(found: Figures, q: Quantity) -> None:
    """What each of the things before has done to it is written as often."""
    if {"each", "every"} & set(found.left(q, 5)) and found.rates and q.value >= 1:
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


def _percentile(found: Figures, q: Quantity) -> None:
    """Read with the latency beside it."""


PLACED = {
    "count": _count, "rate": _rate, "flow": _flow, "size": _size, "period": _period, "share": _share, "factor": _factor,
    "ratio": _ratio, "percentile": _percentile,
}  # fmt: skip
