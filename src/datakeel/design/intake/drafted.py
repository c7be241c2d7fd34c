"""A draft with what a request asks of it: views, and copies where its users write offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from datakeel.design.intake import draft
from datakeel.design.intake.text import Text
from datakeel.requirements import Domain, Replicated, View


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
    source = _first_source(domain, words)
    if source is None:
        return domain, reasons
    name, fields = source
    if "search" in wanted:
        view = View(name=f"{name.lower()} search", sources=(name,), kind="search", fields=fields)
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


def _first_source(domain: Domain, words: Text) -> tuple[str, tuple[str, ...]] | None:
    """What a search would look through: the first construct with texts."""
    for aggregate in domain.aggregates:
        return aggregate.name, tuple(f.name for e in aggregate.events for f in e.fields if f.type == "text")[:4] or (
            "id",
        )
    for table in domain.tables:
        return table.name, tuple(f.name for f in table.fields if f.type == "text")[:4] or ("id",)
    return None
