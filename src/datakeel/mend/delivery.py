"""The way from a consumer to the function that has a message's effect, and what tells one message from another."""

from __future__ import annotations

import ast
import re

from msgspec import Struct

from datakeel.mend.parts import place_of
from datakeel.mend.patch import Files
from datakeel.mistake import Mistake
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.read.languages.python.draft import Draft, Refused

HANDED = ("message_id", "delivery_id")  # what a function that is handed the message's identity may call it
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Spot(Struct, frozen=True):
    """Where messages are noted: a function with an effect of the message, in its own terms, and what tells the message
    from all others there."""

    site: Draft
    operation: Operation
    effect: Effect
    message: str
    calls: tuple[tuple[Draft, ast.Call], ...] = ()  # that lead to it from the consumer


class Sites:
    """The files that code is changed in, each as one draft."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.drafts: dict[str, Draft] = {}

    def at(self, path: str) -> Draft:
        """Raises Refused for a file that cannot be written back."""
        if path not in self.drafts:
            text = self.files.text(path)
            if text is None:
                raise Refused
            self.drafts[path] = Draft(text, path)
        return self.drafts[path]


def spot_at(depth: int, consumer: Operation, effect: Effect, system: System, sites: Sites) -> Spot:
    """The function that many calls down from the consumer; each on the way is handed the message's identity. Raises
    Refused where others call one too, or one message calls it several times: they would share one note."""
    site = sites.at(consumer.place.path)
    first = site.offset(place_of(effect).line, place_of(effect).column)
    message = identity(site, consumer, site.function(innermost(site, first)))
    holder, calls = consumer, list[tuple[Draft, ast.Call]]()
    for level in range(depth):
        call_place = effect.chain[level]
        call = site.find(call_place, ast.Call)
        if once_a_message(site, holder, site.statement(call)) is not site.statement(call):
            raise Refused
        seen = next(e for e in holder.effects if (e.place, e.chain) == (effect.place, effect.chain[level:]))
        if any(place_of(e) != call_place for e in changes(holder, seen)):
            raise Refused
        holder = called_at(effect, level, system)
        if callers(effect, level, system) != {call_place} or mentioned(holder, call_place, sites.files):
            raise Refused
        if called_twice(site, call):
            raise Refused
        below = sites.at(holder.place.path)
        given = hand(below, defined(below, holder))
        site.add_argument(call, f"{given}={site.quoted(message)}")
        calls.append((site, call))
        site, message = below, given
    inner = next(e for e in holder.effects if (e.place, e.chain) == (effect.place, effect.chain[depth:]))
    return Spot(site, holder, inner, message, tuple(calls))


def called_at(effect: Effect, level: int, system: System) -> Operation:
    """The function that the call of that level enters. Raises Refused."""
    rest = effect.chain[level + 1 :]
    own = rest[0] if rest else effect.place
    for operation in system.operations:
        place = operation.place
        around = place.path == own.path and place.line <= own.line <= place.end_line
        if around and any((e.place, e.chain) == (effect.place, rest) for e in operation.effects):
            return operation
    raise Refused


def callers(effect: Effect, level: int, system: System) -> set[Place]:
    """The calls by which all functions of the system come to the effect, at that level."""
    rest = effect.chain[level + 1 :]
    size = len(rest)
    chains = (e.chain for e in system.effects_at(effect.place) if e.kind == effect.kind and len(e.chain) > size)
    return {chain[-size - 1] for chain in chains if chain[len(chain) - size :] == rest}


def mentioned(operation: Operation, call: Place, files: Files) -> bool:
    """Whether the program speaks of a function elsewhere than in its definition, its import and the one call."""
    name = operation.symbol.rpartition(".")[2]
    spoken = re.compile(rf"\b{re.escape(name)}\b")
    module = operation.name.removesuffix(f".{operation.symbol}").rpartition(".")[2]
    for path in files.below(""):
        text = files.text(path) if path.endswith(".py") and not tests(path) else None
        if text is None or not spoken.search(text) or (path != operation.place.path and module not in text):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if not spoken.search(line) or re.match(r"\s*(from|import|#|def|async def)\b", line):
                continue
            if (path, number) != (call.path, call.line):
                return True
    return False


def tests(path: str) -> bool:
    """Whether a file is one of tests: they are told what a function is handed by failing."""
    return re.search(r"(^|/)(tests?|conftest)(/|_|\.py$)|_test\.py$", path) is not None


def called_twice(site: Draft, call: ast.Call) -> bool:
    """Whether a function calls another one in several places: one message may take both."""
    name = site.source(call.func)
    calls = (n for n in ast.walk(site.function(call)) if isinstance(n, ast.Call) and site.source(n.func) == name)
    return len(list(calls)) > 1


def defined(site: Draft, operation: Operation) -> Function:
    """A function's definition. Raises Refused."""
    named = (n for n in ast.walk(site.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    name, line = operation.symbol.rpartition(".")[2], operation.place.line
    found = next((n for n in named if n.name == name and n.lineno <= line <= (n.end_lineno or n.lineno)), None)
    if found is None:
        raise Refused
    return found


def hand(site: Draft, function: Function) -> str:
    """One more parameter, for the message's identity; its name. Raises Refused."""
    given = function.args
    if not given.args or given.vararg or given.kwarg or given.kwonlyargs or given.defaults or given.posonlyargs:
        raise Refused
    used = {getattr(n, "id", getattr(n, "arg", "")) for n in ast.walk(function)}
    name = next((n for n in HANDED if n not in used), "")
    if not name:
        raise Refused
    typed = any(a.annotation is not None for a in given.args)
    last = given.args[-1]
    text = f"{name}: str" if typed else name
    before = site.before_item(last)
    own_line = not before.strip() and len(given.args) > 1
    site.insert(site.end(last), f",\n{before}{text}" if own_line else f", {text}")
    return name


def innermost(site: Draft, offset: int) -> ast.stmt:
    statements = [n for n in ast.walk(site.tree) if isinstance(n, ast.stmt) and site.start(n) <= offset < site.end(n)]
    return max(statements, key=site.start)


def once_a_message(site: Draft, operation: Operation, statement: ast.stmt) -> ast.stmt:
    """A statement with the loops round it that one message goes through: it is noted once, not for each line of it."""
    consumed = [site.offset(e.place.line, e.place.column) for e in operation.of(Kind.CONSUME) if not e.chain]
    found = statement
    for node in site.above(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            break
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            if any(site.start(node) <= at < site.end(node) for at in consumed):
                break
            found = node
    return found


def changes(operation: Operation, effect: Effect) -> list[Effect]:
    """What a run that has an effect changes in tables, but for what it does after a failure."""
    writes = (e for e in operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL)
    return [e for e in writes if not failed(e) and not operation.exclusive(effect, e)]


def failed(effect: Effect) -> bool:
    """Whether an effect happens only where something went wrong."""
    return any(s.kind == "try" and s.arm.startswith("handler") for s in effect.scopes)


# What a message is known by -------------------------------------------------------------------------------------------


def identity(site: Draft, operation: Operation, function: ast.AST) -> str:
    """What tells a message from all others, also when it comes again. Raises Mistake."""
    consume = next((e for e in operation.of(Kind.CONSUME) if not e.chain), None)
    name = message_of(site, consume) if consume is not None else ""
    if name:
        if site.known("confluent_kafka", "Consumer", site.tree.body[-1]) is not None:
            return f'f"{{{name}.topic()}}/{{{name}.partition()}}/{{{name}.offset()}}"'
        kafka = ("kafka", "KafkaConsumer"), ("aiokafka", "AIOKafkaConsumer")
        if any(site.known(module, made, site.tree.body[-1]) is not None for module, made in kafka):
            return f'f"{{{name}.topic}}/{{{name}.partition}}/{{{name}.offset}}"'
    if isinstance(function, ast.FunctionDef) and any(e.kind == "task" for e in operation.entries):
        first = function.args.args[0].arg if function.args.args else ""
        bound = any(k.arg == "bind" for d in function.decorator_list if isinstance(d, ast.Call) for k in d.keywords)
        return f"{first if bound else site.name('celery', 'current_task', function.body[0])}.request.id"
    if isinstance(function, ast.FunctionDef) and any(e.kind == "consumer" for e in operation.entries):
        given = [a.arg for a in function.args.args]
        if len(given) - (given[:1] == ["self"]) == len(("channel", "method", "properties", "body")):
            return f"{given[-2]}.message_id"
    raise Mistake(f"{operation.symbol}: what tells one message from another is not known here: no patch can be made")


def message_of(site: Draft, consume: Effect) -> str:
    """The variable that a message is kept in; empty where it is handed over, or comes among others."""
    begin = site.offset(consume.place.line, consume.place.column)
    for node in ast.walk(site.tree):
        target: ast.expr | None = None
        if isinstance(node, ast.Assign) and site.start(node) <= begin < site.end(node) and gives_one(site, node.value):
            target = node.targets[0]
        elif isinstance(node, ast.For | ast.AsyncFor) and site.start(node) <= begin < site.end(node.iter):
            target = node.target
        if isinstance(target, ast.Name):
            return target.id
    return ""


def gives_one(site: Draft, value: ast.expr) -> bool:
    """Whether a call gives one message: Confluent's ``poll``, aiokafka's ``getone``, or ``next(consumer)``.
    kafka-python's ``poll`` gives many."""
    value = value.value if isinstance(value, ast.Await) else value
    if not isinstance(value, ast.Call):
        return False
    if isinstance(value.func, ast.Name):
        return value.func.id == "next"
    confluent = site.known("confluent_kafka", "Consumer", site.tree.body[-1]) is not None
    one = "poll" if confluent else "getone"
    return isinstance(value.func, ast.Attribute) and value.func.attr == one
