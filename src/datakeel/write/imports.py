"""The imports that a piece of Python needs, for templates whose names vary."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping

MARK = "# imports\n"
KNOWN = {
    "Annotated": "typing",
    "Any": "typing",
    "Literal": "typing",
    "TypeVar": "typing",
    "TypeAlias": "typing",
    "dataclass": "dataclasses",
    "replace": "dataclasses",
    "date": "datetime",
    "datetime": "datetime",
    "UTC": "datetime",
    "timedelta": "datetime",
    "Decimal": "decimal",
    "StrEnum": "enum",
    "UUID": "uuid",
    "uuid4": "uuid",
    "Callable": "collections.abc",
    "Iterable": "collections.abc",
    "Iterator": "collections.abc",
    "Mapping": "collections.abc",
    "Sequence": "collections.abc",
    "AsyncIterator": "collections.abc",
    "LiteralString": "typing",
    "Path": "pathlib",
    "asynccontextmanager": "contextlib",
    "AwareDatetime": "pydantic",
    "BaseModel": "pydantic",
    "ConfigDict": "pydantic",
    "Field": "pydantic",
    "FiniteFloat": "pydantic",
    "JsonValue": "pydantic",
    "Connection": "psycopg",
    "RestrictViolation": "psycopg.errors",
    "ThreadPoolExecutor": "concurrent.futures",
    "Thread": "threading",
    "suppress": "contextlib",
    "partial": "functools",
    "sql": "psycopg",
    "PoolTimeout": "psycopg_pool",
    "CheckViolation": "psycopg.errors",
    "UniqueViolation": "psycopg.errors",
    "Jsonb": "psycopg.types.json",
    "class_row": "psycopg.rows",
    "dict_row": "psycopg.rows",
    "Counter": "collections",
    "Random": "random",
    "SQL": "psycopg.sql",
    "Identifier": "psycopg.sql",
    "ConnectionPool": "psycopg_pool",
    "APIRouter": "fastapi",
    "given": "hypothesis",
    "Running": "harness",
    "SCALE": "harness",
    "cut_connections": "harness",
    "read_whole": "harness",
    "wait_until": "harness",
    "converged": "convergence",
    "differences": "convergence",
    "Depends": "fastapi",
    "FastAPI": "fastapi",
    "Request": "fastapi",
    "JSONResponse": "fastapi.responses",
    "Query": "fastapi",
    "REGISTRY": "prometheus_client",
}
ALIASES = {"st": "from hypothesis import strategies as st"}
MODULES = {
    "json",
    "random",
    "time",
    "threading",
    "pytest",
    "psycopg",
    "fastavro",
    "httpx",
    "itertools",
    "os",
    "subprocess",
    "sys",
}
WIDTH = 100


def imported(text: str, own: Mapping[str, str]) -> str:
    """The text with the imports that it uses where its mark stands. `own`: further names and their modules.

    >>> print(imported("# imports\\n\\nx: UUID = first(json)\\n", {"first": "shop.orders"}))
    import json
    from uuid import UUID
    <BLANKLINE>
    from shop.orders import first
    <BLANKLINE>
    x: UUID = first(json)
    <BLANKLINE>
    """
    if MARK not in text:
        return text
    homes = {**KNOWN, **own}
    tree = ast.parse(text)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)} - set(_bound(tree))
    named: dict[str, set[str]] = {}
    for name in used & homes.keys():
        named.setdefault(homes[name], set()).add(name)
    plain = {name for name in used & MODULES if name not in homes}
    sections: dict[int, list[str]] = {0: [], 1: [], 2: []}
    for module in sorted(plain):
        sections[_section(module, own)].append(f"import {module}")
    aliased = [line for name, line in ALIASES.items() if name in used]
    for module in sorted(named):
        sections[_section(module, own)].append(statement(module, named[module]))
        sections[1] += [line for line in aliased if line.startswith(f"from {module} ")]
    block = "\n\n".join("\n".join(lines) for lines in sections.values() if lines)
    return text.replace(MARK, f"{block}\n" if block else "", 1)


def statement(module: str, names: Iterable[str]) -> str:
    """An import as the formatter would write it: constants, classes, functions."""
    ordered = sorted(names, key=lambda n: (not n.isupper(), not n[:1].isupper(), n))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in ordered), ")"])


def _bound(tree: ast.Module) -> Iterable[str]:
    """What the text itself gives a name at its top, and so needs no import."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)


def _section(module: str, own: Mapping[str, str]) -> int:
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names:
        return 0
    return 2 if root in {m.partition(".")[0] for m in own.values() if "." in m} else 1
