"""Statements: control flow, with what holds on each path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from datakeel.model.effect import Guard, Kind, Rows, Scope, Source
from datakeel.model.operation import Handler, Retry
from datakeel.read import handling
from datakeel.read.aside import other_than_aside
from datakeel.read.evaluate import NO_SPAN, Evaluator, guards_of
from datakeel.read.program import (
    Assert,
    Assign,
    Attribute,
    Augment,
    Break,
    Call,
    Collection,
    Const,
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
from datakeel.read.retrying import (
    ANSWER,
    changed,
    counted_attributes,
    counters,
    gives_up,
    going_on,
    is_pause,
    paces,
    retry_shape,
    times,
    waiting,
)
from datakeel.read.state import State, joined
from datakeel.read.values import (
    MESSAGES,
    MISSING,
    NONE,
    NOTHING,
    ClosureTarget,
    ExternalTarget,
    Pending,
    Value,
    canonical,
    element,
    gone_through,
    join,
    kept,
    module_rows,
    union,
)

ABSENT = ("DoesNotExist", "NoResultFound", "NotFound", "Http404")  # a row was asked for, and there is none


FAILING = 32  # effects that a handler names as what may have failed, the nearest first: its own effects carry them


class Executor(Evaluator):
    """Follows statements. `enter` (of a context) comes from the classes above it."""

    def execute(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            if not self.state.alive:
                return
            EXECUTE[type(statement)](self, statement)

    def evaluate(self, node: Evaluate) -> None:
        started = len(self.effects)
        value = self.eval(node.value)
        if isinstance(value.state, Pending):
            return  # a coroutine that nobody awaits never runs
        awaited = isinstance(node.value, Derive) and node.value.how == "await"
        call = node.value.operands[0] if isinstance(node.value, Derive) and awaited else node.value
        if isinstance(call, Call) and not (awaited and self.effects[started:] and self.effects[-1].kind == Kind.SPAWN):
            self.remark(started, call.at, result_used=False)

    # Binding ----------------------------------------------------------------------------------------------------------

    def assign(self, node: Assign) -> None:
        if node.value is None:
            if isinstance(node.targets[0], Local) and node.annotation is not None:
                self.bind(node.targets[0], self.world.annotated(self.frame.module, node.annotation), node.at)
            return
        value = self.eval(node.value)
        if node.annotation is not None and value.state is None and (not value.type or holds_unknown(value)):
            declared = self.world.annotated(self.frame.module, node.annotation)
            value = value.but(type=value.type or declared.type, of=value.of or declared.of)
        for target in node.targets:
            self.bind(target, value, node.at)

    def bind(self, target: Expression, value: Value, at: Span) -> None:
        match target:
            case Local(name):
                self.assign_local(name, value)
            case Global(dotted):
                if self.frame.function is not None:  # a program's own variables end with it
                    self.keep(value)
                self.state.heap[(module_rows(self.frame.module), dotted.removeprefix("."))] = value
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
        self.keep(value)
        if base.rows is not None:
            self.state.heap[(base.rows, name)] = value
            if (base.rows, f"$changed:{name}") not in self.state.heap:
                value = kept(value, base.rows, name)
        self.world.orms.assigned(self.caller, base, name, value, at)
        row = self.world.libraries.type(base.type) if base.type else None
        if row is not None and name in row.sets and base.options is not None:
            base.options = {**base.options, row.sets[name]: value}
        if row is not None and name in row.callbacks:
            self.caller.call_back(row, row.callbacks[name], base, value)

    def assign_item(self, base: Value, key: Value, value: Value, at: Span, where: Expression) -> None:
        self.keep(value, many=not isinstance(key.const, str))
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
        aside = self.world.once(other_than_aside, node)
        before = self.state
        self.state = before.fork()
        self.enter_arm(number, "then", node.at, guards_of(test, True, place), aside=aside == "then")
        self.narrow(node.test, True)
        self.execute(node.then)
        then = self.state
        self.state = before.fork()
        self.enter_arm(number, "else", node.at, guards_of(test, False, place), aside=aside == "else")
        self.narrow(node.test, False)
        self.execute(node.otherwise)
        self.meet(then, self.state, before)

    def enter_arm(
        self,
        number: int,
        arm: str,
        at: Span,
        guards: tuple[Guard, ...] = (),
        kind: str = "branch",
        *,
        aside: bool = False,
    ) -> None:
        self.state.scopes = (*self.state.scopes, Scope(number, kind, arm, self.place(at), "aside" if aside else ""))
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
        unbounded = False
        entered = Value()
        iterable = NOTHING
        if node.iterable is not None:
            started = len(self.effects)
            iterable = self.force(self.eval(node.iterable), node.at, "iterate")
            if node.is_async:
                self.asynchronous(started, node.iterable, iterable)
            unbounded = self.world.endless(self.caller, iterable, node.is_async)
        opening = self.world.opening_of(iterable, node.at) if iterable.type else None
        retrying = opening is not None and opening.opens.scope == "retry"
        once = self.world.once
        retry = retrying or once(retry_shape, node)
        before = self.state
        self.state = before.fork()
        if retry:
            self.state.scopes = (*self.state.scopes, Scope(number, "retry", "", self.place(node.at)))
        starts = self.vary(once(changed, node.body), once(counters, node.body))
        if node.test is not None:
            entered = self.truth(self.eval(node.test), node.at)
            unbounded = entered.known and bool(entered.const)
        place = self.place(node.at)
        text = MESSAGES if iterable.type == MESSAGES else "sorted" if iterable.name in ("sorted", "ordered") else ""
        outside = self.state.scopes
        endless = unbounded or until_told(node.test)
        self.state.scopes = (*outside, Scope(number, "loop", "body", place, text, endless))
        self.guarded(guards_of(entered, True, place))
        if node.target is not None:
            done = len(self.effects)
            turn = varied(self.world.loop_element(self.caller, iterable, node.at), iterable)
            over = gone_through(turn) if len(self.effects) == done else None  # a message is read in its own turn
            if over is not None:
                self.state.scopes = (*outside, Scope(number, "loop", "body", place, text, unbounded, over))
            self.bind(node.target, turn, node.at)
        self.broken.append([])
        started, left = len(self.effects), len(self.exits)
        self.execute(node.body)
        exits = self.broken.pop()
        if retrying and opening is not None:
            self.retries.append(self.world.described_retry(number, opening, place))
        elif retry:
            attempts = "unbounded" if unbounded else self.counted(node, iterable, entered, starts)
            self.retries.append(self.described_retry(number, node, attempts, starts, started, left))
        if not unbounded and node.iterable is None and not counting(node.test):
            self.polled(number, started)
        self.after_loop(before, exits, unbounded and node.iterable is None)
        if self.state.alive or not exits:
            self.execute(node.otherwise)

    def polled(self, number: int, started: int) -> None:
        """A loop that asks for messages in each turn (``while running``) goes on as long as they come: without end."""
        if not any(e.kind == Kind.CONSUME for e in self.effects[started:]):
            return
        for index in range(started, len(self.effects)):
            effect = self.effects[index]
            scopes = tuple(replace(s, unbounded=True) if s.number == number else s for s in effect.scopes)
            self.effects[index] = replace(effect, scopes=scopes)

    broken: list[list[State]]

    def vary(self, names: frozenset[str], counters: frozenset[str]) -> dict[str, str]:
        """A loop's turns change variables: a literal that one held before is what it holds in the first turn only.
        Gives the numbers that counting ones start at, empty where that is not known."""
        starts: dict[str, str] = {}
        for name in sorted(names):
            key = (self.frame.number, name)
            value = self.state.env.get(key)
            if value is None:
                continue
            number = isinstance(value.const, int | float) and not isinstance(value.const, bool)
            if number or (name in counters and countable(value)):
                starts[name] = str(value.const) if number else ""
            elif not value.known:
                continue
            sources = frozenset((Source("loop", name=name),)) if value.const is not None else frozenset()
            self.state.env[key] = Value(type=value.type, sources=value.sources | sources, origin=value.origin)
        return starts

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

    def described_retry(
        self, number: int, node: Loop, attempts: str, starts: dict[str, str], started: int, left: int
    ) -> Retry:
        """A hand-written retry in the model's words."""
        counted = counted_attributes(node.body)
        handlers = tuple(going_on(node))
        pauses = [e for e in self.effects[started:] if is_pause(e)]
        wait = waiting(pauses, counted, handlers) if pauses or not paces(node) else ""
        if attempts == "unbounded":
            attempts = gives_up(self.exits[left:], counted, starts) or attempts
        names = {n for h in handlers for n in self.world.exception_names(self.frame.module, h.types) or ("*",)}
        return Retry(number, "loop", self.place(node.at), attempts, wait, tuple(sorted(names)) or (ANSWER,))

    def counted(self, node: Loop, iterable: Value, entered: Value, starts: dict[str, str]) -> str:
        """How often a loop turns at most: a number, ``bounded``, or ``unbounded`` where nothing counts."""
        if node.test is not None:
            tests = [g for g in entered.tests if g.sources]
            named = {s.name for g in tests for s in g.sources if s.kind == "loop"} & starts.keys()
            if not named and not any(s.kind == "clock" for g in tests for s in g.sources):
                return "unbounded"
            limit = next((g.text for g in tests if g.test in ("<", "<=", "!=")), "")
            return times(limit, next((starts[n] for n in sorted(named) if starts[n]), ""))
        if iterable.name.isdigit():
            return iterable.name
        if iterable.name == "unbounded":
            return "unbounded"
        return str(len(iterable.items)) if iterable.items is not None and iterable.complete else "bounded"

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
        for index in range(len(node.handlers)):
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
        failing = [e for e in inside if e.kind in ("read", "write", "call", "publish")]
        near = sorted(failing, key=lambda e: len(e.chain))[:FAILING]
        numbers = tuple(sorted(Source("read", e.number) for e in near))
        self.guarded((Guard("exception", True, numbers, " ".join(names), self.place(handler.at)),))
        locking = [e.number for e in inside if e.kind == Kind.READ and e.selection is not None and e.selection.lock]
        if len(locking) == 1 and any(n.endswith(ABSENT) for n in names):
            self.state.missed |= {locking[0]}
        if handler.name is not None:
            self.assign_local(handler.name, Value(type=names[0] if names else "", sources=frozenset()))
        self.execute(handler.body)
        if not self.frame.chain:
            once = self.world.once
            self.handlers.append(
                Handler(
                    number,
                    f"handler:{index}",
                    self.place(handler.at),
                    names,
                    once(handling.done, handler.body),
                    self.state.alive,
                    once(handling.told, node, self.frame.text),
                    outer,
                    tuple(self.place(c.at) for c in once(handling.calls, handler.body)),
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
        if self.resources:
            self.hand_on((value,), "returned", node.at)
        if self.listings and takes_part(node.value) and all(s.path for s in value.sources):
            self.gone_through(value)  # the entries alone are handed on: what says that there are more is left behind
        frame.returned = value if frame.returned is None else join(frame.returned, value)
        frame.left.append(self.state.fork())
        self.leave("return", node.at, repr(value.const) if value.known else "")

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


def takes_part(node: Expression | None) -> bool:
    """Whether an expression takes the entries that stand under a name (``answer["Contents"]``,
    ``answer.get("Items")``): the name is a plural."""
    match node:
        case Item(_, Const(str(name))) | Call(Attribute(_, "get"), (Const(str(name)), *_)):
            return name.endswith("s")
    return False


def countable(value: Value) -> bool:
    """Whether a variable may hold a number: nothing says that it holds something else."""
    other = value.state is not None or value.items is not None or value.entries is not None or value.target is not None
    return not other and value.type in ("", "builtins.int", "builtins.float")


def varied(value: Value, iterable: Value) -> Value:
    """A loop's variable that takes different literals in turn differs from one turn to the next."""
    if iterable.items is None or value.known or not all(i.known for i in iterable.items):
        return value
    return value.but(sources=value.sources | {Source("loop")})


def until_told(test: Expression | None) -> bool:
    """Whether a loop goes on until somebody says that it shall end (``while not stopping.is_set()``, or a wait that
    ends with it)."""
    match test:
        case Derive("not", (Call(Attribute(_, "is_set" | "wait")),)):
            return True
    return False


def counting(test: Expression | None) -> bool:
    """Whether a loop's test measures something: it ends by itself."""
    match test:
        case Derive("<" | "<=" | ">" | ">="):
            return True
        case Derive("and", operands):
            return any(counting(o) for o in operands)
    return False


def holds_unknown(value: Value) -> bool:
    """Whether a list or mapping is at hand, and not what an element of it is that is found later."""
    return value.of is None and value.type in ("builtins.dict", "builtins.list", "builtins.set")


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
