"""Statements: control flow, with what holds on each path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datakeel.model.effect import Guard, Rows, Scope, Source
from datakeel.model.operation import Handler, Retry
from datakeel.read import handling
from datakeel.read.evaluate import NO_SPAN, Evaluator, guards_of
from datakeel.read.program import (
    Assert,
    Assign,
    Attribute,
    Augment,
    Break,
    Call,
    Collection,
    Continue,
    Define,
    Delete,
    Derive,
    Evaluate,
    Expression,
    Global,
    If,
    Item,
    Local,
    Loop,
    Raise,
    Return,
    Span,
    Star,
    Statement,
    Try,
    With,
)
from datakeel.read.state import State, joined
from datakeel.read.values import (
    MISSING,
    NONE,
    NOTHING,
    ClosureTarget,
    ExternalTarget,
    Pending,
    Value,
    canonical,
    element,
    join,
    union,
)


class Executor(Evaluator):
    """Follows statements. `enter` (of a context) comes from the classes above it."""

    def execute(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            if not self.state.alive:
                return
            EXECUTE[type(statement)](self, statement)

    def evaluate(self, node: Evaluate) -> None:
        value = self.eval(node.value)
        if isinstance(value.state, Pending):
            return  # a coroutine that nobody awaits never runs

    # Binding ----------------------------------------------------------------------------------------------------------

    def assign(self, node: Assign) -> None:
        if node.value is None:
            if isinstance(node.targets[0], Local) and node.annotation is not None:
                self.bind(node.targets[0], self.world.annotated(self.frame.module, node.annotation), node.at)
            return
        value = self.eval(node.value)
        if node.annotation is not None and not value.type and value.state is None:
            declared = self.world.annotated(self.frame.module, node.annotation)
            value = value.but(type=declared.type, of=value.of or declared.of)
        for target in node.targets:
            self.bind(target, value, node.at)

    def bind(self, target: Expression, value: Value, at: Span) -> None:
        match target:
            case Local(name):
                self.assign_local(name, value)
            case Global(dotted):
                self.world.assign_global(self.frame.module, dotted, value)
                self.assign_local(dotted, value)
            case Attribute(base, name, where):
                self.assign_attribute(self.eval(base), name, value, where if where.line else at)
            case Item(base, key):
                self.assign_item(self.eval(base), self.eval(key), value, at, base)
            case Collection(_, items):
                self.unpack(items, value, at)
            case Star(inner):
                self.bind(inner, Value(type="builtins.list", of=element(value), sources=value.sources), at)

    def unpack(self, targets: tuple[Expression, ...], value: Value, at: Span) -> None:
        value = self.force(value, at, "iterate")
        known = value.items if value.items is not None and not any(isinstance(t, Star) for t in targets) else None
        for number, target in enumerate(targets):
            part = known[number] if known is not None and number < len(known) else element(value)
            self.bind(target, part, at)

    def assign_attribute(self, base: Value, name: str, value: Value, at: Span) -> None:
        if base.rows is not None:
            self.state.heap[(base.rows, name)] = value
        self.world.orms.assigned(self.caller, base, name, value, at)
        row = self.world.libraries.type(base.type) if base.type else None
        if row is not None and name in row.sets and base.options is not None:
            base.options[row.sets[name]] = value

    def assign_item(self, base: Value, key: Value, value: Value, at: Span, where: Expression) -> None:
        if base.entries is not None and isinstance(key.const, str):
            changed = base.but(entries={**base.entries, key.const: value})
            if isinstance(where, Local):
                self.assign_local(where.name, changed)
        elif base.entries is not None and isinstance(where, Local):
            self.assign_local(where.name, base.but(complete=False, sources=base.sources | value.sources))
        if base.rows is not None:
            self.state.heap[(base.rows, f"[{canonical(key)}]")] = value
            self.world.orms.item_assigned(self.caller, base, key, value, at)

    def augment(self, node: Augment) -> None:
        current = self.eval(node.target)
        value = self.eval(node.value)
        result = self.computed(node.operator, (current, value), node.at)
        if result.sources != current.sources | value.sources and not result.known:
            result = result.but(sources=union((current, value)))
        self.bind(node.target, result, node.at)

    def delete(self, node: Delete) -> None:
        for target in node.targets:
            if isinstance(target, Local):
                self.state.env.pop((self.frame.number, target.name), None)
            elif isinstance(target, Attribute | Item):
                base = self.eval(target.base)
                self.world.orms.deleted(self.caller, base, target, node.at)

    def define(self, node: Define) -> None:
        name = node.function.signature.name.rpartition(".")[2]
        value: Value = Value(target=ClosureTarget(node.function, self.frame), type="builtins.function")
        for decorator in reversed(node.function.signature.decorators):
            value = self.decorate(self.eval(decorator), decorator, value)
        self.assign_local(name, value)

    def decorate(self, decorator: Value, node: Expression, value: Value) -> Value:
        raise NotImplementedError

    # Branches ---------------------------------------------------------------------------------------------------------

    def if_(self, node: If) -> None:
        test = self.truth(self.eval(node.test), node.at)
        if test.known:
            self.execute(node.then if test.const else node.otherwise)
            return
        number = self.next()
        place = self.place(node.at)
        before = self.state
        self.state = before.fork()
        self.enter_arm(number, "then", node.at, guards_of(test, True, place))
        self.narrow(node.test, True)
        self.execute(node.then)
        then = self.state
        self.state = before.fork()
        self.enter_arm(number, "else", node.at, guards_of(test, False, place))
        self.narrow(node.test, False)
        self.execute(node.otherwise)
        self.meet(then, self.state, before)

    def enter_arm(self, number: int, arm: str, at: Span, guards: tuple[Guard, ...] = (), kind: str = "branch") -> None:
        self.state.scopes = (*self.state.scopes, Scope(number, kind, arm, self.place(at)))
        self.guarded(guards)

    def meet(self, a: State, b: State, before: State) -> None:
        self.state = joined(a, b, before.scopes, before.guards)

    def narrow(self, test: Expression, polarity: bool) -> None:
        """``isinstance(x, C)`` and ``x is None`` say what a variable is where they hold."""
        match test:
            case Call(Global("builtins.isinstance"), (Local(name), kind)) if polarity:
                found = self.world.annotated(self.frame.module, kind)
                if found.type:
                    self.assign_local(name, self.local(Local(name)).but(type=found.type, others=()))
            case Derive("is" | "==", (Local(name), other)) if polarity and self.eval(other).const is None:
                self.assign_local(name, NONE)
            case Derive("not", (inner,)):
                self.narrow(inner, not polarity)

    # Loops ------------------------------------------------------------------------------------------------------------

    def loop(self, node: Loop) -> None:
        number = self.next()
        retry = retry_shape(node)
        before = self.state
        unbounded = False
        entered = Value()
        iterable = NOTHING
        if node.iterable is not None:
            iterable = self.force(self.eval(node.iterable), node.at, "iterate")
            unbounded = self.world.endless(self.caller, iterable, node.is_async)
        before = self.state
        self.state = before.fork()
        if retry:
            self.state.scopes = (*self.state.scopes, Scope(number, "retry", "", self.place(node.at)))
        if node.test is not None:
            entered = self.truth(self.eval(node.test), node.at)
            unbounded = entered.known and bool(entered.const)
        place = self.place(node.at)
        self.state.scopes = (*self.state.scopes, Scope(number, "loop", "body", place, "", unbounded))
        self.guarded(guards_of(entered, True, place))
        if node.target is not None:
            self.bind(node.target, self.world.loop_element(self.caller, iterable, node.at), node.at)
        self.broken.append([])
        started = len(self.effects)
        self.execute(node.body)
        exits = self.broken.pop()
        if retry:
            self.retries.append(self.described_retry(number, node, started, unbounded))
        self.after_loop(before, exits, unbounded)
        if self.state.alive or not exits:
            self.execute(node.otherwise)

    broken: list[list[State]]

    def after_loop(self, before: State, exits: list[State], unbounded: bool) -> None:
        """Behind a loop: its body ran to the end, or it was broken off, or (unless it is endless) it never ran."""
        end = self.state
        result = end if not unbounded else State(alive=False)
        if not unbounded:
            result = joined(before.fork(), end, before.scopes, before.guards)
        for state in exits:
            state.alive = True
            result = joined(state, result, before.scopes, before.guards)
        result.scopes, result.guards = before.scopes, before.guards
        result.when = before.when
        self.state = result

    def described_retry(self, number: int, node: Loop, started: int, unbounded: bool) -> Retry:
        inside = self.effects[started:]
        wait = "none"
        for effect in inside:
            if effect.kind == "wait" and effect.verb == "sleep":
                wait = waiting(effect.payload, effect.text)
        attempts = "unbounded" if unbounded else (self.counted(node) or "")
        names = tuple(sorted({t for h in caught(node) for t in h}))
        return Retry(number, "loop", self.place(node.at), attempts, wait, names)

    def counted(self, node: Loop) -> str:
        if (
            isinstance(node.iterable, Call)
            and node.iterable.function == Global("builtins.range")
            and node.iterable.arguments
        ):
            last = self.eval(node.iterable.arguments[-1 if len(node.iterable.arguments) == 1 else 1])
            return str(last.const) if last.known else "bounded"
        return "bounded" if node.iterable is not None or node.test is not None else ""

    def break_(self, node: Break) -> None:
        if self.broken:
            self.broken[-1].append(self.state.fork())
        self.leave("break", node.at)

    def continue_(self, node: Continue) -> None:
        if self.broken:
            self.broken[-1].append(self.state.fork())
        self.leave("continue", node.at)

    # Exceptions -------------------------------------------------------------------------------------------------------

    def try_(self, node: Try) -> None:
        number = self.next()
        before = self.state
        start = before.fork()
        started = len(self.effects)
        raised_before = len(self.frame.raises)
        self.state = before.fork()
        self.enter_arm(number, "body", node.at, kind="try")
        self.state.scopes = (
            *self.state.scopes[:-1],
            Scope(number, "try", "body", self.place(node.at), handled_text(self, node)),
        )
        self.execute(node.body)
        end = self.state
        inside = self.effects[started:]
        if node.handlers:
            del self.frame.raises[raised_before:]
        failed = self.failed_state(start, end, before)
        results = []
        if end.alive:
            end.scopes, end.guards = before.scopes, before.guards
            self.state = end
            if node.otherwise:
                self.enter_arm(number, "else", node.at, kind="try")
                self.execute(node.otherwise)
            results.append(self.state)
        for index, handler in enumerate(node.handlers):
            self.state = failed.fork()
            self.handle(number, index, node, inside)
            results.append(self.state)
        self.finish_try(number, node, results, failed, before)

    def failed_state(self, start: State, end: State, before: State) -> State:
        """The state in which a handler starts: the body failed somewhere between its start and its end."""
        ended = end.fork()
        ended.alive = True
        failed = joined(start, ended, before.scopes, before.guards)
        failed.alive = True
        failed.scopes, failed.guards = before.scopes, before.guards
        return failed

    def handle(self, number: int, index: int, node: Try, inside: list[Any]) -> None:
        handler = node.handlers[index]
        names = self.world.exception_names(self.frame.module, handler.types)
        outer = self.state.scopes
        self.enter_arm(number, f"handler:{index}", handler.at, kind="try")
        numbers = tuple(Source("read", e.number) for e in inside if e.kind in ("read", "write", "call", "publish"))
        self.guarded((Guard("exception", True, numbers, " ".join(names), self.place(handler.at)),))
        if handler.name is not None:
            self.assign_local(handler.name, Value(type=names[0] if names else "", sources=frozenset()))
        self.execute(handler.body)
        if not self.frame.chain:
            self.handlers.append(
                Handler(
                    number,
                    f"handler:{index}",
                    self.place(handler.at),
                    names,
                    handling.done(handler.body),
                    self.state.alive,
                    handling.told(node, self.frame.text),
                    outer,
                )
            )

    def finish_try(self, number: int, node: Try, results: list[State], failed: State, before: State) -> None:
        whole: State | None = None
        for state in results:
            whole = state if whole is None else joined(whole, state, before.scopes, before.guards)
        whole = whole if whole is not None else failed.fork()
        left = not whole.alive or not results
        if results and any(s.alive for s in results) and len([s for s in results if s.alive]) > 1:
            whole.scopes, whole.guards = before.scopes, before.guards
        if node.final:
            self.state = whole
            self.state.alive = True
            scopes, guards = whole.scopes, whole.guards
            self.enter_arm(number, "finally", node.at, kind="try")
            self.execute(node.final)
            if self.state.alive:
                self.state.scopes, self.state.guards = scopes, guards
                self.state.alive = not left
        else:
            self.state = whole
            self.state.alive = not left

    # Contexts and exits -----------------------------------------------------------------------------------------------

    def with_(self, node: With) -> None:
        context = self.eval(node.context)
        self.enter(context, node)

    def enter(self, context: Value, node: With) -> None:
        raise NotImplementedError

    def return_(self, node: Return) -> None:
        value = self.eval(node.value) if node.value is not None else NONE
        frame = self.frame
        frame.returned = value if frame.returned is None else join(frame.returned, value)
        frame.left.append(self.state.fork())
        self.leave("return", node.at, "None" if value.known and value.const is None else "")

    def raise_(self, node: Raise) -> None:
        text = ""
        if node.value is not None:
            value = self.eval(node.value)
            text = value.type or (value.target.dotted if isinstance(value.target, ExternalTarget) else "?")
        self.frame.raises.append(text)
        self.leave("raise", node.at, text)

    def assert_(self, node: Assert) -> None:
        test = self.truth(self.eval(node.test), node.at)
        self.guarded(guards_of(test, True, self.place(node.at)))


# The shape of a hand-written retry ------------------------------------------------------------------------------------


def retry_shape(node: Loop) -> bool:
    """A loop that tries again after a failure: its body tries something, leaves on success, and goes on from a
    handler."""
    for statement in node.body:
        if isinstance(statement, Try) and statement.handlers:
            leaves = any(always_leaves(part) for part in (statement.body, statement.otherwise))
            after = node.body[node.body.index(statement) + 1 :]
            leaves = leaves or (bool(after) and always_leaves(after))
            goes_on = any(not always_leaves(h.body, looping=True) for h in statement.handlers)
            if leaves and goes_on:
                return True
    return False


def always_leaves(body: tuple[Statement, ...], *, looping: bool = False) -> bool:
    """Whether a block surely ends by return, break (or, when not `looping`, nothing else)."""
    for statement in body:
        match statement:
            case Return() | Break():
                return True
            case Raise() if looping:
                return True
            case If(_, then, otherwise) if otherwise:
                if always_leaves(then, looping=looping) and always_leaves(otherwise, looping=looping):
                    return True
            case With(_, _, inner):
                if always_leaves(inner, looping=looping):
                    return True
    return False


def caught(node: Loop) -> list[tuple[str, ...]]:
    found = []
    for statement in node.body:
        if isinstance(statement, Try):
            found += [tuple(name_of(t) for t in h.types) for h in statement.handlers]
    return found


def name_of(expression: Expression) -> str:
    match expression:
        case Global(dotted):
            return dotted.lstrip(".~?")
        case Attribute(base, name):
            return f"{name_of(base)}.{name}"
        case Collection(_, items):
            return " ".join(name_of(i) for i in items)
    return "?"


def waiting(sources: tuple[Source, ...], text: str) -> str:
    if any(s.kind == "random" for s in sources):
        return "jittered"
    if text:
        return "constant"
    return "growing" if sources else ""


def handled_text(executor: Executor, node: Try) -> str:
    names = [n for h in node.handlers for n in executor.world.exception_names(executor.frame.module, h.types) or ("*",)]
    return " ".join(names)


EXECUTE: dict[type, Callable[[Any, Any], None]] = {
    Evaluate: Executor.evaluate,
    Assign: Executor.assign,
    Augment: Executor.augment,
    If: Executor.if_,
    Loop: Executor.loop,
    Try: Executor.try_,
    With: Executor.with_,
    Return: Executor.return_,
    Raise: Executor.raise_,
    Break: Executor.break_,
    Continue: Executor.continue_,
    Delete: Executor.delete,
    Assert: Executor.assert_,
    Define: Executor.define,
}

__all__ = ["MISSING", "NO_SPAN", "Executor", "Rows"]
