"""The story of the intake: a sentence → requirements, each value with the reason for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from datakeel import naming
from datakeel.design.amounts import count
from datakeel.design.estimate import estimate
from datakeel.design.intake import batches, domains, draft, exclusive, sagas
from datakeel.design.intake.assumptions import FEW_RECORDS, complete
from datakeel.design.intake.constraints import constrain
from datakeel.design.intake.domains import Called
from datakeel.design.intake.drafted import with_facets
from datakeel.design.intake.facets import facets, phrases
from datakeel.design.intake.figures import Figures, tidy
from datakeel.design.intake.kept import counted
from datakeel.design.intake.named import Named, named
from datakeel.design.intake.placing import figures
from datakeel.design.intake.quantities import ADVERBS, HOUR, PERIODS, Quantity, quantities
from datakeel.design.intake.sagas import plain
from datakeel.design.intake.sent import sent
from datakeel.design.intake.shares import shared
from datakeel.design.intake.spoken import contradiction, freshness
from datakeel.design.intake.streams import windowed
from datakeel.design.intake.text import Text, singular, text, verb_forms
from datakeel.design.intake.title import system_name
from datakeel.design.intake.vocabulary import lexicon
from datakeel.mistake import Mistake
from datakeel.requirements import (
    Aggregate,
    Availability,
    Domain,
    Event,
    Field,
    Latency,
    Requirements,
    Service,
    Step,
    View,
    Workload,
)
from datakeel.requirements.checks import check, known_fields

NOTHING = (
    "there is no system in this request: say what it keeps or does, and how much of it, as in "
    '"track orders, 50k a day, with a search index". Requests are read in English.'
)


def intake(request: str) -> Requirements:
    """What a sentence asks for. Raises Mistake where it asks for no system.

    >>> found = intake("a meeting-room calendar for 40 users, no double booking")
    >>> found.name, found.workload.users, [t.name for t in found.domain.tables]
    ('meeting-room calendar', 40, ['room', 'booking'])
    """
    words = text(request)
    if _is_foreign(words) or _is_task(words):
        raise Mistake(NOTHING)
    names = named(words)
    calls = domains.called(words, set(names.taken))
    found = quantities(words)
    if any(c.weak for c in calls) and (
        draft.lists_several(words)
        or (draft.lists_something(words) and _are_figures(calls, found))
        or draft.tells_life(words, names.taken)
    ):
        calls = []  # animals, owners and visits: what is listed says more than one word
    if _are_views(calls, found):
        calls = []  # 400 articles and a million page views a day
    calls = sent(words, calls, found)
    jobs = batches.spoken(words.written)
    wanted = _beside_jobs(facets(words, found), words, jobs)
    domain, reasons, known = _domain(words, names, calls, wanted, found)
    read = figures(words, found, [c.domain for c in calls])
    rest = text(batches.without(words.written, jobs))  # a report per customer is no other way to read
    held = constrain(domain, [c.domain for c in calls], rest, read.at_most, read.capacity)
    domain = held.domain
    read.unread += [*held.unread, *_unmet(domain, wanted), *_uncounted(domain, calls, words)]
    if "offline" in wanted:
        read.put("availability.offline", True, f"“{wanted['offline']}”")
    if "writes everywhere" in wanted:
        read.put("availability.writes_in", "every region", f"“{wanted['writes everywhere']}”")
        read.put("availability.regions", 2, f"“{wanted['writes everywhere']}”, at least two", "inferred")
    if fault := contradiction(read):
        raise Mistake(fault)
    domain = _dimensioned(domain, rest)
    read.unread += _undimensioned(domain, rest)
    domain, why, left = batches.with_jobs(domain, jobs)
    reasons |= why
    read.unread += [*left, *_regular(words, domain, read)]
    if domain.views:
        freshness(read)
    if read.seats is not None and f"said: {read.capacity} places" not in held.reasons.values():
        read.others += [read.seats] if read.seats not in read.records else []
    domain, why = shared(domain, read)
    reasons |= why
    read.unread += [read.quote(q) for q in read.others if q not in read.multiplied]
    complete(read, _usual(calls), known, _named(domain))
    domain, why = counted(domain, read, calls, reasons)
    reasons |= why
    read.unread = _unsettled(read, domain, calls, held.taken)
    domain, why = windowed(words.written, _timed(domain, read), asked="stream" in wanted)
    reasons = {**reasons, **names.reasons, **held.reasons, **why}
    return _profiled(_sound(_requirements(words, names, _punctual(domain, read), read, reasons)))


def _usual(calls: list[Called]) -> Workload:
    """What the first domain usually has, kept as long as any of them asks for that says how long."""
    if not calls:
        return Workload()
    usual = calls[0].domain.assume
    kept = max(c.domain.assume.retention or 0.0 for c in calls)
    return replace(usual, retention=kept) if usual.retention else usual


def _sound(found: Requirements) -> Requirements:
    """Raises Mistake where the request contradicts itself."""
    if faults := [fault for _, fault in check(found)]:
        raise Mistake("\n".join(faults))
    return found


def _is_foreign(words: Text) -> bool:
    """Whether a request has more small words of other languages than English ones, and two at least."""
    foreign = [t for t in words.tokens if t.low in lexicon("foreign")]
    return len(foreign) >= 2 and len(foreign) > sum(t.low in lexicon("small") for t in words.tokens)


def _is_task(words: Text) -> bool:
    """``translate my documents``: something to be done with what somebody has, once."""
    verb, whose = ([t.low for t in words.tokens if t.low != "please"] + ["", ""])[:2]
    return verb in lexicon("tasks") and whose in ("my", "our", "this", "that", "these", "those", "me", "it")


def _are_figures(calls: list[Called], found: list[Quantity]) -> bool:
    """Whether a domain is called by how much alone: ``a website with recipes, 100k visitors a day``."""
    return all(any(q.first < at < q.last for q in found) for c in calls for at in c.places)


def _are_views(calls: list[Called], found: list[Quantity]) -> bool:
    """Whether all that calls a domain is how often something else is looked at."""
    rates = [q for q in found if q.kind == "rate" and q.of]
    places = [at for call in calls for at in call.places]
    viewing = [q for q in rates if {"view", "pageview", "visit"} & set(q.of)]
    inside = bool(places) and all(any(q.first < at < q.last for q in viewing) for at in places)
    return inside and any(q not in viewing for q in rates)


_PER = re.compile(
    r"\b(?:report|dashboard|analytics|statistic|total|number|count|summary|breakdown)s?\b[^.;,:]{0,40}? "
    r"(?P<word>per|by) (?P<by>[a-z]+)",
    re.I,
)


def _dimensioned(domain: Domain, words: Text) -> Domain:
    """Totals have the dimensions that they are asked for by: ``a report per campaign``."""
    said = {singular(m["by"].lower()) for m in _PER.finditer(words.written)}
    views = []
    for view in domain.views:
        named = {f for source in view.sources for f in known_fields(domain)[source] if singular(f.lower()) in said}
        more = tuple(sorted(named - {*view.dimensions, "id", "time"})) if view.kind == "analytics" else ()
        views.append(replace(view, dimensions=(*more, *view.dimensions)) if more else view)
    return replace(domain, views=tuple(views))


def _undimensioned(domain: Domain, words: Text) -> list[str]:
    """By what totals are asked for, and nothing has: ``a dashboard per merchant``."""
    views = [view for view in domain.views if view.kind == "analytics"]
    had = {singular(name.lower()) for view in views for name in (*view.dimensions, *view.sources)}
    had |= {word for name in had for word in name.replace("_", " ").split()}
    none = lexicon("small") | lexicon("abstract") | set(PERIODS) | {"time"}
    asked = [(m["word"], m["by"].lower()) for m in _PER.finditer(words.written)]
    return [f"{per} {by}" for per, by in asked if views and not {singular(by), by} & (had | none)]


def _unsettled(read: Figures, domain: Domain, calls: list[Called], rules: Iterable[tuple[int, int]]) -> list[str]:
    """What was not understood, without the numbers of rules that hold (``in two theatres``), and without so few of
    something that is kept (``12 wards``) that it makes no difference."""
    names = _held(domain, calls) | {f.name for one in domain.tables for f in one.fields}
    settled = set()
    for q in (q for q in read.quantities if q.kind == "count"):
        start, end = (read.request.tokens[q.first].start, read.request.tokens[q.last - 1].end)
        few = 0 < q.value < FEW_RECORDS and q.of and not q.each and q.of[-1] in names
        if few or any(first <= start and end <= last for first, last in rules):
            settled.add(read.quote(q))
    ways = [access for ones in (domain.tables, domain.documents) for one in ones for access in one.access]
    ordered = any(access.order for access in ways)
    pages = [] if ordered or any(view.kind == "lookup" for view in domain.views) else read.pages
    return [said for said in (*read.unread, *pages) if said not in settled]


_REGULAR = re.compile(
    r"(?:\b[a-z-]+ )?\b(?:(?:nightly|weekly|monthly|quarterly|yearly|annually)\b(?: [a-z-]+)?"
    r"|(?:every|each) (?:night|week|month|quarter|year)\b)",
    re.I,
)


def _regular(words: Text, domain: Domain, read: Figures) -> list[str]:
    """What is said to be done regularly, where no job does it, and where it is no part of a figure."""
    if domain.batches:
        return []
    figures = [(words.tokens[q.first].start, words.tokens[q.last - 1].end) for q in read.quantities]
    spoken = [m for m in _REGULAR.finditer(words.written) if not any(a < m.end() and m.start() < b for a, b in figures)]
    spoken = [m for m in spoken if m.group() not in read.reasons.get("workload.growth", "")]  # doubles every year
    said = [" ".join(w for n, w in enumerate(m.group().split()) if n or w not in lexicon("small")) for m in spoken]
    return [words or m.group() for words, m in zip(said, spoken, strict=True)]


def _beside_jobs(wanted: Mapping[str, str], words: Text, jobs: list[batches.Spoken]) -> Mapping[str, str]:
    """What is wanted beside the jobs that are spoken of: a nightly report is no dashboard."""
    if not jobs:
        return wanted
    rest = facets(text(batches.without(words.written, jobs)))
    return {facet: said for facet, said in wanted.items() if facet not in ("analytics", "batch") or facet in rest}


def _domain(
    words: Text, names: Named, calls: list[Called], wanted: Mapping[str, str], found: list[Quantity]
) -> tuple[Domain, dict[str, str], str]:
    """The constructs, the reason for each, and what the whole is called in a sentence about it."""
    if "saga" in wanted and (trip := sagas.listed(words)) is not None:
        return trip.domain, trip.reasons, "a saga"
    if calls:
        domain, reasons = _known(words, names, calls, wanted)
        return domain, reasons, " and ".join(c.domain.name for c in calls)
    made = draft.draft(words, names.taken, evidence=_evidence(words, names, found))
    if made is None:
        raise Mistake(NOTHING)
    domain, reasons = with_facets(draft.with_happenings(made, words, found), words, wanted)
    return replace(domain, services=_externals(names, domain)), reasons, "a small business system"


def _evidence(words: Text, names: Named, found: list[Quantity]) -> bool:
    """Whether numbers, rules or products show that a system is meant, where no word says so."""
    amounts = any(q.kind in ("rate", "flow", "size") and q.value > 0 for q in found)
    people = any(q.kind == "count" and q.value >= 2 and set(q.of) & lexicon("people") for q in found)
    many = any(q.kind == "count" and q.value >= 1000 and q.of for q in found)
    rules = any(
        q.each and {"most", "max", "maximum"} & before
        for q in found
        for before in [{t.low for t in words.before(q.first, 3)}]
    )
    rules = rules or any(exclusive.stated(words))
    return amounts or people or many or rules or bool(names.existing) or len(names.overrides) + len(names.external) >= 2


def _known(words: Text, names: Named, calls: list[Called], wanted: Mapping[str, str]) -> tuple[Domain, dict[str, str]]:
    """The parts of the known domains that are asked for."""
    saga = "saga" in wanted and (sum(bool(c.domain.steps) for c in calls) + len(names.external)) >= 2
    wanted = {k: v for k, v in wanted.items() if k != "saga" or saga}
    pieces: dict[str, list[Any]] = {}
    reasons: dict[str, str] = {}
    steps: list[tuple[int, Step]] = []
    views = _whose_views(words, calls, wanted)
    for call in calls:
        own = {k: v for k, v in wanted.items() if k not in ("search", "analytics", "cache") or call in views[k]}
        part = domains.select(call.domain, words.without(names.taken), own)
        steps += part.steps
        for kind in domains.KINDS:
            held = {item.name for item in pieces.get(kind, [])}
            taken = [i for i in getattr(part.domain, kind) if i.name not in held]
            pieces.setdefault(kind, []).extend(taken)
            reasons |= _because(part, call, kind, [i.name for i in taken])
    domain = Domain(**{kind: tuple(items) for kind, items in pieces.items()})
    domain = replace(domain, services=(*domain.services, *_externals(names, domain)))
    spoken = {i for c in calls for i in c.places}
    held = _held(domain, calls) | {words.tokens[i].one for i in spoken}
    aside = all(call.domain.aside for call in calls)  # contracts with an audit trail
    more = draft.beside(words, names.taken | spoken, held, named=aside)
    domain = replace(
        domain,
        aggregates=(*domain.aggregates, *more.domain.aggregates),
        tables=(*domain.tables, *more.domain.tables),
    )
    reasons |= more.reasons
    if saga:
        domain, why = sagas.with_saga(domain, steps, wanted["saga"], names)
        held = {f"domain.services.{s.name}" for s in domain.services}
        reasons = {k: v for k, v in reasons.items() if not k.startswith("domain.services.") or k in held} | why
    domain, why = _more_events(domain, words)
    fitting = tuple(_fitting(domain))
    gone = {f"domain.views.{v.name}" for v in domain.views} - {f"domain.views.{v.name}" for v in fitting}
    reasons = {path: reason for path, reason in reasons.items() if path not in gone}
    return replace(domain, views=fitting), reasons | why


def _fitting(domain: Domain) -> Iterator[View]:
    """The views with those of their fields that their sources have: of two domains that call something by one name, the
    first has it."""
    fields = known_fields(domain)
    for view in domain.views:
        there = {name for source in view.sources for name in fields.get(source, ())}
        kept = [tuple(f for f in names if f in there) for names in (view.fields, view.dimensions)]
        if any(kept) or not (view.fields or view.dimensions):
            yield replace(view, fields=kept[0], dimensions=kept[1])


def _held(domain: Domain, calls: list[Called]) -> set[str]:
    """The names of all that a domain has, and what people also call it."""
    also = {word for call in calls for word in call.domain.weak}
    items = [item for kind in domains.KINDS for item in getattr(domain, kind)]
    inner = [t for s in domain.services for t in s.holds]
    names = {i.name.lower() for i in (*items, *inner)}
    keys = {s.key.name for s in domain.series} | {w for g in domain.graphs for w in (g.vertex, g.edge)}
    return also | {singular(n) for n in names} | {n.split()[-1] for n in names} | keys


def _named(domain: Domain) -> set[str]:
    """The words of the names of all that is kept."""
    items = [
        item for kind in ("aggregates", "tables", "documents", "series", "graphs") for item in getattr(domain, kind)
    ]
    return {singular(word.lower()) for item in items for word in naming.words(item.name)}


def _because(part: domains.Selection, call: Called, kind: str, names: list[str]) -> dict[str, str]:
    """For each of these constructs the words that called it; for each piece of it that had to be asked for, its own."""
    reasons = {}
    for path in (f"{kind}.{name}" for name in names):
        why = part.why.get(path)
        reasons[f"domain.{path}"] = f"“{call.said}”: {call.domain.about}" if why is None else f"“{why}”"
        reasons |= {f"domain.{inner}": f"“{why}”" for inner, why in part.why.items() if inner.startswith(f"{path}.")}
    return reasons


def _whose_views(words: Text, calls: list[Called], wanted: Mapping[str, str]) -> dict[str, list[Called]]:
    """To which domains a search or dashboard belongs: to what comes with it (``a market for old books with search``),
    else to those named beside it, else to the first that has one."""
    kinds = {"search": "search", "analytics": "analytics", "cache": "cache"}
    found = {}
    for facet in kinds:
        able = [
            c
            for c in _eventful_first(calls)
            if any(f"@{facet}" in v.get("when", ()) for v in c.domain.pieces.get("views", ()))
        ]
        places = [p for phrase in phrases()[facet] for p in words.places(phrase)]
        near = [
            c for c in able if any(-4 <= at - p[0] < 0 or 0 < at - p[1] + 1 <= 4 for p in places for at in c.places)
        ]
        owners = [one for p in places if (one := _with(words, p[0], able))]
        found[facet] = owners or near or able[:1] if facet in wanted else able[:1]
    return found


def _with(words: Text, at: int, able: list[Called]) -> Called | None:
    """What is said to come with something: the last that is named before, in the same part of the sentence."""
    if at == 0 or words.tokens[at - 1].low != "with":
        return None
    part = next((i for i in range(at - 2, -1, -1) if words.tokens[i].low in (",", ";", ".", "and")), -1)
    before = [(place, one) for one in able for place in one.places if part < place < at]
    return max(before, key=lambda b: b[0])[1] if before else None


def _eventful_first(calls: list[Called]) -> list[Called]:
    """The domains with a history first: whoever asks for a dashboard beside orders and products means the orders."""
    return sorted(calls, key=lambda c: "aggregates" not in c.domain.pieces)


def _externals(names: Named, domain: Domain) -> tuple[Service, ...]:
    """Parties outside. A payment provider that is named takes the place of the unnamed one."""
    held = {s.name for s in domain.services}
    return tuple(Service(name=plain(n), external=True) for n in names.external if plain(n) not in held)


def _more_events(domain: Domain, words: Text) -> tuple[Domain, dict[str, str]]:
    """What is done to a known aggregate beside what its domain knows: ``orders are placed, picked and shipped``."""
    reasons: dict[str, str] = {}
    verbs = dict(draft.acts(words))
    grown = []
    for aggregate in domain.aggregates:
        name = aggregate.name.lower()
        said = verbs.get(name) or [aggregate.events[0].state, *draft.done_by_whom(words, name)]
        one = _grown(aggregate, said)
        for event in one.events:
            if event not in aggregate.events and event.name not in {e.name for e in aggregate.events}:
                spoken = ", ".join(verb for verb in said if verb != aggregate.events[0].state)
                reasons[f"domain.aggregates.{one.name}.events.{event.name}"] = f"said: {spoken}"
        grown.append(one)
    return replace(domain, aggregates=tuple(grown)), reasons


def _grown(aggregate: Aggregate, verbs: list[str]) -> Aggregate:
    events = list(aggregate.events)
    previous, before = events[0].state, [events[0].state]
    for verb in verbs:
        state = draft.participle(verb).lower()
        known = next((e for e in events if verb_forms(e.state) & {verb} or e.state == state), None)
        if known is None and verb in lexicon("endings"):
            name = f"{aggregate.name}{state.capitalize()}"
            events.append(Event(name=name, fields=(Field(name="reason"),), after=tuple(before), state=state))
        elif known is None and verb is not verbs[0]:
            at = next(i for i, e in enumerate(events) if e.state == previous) + 1
            events.insert(at, Event(name=f"{aggregate.name}{state.capitalize()}", after=(previous,), state=state))
            events = [
                replace(e, after=(*e.after, state)) if previous in e.after and e.state != state else e for e in events
            ]
            known = events[at]
        if known is not None and known.state != previous:
            previous = known.state
            before.append(previous)
    return replace(aggregate, events=tuple(events))


def _timed(domain: Domain, read: Figures) -> Domain:
    """Series with the reach, lateness and rollups that were said."""
    lateness, said = read.values.get("lateness"), read.reasons.get("lateness", "")
    series = []
    for one in domain.series:
        reach, why = read.reach or (one.range or HOUR, "assumed: a usual question looks back this far")
        one = replace(one, range=min(reach, read.values.get("workload.retention", reach)))
        read.reasons[f"domain.series.{one.name}.range"] = why
        if lateness is not None:
            one = replace(one, lateness=lateness)
            read.reasons[f"domain.series.{one.name}.lateness"] = said
        if read.kept is not None and one.rollups:
            one = replace(one, kept=read.kept[0])
            read.reasons[f"domain.series.{one.name}.kept"] = read.kept[1]
        if read.rollup:
            longest = one.kept or read.values.get("workload.retention", max(read.rollup))
            one = replace(one, rollups=tuple(sorted({r for r in read.rollup if r <= longest})))
            read.reasons[f"domain.series.{one.name}.rollups"] = "said: averages over this period"
        series.append(one)
    cadence = _cadence(read)
    paced = tuple(replace(b, every=cadence) if cadence and not b.older_than else b for b in domain.batches)
    kept = read.values.get("workload.retention")
    paced = tuple(replace(b, older_than=kept) if kept and b.kind == "retention" else b for b in paced)
    streams = tuple(replace(s, window=read.rollup[0]) if read.rollup else s for s in domain.streams)
    return replace(domain, series=tuple(series), streams=streams, batches=paced)


def _punctual(domain: Domain, read: Figures) -> Domain:
    """Jobs over windows with the lateness that was said."""
    lateness, said = read.values.pop("lateness", None), read.reasons.pop("lateness", "")
    if lateness is None:
        return domain
    read.reasons |= {f"domain.streams.{job.name}.lateness": said for job in domain.streams}
    return replace(domain, streams=tuple(replace(job, lateness=lateness) for job in domain.streams))


_CADENCE = re.compile(
    r"\b(?P<every>hourly|nightly|daily|weekly|monthly|(?:every|each) (?:hour|night|day|week|month))\b(?: \w+){0,2}? "
    r"(?:export|report|batch|job|run|load|dump|etl|statement)",
    re.I,
)


def _cadence(read: Figures) -> float | None:
    """How often a batch is said to run."""
    found = _CADENCE.search(read.request.written)
    word = found["every"].lower().split()[-1] if found else ""
    return ADVERBS.get(word) or PERIODS.get(word)


def _requirements(words: Text, names: Named, domain: Domain, read: Figures, reasons: dict[str, str]) -> Requirements:
    parts: dict[str, dict[str, Any]] = {"workload": {}, "latency": {}, "availability": {}}
    for path, value in read.values.items():
        part, _, key = path.partition(".")
        if key:
            parts[part][key] = tidy(path, value)
    if remarks := _remarks(names, read):
        reasons["summary"] = remarks
    name = system_name(words.without(names.taken), domain)
    summary = " ".join(words.written.split())
    return Requirements(
        name=name,
        summary=summary if len(summary) <= 1000 else f"{summary[:999]}…",
        language=names.language,
        workload=msgspec.convert(parts["workload"], Workload),
        latency=msgspec.convert(parts["latency"], Latency),
        freshness=read.values.get("freshness"),
        availability=msgspec.convert(parts["availability"], Availability),
        existing=names.existing,
        domain=domain,
        overrides=names.overrides,
        reasons={
            k: _line(v, MOST_REMARKS if k == "summary" else LONGEST)
            for k, v in sorted({**reasons, **read.reasons}.items())
        },
    )


def _profiled(found: Requirements) -> Requirements:
    """More commits than one PostgreSQL takes are not asked of the embedded profile, of which nobody spoke."""
    worked_out = estimate(found)
    if worked_out.commit_share <= 1:
        return found
    peak = count(sum(load.peak_writes for load in worked_out.transactional), "writes/s")
    why = f"inferred: {peak} at peak are more than one PostgreSQL commits"
    return replace(found, profile="cluster", reasons=dict(sorted({**found.reasons, "profile": why}.items())))


def _unmet(domain: Domain, wanted: Mapping[str, str]) -> list[str]:
    """What was asked for and is not in the domain: a search in what has no words, a dashboard of a saga's services."""
    kinds = {view.kind for view in domain.views}
    averaged = any(series.rollups for series in domain.series)
    asked = {
        "search": "search" in kinds,
        "analytics": "analytics" in kinds or averaged,
        "cache": "cache" in kinds,
        "saga": bool(domain.sagas),
    }
    return [said for facet, said in wanted.items() if not asked.get(facet, True)]


def _uncounted(domain: Domain, calls: list[Called], words: Text) -> list[str]:
    """The words that ask for a job over windows, where what it would follow is kept as rows: rows are no events."""
    jobs = [piece for call in calls for piece in call.domain.pieces.get("streams", ())]
    asked = [word for job in jobs for word in job.get("when", ()) if not word.startswith("@") and words.has([word])]
    return asked[:1] if not domain.streams else []


def _remarks(names: Named, read: Figures) -> str:
    """What stands in the request and nowhere in the requirements."""
    unread = "; ".join(f"“{u}”" for u in dict.fromkeys(read.unread))
    left = [f"not understood, and left out: {unread}"] if unread else []
    return "; ".join([*left, *(f"without {name}, as asked" for name in names.refused)])


LONGEST, MOST_REMARKS = 240, 4000  # characters of a reason, and of what was not understood


def _line(reason: str, longest: int) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
