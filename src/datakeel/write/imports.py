"""The imports that a piece of Python needs, for templates whose names vary."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

MARK = "# imports\n"
LIBRARIES = {  # the modules, and what comes from each
    "": "hashlib itertools json os random signal subprocess sys threading time"
    " fastavro httpx hypothesis psycopg pytest",
    "collections": "Counter",
    "collections.abc": "AsyncIterator Callable Iterable Iterator Mapping Sequence",
    "concurrent.futures": "Executor ThreadPoolExecutor",
    "contextlib": "ExitStack asynccontextmanager contextmanager suppress",
    "convergence": "converged differences",
    "dataclasses": "dataclass replace",
    "datetime": "UTC date datetime timedelta",
    "decimal": "Decimal",
    "enum": "StrEnum",
    "fastapi": "APIRouter Depends FastAPI Header Query Request Response",
    "fastapi.encoders": "jsonable_encoder",
    "fastapi.responses": "JSONResponse",
    "functools": "partial reduce",
    "harness": "SCALE Running cut_connections read_whole serving wait_until",
    "hypothesis": "HealthCheck given",
    "hypothesis:strategies": "st",
    "itertools": "pairwise",
    "pathlib": "Path",
    "prometheus_client": "REGISTRY Gauge Histogram",
    "psycopg": "Connection OperationalError ProgrammingError sql",
    "psycopg.errors": "CheckViolation ForeignKeyViolation LockNotAvailable RestrictViolation UniqueViolation",
    "psycopg.rows": "class_row dict_row",
    "psycopg.sql": "SQL Identifier",
    "psycopg.types.json": "Jsonb",
    "psycopg_pool": "ConnectionPool PoolTimeout",
    "pydantic": "AwareDatetime BaseModel ConfigDict Field FiniteFloat JsonValue model_validator",
    "pydantic_core": "to_jsonable_python",
    "random": "Random",
    "tenacity": "RetryCallState Retrying retry_if_exception_type stop_after_attempt wait_random_exponential",
    "threading": "Thread",
    "typing": "Annotated Any Literal LiteralString Self TypeAlias TypeVar cast",
    "uuid": "UUID uuid4",
}
KNOWN = {name: module for module, names in LIBRARIES.items() for name in names.split()}


def imported(text: str, own: Mapping[str, str]) -> str:
    """The text with an import of each name that it may need where its mark stands. `own`: names beside KNOWN, or in
    their stead, and their modules (``""``: it is one itself; ``module:there``: by which name). A variable may bear
    such a name as well: the formatter drops what nothing needs, and puts the others in order.

    >>> print(imported("# imports\\n\\nx: UUID = first(json)\\n", {"first": "shop.orders"}), end="")
    from uuid import UUID
    from shop.orders import first
    import json
    <BLANKLINE>
    x: UUID = first(json)
    """
    if MARK not in text:
        return text
    homes = {**KNOWN, **own}
    tree = ast.parse(text)
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)} - set(_bound(tree))
    lines = [_statement(name, *homes[name].split(":")) for name in sorted(used & homes.keys())]
    return text.replace(MARK, "".join(lines), 1)


def _statement(name: str, module: str, there: str = "") -> str:
    if not module:
        return f"import {name}\n"
    return f"from {module} import {f'{there} as {name}' if there else name}\n"


def _bound(tree: ast.Module) -> Iterator[str]:
    """What the text itself gives a name at its top, and so needs no import."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name for alias in aliases)
