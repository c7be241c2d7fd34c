"""What a request says must always hold, and how things are read: put into the constructs that have the fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake import exclusive
from datakeel.design.intake.domains import Known
from datakeel.design.intake.draft import field as typed
from datakeel.design.intake.quantities import PERIODS, quantities
from datakeel.design.intake.spoken import EVENTUAL, STRONG
from datakeel.design.intake.text import Text, singular, text, verb_forms
from datakeel.design.intake.vocabulary import lexicon
from datakeel.requirements import Access, Aggregate, Document, Domain, Field, Invariant, Table, View

ASSUMED_LIMIT = 20  # of places in a class, where no number is said: a school class, a gym's room

_OVERLAP = re.compile(
    r"""\b(no|never|not|without|prevent\w*|avoid\w*|forbid\w*)\b [^.;]{0,30}
        \b(doubl\w*[- ]?book\w* | overlap\w* | clash\w* | conflict\w* | booked[ ]twice | two[ ]bookings)
    | \bdouble[- ]?booking | \bno[ ]overbook\w* | \bno[ ]two[ ][^.;,]{3,40}[ ]same[ ](?:time|slot)""",
    re.I | re.X,
)
_BELOW_ZERO = re.compile(
    r"""\b(?:(?P<noun>[a-z]+)[ ])? (?:may[ ]|must[ ]|can[ ]|should[ ]|to[ ])?
        (?:never|not|cannot|can't) (?:[ ](?:ever|be|go|goes|drop|drops|fall|falls|get|become))*
        [ ](?:below[ ](?:zero|0)|negative|minus)""",
    re.I | re.X,
)
_OVERSOLD = re.compile(
    r"""\b(?:never|not|cannot|can't|don't|without|no|prevent\w*)\b [^.;,]{0,20}
        \b(?:oversell\w*|sell\w*[ ]more[ ]than|overdr\w+|negative(?:[ ](?P<noun>[a-z]+))?)""",
    re.I | re.X,
)
_TWICE = re.compile(
    r"""\b(?:never|not|cannot|[a-z]+n't|nobody|no[ ]one)\b [^.;,]{0,30} [ ](?:twice|more[ ]than[ ]once)\b
    | \b(?:only|exactly)[ ]once\b(?![ ](?:per|for|in))
    | \bno[ ](?:duplicat\w*|double)[ ](?:of[ ])?[a-z]+ | \bnothing[ ](?:may|must|can)[ ]be[ ](?:deleted|changed)\b
    | \b(?:immutable|append[- ]only|tamper[- ]?proof|without[ ]gaps|gapless|not[ ]intersect)\b
    | \btwo[ ][^.;,]{3,30}[ ](?:cannot|can't|must[ ]not|may[ ]not)[ ][^.;,]{3,40}[ ]same[ ][a-z]+
    | (?P<two>\bno[ ]two[ ][^.;,]{3,40}[ ]same[ ][a-z]+)""",
    re.I | re.X,
)
_UNIQUE = re.compile(
    r"""\bunique[ ](?P<a>[a-z]+)\b
    | \b(?P<b>[a-z]+)[ ](?:must[ ]be|has[ ]to[ ]be|should[ ]be|is|are|be)[ ]unique\b
    | \bno[ ]duplicate[ ](?P<c>[a-z]+)\b
    | \bone[ ]account[ ]per[ ](?P<d>[a-z]+)\b
    | \bno[ ]two[ ][a-z]+[ ](?:with|have|share)[ ]the[ ]same[ ](?P<e>[a-z]+)\b
    | \b(?:each|every)[ ](?P<f>[a-z]+)[ ](?:(?:is|can|may|must|be|only)[ ])*(?:sold|used|given|issued|assigned|taken)
        [ ](?:only[ ]|exactly[ ])?once\b""",
    re.I | re.X,
)
_ONLY = re.compile(
    r"""\bonly[ ](?P<state>[a-z]+)[ ](?P<thing>[a-z]+)s?\b
        (?:[ ](?:can|may|are|is|must|should|get|be|to|allowed)\b)* [ ](?P<verb>[a-z]+)""",
    re.I | re.X,
)
_HELD = re.compile(
    r"""\b(?:an?|each|every|one)[ ](?P<holder>[a-z]+)[ ](?:(?:may|can|must|should)[ ])?(?:only[ ])?
        (?:(?:have|has|hold|holds|borrow|book|own|owns|takes?|handles?|gets?|serves?|teaches|teach|manages?)[ ])?
        (?:at[ ]most|no[ ]more[ ]than|up[ ]to|max(?:imum)?)[ ](?P<limit>[a-z0-9,]+)[ ](?P<thing>[a-z]+)""",
    re.I | re.X,
)
_AT_A_TIME = re.compile(
    r"\b(?:at most|no more than|up to|max(?:imum)?) [a-z0-9,]+(?: [a-z]+){0,2} at (?:a time|once|the same time)\b", re.I
)
_ONCE = re.compile(
    r"""\b(?:every(?:one|body|[ ](?P<who>[a-z]+))|each[ ](?P<one>[a-z]+)|(?P<many>[a-z]+)s)[ ]
        (?:can[ ]|may[ ]|must[ ])?(?:only[ ])?(?P<verb>[a-z]+?)s?[ ](?:only[ ]|exactly[ ])?once[ ]
        (?:per|for[ ]each|in[ ]each)[ ]
        (?P<per>[a-z]+)""",
    re.I | re.X,
)
_BY = re.compile(
    r"""\b(?:by|per|of[ ]a|of[ ]each|for[ ]each|for[ ]a)\b[ ](?:each[ ]|a[ ]|the[ ]|any[ ])?
        (?P<words>[a-z_]+(?:[ ][a-z]+)?(?:(?:,|[ ]and|[ ]or)[ ][a-z_]+)*)""",
    re.I | re.X,
)

NEW = (Field(name="name"), Field(name="created_at", type="timestamp"))  # the fields of a table that only a rule names

CHANNELS = ("email", "mail", "post", "sms", "phone", "letter")
_SENT = re.compile(
    r"\b(?:sen[dt]|statement|invoice|receipt|reminder|notif\w+|confirm\w+|alert|told|informed)s?(?: \w+)? $", re.I
)


class Constrained(Struct, frozen=True):
    domain: Domain
    reasons: dict[str, str]
    unread: tuple[str, ...] = ()
    taken: tuple[tuple[int, int], ...] = ()  # where rules stand, whose numbers say nothing else


def constrain(
    domain: Domain, known: Iterable[Known], request: Text, at_most: list[tuple[int, str, str]], capacity: int | None
) -> Constrained:
    """The domain with the invariants and access paths that a request states."""
    domains = list(known)
    work = _Work(domain, domains, request)
    work.alone()
    work.overlap()
    work.non_negative()
    for limit, per, thing in at_most:
        work.at_most(limit, per, thing)
    work.held_at_most()
    work.limits(capacity)
    work.unique()
    work.once()
    work.twice()
    work.transitions()
    work.access()
    work.consistency()
    return Constrained(work.domain, work.reasons, tuple(work.unread), tuple(work.taken))


class _Work:
    def __init__(self, domain: Domain, known: list[Known], request: Text) -> None:
        self.domain, self.known, self.request = domain, known, request
        self.written = request.written
        self.reasons: dict[str, str] = {}
        self.unread: list[str] = []
        self.taken: list[tuple[int, int]] = []  # where what is said has been read

    def said(self, path: str, words: str) -> None:
        self.reasons.setdefault(path, f"said: “{' '.join(words.split())}”")

    def table(self, wanted: Callable[[Table], bool]) -> Table | None:
        return next((t for t in self.domain.tables if wanted(t)), None)

    def put(self, table: Table) -> None:
        tables = tuple(table if t.name == table.name else t for t in self.domain.tables)
        self.domain = replace(self.domain, tables=tables if table in tables else (*tables, table))

    def add(self, table: Table, one: Invariant, words: str) -> None:
        """One more invariant, in place of one of the same kind over the same fields."""
        kept = [i for i in table.invariants if (i.kind, i.fields) != (one.kind, one.fields)]
        at = next(
            (n for n, i in enumerate(table.invariants) if (i.kind, i.fields) == (one.kind, one.fields)), len(kept)
        )
        kept.insert(at, one)
        self.put(replace(table, invariants=tuple(kept)))
        self.said(f"domain.tables.{table.name}.invariants.{at}", words)

    def overlap(self) -> None:
        found = _OVERLAP.search(self.written)
        table = self.table(lambda t: any(i.kind == "no-overlap" for i in t.invariants))
        if found and table is None and not any(first <= found.start() < last for first, last in self.taken):
            self.unread.append(" ".join(found.group().split()))
        elif found and table:
            at = next(n for n, i in enumerate(table.invariants) if i.kind == "no-overlap")
            self.said(f"domain.tables.{table.name}.invariants.{at}", found.group())

    def alone(self) -> None:
        """``a bed can only have one patient at a time``: no two periods of one of them overlap."""
        for one in exclusive.stated(self.request):
            self.domain, why = exclusive.held(self.domain, one)
            self.reasons |= {path: said for path, said in why.items() if path not in self.reasons}
            self.taken.append((one.first, one.last))

    def non_negative(self) -> None:
        found = _BELOW_ZERO.search(self.written) or _OVERSOLD.search(self.written)
        if found is None:
            return
        table = self.table(lambda t: any(i.kind == "non-negative" for i in t.invariants))
        if table is not None:
            at = next(n for n, i in enumerate(table.invariants) if i.kind == "non-negative")
            self.said(f"domain.tables.{table.name}.invariants.{at}", found.group())
        elif not any(i.kind == "non-negative" for s in self.domain.services for t in s.holds for i in t.invariants):
            self._new_non_negative(found)

    def _new_non_negative(self, found: re.Match[str]) -> None:
        noun = singular((found["noun"] or "").lower())
        table = self.table(lambda t: any(f.name == noun for f in t.fields)) or self.table(lambda t: t.name != noun)
        if not noun or noun in lexicon("small") or table is None:
            self.unread.append(" ".join(found.group().split()))
            return
        fields = tuple(f for f in table.fields if f.name != noun)
        kind = typed(noun).type if typed(noun).type in ("money", "integer", "decimal") else "integer"
        table = replace(table, fields=(*fields, Field(name=noun, type=kind, minimum=0)))
        self.add(table, Invariant(kind="non-negative", fields=(noun,)), found.group())

    def at_most(self, limit: int, per: str, thing: str) -> None:
        """``30 visitors per room``: no more than so many rows of one thing for one of another."""
        words = f"at most {limit} per {per}"
        named = self.table(lambda t: t.name == thing)
        if named is not None and named.name != per and not any(i.kind == "at-most" for i in named.invariants):
            self._held(named, per, limit, words)
            return
        if limit == 1:  # one of something that nobody keeps: no rule about rows
            return
        table = self.table(lambda t: any(i.kind == "at-most" for i in t.invariants))
        if table is not None:
            old = next(i for i in table.invariants if i.kind == "at-most")
            self.add(table, replace(old, limit=limit), words)
            return
        counted = self.table(lambda t: any(f.name == per for f in t.fields) and thing in (t.name, ""))
        if counted is not None:
            self.add(counted, Invariant(kind="at-most", fields=(per,), limit=limit), words)
        elif self._is_kept(thing) and self._is_kept(per) and (not self.known or self.table(lambda t: t.name == per)):
            if self.table(lambda t: t.name == per) is None:
                self.put(Table(name=per, fields=NEW))
                self.reasons[f"domain.tables.{per}"] = f"a draft, from “{words}”: go over it"
            self.reasons[f"domain.tables.{thing}"] = f"a draft, from “{words}”: go over it"
            self._held(Table(name=thing, fields=NEW), per, limit, words)
        else:
            self.unread.append(words)

    def _is_kept(self, thing: str) -> bool:
        """Whether a word may name a table: no period, nothing small, and no history of its own."""
        held = {a.name.lower() for a in self.domain.aggregates} | {d.name for d in self.domain.documents}
        none = lexicon("small") | lexicon("abstract") | lexicon("uncounted") | set(PERIODS) | held
        return thing.isalpha() and thing not in none

    def held_at_most(self) -> None:
        """``a member may have at most 5 loans``: no more than five rows for one member."""
        held = [*self.taken, *(found.span() for found in _HELD.finditer(self.written))]
        for found in _AT_A_TIME.finditer(self.written):
            if not any(start <= found.start() < end for start, end in held):
                self.unread.append(found.group())
        for found in _HELD.finditer(self.written):
            holder, thing = singular(found["holder"].lower()), singular(found["thing"].lower())
            limit = quantities(text(found["limit"] + " things"))
            table = self.table(lambda t, thing=thing: t.name == thing)  # type: ignore[misc]
            if table is None or not limit:
                continue
            self._held(table, holder, int(limit[0].value), found.group())

    def _held(self, table: Table, holder: str, limit: int, words: str) -> None:
        """No more than so many rows of a table for one holder."""
        if holder not in {f.name for f in table.fields}:
            own = self.table(lambda t: t.name == holder)
            one = Field(name=holder, type="uuid", references=holder) if own else Field(name=holder)
            table = replace(table, fields=(*table.fields, one))
        once = Invariant(kind="unique", fields=(holder,))
        self.add(table, once if limit == 1 else Invariant(kind="at-most", fields=(holder,), limit=limit), words)

    def limits(self, capacity: int | None) -> None:
        """A limit that a domain has and that nobody gave a number."""
        for table in self.domain.tables:
            for at, one in enumerate(table.invariants):
                if one.kind == "at-most" and one.limit is None:
                    limit = capacity or next((d.limit for d in self.known if d.limit), ASSUMED_LIMIT)
                    kept = list(table.invariants)
                    kept[at] = replace(one, limit=limit)
                    self.put(replace(table, invariants=tuple(kept)))
                    said = f"said: {limit} places" if capacity else f"assumed: {limit} places; no number was said"
                    self.reasons[f"domain.tables.{table.name}.invariants.{at}"] = said

    def unique(self) -> None:
        for found in _UNIQUE.finditer(self.written):
            noun = singular(next(g for g in found.groups() if g).lower())
            if noun in lexicon("small") or noun in ("visitor", "user", "identifier", "constraint", "id"):
                continue
            if found["f"] and self.table(lambda t, noun=noun: t.name == noun):  # type: ignore[misc]
                self.unread.append(found.group())  # of whom it is taken, nobody said
                continue
            self._unique_field(noun, found.group())

    def _unique_field(self, noun: str, words: str) -> None:
        table = self.table(lambda t: any(f.name == noun for f in t.fields))
        if table is None:
            people = [
                t.one
                for t in self.request.tokens
                if t.one in ("customer", "user", "member", "patient", "employee", "student", "person", "player")
            ]
            name = people[0] if people else "user" if not self.domain.tables else self.domain.tables[0].name
            table = self.table(lambda t: t.name == name) or Table(name=name, fields=(Field(name="name"),))
            table = replace(table, fields=(*table.fields, Field(name=noun)))
        fields = tuple(replace(f, unique=True) if f.name == noun else f for f in table.fields)
        self.put(replace(table, fields=fields))
        self.said(f"domain.tables.{table.name}.fields.{noun}", words)

    def once(self) -> None:
        """``everyone votes once per poll``: one row of a table for each of both."""
        for found in _ONCE.finditer(self.written):
            who = next((found[g].lower() for g in ("who", "one", "many") if found[g]), "user")
            verb = found["verb"].lower()
            table = self.table(lambda t, verb=verb: t.name == verb)  # type: ignore[misc]
            if table is None:
                self.unread.append(found.group())
                continue
            both = (singular(who), singular(found["per"].lower()))
            new = tuple(Field(name=n) for n in both if n not in {f.name for f in table.fields})
            table = replace(table, fields=(*new, *table.fields))
            self.add(table, Invariant(kind="unique", fields=both), found.group())

    def twice(self) -> None:
        """``must not pay twice``: of whom, and what counts as the same, only a domain knows."""
        read = [*self.taken, *(m.span() for p in (_UNIQUE, _ONCE, _OVERLAP) for m in p.finditer(self.written))]
        for found in _TWICE.finditer(self.written):
            known = self.known and not found["two"]  # which sees to it in its own way
            if not known and not any(first < found.end() and found.start() < last for first, last in read):
                self.unread.append(" ".join(found.group().split()))

    def transitions(self) -> None:
        """``only paid orders ship``: the event follows that state alone."""
        for found in _ONLY.finditer(self.written):
            state = found["state"].lower()
            verb = found["verb"].lower()
            for aggregate in self.domain.aggregates:
                self._restrict(aggregate, state, verb, found.group())

    def _restrict(self, aggregate: Aggregate, state: str, verb: str, words: str) -> None:
        if state not in {e.state for e in aggregate.events}:
            return
        verbs = verb_forms(verb)
        events = []
        for event in aggregate.events:
            if event.after and verbs & verb_forms(event.state):
                event = replace(event, after=(state,))
                self.said(f"domain.aggregates.{aggregate.name}.events.{event.name}.after", words)
            events.append(event)
        one = replace(aggregate, events=tuple(events))
        self.domain = replace(
            self.domain, aggregates=tuple(one if a.name == one.name else a for a in self.domain.aggregates)
        )

    def consistency(self) -> None:
        """``strongly consistent``, ``eventual consistency is fine``: of tables; a history has one order as it is, and a
        view follows."""
        strong, eventual = STRONG.search(self.written), EVENTUAL.search(self.written)
        found = strong or eventual
        if found is None or (strong and eventual):
            self.unread += [m.group() for m in (strong, eventual) if m]
            return
        kept = self.domain.aggregates if strong else self.domain.views
        wanted: Literal["strong", "eventual"] = "strong" if strong else "eventual"
        tables = [t for t in self.domain.tables if strong or (t.consistency is None and not t.invariants)]
        for table in tables:
            self.put(replace(table, consistency=wanted))
            self.said(f"domain.tables.{table.name}.consistency", found.group())
        self.unread += [] if tables or kept else [found.group()]

    def access(self) -> None:
        """``look orders up by customer``: an access path, or a lookup view where history is kept."""
        for found in _BY.finditer(self.written):
            for word in re.split(r"[\s,]+", found["words"].lower()):
                name = singular(word)
                if name and name not in lexicon("small") and not self._is_order(found) and not self._sent(found):
                    self._read_by(name, found.group())

    def _is_order(self, found: re.Match[str]) -> bool:
        return bool(re.match(r" (order|booking|class)\b", self.written[found.end() :]))

    def _sent(self, found: re.Match[str]) -> bool:
        """``statements by email``: how they come, and not what they are found by."""
        return bool(_SENT.search(self.written[: found.start()])) and found["words"].lower().split()[0] in CHANNELS

    def _read_by(self, name: str, words: str) -> None:
        for kind in ("tables", "documents"):
            for one in getattr(self.domain, kind):
                if name in {f.name for f in one.fields} and not any(a.by[:1] == (name,) for a in one.access):
                    self._add_access(kind, one, name, words)
        for aggregate in self.domain.aggregates:
            self._lookup(aggregate, name, words)

    def _add_access(self, kind: str, one: Table | Document, name: str, words: str) -> None:
        own = replace(one, access=(*one.access, Access(by=(name,))))
        kept = tuple(own if c.name == own.name else c for c in getattr(self.domain, kind))
        self.domain = replace(self.domain, **{kind: kept})
        self.said(f"domain.{kind}.{one.name}.access.{len(one.access)}", words)

    def _lookup(self, aggregate: Aggregate, name: str, words: str) -> None:
        first = aggregate.events[0]
        view = f"{aggregate.name.lower()}s by {name.replace('_', ' ')}"
        held = any(
            v.kind == "lookup" and v.sources == (aggregate.name,) and v.fields[:1] == (name,) for v in self.domain.views
        )
        if name in {f.name for f in first.fields} and not held:
            made = View(name=view, sources=(aggregate.name,), kind="lookup", fields=(name,))
            self.domain = replace(self.domain, views=(*self.domain.views, made))
            self.said(f"domain.views.{view}", words)
