"""`connection-leak`: what is opened is not closed on every way out."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.operation import Operation, Resource
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.releases import Leak, leak, owned
from datakeel.rules.facts.running import keeps_running
from datakeel.rules.rule import Hit, Record, rule

LOST = {
    "never": "nothing closes it on any way out",
    "early": "this return leaves it open",
    "lent": "when those fail that have it meanwhile, what closes it is never reached",
    "failure": "when this fails, what closes it is never reached",
}

# a pool or a group knows them; what only a name holds is closed, or given back, by CPython when that is gone
KEPT = ("loan", "consumer", "session")
Leaking = tuple[Operation, Resource, Leak]


@rule(Severity.MAJOR, Record(0, 8))
def connection_leak(system: System) -> Iterator[Hit]:
    """A connection, session or consumer is not closed on every way out of the function that opens it."""
    sources: dict[tuple[str, str, str], list[Leaking]] = {}
    for operation in system.operations:
        for resource in owned(operation):
            found = leak(operation, resource) if keeps_running(operation) else None
            if found is not None:
                sources.setdefault(cause(resource, found), []).append((operation, resource, found))
    for leaks in sources.values():  # what one file opens in one way, it forgets to close for one reason
        first, *others = sorted(leaks, key=lambda each: (each[2].how != "never", opened(each[1])))
        yield hit(*first, others)


def cause(resource: Resource, found: Leak) -> tuple[str, str, str]:
    return resource.place.path, resource.type or resource.technology, found.how


def opened(resource: Resource) -> Place:
    """Where the function that holds it asks for it."""
    return resource.chain[0] if resource.chain else resource.place


def hit(operation: Operation, resource: Resource, found: Leak, others: list[Leaking]) -> Hit:
    what, back = said(resource)
    place = opened(resource)
    sure = resource.kind == "loan" or found.how == "never"
    more = f" (and so in {len(others)} more)" if others else ""
    return Hit(
        place=place,
        message=f"{what} that {operation.symbol} opens stays open{'' if found.how == 'never' else ' on some way out'}: "
        f"{LOST[found.how]}{more}",
        story=(
            Step(place, f"{what} is {'taken from its pool' if resource.kind == 'loan' else 'opened'}"),
            Step(found.place, LOST[found.how]),
            *(Step(opened(r), f"the same in {o.symbol}") for o, r, _ in others[:5]),
            Step(place, "each time one more stays open, until the collector finds it, if it ever does"),
            Step(place, f"{runs_out(resource)}: from then on every caller fails, until the process is restarted"),
        ),
        rests_on=(resource,),
        apart=plain(resource, found),
        doubts=0 if resource.kind in KEPT and not comes_back(resource) else 2,
        symbol=operation.symbol,
        severity=Severity.MAJOR if sure else Severity.MINOR,
        fix=Fix(title=f"let a context hold it, or {back} it in a finally", text=cure(resource)),
    )


def plain(resource: Resource, found: Leak) -> bool:
    """Whether nothing closes it at all, or not where those fail whom it is lent to, and somebody counts on that: a pool
    that has lent it, or requests for which a dependency opens a session (which is held in circles, and stays until the
    collector comes). What was judged false were connections that only a name held."""
    if found.how not in ("never", "lent"):
        return False
    lent = resource.kind == "loan" and not comes_back(resource)
    return lent or (resource.kind == "session" and resource.passed == "yielded")


def comes_back(resource: Resource) -> bool:
    """Whether its pool takes a connection back when the name that holds it is gone."""
    return resource.kind == "loan" and resource.technology == "sqlalchemy"


def said(resource: Resource) -> tuple[str, str]:
    """What it is called, and how it ends."""
    word = {"loan": "connection"}.get(resource.kind, resource.kind)
    return f"the {word}", "give back" if resource.kind == "loan" else "close"


def runs_out(resource: Resource) -> str:
    if resource.kind == "loan":
        return "the pool is empty"
    if resource.kind == "consumer":
        return "its group waits for a member that does not poll"
    return "the server has no connection left"


def cure(resource: Resource) -> str:
    if resource.kind == "loan" and resource.technology != "sqlalchemy":
        return "connection = pool.getconn()\ntry:\n    …\nfinally:\n    pool.putconn(connection)"
    name = resource.kind if resource.kind != "loan" else "connection"
    return f"with contextlib.closing(…) as {name}:\n    …"
