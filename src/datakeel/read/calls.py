"""Calls: what they reach (a function of the project, a library's row, an ORM), and what decorators do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from datakeel.model.effect import When
from datakeel.model.place import Place
from datakeel.read.applying import Applier
from datakeel.read.attributes import Super
from datakeel.read.libraries import CallRow
from datakeel.read.program import Attribute, Call, Const, Expression, Global, Local, Span, Star, named_expression
from datakeel.read.retrying import last_name
from datakeel.read.state import ENDED, Frame, State, joined
from datakeel.read.values import (
    NOTHING,
    Arguments,
    ClassTarget,
    ClosureTarget,
    ExternalTarget,
    FunctionTarget,
    MethodTarget,
    PartialTarget,
    Value,
    element,
    join,
)

UNDEFINED = (MethodTarget, type(None))  # the targets of calls that no definition was found for
CALLABLES = ("", "collections.abc.Callable", "typing.Callable")  # the types of what may do anything
HANDLES = re.compile(  # what code is called that does something with a message
    r"(^|_)(handle|handler|callback|cb|func|function|fn|listener|action|process|processor|dispatch|consume|deliver|emit"
    r"|trigger|notify|send|publish|forward|ingest|store|save|submit|perform|execute|run|apply|project|on)(_|$)"
)


class Caller(Applier):
    """Follows all that a function does."""

    def call(self, node: Call) -> Value:
        awaited = self.awaiting is node
        function = self.eval(node.function)
        special = self.special(node, function)
        if special is not None:
            return special
        if isinstance(function.target, ExternalTarget) and function.target.dotted in self.world.libraries.enclosing:
            return self.enclosed(node, function, function.target.dotted)
        arguments = self.arguments(node)
        if isinstance(function.target, UNDEFINED) and handles(last_name(node.function)) and self.unseen(function):
            self.hand_over(arguments, node.at, text=last_name(node.function))
        # of several that may be called, each is awaited for itself
        return self.invoke(function, arguments, node.at, awaited=awaited and bool(function.others))

    def unseen(self, function: Value) -> bool:
        """Whether nothing is known of what a call reaches: a callable that was handed in, a method of anything."""
        target = function.target
        if isinstance(target, MethodTarget):
            return self.world.method_row(target.receiver.type, target.name) is None
        return target is None and function.type in CALLABLES and not any(v.target for v in function.others)

    def enclosed(self, node: Call, function: Value, dotted: str) -> Value:
        """``wait_for(call(), 5)``: what its argument does stands inside the limit."""
        row = self.world.libraries.call(dotted)
        assert row is not None
        assert row.opens is not None
        limit = named_expression(node, row.parameters, row.opens.limit)
        known = self.eval(limit) if isinstance(limit, Const | Global | Local) else NOTHING
        with self.scope(row.opens.scope, "", node.at, repr(known.const) if known.known else ""):
            return self.invoke(function, self.arguments(node), node.at)

    def arguments(self, node: Call) -> Arguments:
        positional: list[Value] = []
        rest: Value | None = None
        for argument in node.arguments:
            if isinstance(argument, Star):
                value = self.force(self.eval(argument.value), node.at, "iterate")
                if value.items is not None and rest is None:
                    positional += value.items
                else:
                    rest = element(value)
            else:
                positional.append(self.eval(argument))
        keywords: dict[str, Value] = {}
        options: Value | None = None
        decided: Place | None = None
        for name, expression in node.keywords:
            value = self.eval(expression)
            if not name and (value.entries is None or not value.complete):
                value = self.held(value) or value
            if name:
                keywords[name] = value
            elif value.entries is not None:
                keywords |= {k: v for k, v in value.entries.items() if k not in keywords}
                options = options if value.complete else value
                decided = value.place or decided
            else:
                options = value
        if self.resources:
            self.hand_on((*positional, *keywords.values()), "handed", node.at)
        return Arguments(tuple(positional), keywords, rest, options, decided)

    def special(self, node: Call, function: Value) -> Value | None:
        """Calls that the language itself gives a meaning: ``super()``, ``getattr`` with a constant."""
        target = function.target
        if not isinstance(target, ExternalTarget) or not target.dotted.startswith("builtins."):
            return None
        if target.dotted == "builtins.super":
            return self.super_value()
        if target.dotted == "builtins.getattr" and len(node.arguments) >= 2:
            base, name = self.eval(node.arguments[0]), self.eval(node.arguments[1])
            if name.text and name.known:
                if len(node.arguments) > 2 and self.world.unset(base, name.text):
                    return self.eval(node.arguments[2])
                return self.attribute_of(base, name.text, node.at)
            return self.any_verb(base, name)
        return None

    def any_verb(self, base: Value, name: Value) -> Value | None:
        """``getattr(requests, method)``: what a library calls by a verb, it also calls by one that is its first
        argument."""
        if isinstance(base.target, ExternalTarget):
            dotted = f"{base.target.dotted}.request"
            function = self.world.external_value(dotted) if self.world.libraries.call(dotted) is not None else None
        elif base.type and self.world.method_row(base.type, "request") is not None:
            function = Value(target=MethodTarget(base, "request"), origin=base.origin)
        else:
            function = None
        return Value(target=PartialTarget(function, Arguments((name,)))) if function is not None else None

    def super_value(self) -> Value:
        frame: Frame | None = self.frame
        while frame is not None and frame.self_value is None:
            frame = frame.parent
        if frame is None or frame.self_value is None or frame.owner is None:
            return NOTHING
        return frame.self_value.but(state=Super(frame.owner, frame.self_value), target=None)

    def invoke(self, function: Value, arguments: Arguments, at: Span, *, awaited: bool = False) -> Value:
        if not function.others:
            return self.invoke_one(function, arguments, at, awaited=awaited)
        choices = [v for v in function.alternatives() if v.target is not None]
        if len(choices) <= 1:
            return self.invoke_one(choices[0] if choices else function, arguments, at, awaited=awaited)
        number = self.branch_of(choices)
        before = self.state
        result: Value | None = None
        whole: State | None = None
        for index, choice in enumerate(choices):
            self.state = before.fork()
            with self.scope("branch", f"choice:{index}", at, number=number):
                value = self.invoke_one(choice, arguments, at, awaited=awaited)
            result = value if result is None else join(result, value)
            whole = self.state if whole is None else joined(whole, self.state, before.scopes, before.guards)
        assert whole is not None
        self.state = whole
        return result or NOTHING

    def branch_of(self, choices: Sequence[Value]) -> int:
        """The number of the branch in which one of several functions runs: methods of one object are chosen once, by
        what it is."""
        targets = [c.target for c in choices]
        receivers = [t.receiver for t in targets if isinstance(t, FunctionTarget) and t.receiver is not None]
        if len(receivers) < len(choices) or receivers[0].rows is None:
            return self.next()
        key = (receivers[0].rows, tuple(r.type for r in receivers))
        if key not in self.chosen_once:
            self.chosen_once[key] = self.next()
        return self.chosen_once[key]

    def invoke_one(self, function: Value, arguments: Arguments, at: Span, *, awaited: bool) -> Value:
        handled = self.world.orms.call(self, function, arguments, at)
        if handled is not None:
            return handled
        match function.target:
            case PartialTarget(value, given, waits):
                merged = Arguments(
                    (*given.positional, *arguments.positional),
                    {**given.keywords, **arguments.keywords},
                    arguments.rest,
                    arguments.options,
                )
                return self.invoke(value, merged, at, awaited=awaited or waits)
            case ClassTarget(cls):
                return self.construct(cls, arguments, at)
            case FunctionTarget() | ClosureTarget() as target:
                row = self.made_of_it(function)
                if row is not None:
                    return self.apply_row(row, f"{function.type}.__call__", function, arguments, at)
                if isinstance(target, ClosureTarget):
                    return self.call_closure(target, arguments, at)
                return self.call_function(target, arguments, at, awaited=awaited)
            case ExternalTarget(dotted):
                return self.call_external(dotted, arguments, at)
            case MethodTarget(receiver, name):
                return self.call_method(receiver, name, arguments, at)
        if function.type:
            return self.call_object(function, arguments, at)
        return self.unknown_call(function, arguments)

    def made_of_it(self, function: Value) -> CallRow | None:
        """What calling a function does that a decorator made a library's object of, where a call does not run it."""
        plain = function.type in ("", "builtins.function")
        return None if plain else self.world.method_row(function.type, "__call__")

    def call_object(self, value: Value, arguments: Arguments, at: Span) -> Value:
        """An object is called: its class's ``__call__``, or the row of a library's."""
        cls = self.world.class_named(value.type)
        method = cls.method("__call__") if cls is not None else None
        if method is not None:
            return self.call_function(FunctionTarget(method, value), arguments, at)
        row = self.world.method_row(value.type, "__call__")
        if row is not None:
            return self.apply_row(row, f"{value.type}.__call__", value, arguments, at)
        return self.unknown_call(value, arguments)

    def unknown_call(self, function: Value, arguments: Arguments) -> Value:
        return Value(sources=arguments.sources() | function.sources)

    # Decorators -------------------------------------------------------------------------------------------------------

    def decorate(self, decorator: Value, node: Expression, value: Value) -> Value:
        """What a decorator makes of a nested function."""
        match decorator.target:
            case FunctionTarget() | ClosureTarget():
                made = self.invoke(decorator, Arguments((value,)), node_span(node))
                return made if made.target is not None else value
            case ExternalTarget(dotted):
                row = self.world.libraries.call(dotted)
                if row is not None and row.entry is not None:
                    self.world.register(value, row.entry, "")
        row = self.registering(node)
        if row is None or row.entry is None or row.entry.callable:
            return value
        if row.entry.kind == "schedule":  # a plan's function does nothing but say what its tasks are
            self.follow_apart(value, node_span(node))
        else:
            self.follow_elsewhere(value, node_span(node))
        return value.but(type=row.entry.becomes) if row.entry.becomes else value

    def registering(self, decorator: Expression) -> CallRow | None:
        """The row of a decorator that is a method of an object at hand (``@app.route`` inside `create_app`), or that
        makes a library's object of the function (``@task(retries=3)`` inside a plan)."""
        expression = decorator.function if isinstance(decorator, Call) else decorator
        if isinstance(expression, Attribute) and isinstance(expression.base, Local):
            return self.world.method_row(self.local(expression.base).type, expression.name)
        made = self.eval(expression).target if isinstance(expression, Global | Attribute) else None
        row = self.world.libraries.call(made.dotted) if isinstance(made, ExternalTarget) else None
        return row if row is not None and row.entry is not None and row.entry.becomes else None

    def follow_apart(self, function: Value, at: Span) -> None:
        """A nested function that runs by itself, as a part of what the outer one stands for: what is open round it, or
        round another one, is not open in it."""
        before = self.state
        self.state = before.fork()
        self.state.locks = ()
        self.state.transactions = {}
        self.invoke(function, Arguments(), at, awaited=True)
        self.state = before

    def follow_elsewhere(self, function: Value, at: Span) -> None:
        """A nested function that is a way in runs at another time, with arguments that nothing is known of."""
        before = self.state
        self.state = before.fork()
        self.state.when = When.ELSEWHERE
        self.state.locks = ()
        self.state.transactions = {c: ENDED for c in before.transactions} or {"": ENDED}
        with self.scope("deferred", When.ELSEWHERE.value, at):
            self.invoke(function, Arguments(), at, awaited=True)
        self.state = before

    def force(self, value: Value, at: Span, how: str) -> Value:
        if self.listings and how == "iterate":
            self.gone_through(value)
        handled = self.world.orms.force(self, value, at, how)
        if handled is not None:
            return handled
        if how == "iterate" and value.type and value.state is None:
            kind = self.world.libraries.type(value.type)
            if kind is not None and kind.iterates == "row":
                return self.read_result("rows", value, None)
        cls = self.world.class_named(value.type) if value.type and how == "iterate" else None
        if cls is not None:
            method = cls.method("__iter__") or cls.method("__aiter__")
            if method is not None:
                return self.call_function(FunctionTarget(method, value), Arguments(), at, awaited=True)
        return value


@cache
def handles(name: str) -> bool:
    """Whether what is called so does something with a message, by its name."""
    return HANDLES.search(name) is not None


def node_span(node: Expression) -> Span:
    at = getattr(node, "at", None)
    return at if isinstance(at, Span) else Span(0, 0, 0, 0)
