"""What may be in one place at a time: ``surgeons must not be in two theatres at the same time``, ``a bed can only have
one patient at a time``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.text import Text, singular, verb_forms
from datakeel.design.intake.vocabulary import lexicon
from datakeel.requirements import Access, Domain, Field, Invariant, Table

NAME = "assignment"  # of one thing to another, for a period
_ALONE = re.compile(
    r"""(?:(?P<none>no)[ ]|(?:an?|each|every|one|the|any)[ ])?
        (?P<holders>[a-z]+(?:[ ](?:or|nor|and)[ ](?:no[ ])?[a-z]+)?)[ ]
        (?P<middle>(?:(?!(?:an?|each|every|no|that|which|where|when|so|and|or)[ ])[a-z']+[ ]){0,5}?)
        (?:(?P<one>one|1|a[ ]single)|two|2|several|multiple|more[ ]than[ ](?:one|1)|twice)[ ]
        (?P<thing>(?:(?:different|other)[ ])?[a-z]+[ ])??
        (?:at[ ](?:the[ ])?same[ ](?:time|moment)|at[ ]a[ ]time|at[ ]once|simultaneously|in[ ]parallel)\b""",
    re.I | re.X,
)
_NOT = re.compile(r"\b(?:not|never|cannot|[a-z]+n't)\b", re.I)
_IDLE = frozenset(
    ("process", "handle", "run", "send", "work", "step", "do", "does")
)  # verbs of machines, not of people


class Stated(Struct, frozen=True):
    """One sentence: who or what is alone, of or with what, and the words that said it."""

    holders: tuple[str, ...]
    thing: str
    words: str
    first: int
    last: int


def stated(request: Text) -> Iterator[Stated]:
    for found in _ALONE.finditer(request.written):
        holders = tuple(
            singular(w) for w in re.split(r" (?:or|nor|and) (?:no )?", found["holders"].lower()) if not _is_small(w)
        )
        thing = singular((found["thing"] or "").lower().split()[-1]) if found["thing"] else ""
        refused = bool(found["none"]) or bool(_NOT.search(found["middle"]))
        spoken = {v for word in (*found["middle"].lower().split(), *holders) for v in verb_forms(word)}
        machines = _IDLE & spoken or {*holders, thing} & lexicon("uncounted")
        if holders and not machines and (refused or found["one"]) and not (thing and _is_small(thing)):
            yield Stated(holders, thing, " ".join(found.group().split()), found.start(), found.end())


def _is_small(word: str) -> bool:
    return singular(word) in lexicon("small") | lexicon("software") or word in lexicon("abstract")


def held(domain: Domain, one: Stated) -> tuple[Domain, dict[str, str]]:
    """The domain in which a statement holds: rows for periods, and no two of one holder overlap; and the reasons, by
    their paths."""
    reasons: dict[str, str] = {}
    table = next((t for t in domain.tables if any(i.kind == "no-overlap" for i in t.invariants)), None)
    if table is None:
        taken = {a.name.lower() for a in domain.aggregates} | {d.name for d in domain.documents}
        table = Table(name=NAME, fields=(Field(name="during", type="period"),), consistency="strong")
        wanted = [*one.holders, *([one.thing] if one.thing else [])]
        tables = [
            Table(name=w, fields=(Field(name="name"), Field(name="created_at", type="timestamp")))
            for w in wanted
            if w not in {t.name for t in domain.tables} | taken
        ]
        domain = replace(domain, tables=(*domain.tables, *tables, table))
        reasons |= {f"domain.tables.{t.name}": f"a draft, from “{one.words}”: go over it" for t in (*tables, table)}
        if one.thing:
            table = replace(table, fields=(_referring(domain, one.thing), *table.fields))
    for holder in one.holders:
        table = _apart(domain, table, holder)
        at = next(n for n, i in enumerate(table.invariants) if i.kind == "no-overlap" and i.fields == (holder,))
        reasons[f"domain.tables.{table.name}.invariants.{at}"] = f"said: “{one.words}”"
    tables = [table if t.name == table.name else t for t in domain.tables]
    return replace(domain, tables=tuple(tables)), reasons


def _apart(domain: Domain, table: Table, holder: str) -> Table:
    """The table in which no two rows of one holder overlap."""
    if any(i.kind == "no-overlap" and i.fields == (holder,) for i in table.invariants):
        return table
    period = next(f.name for f in table.fields if f.type == "period")
    if holder not in {f.name for f in table.fields}:
        table = replace(table, fields=(_referring(domain, holder), *table.fields))
    return replace(
        table,
        invariants=(*table.invariants, Invariant(kind="no-overlap", fields=(holder,), period=period)),
        access=(*table.access, Access(by=(holder,), range=period)),
    )


def _referring(domain: Domain, name: str) -> Field:
    """A field for one of something: a reference where there is a table of it."""
    if name in {t.name for t in domain.tables}:
        return Field(name=name, type="uuid", references=name)
    return Field(name=name)
