"""What an exception handler does with the failure, as its text says: passes it on, leaves, notes it, or only logs."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.read.program import (
    Assign,
    Attribute,
    Augment,
    Break,
    Call,
    Closure,
    Collection,
    Const,
    Continue,
    Delete,
    Evaluate,
    Expression,
    Function,
    Global,
    Item,
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

_LOG_METHODS = """
    debug info warning warn error exception critical fatal log msg print_exc failure
    """
LOG_METHODS = frozenset(_LOG_METHODS.split())
_REPORTS = """
    print print_exc print_exception capture_exception capture_message captureException notice_error
    record_exception set_status set_tag set_extra add_breadcrumb tell_sentry report_exc_info log_exception
    """
REPORTS = frozenset(_REPORTS.split())
MEASURES = frozenset(("inc", "incr", "increment", "observe", "labels", "timing", "gauge", "set_attribute"))
_TEXTS = """
    str repr format format_exc len type dict list int bool isinstance getattr get join items keys values strip
    split decode encode copy exc_info lower upper
    """
TEXTS = frozenset(_TEXTS.split())
_SEQUENCES = "reversed sorted enumerate zip range tuple set min max sum any all iter next append pop clear"
SEQUENCES = frozenset(_SEQUENCES.split())
IDLE = 4  # statements: no longer text is looked at
UNDOES = frozenset(("rollback", "close"))  # of a connection: what failed is given up, and noted nowhere
CONNECTION = ("session", "conn", "transaction", "cursor", "db", "tx")
_ANSWERS = """
    jsonify abort make_response render render_template redirect HttpResponse JsonResponse JSONResponse Response
    """
ANSWERS = frozenset(_ANSWERS.split())


def done(body: tuple[Statement, ...]) -> tuple[str, ...]:
    """The words of `model.operation.Handler.does` for a handler's statements, nested blocks included."""
    words: set[str] = set()
    for node in nodes(body):
        match node:
            case Raise():
                words.add("raise")
            case Return():
                words.add("return")
            case Continue():
                words.add("continue")
            case Break():
                words.add("break")
            case Assign() | Augment() | Delete() | Let():
                words.add("assign")
            case Call():
                words.add(kind_of(node))
    return tuple(sorted(words - {""}))


def calls(body: tuple[Statement, ...]) -> list[Call]:
    """The calls in it that do something, in the order of the text."""
    found = [n for n in nodes(body) if isinstance(n, Call) and kind_of(n) == "call" and not goes_through(n)]
    return sorted(found, key=lambda c: (c.at.line, c.at.column))


def goes_through(call: Call) -> bool:
    """Whether a call only arranges what is at hand."""
    match call.function:
        case Attribute(_, name) | Global(name) | Local(name):
            return name.rpartition(".")[2] in SEQUENCES
    return False


def idle(body: tuple[Statement, ...]) -> bool:
    """Whether a function's text does nothing: it is empty, returns a constant, or only writes a line to the log."""
    return len(body) < IDLE and all(does_nothing(statement) for statement in body)


def does_nothing(statement: Statement) -> bool:
    match statement:
        case Return(value):
            return value is None or isinstance(value, Const)
        case Evaluate(value):
            return isinstance(value, Const) or (isinstance(value, Call) and kind_of(value) in ("log", "mention"))
    return False


def kind_of(call: Call) -> str:
    """Whether a call tells people of the failure (``log``; ``mention`` when as no error), makes texts (empty), makes
    an answer or exception for the caller (``answer``), or does something (``call``)."""
    match call.function:
        case Attribute(_, name) if answers(name):
            return "answer"
        case Attribute(base, name):
            if name in REPORTS:
                return "log"
            if name in LOG_METHODS and logs(base):
                return "mention" if name in ("debug", "info") else "log"
            given_up = name in UNDOES and named(base, CONNECTION)
            return "" if name in TEXTS or name in MEASURES or given_up else "call"
        case Global(dotted):
            name = dotted.rpartition(".")[2]
            if answers(name):
                return "answer"
            return "log" if name in REPORTS else "" if name in TEXTS else "call"
        case Local(name):
            return "log" if name in REPORTS else "call"
    return "call"


def answers(name: str) -> bool:
    """Whether a function of that name makes what the caller is told."""
    return name in ANSWERS or name.endswith(("Error", "Exception", "Response"))


def logs(base: Expression) -> bool:
    """Whether the receiver of ``.error(…)`` is a logger, by name: ``logger``, ``self.log``, ``current_app.logger``."""
    return named(base, ("log",))


def named(base: Expression, words: tuple[str, ...]) -> bool:
    """Whether a receiver is named so, or a call's that gives it: its name holds one of the words."""
    match base:
        case Attribute(_, name) | Local(name):
            return any(word in name.lower() for word in words)
        case Global(dotted):
            return any(word in dotted.rpartition(".")[2].lower() for word in words)
        case Call(function):
            return named(function, words)
    return False


def told(node: Try, text: tuple[Statement, ...]) -> bool:
    """Whether the code behind a try can tell that its body failed.

    It can by a name that the body assigns or fills and that is read outside of it, by an ``else``, and where the body
    leaves when all went well (with a constant that no handler returns too).
    """
    if node.otherwise:
        return True
    alike = [n.value for n in nodes(node.handlers) if isinstance(n, Return) and isinstance(n.value, Const)]
    noted: set[str] = set()
    for inner in nodes(node.body):
        match inner:
            case Return(value) if value is not None and value not in (Const(None), *alike):
                return True
            case Break() | Continue():
                return True
            case Assign(targets):
                noted |= {n for target in targets for n in assigned(target)}
            case Augment(target) | Loop(target) | With(_, target) if target is not None:
                noted |= set(assigned(target))
            case Let(name) | Call(Attribute(Local(name), "append" | "add" | "update" | "extend" | "insert")):
                noted.add(name)
    return bool(noted) and any(isinstance(n, Local) and n.name in noted for n in nodes(text, without=node))


def assigned(target: Expression) -> Iterator[str]:
    """The variables that an assignment changes; an attribute of ``self`` outlives the function, so it always tells."""
    match target:
        case Local(name):
            yield name
        case Item(base) | Star(base):
            yield from assigned(base)
        case Attribute(Local(name)) if name in ("self", "cls"):
            yield name
        case Collection(_, items):
            for item in items:
                yield from assigned(item)


APART = (Function, Closure)


def nodes(part: object, without: Try | None = None, apart: tuple[type, ...] = APART) -> Iterator[Struct]:
    """A tree's statements and expressions, without those of nested functions (or of what is `apart`), and without one
    statement if named."""
    waiting = [part]
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            waiting += item
        elif isinstance(item, Struct) and item is not without and not isinstance(item, apart):
            yield item
            waiting += [getattr(item, f) for f in item.__struct_fields__]


__all__ = ["calls", "done", "idle", "nodes", "told"]
