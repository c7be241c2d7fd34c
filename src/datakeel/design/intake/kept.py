"""How many rows there are of what is changed in place, and of what hardly changes: one for each thing, and none for
each write."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from datakeel import naming
from datakeel.design.intake.assumptions import SERVED_BY_DAY
from datakeel.design.intake.domains import Called
from datakeel.design.intake.figures import Figures, tidy
from datakeel.design.intake.quantities import DAY, Quantity
from datakeel.design.intake.text import singular
from datakeel.design.intake.vocabulary import lexicon, pairs
from datakeel.requirements import Document, Domain, Table, Workload

LEAST = 1000.0  # rows: fewer make no difference to a database
HARDLY = 0.01  # of what is written goes to what others are about, at most

Rows = Table | Document
One = TypeVar("One", Table, Document)


class Counted(Struct, frozen=True):
    """How many rows a construct has, and from what that follows; how much of it is written, where that is assumed."""

    rows: float
    why: str
    writes: float | None = None


def counted(
    domain: Domain, found: Figures, calls: list[Called], drafted: Mapping[str, str]
) -> tuple[Domain, dict[str, str]]:
    """The tables and documents with their number of rows, where nobody says it, and the reasons. `drafted`: the reasons
    of the constructs so far, by which a draft is known."""
    rows: tuple[Rows, ...] = (*domain.tables, *domain.documents)
    unsaid = [one for one in rows if not (one.workload and one.workload.records)]
    if domain.replicated or domain.sagas:
        return domain, {}
    numbers = {one.name: number for one in unsaid if (number := _replaced(one, domain, found, calls)) is not None}
    numbers |= _references(rows, numbers, domain, found, drafted)
    others = (*domain.aggregates, *domain.series, *domain.graphs)
    if len(rows) == 1 and not others:
        for number in numbers.values():
            _of_the_whole(found, number)
        return domain, {}
    reasons: dict[str, str] = {}
    for kind, ones in (("tables", domain.tables), ("documents", domain.documents)):
        for one in (one for one in ones if one.name in numbers):
            path, number = f"domain.{kind}.{one.name}.workload", numbers[one.name]
            if one in unsaid:
                reasons[f"{path}.records"] = number.why
            if number.writes is not None:
                reasons[f"{path}.writes"] = "assumed: it hardly changes; the others are what is written"
    return (
        replace(
            domain,
            tables=tuple(_with(table, numbers) for table in domain.tables),
            documents=tuple(_with(document, numbers) for document in domain.documents),
        ),
        reasons,
    )


def _of_the_whole(found: Figures, number: Counted) -> None:
    """The number of rows of the one construct that there is."""
    if "workload.records" not in found.values:
        found.values["workload.records"] = tidy("workload.records", number.rows)
        found.reasons["workload.records"] = number.why


def _with(one: One, numbers: Mapping[str, Counted]) -> One:
    number = numbers.get(one.name)
    if number is None:
        return one
    said = one.workload or Workload()
    own = replace(said, records=said.records or tidy("workload.records", number.rows))
    own = replace(own, writes=tidy("workload.writes", number.writes)) if number.writes is not None else own
    return replace(one, workload=own)


def _word(one: Rows) -> str:
    """What a construct is called by: the last word of its name."""
    return singular(naming.words(one.name)[-1].lower())


def _replaced(one: Rows, domain: Domain, found: Figures, calls: list[Called]) -> Counted | None:
    """The rows of what is changed in place: one for each of those that do it, where these are counted; else so many
    that each is changed twenty times a day."""
    changes = [q for q, _ in found.written if _is_change(found, q) and _target(domain, found, q) == one.name]
    balance = isinstance(one, Table) and any(i.kind == "non-negative" for i in one.invariants)
    if not changes and not balance and not any(one.name in call.domain.replaced for call in calls):
        return None
    factors = next((found.factors[q.first] for q in changes if found.factors.get(q.first)), ())
    if factors:
        said = " × ".join(f"“{found.quote(c)}”" for c in factors)
        return Counted(prod(c.value for c in factors), f"inferred: {said}, and one for each")
    users = found.values.get("workload.users")
    if users and found.users is not None and _is_of_people(one):
        return Counted(float(users), f"inferred: “{found.quote(found.users)}”, and one for each")
    writes = found.values["workload.writes"]
    rows = max(LEAST, float(f"{writes * DAY / SERVED_BY_DAY:.2g}"), float(users or 0))
    return Counted(rows, f"assumed: writes change rows that are there, each {SERVED_BY_DAY} times a day")


def _is_change(found: Figures, q: Quantity) -> bool:
    """Whether a rate is one of changes (``50k score updates a second``), and not of what is new each time."""
    words = set(q.of) if q.kind == "rate" else found.near(q, 3, 0)
    return bool(words & lexicon("changes"))


def _target(domain: Domain, found: Figures, q: Quantity) -> str | None:
    """What a rate of changes changes: the construct that it names, or the first that others are not about."""
    if domain.aggregates or domain.series:
        return None  # a change is an event of theirs
    rows: tuple[Rows, ...] = (*domain.tables, *domain.documents)
    named = [one.name for word in reversed(q.of) for one in rows if _word(one) == word]
    return next(iter([*named, *(one.name for one in rows if _word(one) not in _few())]), None)


def _is_of_people(one: Rows) -> bool:
    """Whether each of the users has one: a profile, or what is unique for a player."""
    keys = {f for i in one.invariants if i.kind == "unique" for f in i.fields} if isinstance(one, Table) else set()
    return bool({_word(one), *keys} & (lexicon("people") | lexicon("personal")))


def _few() -> dict[str, float]:
    """How many there are, at most, of what others are about, by its name."""
    return {word: float(number) for number, words in pairs("reference").items() for word in words.split()}


def _references(
    rows: tuple[Rows, ...], numbers: Mapping[str, Counted], domain: Domain, found: Figures, drafted: Mapping[str, str]
) -> dict[str, Counted]:
    """The rows of what is only named, as that which others are about: depots, of which no rate speaks."""
    few = _few()
    spoken = {word for q, _ in found.written for word in q.of}
    drafts = [one for one in rows if drafted.get(f"domain.tables.{one.name}", "").startswith("a draft")]
    still = [one for one in drafts if _word(one) in few and _word(one) not in spoken and one.name not in numbers]
    kinds = ("aggregates", "tables", "documents", "series", "graphs")
    if sum(len(getattr(domain, kind)) for kind in kinds) <= len(still):
        return {}
    return {one.name: _reference(one, few[_word(one)], found) for one in still}


def _reference(one: Rows, few: float, found: Figures) -> Counted:
    users, writes = found.users, found.values["workload.writes"]
    rows, why = few, "assumed: others are about it; there are hardly more"
    if users is not None and _word(one) in users.of and "workload.users" in found.values:
        rows, why = float(found.values["workload.users"]), f"said: “{found.quote(users)}”"
    elif one.workload is not None and one.workload.records:
        rows = one.workload.records
    return Counted(rows, why, min(rows / DAY, writes * HARDLY))
