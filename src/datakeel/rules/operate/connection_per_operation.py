"""`connection-per-operation`: what is made to be kept is made anew for each request, message or row."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Entry, Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.health import PATH as HEALTH
from datakeel.rules.facts.lookups import polls
from datakeel.rules.facts.running import once_for_each
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import and_so_in, further

DEAR = ("connection", "pool")  # to open: a handshake, a login, a process on the server
CLIENTS = ("mongodb", "cassandra", "elasticsearch", "kafka")  # whose clients hold a pool and threads
TURN = "turn of the loop"
JOB = "turn of its process"
SELDOM = 30.0  # seconds between two turns: a handshake of some milliseconds is nothing beside them
MANY_TIMES = ("request", "consumer", "task")
STATUS = re.compile(r"[._/](status|ping)[/$]*$", re.I)
LOCAL = ("", "sqlite", "sqlite3", "socket", "http", "smtp")


Opened = tuple[Resource, str]


@rule(Severity.MAJOR, Record(2, 13))
def connection_per_operation(operation: Operation, system: System) -> Iterator[Hit]:
    """A connection, pool or producer is opened anew for each request, message or row."""
    for resource, each in opened(operation, system):
        everywhere = ((o, r, e) for o in filter(judged, system.operations) for r, e in opened(o, system))
        alike = [found for found in everywhere if same(found[1:], (resource, each))]
        first, *others = sorted(alike, key=lambda o: (o[0].unused, doubts(o[1], o[2]), o[1].place))
        if first[1].place == resource.place:  # who has no pool for one has none for all: it is told once
            yield hit(resource, each, [r.place for _, r, _ in others], in_handler(operation, resource, each))


def opened(operation: Operation, system: System) -> Iterator[Opened]:
    """What a function opens anew each time, and what for."""
    sees = bool(operation.entries) and all(checks(e) for e in operation.entries)
    for resource in operation.resources:
        if sees and resource.kind == "connection":
            continue
        if resource.chain or resource.per != "call" or resource.kept or not dear(resource):
            continue
        each = per_row(resource) or once_for_each(operation, resource) or for_each_sent(operation, resource)
        each = each or (JOB if resource.kind == "connection" and in_turns(operation, resource, system) else "")
        if each:
            yield resource, each


def in_turns(operation: Operation, resource: Resource, system: System) -> bool:
    """Whether a process opens it in each turn of its loop, one soon after the other; not once, and anew where it broke:
    what has turns of its own, on the connection that it holds, comes back for no other reason."""
    at_once = any(endless for _, endless in system.callers(operation.name))
    if not at_once or not polls(operation, system) or any(turning(e, resource) for e in operation.effects):
        return False
    callers = [(o, e) for o in system.operations for e in o.effects if e.callee == operation.name]
    return not any(
        (wait.seconds or 0) >= SELDOM and {s.number for s in wait.scopes} & {s.number for s in e.scopes if s.unbounded}
        for o, e in callers
        for wait in o.of(Kind.WAIT)
    )


def turning(effect: Effect, resource: Resource) -> bool:
    """Whether an effect stands in an endless loop of the function's own text, begun with what was opened at hand."""
    return any(s.kind == "loop" and s.unbounded and s.number > resource.number for s in effect.round_call)


def judged(operation: Operation) -> bool:
    return bool(operation.resources) and operation.role in (Role.PRODUCT, Role.SCRIPT)


def same(one: Opened, other: Opened) -> bool:
    """Whether two lack one and the same thing: a connection of that kind that outlives what it is opened for."""
    return (one[0].kind, one[0].technology, one[1]) == (other[0].kind, other[0].technology, other[1])


def checks(entry: Entry) -> bool:
    """Whether it only says whether all is well: it opens a connection to see whether it can."""
    name = entry.name.rpartition(" ")[2]
    return HEALTH.search(f"/{name.lstrip('^/')}") is not None or STATUS.search(name) is not None


def dear(resource: Resource) -> bool:
    if resource.technology in LOCAL:  # a file; sockets, shells and mail are what their code is about
        return False
    return resource.kind in DEAR or (resource.kind in ("client", "producer") and resource.technology in CLIENTS)


def per_row(resource: Resource) -> str:
    """Whether it is made in a loop over what there is, not in one that tries again or waits."""
    retried = any(s.kind == "retry" for s in resource.scopes)
    loops = [s for s in resource.scopes if s.kind == "loop" and not s.unbounded]
    return TURN if loops and not retried else ""


def for_each_sent(operation: Operation, resource: Resource) -> str:
    """Whether a producer is made in what is done for each message that is sent: to send one, or to be given to who
    sends one."""
    if resource.kind != "producer" or operation.role != Role.PRODUCT or operation.symbol.endswith("__init__"):
        return ""
    sent = [e for e in operation.of(Kind.PUBLISH) if e.technology == resource.technology]
    if any(s.kind == "loop" for e in sent for s in e.scopes):
        return ""
    return "message" if any(e.kind in MANY_TIMES for e in operation.entries) else ""


def in_handler(operation: Operation, resource: Resource, each: str) -> bool:
    """Whether what a framework calls for each request makes a pool by itself: nothing keeps it, and nothing stands
    between that could. What was judged false were pools made in helpers, which ran now and then, and connections to
    each of a few servers, or of a web server that answers some requests at a time."""
    answers = any(e.kind == "request" and e.place == operation.place for e in operation.entries)
    return (each == JOB or (each == "request" and resource.kind == "pool" and answers)) and not given(resource)


def given(resource: Resource) -> bool:
    """Whether its address is an argument: each may go to another database."""
    url = resource.option("url")
    return url is not None and url.source is not None and url.source.kind == "parameter"


def hit(resource: Resource, each: str, others: list[Place], sure: bool) -> Hit:
    places = further(resource.place, others)
    more = and_so_in(places, "place")
    what = resource.kind if resource.kind != "client" else f"{resource.technology} client"
    return Hit(
        place=resource.place,
        message=f"a {what} is opened anew for each {each}: under load, opening and closing is most of the work, and the"
        f" server runs out of connections{more}",
        story=(
            Step(resource.place, f"for each {each}, a {what} is opened: handshakes, a login, memory on the server"),
            *(Step(place, "so it is here") for place in places[:6]),
            Step(resource.place, "a hundred at once are a hundred connections: nothing bounds them"),
            Step(resource.place, "the server refuses the next one, and with it everyone else's"),
        ),
        rests_on=(resource,),
        apart=sure or resource.kind == "producer",  # of which none was judged false
        doubts=doubts(resource, each),
        fix=Fix(title=f"make it once for the process, and {use(resource)}", text=cure(resource)),
    )


def doubts(resource: Resource, each: str) -> int:
    """A pooler may stand before the server; how often messages come is not in view; and a loop that goes over no rows
    may go over a few servers, each with a connection of its own."""
    if each == TURN and not any(s.over is not None and s.over.root.startswith("read:") for s in resource.scopes):
        return 2
    if resource.kind == "connection":
        return 2 if each == "message" else 1
    url = resource.option("url")  # of several databases each has a pool of its own
    return int(url is not None and not url.value)


def use(resource: Resource) -> str:
    return "borrow from a pool" if resource.kind == "connection" else "share it"


def cure(resource: Resource) -> str:
    match resource.technology, resource.kind:
        case "postgresql", "connection":
            made = 'pool = ConnectionPool("…", max_size=10)  # once, at start'
            return f"{made}\n\nwith pool.connection() as connection:\n    …"
        case "sqlalchemy", _:
            return "engine = create_engine(…)  # at module level: its pool serves all requests"
        case _, "connection":
            return "pool = …  # once, at start; borrow from it for each operation"
    name = resource.type.rpartition(".")[2] or resource.kind
    return f"{resource.kind} = {name}(…)  # at module level, or at start: it is made to be shared"
