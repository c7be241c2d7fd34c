"""Requirements of every shape that the language can say, and that its checks allow."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from datakeel.requirements import nouns, units
from datakeel.requirements.shape import members

NAMES = st.sampled_from(
    ["order", "Order line", "yes", "no", "null", "2nd try", "per", "class", "Größe in m²", "O'Neil", "a-b", "select",
     "unchanged kind", "optional", "stay per day", "1e5", "0x10", "true", "reference", "12", "at least 3", "~x"[1:]]
)  # fmt: skip
REASONS = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1).map(lambda t: " ".join(t.split()))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=60).filter(
    lambda t: t.strip() and t not in ("~", "null")
)


def quantity(kind: str) -> st.SearchStrategy[float]:
    unit = units.UNITS[kind]
    if kind == "heads":
        return st.integers(1, 10**11)
    usual = st.sampled_from(
        [unit.least, unit.most, *(v for v in (0.2, 0.999, 1.0, 3.0, 60.0, 900.0) if v <= unit.most)]
    )
    return st.floats(unit.least or 1e-6, unit.most) | usual.filter(lambda v: v >= unit.least)


def names(least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(NAMES, min_size=least, max_size=3, unique=True).map(tuple)


def of(noun: type[Struct], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A noun with any values; what it holds of other nouns, or must agree with itself, is `given`."""
    values: dict[str, st.SearchStrategy[Any]] = {}
    if "name" in noun.__struct_fields__:
        values["name"] = NAMES
    for member in members(noun):
        made: st.SearchStrategy[Any]
        match member.kind:
            case "quantity":
                made = quantity(member.unit)
            case "quantities":
                made = st.lists(quantity(member.unit), max_size=3, unique=True).map(tuple)
            case "flag":
                made = st.booleans()
            case "whole":
                made = st.integers(1, 1000)
            case "choice":
                made = st.sampled_from(member.words)
            case "name":
                made = NAMES
            case "names":
                made = names(1 if member.required else 0)
            case "text":
                made = TEXTS
            case "words":
                made = st.dictionaries(NAMES, TEXTS, max_size=2)
            case _:
                continue
        values[member.name] = made if member.required else st.just(member.default) | made
    return st.builds(noun, **(values | given))


def several(of_: st.SearchStrategy[Any], least: int = 0, most: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of_, min_size=least, max_size=most, unique_by=lambda item: item.name).map(tuple)


FIELDS = several(of(nouns.Field), 1, 3)
WORKLOADS = st.none() | of(nouns.Workload)
MOVES = st.lists(st.tuples(NAMES, NAMES), max_size=3).map(tuple)
INVARIANTS = st.lists(of(nouns.Invariant, moves=MOVES), max_size=3).map(tuple)
ACCESS = st.lists(of(nouns.Access), max_size=2).map(tuple)
TABLES = several(of(nouns.Table, fields=FIELDS, invariants=INVARIANTS, access=ACCESS, workload=WORKLOADS))
MEASURE = st.sampled_from(["count", "sum total", "mean Order line", "max a-b"])
LATENCY = of(nouns.Latency).flatmap(
    lambda found: st.sampled_from([50.0, 95.0, 99.0, 99.9]).map(
        lambda p: replace(found, percentile=p if found.read or found.write else 99.0)
    )
)
DOMAINS = st.builds(
    nouns.Domain,
    aggregates=several(
        of(
            nouns.Aggregate,
            events=several(of(nouns.Event, fields=FIELDS), 1, 2),
            totals=several(of(nouns.Total)),
            invariants=INVARIANTS,
            workload=WORKLOADS,
        )
    ),
    tables=TABLES,
    documents=several(of(nouns.Document, fields=FIELDS, access=ACCESS, workload=WORKLOADS)),
    series=several(of(nouns.Series, key=of(nouns.Field), values=FIELDS, workload=WORKLOADS)),
    graphs=several(of(nouns.Graph, fields=FIELDS, workload=WORKLOADS)),
    views=several(of(nouns.View, measures=st.lists(MEASURE, max_size=2).map(tuple))),
    sagas=several(of(nouns.Saga, steps=several(of(nouns.Step), 1, 2), workload=WORKLOADS)),
    streams=several(of(nouns.Stream, measures=st.lists(MEASURE, min_size=1, max_size=2).map(tuple))),
    batches=several(of(nouns.Batch, measures=st.lists(MEASURE, max_size=2).map(tuple))),
    services=several(of(nouns.Service, holds=TABLES)),
    replicated=several(of(nouns.Replicated, fields=FIELDS)),
)
REQUIREMENTS = of(
    nouns.Requirements,
    workload=of(nouns.Workload),
    latency=LATENCY,
    availability=of(nouns.Availability),
    existing=several(of(nouns.Existing)),
    domain=DOMAINS,
)
FIELD_TYPES = get_args(nouns.FieldType)
