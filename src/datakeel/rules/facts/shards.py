"""Pools that stand beside one another to spread load, and the databases that they lead to."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.operation import Resource
from datakeel.model.system import System
from datakeel.rules.facts.services import HOLE, addressed

LOCAL = ("localhost", "127.0.0.1", "")
SEVERAL = 3  # two pools of one database are a reader and a writer, or two kinds of driver


def one_behind_many(system: System) -> Iterator[tuple[Resource, ...]]:
    """Pools of one module that are alike in all that they were given, the address too: several, or one in a loop."""
    found: dict[tuple[str, str, object], list[Resource]] = {}
    for pool in system.resources:
        if pool.kind == "pool" and not pool.chain and reached(pool):
            found.setdefault((pool.place.path, pool.type, given(pool)), []).append(pool)
    for _, pools in sorted(found.items(), key=lambda item: item[1][0].place):
        if len(pools) >= SEVERAL or any(in_loop(p) for p in pools):
            yield tuple(pools)


def in_loop(pool: Resource) -> bool:
    """Whether a loop makes more than one of it, rather than tries until there is one."""
    kinds = [s.kind for s in pool.scopes if not s.unbounded]
    return "loop" in kinds and "try" not in kinds


def given(pool: Resource) -> tuple[tuple[str, str], ...]:
    return tuple((o.name, o.value) for o in pool.options if o.given)


def reached(pool: Resource) -> bool:
    """Whether all that a pool was given is known, and its database is a server elsewhere."""
    address = next(addressed(pool), "")
    known = pool.complete and all(o.value and HOLE not in o.value for o in pool.options if o.given)
    return known and bool(address) and address.partition("/")[0] not in LOCAL
