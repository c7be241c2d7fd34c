"""The products and the figures that decisions rest on: one table for each, typed, and checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import Struct

Kind = Literal[
    "relational",
    "wide-column",
    "time-series",
    "document",
    "graph",
    "key-value",
    "cache",
    "search",
    "column-store",
    "log",
    "queue",
    "change-capture",
    "registry",
    "encoding",
    "coordination",
    "stream-processor",
    "batch-processor",
    "measure",  # no product: figures of networks, machines and workloads
]


class Quantity(Struct, frozen=True, forbid_unknown_fields=True):
    """A figure: its value in base units, the unit that it is said with, who says so, and what it is of."""

    value: float
    unit: str
    source: str
    about: str = ""


class Technology(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product. `written`: we write projects or configuration for it; if not, `instead` says what serves. `roles`:
    what an override may name it for (``engine``, ``log``). `nodes`: the fewest that survive the loss of one. `why`:
    what it is chosen for, `price`: what it costs to have it, both as they stand after its name in a sentence."""

    title: str
    kind: Kind
    structure: Literal["b-tree", "lsm", "log", "inverted-index", "memory", "columns", "raft", ""] = ""
    written: bool = False
    instead: str = ""
    aliases: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    nodes: int = 0
    why: str = ""
    price: str = ""
    guarantees: dict[str, str] = {}
    operation: str = ""
    figures: dict[str, Quantity] = {}


@cache
def known() -> Mapping[str, Technology]:
    """Every technology by the name of its table. Raises ValueError where a table is wrong."""
    return MappingProxyType({path.stem: read(path) for path in sorted(Path(__file__).parent.glob("*.toml"))})


def read(path: Path) -> Technology:
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=Technology)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path.name}: {error}") from error
    for name, quantity in found.figures.items():
        if not (quantity.unit and quantity.source and quantity.value > 0):
            raise ValueError(f"{path.name}: figure {name} needs a positive value, a unit and a source")
    if found.kind != "measure" and not (found.written or found.instead):
        raise ValueError(f"{path.name}: what is not written needs `instead`")
    return found


def technology(name: str) -> Technology | None:
    """The technology of this name or alias, in any case: ``Postgres`` is postgresql."""
    key = key_of(name)
    return None if key is None else known()[key]


def key_of(name: str) -> str | None:
    """The name of the table that a user's word means.

    >>> key_of("Postgres"), key_of("Apache Kafka"), key_of("frobnicate")
    ('postgresql', 'kafka', None)
    """
    return _names().get("".join(c for c in name.lower() if c.isalnum()))


@cache
def _names() -> Mapping[str, str]:
    return {
        "".join(c for c in word.lower() if c.isalnum()): key
        for key, found in known().items()
        for word in (key, found.title, *found.aliases)
    }


def figure(name: str, of: str) -> Quantity:
    return known()[name].figures[of]


def value(name: str, of: str) -> float:
    return known()[name].figures[of].value
