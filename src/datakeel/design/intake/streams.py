"""What a request wants counted over time: ``count clicks per page per minute``, ``sliding windows of 10 minutes every
minute``, ``sessions that end after 30 minutes of inactivity``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.text import singular
from datakeel.design.intake.vocabulary import units
from datakeel.naming import snake
from datakeel.requirements import Aggregate, Domain, Event, Field, Series, Stream

UNIT = "milliseconds?|seconds?|secs?|minutes?|mins?|hours?|days?|weeks?"
PERIOD = rf"(?:(?P<{{0}}number>\d+(?:\.\d+)?)[ -]?)?(?P<{{0}}unit>{UNIT})"
COUNTED = re.compile(
    r"\b(?P<what>counts?|number|how many|sums?|totals?|averages?|means?|maximum|max|minimum|min)\b(?: of)?"
    r"(?P<things>(?: [a-z-]+){0,3}?) (?:per|by|for each|for every) (?P<key>[a-z_]+)"
    rf"(?: (?:per|every|each|an?|over|in(?: windows of)?) {PERIOD.format('')}\b)?"
)
SLIDING = re.compile(
    rf"\b(?:slid(?:e|es|ing)|hopping|overlapping|moving|rolling)\b.{{0,30}}?\b{PERIOD.format('')}\b.{{0,30}}?"
    rf"\b(?:every|each|by|hop of) (?:an? )?{PERIOD.format('hop_')}\b"
)
SESSION = re.compile(
    rf"\bsessions?\b.{{0,60}}?\b{PERIOD.format('')}(?: of)? (?:inactivity|silence|idle|gap|pause|without)"
    rf"|\bsessions?\b.{{0,40}}?\b(?:gap|inactivity|idle|silence|pause|time-?out) (?:of )?{PERIOD.format('gap_')}\b"
    rf"|\b{PERIOD.format('own_')} (?:session )?(?:gap|inactivity|timeout)\b.{{0,40}}?\bsessions?\b"
)
MEASURES = {"sum": "sum", "total": "sum", "average": "mean", "mean": "mean", "maximum": "max", "max": "max"}
MEASURES |= {"minimum": "min", "min": "min"}
NUMBERS = ("integer", "decimal", "money")
WINDOW = 60.0  # seconds, where none is said


class Said(Struct, frozen=True):
    """What was read of windows, and the words for it. `key` and `measures`: None where nothing is said."""

    words: str
    key: str | None = None
    what: str = "count"
    things: tuple[str, ...] = ()
    window: float | None = None
    hop: float | None = None
    gap: float | None = None


def windowed(written: str, domain: Domain, *, asked: bool) -> tuple[Domain, dict[str, str]]:
    """The domain with the jobs over windows that a request describes, and the reasons. `asked`: it speaks of streams,
    so that something to count per minute is a job and no report."""
    said = read(" ".join(written.lower().split()))
    if said is None or (said.window is None and said.gap is None and not asked):
        return domain, {}
    known = domain.streams[:1]
    source = _called(known[0].source, domain) if known else _source(said, domain)
    if source is None or not (asked or known or _needs_a_job(said, source)):
        return domain, {}
    domain = _with_key(domain, source, said)
    begin = known[0] if known else Stream(name=_name(said, source), source=source.name, window=WINDOW)
    job = _as_said(begin, said, domain)
    if job.key != begin.key and known:
        job = replace(job, name=_name(said, source))
    reason = f"said: “{said.words}”"
    return replace(domain, streams=(job, *domain.streams[1:])), {f"domain.streams.{job.name}": reason}


def _needs_a_job(said: Said, source: Aggregate | Series) -> bool:
    """Means over time by what a series is of are its rollups already."""
    return not isinstance(source, Series) or said.gap is not None or said.key not in (None, source.key.name)


def _called(name: str, domain: Domain) -> Aggregate | Series | None:
    able: tuple[Aggregate | Series, ...] = (*domain.series, *domain.aggregates)
    return next((one for one in able if one.name == name), None)


def read(written: str) -> Said | None:
    """
    >>> said = read("count clicks per page per minute")
    >>> said.key, said.what, said.things, said.window
    ('page', 'count', ('clicks',), 60.0)
    >>> said = read("sessions that end after 30 minutes of inactivity")
    >>> said.key, said.gap
    (None, 1800.0)
    """
    counted, sliding, session = COUNTED.search(written), SLIDING.search(written), SESSION.search(written)
    found = next((m for m in (counted, sliding, session) if m is not None), None)
    if found is None:
        return None
    said = Said(words=found.group().strip())
    if counted is not None:
        what = counted["what"].rstrip("s") if counted["what"].endswith("s") else counted["what"]
        said = replace(
            said,
            key=singular(counted["key"]) if counted["key"] not in units("periods") else None,
            what=MEASURES.get(what, "count"),
            things=tuple(counted["things"].split()),
            window=_seconds(counted["number"], counted["unit"]),
        )
    if sliding is not None:
        window, hop = (_seconds(sliding[f"{p}number"], sliding[f"{p}unit"]) for p in ("", "hop_"))
        if window and hop and hop < window and abs(window / hop - round(window / hop)) < 1e-9:
            said = replace(said, window=window, hop=hop)
    gaps = (_seconds(session[f"{p}number"], session[f"{p}unit"]) for p in ("", "gap_", "own_")) if session else ()
    gap = next((g for g in gaps if g), None)
    return replace(said, gap=gap, window=None, hop=None) if gap else said


def _seconds(number: str | None, unit: str | None) -> float | None:
    if unit is None:
        return None
    known = units("periods")
    each = known.get(unit) or known.get(unit.rstrip("s"))
    return float(number or 1) * each if each and float(number or 1) > 0 else None


def _source(said: Said, domain: Domain) -> Aggregate | Series | None:
    """What is counted: what the words name, or has the key; else the first that there is."""
    able: tuple[Aggregate | Series, ...] = (*domain.series, *domain.aggregates)
    things = {singular(word) for word in said.things}
    named = [one for one in able if things & set(snake(one.name).split("_"))]
    keyed = [one for one in able if said.key is not None and any(f.name == said.key for f in fields(one))]
    return next(iter((*named, *keyed, *able)), None)


def fields(of: Aggregate | Series) -> Iterator[Field]:
    if isinstance(of, Series):
        yield from (of.key, *of.values)
    else:
        yield from (field for event in of.events for field in event.fields)


def _with_key(domain: Domain, source: Aggregate | Series, said: Said) -> Domain:
    """With the field by which is counted, where the source does not have it."""
    if said.key is None or any(f.name == said.key for f in fields(source)):
        return domain
    field = Field(name=said.key)
    if isinstance(source, Series):
        grown = replace(source, values=(*source.values, field))
        return replace(domain, series=tuple(grown if s is source else s for s in domain.series))
    first, *rest = source.events
    made: tuple[Event, ...] = (replace(first, fields=(*first.fields, field)), *rest)
    events = replace(source, events=made)
    return replace(domain, aggregates=tuple(events if a is source else a for a in domain.aggregates))


def _as_said(job: Stream, said: Said, domain: Domain) -> Stream:
    source = _called(job.source, domain)
    known = {f.name: f for f in fields(source)} if source is not None else {}
    if said.key is not None and said.key in known:
        job = replace(job, key=(said.key,))
    number = _number(said, known.values())
    if said.things or said.what != "count":
        job = replace(job, measures=(f"{said.what} {number}",) if number and said.what != "count" else ("count",))
    if said.gap is not None:
        own = (source.key.name,) if isinstance(source, Series) else ("id",)
        key = (said.key,) if said.key in known and said.key is not None else own
        return replace(job, key=key, gap=said.gap, window=None, hop=None)
    return replace(job, window=said.window or job.window, hop=said.hop or job.hop) if said.window else job


def _number(said: Said, known: Iterable[Field]) -> str | None:
    """The field that is added up: what the words name, else the only number that there is."""
    numbers = [f.name for f in known if f.type in NUMBERS and not f.many]
    named = [n for n in numbers if {singular(w) for w in said.things} & set(snake(n).split("_"))]
    return next(iter((*named, *numbers)), None)


def _name(said: Said, source: Aggregate | Series) -> str:
    if said.gap is not None:
        return f"{source.name.lower()} sessions"
    things = " ".join(said.things) or source.name.lower()
    return f"{things} per {said.key}" if said.key else f"{things} over time"
