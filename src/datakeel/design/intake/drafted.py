"""A draft with what a request asks of it: views, documents where shapes vary, copies where its users write offline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from datakeel.design.intake import draft
from datakeel.design.intake.text import Text
from datakeel.design.intake.vocabulary import lexicon
from datakeel.requirements import Access, Document, Domain, Replicated, Table, View

_LOOKED_UP = re.compile(
    r"\b(?:look(?:ed)?[ ](?:\w+[ ])?up|find|found|fetch(?:ed)?|get|read|quer(?:y|ied))[ ](?:\w+[ ])?by[ ]"
    r"(?:(?:its|their|the|a)[ ])?(?P<names>[a-z]+(?:(?:,|,?[ ](?:and|or))[ ][a-z]+)*)",
    re.I | re.X,
)


_EVERYTHING = re.compile(r"\bsearch\w* (?:over|across|through|in) (?:everything|all|them all)\b", re.I)


def with_facets(made: draft.Draft, words: Text, wanted: Mapping[str, str]) -> tuple[Domain, dict[str, str]]:
    """A draft with the views that are asked for, and replicated where its users write offline."""
    domain, reasons = made.domain, dict(made.reasons)
    apart = wanted.get("offline") or wanted.get("writes everywhere")
    if apart and domain.tables:
        writers: Literal["clients", "regions"] = "clients" if "offline" in wanted else "regions"
        copies = tuple(Replicated(name=t.name, fields=t.fields, writers=writers) for t in domain.tables)
        domain = replace(domain, tables=(), replicated=copies)
        reasons = {
            k.replace(
                "domain.tables.", "domain.replicated."
            ): f"{v}; “{apart}”: it has several writers that may be cut off"
            for k, v in reasons.items()
        }
    elif "documents" in wanted and domain.tables:
        domain, reasons = _as_documents(domain, reasons, words, wanted["documents"])
    source = _first_source(domain, words)
    if source is None:
        return domain, reasons
    name, fields = source
    if "search" in wanted:
        view = View(name=f"{name.lower()} search", sources=(name,), kind="search", fields=fields)
        if domain.tables and not domain.aggregates and not domain.documents and _EVERYTHING.search(words.written):
            texts = {f.name: None for t in domain.tables for f in t.fields if f.type == "text"}
            view = View(name="search", sources=tuple(t.name for t in domain.tables), kind="search", fields=tuple(texts))
        domain, reasons = (
            replace(domain, views=(*domain.views, view)),
            reasons | {f"domain.views.{view.name}": f"“{wanted['search']}”"},
        )
    if "analytics" in wanted:
        by = "state" if any(a.name == name for a in domain.aggregates) else fields[0]
        view = View(
            name=f"{name.lower()} analytics", sources=(name,), kind="analytics", dimensions=(by,), measures=("count",)
        )
        domain, reasons = (
            replace(domain, views=(*domain.views, view)),
            reasons | {f"domain.views.{view.name}": f"“{wanted['analytics']}”"},
        )
    if "lookup" in wanted:
        view = View(name=f"{name.lower()} lookup", sources=(name,), kind="lookup", fields=fields[:1])
        reason = {f"domain.views.{view.name}": f"“{wanted['lookup']}”"}
        domain, reasons = replace(domain, views=(*domain.views, view)), reasons | reason
    return domain, reasons


def _as_documents(domain: Domain, reasons: dict[str, str], words: Text, said: str) -> tuple[Domain, dict[str, str]]:
    """The thing that is kept as documents, looked up by what the request looks it up by; other things stay tables."""
    thing = _spoken_of_before(domain.tables, words, said)
    names = [
        n for found in _LOOKED_UP.finditer(words.written) for n in re.split(r",| and | or ", found["names"].lower())
    ]
    sought = tuple(
        dict.fromkeys(draft.field(n) for name in names if (n := name.strip()) not in {"", *lexicon("small")})
    )
    fields = sought or (draft.field("name"),)  # there is something to search
    document = Document(name=thing.name, fields=fields, access=tuple(Access(by=(f.name,)) for f in sought))
    kept = tuple(t for t in domain.tables if t is not thing)
    why = f"a draft: “{said}”, so “{thing.name}” is kept whole, in whatever shape it has: go over it"
    reasons = {k: v for k, v in reasons.items() if k != f"domain.tables.{thing.name}"}
    return (
        replace(domain, tables=kept, documents=(*domain.documents, document)),
        reasons | {f"domain.documents.{thing.name}": why},
    )


def _spoken_of_before(tables: tuple[Table, ...], words: Text, said: str) -> Table:
    """The thing that a phrase speaks of: the last that is named before it; else the first of all."""
    at = words.written.find(said)
    named = [(start, t) for t in tables for start, _ in words.places(t.name) if words.tokens[start].start <= at]
    return max(named, key=lambda pair: pair[0])[1] if named else tables[0]


def _first_source(domain: Domain, words: Text) -> tuple[str, tuple[str, ...]] | None:
    """What a search would look through: the first construct with texts."""
    for aggregate in domain.aggregates:
        return aggregate.name, tuple(f.name for e in aggregate.events for f in e.fields if f.type == "text")[:4] or (
            "id",
        )
    for document in domain.documents:
        return document.name, tuple(f.name for f in document.fields if f.type == "text")[:4]
    for table in domain.tables:
        return table.name, tuple(f.name for f in table.fields if f.type == "text")[:4] or ("id",)
    return None
