"""Who owns a table: the services of a repository, the databases they reach, and what they read and write there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.system import System

ENTRIES = ("request", "consumer", "task", "schedule", "event", "main")
URL = re.compile(r"^\w[\w+]*://(?:[^@/]*@)?([^:/?]*)(?::\d+)?/([^?]*)")
WORDS = re.compile(r"(\w+)\s*=\s*'?([^\s']+)")
HOLE = "\ufffc"


def serving(system: System) -> dict[str, list[Operation]]:
    """The services that run (something starts them), with their operations."""
    found: dict[str, list[Operation]] = {}
    for operation in system.operations:
        if operation.role == Role.PRODUCT and operation.service:
            found.setdefault(operation.service, []).append(operation)
    return {s: ops for s, ops in found.items() if any(e.kind in ENTRIES for o in ops for e in o.entries)}


def databases(system: System, service: str, operations: list[Operation]) -> frozenset[str]:
    """The databases that a service reaches, as ``host/name``, as far as constants say so."""
    own = [r for o in operations for r in o.resources if not r.chain]
    own += [r for r in system.resources if inside(service, r.place.path)]
    found = {d for r in own for d in addressed(r)}
    found |= {s.value for s in system.settings if s.name.startswith("django.DATABASES.") and inside(service, s.path)}
    return frozenset(d for d in found if not d.startswith("/") and HOLE not in d)


def inside(service: str, path: str) -> bool:
    return path == service or path.startswith(service + "/")


def addressed(resource: Resource) -> Iterator[str]:
    """The database that a connection or pool leads to.

    >>> from datakeel.model.effect import Option
    >>> from datakeel.model.place import NOWHERE
    >>> url = Option("url", "'postgresql+psycopg://shop:secret@db:5432/shop?sslmode=require'")
    >>> list(addressed(Resource(1, "pool", "sqlalchemy", (url,), NOWHERE)))
    ['db/shop']
    """
    options = {o.name: o.value.strip("'\"") for o in resource.options if o.value not in ("", "None")}
    for name in ("url", "dsn", "conninfo"):
        found = URL.match(options.get(name, ""))
        if found:
            yield f"{found[1]}/{found[2]}"
        elif "=" in options.get(name, ""):
            options |= dict(WORDS.findall(options[name]))
    if "host" in options and ("dbname" in options or "database" in options):
        yield f"{options['host']}/{options.get('dbname') or options['database']}"


def touched(operations: list[Operation], *kinds: Kind) -> dict[str, tuple[Operation, Effect]]:
    """The tables that a service touches in its own text, each with the first place."""
    found: dict[str, tuple[Operation, Effect]] = {}
    for operation in operations:
        for effect in operation.of(*kinds):
            if effect.store == StoreKind.RELATIONAL and effect.dataset and not effect.chain:
                found.setdefault(effect.dataset, (operation, effect))
    return found
