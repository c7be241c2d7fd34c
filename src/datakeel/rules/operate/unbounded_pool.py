"""`unbounded-pool`: a pool opens as many connections as are asked for, or more than the server has."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.operation import Resource
from datakeel.rules.rule import Hit, rule

MOST = 100  # connections that PostgreSQL takes unless it is told otherwise (max_connections)
POSTGRES = ("postgres", "postgresql")


@rule(Severity.MINOR)
def unbounded_pool(resource: Resource) -> Iterator[Hit]:
    """A pool has no limit, or one that is larger than what its server takes."""
    if resource.chain or resource.kind not in ("pool", "client") or pooled_otherwise(resource):
        return  # what a callee makes is judged where it stands
    size, overflow = limit(resource, "pool-size"), limit(resource, "pool-overflow")
    if (size is not None and size <= 0) or (overflow is not None and overflow < 0):
        yield hit(resource, "it has no limit", "each that is asked for is opened, however many there are", 0)
    elif size is not None and size + (overflow or 0) > MOST and postgres(resource):
        number = int(size + (overflow or 0))
        said = f"one process may hold {number}, and the server takes {MOST} for all unless it was told otherwise"
        yield hit(resource, f"it may grow to {number}", said, 1 if addressed(resource) else 2)


def limit(resource: Resource, word: str) -> float | None:
    """A number that is given, or (of SQLAlchemy's two) its default; None where it is not known."""
    option = resource.option(word)
    if option is None or not (option.given or resource.option("pool-overflow") is not None):
        return None
    try:
        return float(option.value)
    except ValueError:
        return None


def pooled_otherwise(resource: Resource) -> bool:
    """Whether another class of pool is named, whose limits are its own."""
    other = resource.option("poolclass")
    return other is not None and other.given and other.value != "None"


def postgres(resource: Resource) -> bool:
    """Whether it leads to a PostgreSQL, as far as its address is known."""
    return resource.technology in POSTGRES or not addressed(resource) or address(resource).startswith(POSTGRES)


def addressed(resource: Resource) -> bool:
    return resource.technology in POSTGRES or bool(address(resource))


def address(resource: Resource) -> str:
    url = resource.option("url")
    return url.value.strip("'\"") if url is not None else ""


def hit(resource: Resource, what: str, how: str, doubts: int) -> Hit:
    return Hit(
        place=resource.place,
        message=f"this pool bounds nothing: {what}, and {how}",
        story=(
            Step(resource.place, f"the pool is made: {what}"),
            Step(
                resource.place, "the database is slow for a minute: every request asks for a connection, and gets one"
            ),
            Step(resource.place, "the server has no memory, or refuses: those who were being served fail too"),
        ),
        rests_on=(resource,),
        doubts=doubts,
        fix=Fix(
            title="a few connections for each core of the server, all processes taken together; who finds none waits, "
            "for a limited time",
            text="pool_size=10, max_overflow=5, pool_timeout=5"
            if resource.technology == "sqlalchemy"
            else "max_size=10",
        ),
    )
