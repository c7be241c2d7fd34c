"""Retries written by hand: which loops try again after a failure, how often, and how they wait in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from datakeel.model.effect import Effect, Kind, Source
from datakeel.model.operation import Exit
from datakeel.read.program import (
    Assign,
    Attribute,
    Augment,
    Break,
    Call,
    Choice,
    Collection,
    Const,
    Continue,
    Derive,
    Expression,
    Global,
    Handler,
    If,
    Let,
    Local,
    Loop,
    Raise,
    Return,
    Star,
    Statement,
    Try,
    With,
)

COUNTERS = frozenset(("builtins.range", "itertools.count", "itertools.repeat"))
PAUSES = ("sleep", "backoff", "delay", "pause", "wait")
WAITS = ("none", "constant", "growing", "jittered")  # each stronger than the one before


# The shape ------------------------------------------------------------------------------------------------------------


def retry_shape(node: Loop) -> bool:
    """A loop that tries again after a failure: its body tries something, leaves on success, and goes on from a
    handler. One that tries its own elements in turn looks for an alternative, it does not repeat."""
    return any(tries_again(node, attempt, after) for attempt, after in attempts(node.body)) or asks_again(node)


def attempts(body: tuple[Statement, ...]) -> Iterator[tuple[Try, tuple[Statement, ...]]]:
    """The ``try`` statements that each turn of a loop passes, with what follows them."""
    for index, statement in enumerate(body):
        if isinstance(statement, Try) and statement.handlers:
            yield statement, body[index + 1 :]
        elif isinstance(statement, With):
            yield from attempts(statement.body)


def tries_again(node: Loop, attempt: Try, after: tuple[Statement, ...]) -> bool:
    going_on = [h for h in attempt.handlers if not always_leaves(h.body, raising=True)]
    if not going_on or looks_for_another(node, going_on) or asks_by_number(node, attempt):
        return False
    if always_leaves(attempt.body) or always_leaves(attempt.otherwise):
        return True
    if ends_by_flag(node, (*attempt.body, *attempt.otherwise)):
        return any(not ends_by_flag(node, h.body) for h in going_on)
    return always_leaves(after) and any(holds(h.body, Continue) for h in going_on)


def asks_again(node: Loop) -> bool:
    """Whether a loop asks again until the answer says that it went well (``if answer.ok: break``). One that leaves
    when it went badly works through pages."""
    if looks_for_another(node, []):
        return False
    for index, statement in enumerate(node.body):
        good = went_well(statement.test) if isinstance(statement, If) else None
        if not isinstance(statement, If) or good is None or not answered(statement.test, node.body[:index]):
            continue
        well, badly = (statement.then, statement.otherwise) if good else (statement.otherwise, statement.then)
        after = node.body[index + 1 :]
        if always_leaves(badly, raising=True) or holds(badly, Break):
            continue
        if always_leaves(well) or ends_by_flag(node, well):
            return not always_leaves(after, raising=True)
        if not well and holds(badly, Continue) and always_leaves(after):
            return True
    return False


ANSWERS = ("status_code", "status", "ok", "is_success")


def answered(test: Expression, before: tuple[Statement, ...]) -> bool:
    """Whether a test is of what this turn of the loop was answered."""
    named = {e.name for e in expressions(test) if isinstance(e, Local)}
    for statement in walked(before):
        if isinstance(statement, Assign) and statement.value is not None and named & set(bound(statement.targets)):
            return any(isinstance(e, Call) for e in expressions(statement.value))
    return False


def went_well(test: Expression) -> bool | None:
    """Whether a test of an answer holds when it went well, or when it went badly; None where it says neither."""
    match test:
        case Attribute(Local(), "ok" | "is_success"):
            return True
        case Derive("not", (inner,)):
            opposite = went_well(inner)
            return None if opposite is None else not opposite
        case Derive(how, (Attribute(Local(), name), other)) if name in ANSWERS:
            parts = other.items if isinstance(other, Collection) else (other,)
            numbers = [n.value for n in parts if isinstance(n, Const) and isinstance(n.value, int)]
            if not numbers or len(numbers) < len(parts):
                return None
            if how in ("<", "<="):
                return True if min(numbers) >= 299 else None
            if how in (">", ">="):
                return False if min(numbers) >= 399 else None
            same = how in ("==", "in", "is")
            if all(200 <= n < 300 for n in numbers) and how in ("==", "!=", "in", "notin"):
                return same
            if all(n >= 400 for n in numbers) and same:
                return False
    return None


def looks_for_another(node: Loop, handlers: list[Handler]) -> bool:
    """Whether each turn tries something else: the loop's own element, or the next one that a handler takes."""
    if node.iterable is not None and not counts(node.iterable) and uses(without_handlers(node.body), node.target):
        return True
    calls = (e for h in handlers for s in walked(h.body) for e in read(s) if isinstance(e, Call))
    return any(last_name(c.function) in ("next", "anext", "pop", "popleft") for c in calls)


SAYS = ("debug", "info", "warning", "error", "exception", "log", "print", "range", *PAUSES)


def asks_by_number(node: Loop, attempt: Try) -> bool:
    """Whether what is tried is asked for by the number of the turn, as each run of a job has an address of its own: the
    next turn asks for another thing."""
    names = set(bound((node.target,))) if node.target is not None else set()
    for statement in node.body:
        if isinstance(statement, Assign) and statement.value is not None and mentions(statement.value, names):
            names |= set(bound(statement.targets))
    calls = (e for s in walked(attempt.body) for e in read(s) if isinstance(e, Call))
    return bool(names) and any(
        mentions(a, names) for c in calls if last_name(c.function) not in SAYS for a in c.arguments
    )


def mentions(expression: Expression, names: set[str]) -> bool:
    return any(isinstance(e, Local) and e.name in names for e in expressions(expression))


def without_handlers(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """The statements of a loop's body that run when nothing fails."""
    found: list[Statement] = []
    for statement in body:
        match statement:
            case Try():
                found += without_handlers((*statement.body, *statement.otherwise))
            case With(_, _, inner):
                found += without_handlers(inner)
            case _:
                found.append(statement)
    return tuple(found)


def always_leaves(body: tuple[Statement, ...], *, raising: bool = False) -> bool:
    """Whether a block surely ends the loop: by return or break (`raising`: or by an exception)."""
    for statement in body:
        match statement:
            case Return() | Break():
                return True
            case Raise() if raising:
                return True
            case If(_, then, otherwise) if otherwise:
                if always_leaves(then, raising=raising) and always_leaves(otherwise, raising=raising):
                    return True
            case With(_, _, inner) if always_leaves(inner, raising=raising):
                return True
            case Try(inner, handlers, otherwise) if handlers:
                ends = always_leaves(inner, raising=raising) or always_leaves(otherwise, raising=raising)
                if ends and all(always_leaves(h.body, raising=raising) for h in handlers):
                    return True
    return False


def ends_by_flag(node: Loop, body: tuple[Statement, ...]) -> bool:
    """``while not done: try: …; done = True``."""
    if node.test is None:
        return False
    tested = {e.name for e in expressions(node.test) if isinstance(e, Local)}
    literal = (s for s in body if isinstance(s, Assign) and isinstance(s.value, Const))
    return any(n in tested for s in literal for n in bound(s.targets))


def going_on(node: Loop) -> Iterator[Handler]:
    """The handlers from which a loop tries again."""
    for attempt, _ in attempts(node.body):
        yield from (h for h in attempt.handlers if not always_leaves(h.body, raising=True))


def counts(iterable: Expression) -> bool:
    return isinstance(iterable, Call) and isinstance(iterable.function, Global) and iterable.function.dotted in COUNTERS


def paces(node: Loop) -> bool:
    """Whether what a loop goes through may itself wait between two turns: an object or generator of the code's own
    (``for _ in Policy(budget=60, backoff=2)``)."""
    iterable = node.iterable
    return isinstance(iterable, Call) and not (
        isinstance(iterable.function, Global) and iterable.function.dotted.startswith(("builtins.", "itertools."))
    )


def uses(body: tuple[Statement, ...], target: Expression | None) -> bool:
    names = set(bound((target,))) if target is not None else set()
    return any(isinstance(e, Local) and e.name in names for s in walked(body) for e in read(s))


def holds(body: tuple[Statement, ...], kind: type) -> bool:
    return any(isinstance(s, kind) for s in walked(body))


# What a loop's turns change -------------------------------------------------------------------------------------------


def changed(body: tuple[Statement, ...]) -> frozenset[str]:
    """The variables that a loop's body binds: what they held before the loop they hold in its first turn only."""
    names: set[str] = set()
    for statement in walked(body):
        match statement:
            case Assign(targets) if statement.value is not None:
                names.update(bound(targets))
            case Augment(target) | Loop(target) | With(_, target) if target is not None:
                names.update(bound((target,)))
    return frozenset(names)


def counters(body: tuple[Statement, ...]) -> frozenset[str]:
    """The variables that a loop's body counts up or down, or lets grow."""
    names: set[str] = set()
    for statement in walked(body):
        match statement:
            case Augment(Local(name), "+" | "-" | "*"):
                names.add(name)
            case Assign((Local(name),), value) if value is not None and counts_on(value, name):
                names.add(name)
    return frozenset(names)


def counts_on(value: Expression, name: str) -> bool:
    """``n - 1``, also under a condition."""
    match value:
        case Derive("+" | "-" | "*", operands):
            return Local(name) in operands
        case Choice(_, then, otherwise):
            return counts_on(then, name) or counts_on(otherwise, name)
    return False


def counted_attributes(body: tuple[Statement, ...]) -> frozenset[str]:
    """The attributes that a loop's body counts up or down (``self.tries += 1``)."""
    return frozenset(s.target.name for s in walked(body) if isinstance(s, Augment) and isinstance(s.target, Attribute))


def bound(targets: Iterable[Expression]) -> Iterator[str]:
    for target in targets:
        match target:
            case Local(name):
                yield name
            case Collection(_, items):
                yield from bound(items)
            case Star(inner):
                yield from bound((inner,))


def walked(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """The statements of a block and of the blocks inside it."""
    for statement in body:
        yield statement
        match statement:
            case If(_, then, otherwise):
                yield from walked(then)
                yield from walked(otherwise)
            case Loop():
                yield from walked(statement.body)
                yield from walked(statement.otherwise)
            case With(_, _, inner):
                yield from walked(inner)
            case Try(inner, handlers, otherwise, final):
                for part in (inner, *(h.body for h in handlers), otherwise, final):
                    yield from walked(part)


def read(statement: Statement) -> Iterator[Expression]:
    """The expressions that stand in a statement itself."""
    for name in statement.__struct_fields__:
        value = getattr(statement, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Expression):
                yield from expressions(part)


def expressions(node: Expression) -> Iterator[Expression]:
    yield node
    for name in node.__struct_fields__:
        value = getattr(node, name)
        for part in value if isinstance(value, tuple) else (value,):
            inner = part[1] if isinstance(part, tuple) and len(part) == 2 else part
            if isinstance(inner, Expression):
                yield from expressions(inner)


# How often, and how long between --------------------------------------------------------------------------------------


def gives_up(exits: Iterable[Exit], counted: frozenset[str], starts: Mapping[str, str]) -> str:
    """How often a loop without an end of its own tries, when it leaves on a count or by the clock; else empty.
    `starts` are the numbers that its counters begin at, as far as they are known."""
    for left in exits:
        if left.kind not in ("raise", "return", "break"):
            continue
        for guard in left.guards:
            if guard.test != "exception" and any(varies(s, counted) or s.kind == "clock" for s in guard.sources):
                start = next((starts[s.name] for s in guard.sources if s.kind == "loop" and s.name in starts), "")
                return times(guard.text, start)
    return ""


def times(limit: str, start: str) -> str:
    """How often, by the number that is compared with; a count that falls to nothing says it where it starts."""
    return next((n for n in (limit, start) if n.isdigit() and n != "0"), "bounded")


def varies(source: Source, counted: frozenset[str]) -> bool:
    """Whether a value differs from one turn to the next."""
    return source.kind == "loop" or bool(source.path and source.path[-1] in counted)


ANSWER = "answer"  # stands among the exceptions of a retry that answers to what the other side says


def waiting(pauses: Iterable[Effect], counted: frozenset[str], handlers: Iterable[Handler]) -> str:
    """How a loop waits between two tries: the strongest of its pauses; empty when that is not known."""
    kinds = [kind_of(e, counted) for e in pauses]
    if kinds:
        return max((k for k in kinds if k), key=WAITS.index, default="")
    return "" if any(pauses_unseen(h.body) for h in handlers) else "none"


def kind_of(pause: Effect, counted: frozenset[str]) -> str:
    if any(s.kind == "random" for s in pause.payload):
        return "jittered"
    if any(varies(s, counted) for s in pause.payload):
        return "growing"
    if any(s.kind in ("read", "result") for s in pause.payload):
        return ""  # the other side says how long
    return "constant"


def is_pause(effect: Effect) -> bool:
    return effect.kind == Kind.WAIT and effect.verb in ("sleep", "event")


def pauses_unseen(body: tuple[Statement, ...]) -> bool:
    """Whether a handler calls something that by its name waits, though no pause was seen."""
    calls = (e for s in walked(body) for e in read(s) if isinstance(e, Call))
    return any(word in last_name(c.function).lower() for c in calls for word in PAUSES)


def last_name(function: Expression) -> str:
    match function:
        case Attribute(_, name) | Local(name):
            return name
        case Global(dotted):
            return dotted.rpartition(".")[2]
    return ""


__all__ = [
    "ANSWER",
    "Let",
    "changed",
    "counted_attributes",
    "counters",
    "gives_up",
    "going_on",
    "is_pause",
    "paces",
    "retry_shape",
    "times",
    "waiting",
]
