"""What becomes of a failure: who catches it, what the handler does with it, and whether the way on can tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set

from datakeel.model.effect import Effect, Kind, Scope, StoreKind
from datakeel.model.operation import Handler, Operation
from datakeel.model.system import System

# Errors of stores and remote services at large; a class that names one outcome (not found, duplicate) is an answer
_WIDE = """
    Exception BaseException RequestException HTTPError ConnectionError ConnectTimeout Timeout TimeoutError
    RedisError KafkaException KafkaError KafkaTimeoutError ClientError BotoCoreError OperationalError
    DatabaseError InterfaceError SQLAlchemyError DBAPIError PyMongoError AMQPError AMQPConnectionError
    StripeError RpcError TransportError ApiError OSError IOError ElasticsearchException HTTPStatusError
    BufferError NatsError GoogleAPICallError GoogleAPIError
    """
WIDE = frozenset(_WIDE.split())
ALL = frozenset(("Exception", "BaseException"))
DATABASES = WIDE & {
    *ALL,
    *("OperationalError", "DatabaseError", "InterfaceError", "SQLAlchemyError", "DBAPIError"),
}
_INTENT = """
    safe try maybe best_effort quietly silently ignore attempt suppress cleanup clean_up close shutdown rollback
    teardown terminate stop healthcheck health ping warm prefetch error failure failed exception telemetry usage_stats
    analytics track
    """
INTENT = frozenset(_INTENT.split())

WATCHING = re.compile(r"(^|[._])(tracing|telemetry|metrics|monitoring|analytics|observability|statsd|sentry)([._]|$)")
SAID = frozenset(("True", "'ok'", "'OK'", "'success'", "200", "0"))  # constants that say that it went well


def wide(handler: Handler) -> bool:
    """Whether it catches errors of stores and services at large, rather than one outcome that it answers."""
    return not handler.exceptions or any(n.rpartition(".")[2] in WIDE for n in handler.exceptions)


def catches_databases(handler: Handler) -> bool:
    """Whether one of its classes is one that a database's failure has."""
    return any(n.rpartition(".")[2] in DATABASES for n in handler.exceptions)


def only_logs(handler: Handler) -> bool:
    """Whether it neither passes the failure on nor notes it anywhere, but for a line in the log (as no error: then the
    team says that none is)."""
    return not set(handler.does) & {"raise", "assign", "call", "answer", "mention"}


def keeps_going(operation: Operation, handler: Handler) -> bool:
    """Whether its way on is that of success: it falls through, or returns as nothing, or the same, as success does.

    One of many that are worked through, where it goes on with the next, claims no success; but a message is covered by
    the next one's acknowledgement.
    """
    if "break" in handler.does or (in_loop(handler) and not consuming(operation, handler)):
        return False
    if "return" not in handler.does:
        return True
    own, others = set[str](), set[str]()
    for x in operation.exits:
        if x.kind == "return":
            here = any((s.number, s.arm) == (handler.number, handler.arm) for s in x.scopes)
            (own if here else others).add(x.text)
    if own and own <= others and own <= SAID:
        return True
    return not (own | others) - {"None"}


def in_loop(handler: Handler) -> bool:
    return any(s.kind == "loop" for s in handler.scopes)


def consuming(operation: Operation, handler: Handler) -> bool:
    """Whether it stands in a loop over messages."""
    loops = {s.number for s in handler.scopes if s.kind == "loop" and s.unbounded}
    messages = [c for c in operation.of(Kind.CONSUME) if any(s.number in loops for s in c.scopes)]
    return any(not left_unacknowledged(operation, handler, c) for c in messages)


def left_unacknowledged(operation: Operation, handler: Handler, consume: Effect) -> bool:
    """Whether a handler goes on with the next message, past the acknowledgement that this one has of its own: a queue
    delivers it again."""
    if consume.store != StoreKind.QUEUE or "continue" not in handler.does:
        return False
    within = {s.number for s in handler.scopes if s.kind == "loop"}
    return any(
        e.verb == "ack"
        and any(s.number in within for s in e.scopes)
        and all(s.number != handler.number for s in e.scopes)
        for e in operation.of(Kind.ACK)
        if e.store == StoreKind.QUEUE
    )


def telling_name(operation: Operation) -> bool:
    """Whether the function's own name says that it may fail without harm: ``safe_notify``, ``_try_close``; or its
    module's, that it only watches."""
    if WATCHING.search(operation.name.removesuffix(operation.symbol)):
        return True
    name = operation.symbol.rpartition(".")[2].strip("_").lower()
    return name in INTENT or any(f"_{word}_" in f"_{name}_" for word in INTENT)


def body_effects(operation: Operation, handler: Handler) -> Iterator[Effect]:
    """What happens in the try, as far as no handler inside of it comes first."""
    for effect in operation.effects:
        standing = [s for s in effect.scopes if s.kind == "try" and s.arm == "body"]
        own = next((i for i, s in enumerate(standing) if s.number == handler.number), None)
        if own is not None and not any(s.text for s in standing[own + 1 :]):
            yield effect


def let_go(operation: Operation, effect: Effect, system: System) -> bool:
    """Whether a failure is caught and dropped on its way up, here or in a function that is called: whoever wrote that
    sends it if it can be sent, and goes on if not."""
    standing: Operation | None = operation
    while standing is not None:
        numbers = tries(effect)
        if any(h.number in numbers and "raise" not in h.does and only_logs(h) for h in standing.handlers):
            return True
        standing = system.operation(effect.callee) if effect.chain else None
        where, way = effect.place, effect.chain[1:]
        deeper = (e for e in standing.effects if (e.place, e.chain) == (where, way)) if standing is not None else ()
        found = next(iter(deeper), None)
        if found is None:
            return False
        effect = found
    return False


def tries(effect: Effect) -> set[int]:
    """The tries in whose body an effect stands, by their numbers."""
    return {s.number for s in effect.scopes if s.kind == "try" and s.arm == "body"}


def in_handler_of(scopes: Iterable[Scope], numbers: Set[int]) -> bool:
    """Whether something stands in a handler of one of these tries."""
    return any(s.number in numbers and s.arm.startswith("handler") for s in scopes)


def recorded_inside(operation: Operation, handler: Handler) -> bool:
    """Whether something in the try answers to the failure before it gets here: a handler further in writes or sends."""
    for effect in operation.of(Kind.WRITE, Kind.PUBLISH, Kind.CALL):
        numbers = [s.number for s in effect.scopes if s.kind == "try" and s.arm == "body"]
        if handler.number in numbers and any(s.kind == "try" and s.arm.startswith("handler") for s in effect.scopes):
            return True
    return False


def inside_handler(operation: Operation, handler: Handler) -> bool:
    """Whether the handler does something to a store or service: it records the failure, tries again, or compensates."""
    return any(
        e.kind not in (Kind.LOG, Kind.CLOCK, Kind.ROLLBACK)
        and any(s.number == handler.number and s.arm == handler.arm for s in e.scopes)
        for e in operation.effects
    )


def marked_after(operation: Operation, handler: Handler, effect: Effect) -> bool:
    """Whether the try goes on to write, behind the effect, that it was done: what fails stays unmarked, and is found
    again."""
    return any(
        e.kind == Kind.WRITE and e.number > effect.number and e.store != effect.store
        for e in body_effects(operation, handler)
    )


def started_alone(operation: Operation) -> bool:
    """Whether it is a program's own run, whose end is what its scheduler and its operators see."""
    return any(e.kind in ("main", "command", "schedule") and e.place == operation.place for e in operation.entries)
