"""Calls: what they reach (a function of the project, a library's row, an ORM), and what contexts and decorators
open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Guard, Kind, Option, Rows, Scope, Source, StoreKind, When
from datakeel.model.operation import Resource, Retry
from datakeel.model.place import Place
from datakeel.read.evaluate import text_of
from datakeel.read.execute import Executor
from datakeel.read.graft import Graft
from datakeel.read.libraries import CallRow, Opens, Runs, TypeRow
from datakeel.read.machine import Trace
from datakeel.read.program import (
    Attribute,
    Call,
    Const,
    Derive,
    Expression,
    Function,
    Global,
    Local,
    Span,
    Star,
    With,
    named_expression,
)
from datakeel.read.querying import begins, run_sql
from datakeel.read.registering import Callback, given_true, passed
from datakeel.read.retrying import last_name
from datakeel.read.state import AMBIENT, ENDED, Frame, State, joined, runs_as_program
from datakeel.read.strictness import refuses
from datakeel.read.symbols import ClassInfo, FunctionInfo, Module
from datakeel.read.values import (
    HOLE,
    MESSAGES,
    MISSING,
    NONE,
    NOTHING,
    Arguments,
    ClassTarget,
    ClosureTarget,
    ExternalTarget,
    FunctionTarget,
    MethodTarget,
    PartialTarget,
    Pending,
    Target,
    Value,
    canonical,
    derived,
    element,
    join,
    key_rows,
    union,
)

if TYPE_CHECKING:
    from datakeel.read.world import World

CHANGING = frozenset(("append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "popitem"))
INLINE_DEPTH = 8  # how many closures and callables are followed into one another
BODIES = 1_000  # how many of them for one function: courtlistener and Saleor have 20 at most
SHARED = (When.NOW,)
UNDEFINED = (MethodTarget, type(None))  # the targets of calls that no definition was found for
HANDLES = re.compile(  # what code is called that does something with a message
    r"(^|_)(handle|handler|callback|cb|func|function|fn|listener|action|process|processor|dispatch|consume|deliver|emit"
    r"|trigger|notify|send|publish|forward|ingest|store|save|submit|perform|execute|run|on)(_|$)"
)
CONNECTED = ("connection", "session", "factory")
OWNERS = 4  # how far back it is asked what an object came from


class Opening:
    """A context that a call made and nobody entered yet (``atomic()``, ``lock()``): what it opens, and with which
    arguments."""

    __slots__ = ("arguments", "at", "opens", "receiver", "row")

    def __init__(
        self, opens: Opens, row: CallRow | TypeRow, arguments: Arguments, receiver: Value | None, at: Span
    ) -> None:
        self.opens = opens
        self.row = row
        self.arguments = arguments
        self.receiver = receiver
        self.at = at


class Caller(Executor):
    """Follows calls. `stacks` are the ExitStacks that are open."""

    def __init__(self, world: World, frame: Frame) -> None:
        super().__init__(world, frame)
        self.stacks: list[ExitStack] = []

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute_of(self, base: Value, name: str, at: Span) -> Value:
        if isinstance(base.state, Module):
            return self.world.module_member(base.state, name)
        if base.others and base.target is None and not base.type:
            return join(self.one_attribute(base.but(others=()), name, at), self.one_attribute(base.others[0], name, at))
        return self.one_attribute(base, name, at)

    def one_attribute(self, base: Value, name: str, at: Span) -> Value:
        if isinstance(base.state, Super):
            return self.super_attribute(base.state, name, at)
        handled = self.world.orms.attribute(self, base, name, at)
        if handled is not None:
            return handled
        if base.rows is not None:
            stored = self.state.heap.get((base.rows, name))
            if stored is not None:
                return stored
        match base.target:
            case ClassTarget(cls):
                return self.class_member(cls, name, base)
            case ExternalTarget(dotted):
                return self.world.external_value(f"{dotted}.{name}")
        own = self.world.class_named(base.type) if base.type else None
        if own is not None:
            if base.options is not None and name in base.options:  # a function that it was made with
                return base.options[name]
            found = self.member_of(own, base, name, at)
            if found is not None:
                return found
        return self.loose_attribute(base, name)

    def super_attribute(self, behind: Super, name: str, at: Span) -> Value:
        """``super().name``: the next definition behind the class that the method stands in."""
        value = behind.value
        cls = self.world.class_named(value.type) if value.type else None
        if cls is None and isinstance(value.target, ClassTarget):
            cls = value.target.cls
        order = cls.ancestors() if cls is not None else ()
        later = order[order.index(behind.owner) + 1 :] if behind.owner in order else behind.owner.ancestors()[1:]
        for ancestor in later:
            if name in ancestor.methods:
                return Value(target=FunctionTarget(ancestor.methods[name], value), type="builtins.function")
        return Value(target=MethodTarget(value, name), origin=value.origin)

    def class_member(self, cls: ClassInfo, name: str, base: Value) -> Value:
        method = cls.method(name)
        if method is not None:
            kinds = self.world.method_kinds(method)
            receiver = base if "classmethod" in kinds else None
            return Value(target=FunctionTarget(method, receiver), type="builtins.function")
        inner = self.world.names.inner(cls, name)
        if inner is not None:
            return self.world.symbol_value(inner)
        field = self.world.class_field(cls, name)
        if field is not None and field.known and field.const is None:
            return self.world.class_attribute(cls, name) or field
        if field is not None:
            return field
        return Value(target=MethodTarget(base, name), origin=base.origin)

    def member_of(self, cls: ClassInfo, base: Value, name: str, at: Span) -> Value | None:
        """A method or attribute of an object whose class the project defines."""
        if name == "__class__":
            return class_value(cls)
        method = cls.method(name)
        if method is not None:
            kinds = self.world.method_kinds(method)
            if "property" in kinds:
                return self.invoke(Value(target=FunctionTarget(method, base)), Arguments(), at)
            receiver = None if "staticmethod" in kinds else class_value(cls) if "classmethod" in kinds else base
            known = self.world.function_value(method)
            return known.but(target=FunctionTarget(method, receiver), origin=base.origin)
        found = self.world.instance_attribute(cls, name)
        if found is not None:
            peeked = self.peek(base.but(type=""), (name,))
            rows = found.rows if found.rows is not None and found.rows.root.startswith("global") else peeked.rows
            if not found.type and found.target is None and found.state is None and not found.known:
                guess = self.world.by_convention(name, base.rows)
                found = found.but(type=guess.type, origin=max(found.origin, guess.origin))
            return found.but(rows=rows or found.rows, sources=found.sources | peeked.sources)
        inner = self.world.behind(cls) if not name.startswith("__") else None
        return self.attribute_of(self.attribute_of(base, inner, at), name, at) if inner and inner != name else None

    def loose_attribute(self, base: Value, name: str) -> Value:
        """An attribute that no definition was found for."""
        row = self.world.type_row(base.type) if base.type else None
        type_name = ""
        origin = base.origin
        label = ""
        if row is not None:
            type_name = row.attributes.get(name, "")
            wild = not type_name and "*" in row.attributes and not name.startswith("_")
            if wild and self.world.libraries.method(base.type, name) is None:
                type_name, label = row.attributes["*"], name
            kind = self.world.libraries.type(type_name) if type_name else None
            if kind is not None and (kind.consumes or not kind.renamed):  # a subscription's messages, a frame's rows
                label = base.name
        peeked = self.peek(base, (name,))
        if type_name == "in-transaction":
            return self.in_transaction(base)
        if type_name == "rowcount":
            result = self.state.heap.get((base.rows, "$result")) if base.rows is not None else None
            return result.owner if result is not None and result.owner is not None else peeked
        if not type_name and not peeked.type:
            held = self.world.held_by_application(base.rows, name)
            guess = held or self.world.by_convention(name, base.rows)
            peeked = peeked.but(options=held.options) if held is not None else peeked
            type_name, origin = guess.type, max(origin, guess.origin)
        called = bool(type_name) and self.world.method_row(type_name, "__call__") is not None
        return peeked.but(
            type=peeked.type or type_name,
            target=peeked.target or (None if called else MethodTarget(base, name)),
            owner=base if type_name else peeked.owner,
            name=label or peeked.name,
            origin=max(origin, peeked.origin),
            options=peeked.options or (base.options if type_name else None),
        )

    def in_transaction(self, connection: Value) -> Value:
        """Whether a transaction is open on a connection: surely where one was opened here; else the caller knows."""
        name = connection.name or "default"
        if self.current(name) is not None:
            return Value(const=True)
        source = Source("transaction", name=name)
        return Value(
            type="builtins.bool",
            sources=frozenset((source,)),
            tests=(Guard("in-transaction", True, (source,)),),
        )

    # Calling ----------------------------------------------------------------------------------------------------------

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
        return target is None and not function.type and not any(v.target for v in function.others)

    def hand_over(self, arguments: Arguments, at: Span, text: str = "", when: When | None = None) -> None:
        """Code that is not in view is given something that came from outside: it may do with it whatever it likes."""
        given = frozenset(s for s in arguments.sources() if s.kind in ("result", "read", "parameter"))
        if given:
            payload = tuple(sorted(given))
            self.emit(Kind.CALL, "hand-over", at, payload=payload, text=text, origin=Origin.CONVENTION, when=when)

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

    def held(self, value: Value) -> Value | None:
        """What an attribute of self holds by all constructions that the project has."""
        info = self.frame_function()
        if value.rows is None or info is None or info.owner is None or not info.signature.parameters:
            return None
        return self.world.constructions.held(value, info.owner, info.signature.parameters[0].name)

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
        number = self.next()
        before = self.state
        result: Value | None = None
        whole: State | None = None
        for index, choice in enumerate(choices[:3]):
            self.state = before.fork()
            with self.scope("branch", f"choice:{index}", at, number=number):
                value = self.invoke_one(choice, arguments, at, awaited=awaited)
            result = value if result is None else join(result, value)
            whole = self.state if whole is None else joined(whole, self.state, before.scopes, before.guards)
        assert whole is not None
        self.state = whole
        return result or NOTHING

    def invoke_one(self, function: Value, arguments: Arguments, at: Span, *, awaited: bool) -> Value:
        handled = self.world.orms.call(self, function, arguments, at)
        if handled is not None:
            return handled
        match function.target:
            case ClosureTarget() as closure:
                return self.call_closure(closure, arguments, at)
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
            case FunctionTarget() as target:
                row = self.made_of_it(function)
                if row is not None:
                    return self.apply_row(row, f"{function.type}.__call__", function, arguments, at)
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

    # The project's own functions --------------------------------------------------------------------------------------

    def call_function(self, target: FunctionTarget, arguments: Arguments, at: Span, *, awaited: bool = False) -> Value:
        info = target.function
        row = self.world.libraries.call(info.name)
        if row is not None:
            return self.apply_row(row, info.name, target.receiver, arguments, at)
        if target.plain:
            return self.run_plain(info, target, arguments)
        if info.signature.is_async and not awaited and not info.signature.is_generator:
            return Value(state=Pending(target, arguments, at, self.frame.module.path), target=None)
        if self.world.is_context_manager(info):
            return Value(state=Pending(target, arguments, at, self.frame.module.path), type="contextmanager")
        if target.receiver is not None:
            arguments = arguments.before(target.receiver)
        if any(holds_callable(v) for v in arguments.all()) or target.plain:
            return self.inline(info, arguments, at, receiver=target.receiver)
        bindings = self.bindings(info, arguments)
        self.world.site(self, info, bindings)
        trace, names = self.world.trace(info, target.receiver, bindings)
        if info.signature.is_generator:
            value = Graft(self, trace, names, self.place(at), info.name).apply()
            given = trace.yields if trace.yields is not None else NOTHING
            return Value(
                type=MESSAGES if endless(trace) else "builtins.generator",
                of=given.but(rows=None) if given.rows else given,
                sources=value.sources,
            )
        if "cached" in self.world.method_kinds(info):
            with self.scope("memo", at=at):
                return Graft(self, trace, names, self.place(at), info.name).apply()
        return Graft(self, trace, names, self.place(at), info.name).apply()

    def frame_function(self) -> FunctionInfo | None:
        frame: Frame | None = self.frame
        while frame is not None:
            if frame.function is not None:
                return frame.function
            frame = frame.parent
        return None

    def deep(self) -> bool:
        """Whether no further body is followed here."""
        return self.depth >= INLINE_DEPTH or self.frames >= BODIES

    def following(self, info: FunctionInfo) -> bool:
        """Whether a function's body is being followed here already: it calls itself."""
        return any(frame.function is info for frame in self.active)

    def run_plain(self, info: FunctionInfo, target: FunctionTarget, arguments: Arguments) -> Value:
        """A wrapper calls the function that it wraps: its body runs here."""
        continuation = self.world.continuation(self, info)
        if continuation is None:
            return NOTHING
        if target.receiver is not None:
            arguments = arguments.before(target.receiver)
        result: Value = continuation(arguments)
        return result

    def bindings(self, info: FunctionInfo, arguments: Arguments) -> dict[str, Value]:
        """Parameters → values; a default is what it evaluates to; what may be given through ``*args`` is an empty
        Value."""
        bound: dict[str, Value] = {}
        positional = list(arguments.positional)
        keywords = dict(arguments.keywords)
        for parameter in info.signature.parameters:
            match parameter.kind:
                case "rest":
                    known = arguments.rest is None
                    bound[parameter.name] = Value(
                        type="builtins.tuple",
                        items=tuple(positional) if known else None,
                        of=arguments.rest,
                        sources=union(positional),
                    )
                    positional = []
                case "options":
                    bound[parameter.name] = Value(
                        type="builtins.dict",
                        entries=keywords,
                        complete=arguments.options is None,
                        sources=union(keywords.values()),
                    )
                    keywords = {}
                case "positional" if positional:
                    bound[parameter.name] = positional.pop(0)
                case _:
                    if parameter.name in keywords:
                        bound[parameter.name] = keywords.pop(parameter.name)
                    elif arguments.rest is not None or arguments.options is not None:
                        bound[parameter.name] = arguments.rest or NOTHING
                    elif parameter.default is not None:
                        bound[parameter.name] = self.world.default(info, parameter)
        return bound

    def inline(self, info: FunctionInfo, arguments: Arguments, at: Span, receiver: Value | None = None) -> Value:
        """Follows a function's body here and now, since its arguments are callables of this frame."""
        if self.deep() or self.following(info):
            self.complete = False
            return Value(sources=arguments.sources())
        self.world.site(self, info, {})
        frame = self.new_frame(info.module, function=info, owner=info.owner, receiver=receiver)
        frame.inner = True
        frame.chain = (*self.frame.chain, self.place(at))
        frame.call = self.frame.call if self.frame.call is not None else self.next()
        frame.callee = self.frame.callee or info.name
        bound = self.bindings(info, arguments)
        with self.inside(frame):
            self.world.run_function(self, info, bound)
        return frame.returned or NONE

    def new_frame(
        self,
        module: Module,
        *,
        parent: Frame | None = None,
        function: FunctionInfo | None = None,
        owner: ClassInfo | None = None,
        receiver: Value | None = None,
    ) -> Frame:
        self.frames += 1
        return Frame(self.frames, module, parent, function, owner, receiver)

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[None]:
        """Follows another body: its returns meet behind it; scopes and guards are as before."""
        outer, broken = self.frame, self.broken
        before_scopes, before_guards = self.state.scopes, self.state.guards
        self.frame, self.broken = frame, []
        self.active.append(frame)
        self.depth += 1
        yield
        self.depth -= 1
        self.active.pop()
        self.frame, self.broken = outer, broken
        end = self.state
        for left in frame.left:
            left.alive = True
            left.scopes, left.guards = before_scopes, before_guards
            end = joined(left, end, before_scopes, before_guards)
        end.scopes, end.guards = before_scopes, before_guards
        self.state = end

    def call_closure(self, closure: ClosureTarget, arguments: Arguments, at: Span, *, inner: bool = True) -> Value:
        again = any(frame.text is closure.function.body for frame in self.active)  # two calls of itself: 2ⁿ bodies
        if again or self.deep():
            self.complete = False
            return Value(sources=arguments.sources())
        defined = closure.frame
        assert isinstance(defined, Frame)
        frame = self.new_frame(defined.module, parent=defined, owner=defined.owner, receiver=defined.self_value)
        frame.inner = inner
        frame.chain, frame.call, frame.callee = defined.chain, defined.call, defined.callee
        frame.own = frozenset(closure.function.own)
        if closure.receiver is not None:
            arguments = arguments.before(closure.receiver)
        with self.inside(frame):
            self.bind_closure(closure.function, arguments)
            frame.text = closure.function.body
            self.execute(frame.text)
        return frame.returned or NONE

    def bind_closure(self, function: Function, arguments: Arguments) -> None:
        positional = list(arguments.positional)
        keywords = dict(arguments.keywords)
        for parameter in function.signature.parameters:
            name = parameter.name
            if parameter.kind == "rest":
                self.assign_local(
                    name,
                    Value(
                        type="builtins.tuple",
                        items=tuple(positional) if arguments.rest is None else None,
                        of=arguments.rest,
                    ),
                )
                positional = []
            elif parameter.kind == "options":
                self.assign_local(
                    name,
                    Value(
                        type="builtins.dict",
                        entries=keywords,
                        complete=arguments.options is None,
                        maker=self.serial,
                        sources=union(keywords.values()),
                    ),
                )
                keywords = {}
            elif positional and parameter.kind == "positional":
                self.assign_local(name, positional.pop(0))
            elif name in keywords:
                self.assign_local(name, keywords.pop(name))
            elif parameter.default is not None:
                self.assign_local(name, self.eval(parameter.default))
            elif parameter.annotation is not None:
                self.assign_local(name, self.world.annotated(self.frame.module, parameter.annotation))

    def construct(self, cls: ClassInfo, arguments: Arguments, at: Span) -> Value:
        """A new object of a class of the project."""
        given = arguments.options
        if given is not None and given.sources and not given.type and refuses(cls):
            name = cls.name.rpartition(".")[2]
            self.emit(Kind.CALL, "parse", at, payload=tuple(sorted(given.sources)), text=name, idempotent=Answer.YES)
        made = Value(type=cls.name, rows=Rows(f"new:{self.next()}"))
        init = cls.method("__init__")
        if init is not None:
            self.call_function(FunctionTarget(init, made), arguments, at)
            return made
        assert made.rows is not None
        fields = {**dict(zip(cls.fields, arguments.positional, strict=False)), **arguments.keywords}
        self.state.heap.update({(made.rows, name): value for name, value in fields.items()})
        handed = {name: value for name, value in fields.items() if isinstance(value.target, FunctionTarget)}
        base = next((b for b in cls.externals() if self.world.libraries.type(b)), None)
        if base is not None:
            row = self.world.libraries.type(base)
            assert row is not None
            return self.make(row, base, arguments, at).but(type=cls.name, rows=made.rows)
        return made.but(sources=arguments.sources(), options=handed or None)

    # Libraries --------------------------------------------------------------------------------------------------------

    def call_external(self, dotted: str, arguments: Arguments, at: Span) -> Value:
        builtin = self.world.builtins.get(dotted)
        if builtin is not None:
            return builtin(self, arguments, at)
        row = self.world.libraries.call(dotted)
        if row is not None:
            return self.apply_row(row, dotted, None, arguments, at)
        kind = self.world.libraries.type(dotted)
        if kind is not None:
            return self.make(kind, self.world.libraries.canonical(dotted), arguments, at)
        head, _, name = dotted.rpartition(".")
        owner = self.world.libraries.type(head)
        if owner is not None:
            row = self.world.libraries.method(head, name)
            if row is not None and arguments.positional:
                return self.apply_row(row, dotted, arguments.positional[0], arguments.after(1), at)
        return Value(
            type=dotted if name[:1].isupper() else "", sources=arguments.sources(), rows=Rows(f"new:{self.next()}")
        )

    def call_method(self, receiver: Value, name: str, arguments: Arguments, at: Span) -> Value:
        for candidate in receiver.alternatives():
            row = self.world.method_row(candidate.type, name)
            if row is not None:
                own = self.overridden(row, candidate) if row.through is not None else None
                if own is not None:
                    return self.call_function(own, given_through(row, arguments), at)
                return self.apply_row(row, f"{candidate.type}.{name}", candidate, arguments, at)
        builtin = self.world.methods.get(name)
        if name in CHANGING and receiver.rows is not None and receiver.rows.path:
            self.world.orms.item_assigned(self, receiver, NOTHING, Value(sources=arguments.sources()), at)
        if builtin is not None:
            return builtin(self, receiver, arguments, at)
        return Value(
            sources=arguments.sources() | receiver.sources,
            rows=receiver.rows if name in ("strip", "lower") else None,
            owner=receiver if receiver.type else None,
        )

    def overridden(self, row: CallRow, receiver: Value) -> FunctionTarget | None:
        """The project's own method that a library's method of the same object calls."""
        cls = self.world.class_named(receiver.type)
        while cls is not None and row.through is not None:
            method = cls.method(row.through.method)
            if method is not None:
                return FunctionTarget(method, receiver)
            inner = self.world.method_row(receiver.type, row.through.method)
            if inner is None:
                return None
            row = inner
        return None

    def chosen(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> FunctionTarget | None:
        """The method of the project's own class that a setting names, where the library hands such calls to it."""
        if row.chosen is None or row.chosen.unless in arguments.keywords:
            return None
        if receiver is not None and row.chosen.unless in (receiver.options or {}):
            return None
        cls = self.world.class_named(self.world.setting(row.chosen.setting).text or "")
        method = cls.method(row.chosen.method) if cls is not None else None
        return FunctionTarget(method, Value(type=cls.name)) if cls is not None and method is not None else None

    def make(self, row: TypeRow, name: str, arguments: Arguments, at: Span) -> Value:
        """Calls a library's class: a value with its options, and a resource where it is one."""
        options = self.options_of(row, arguments, at)
        label = ""
        if row.name:
            named = self.argument(arguments, row.parameters, row.name)
            label = label_of(named)
        number = self.next()
        value = Value(
            type=name,
            rows=Rows(f"new:{number}"),
            options=options,
            name=label,
            sources=frozenset(),
            origin=Origin.RESOLVED,
            place=self.place(at) if row.resource in ("consumer", "producer") else None,
        )
        if row.resource:
            self.add_resource(number, row.resource, row.technology, name, options, arguments, at, label)
        if row.opens is not None:
            value = value.but(state=Opening(row.opens, row, arguments, value, at))
        return value

    def options_of(self, row: TypeRow, arguments: Arguments, at: Span) -> dict[str, Value]:
        options: dict[str, Value] = {}
        for number, parameter in enumerate(row.parameters):
            found = arguments.get(parameter, number)
            if found is not None and parameter != row.config:
                options[parameter] = found
        options |= {k: v for k, v in arguments.keywords.items() if k != row.config}
        if row.config:
            config = self.argument(arguments, row.parameters, row.config)
            if config is not None:
                options |= self.configuration(config)
        if arguments.options is not None:
            options["*"] = NOTHING
        return {k: v.but(place=self.place(at)) if v.place is None else v for k, v in options.items()}

    def configuration(self, value: Value) -> dict[str, Value]:
        """The options that a mapping holds, or an object that was made with them (``Config(read_timeout=5)``)."""
        if value.entries is None and value.options is not None and self.world.libraries.type(value.type) is not None:
            return flattened(value.options)
        if value.known and value.const is None:
            return {}
        whole = value.entries is not None and value.complete
        return flattened(value.entries or {}) if whole else {**flattened(value.entries or {}), "*": NOTHING}

    def add_resource(
        self,
        number: int,
        kind: str,
        technology: str,
        type_name: str,
        options: dict[str, Value],
        arguments: Arguments,
        at: Span,
        label: str,
    ) -> None:
        row = self.world.libraries.type(type_name)
        defaults = row.options if row is not None else {}
        self.resources.append(
            Resource(
                number,
                kind,
                technology,
                self.world.option_list(options, defaults, words=row.words if row is not None else None),
                self.place(at),
                type_name,
                per="process" if self.made_once() else "call",
                complete="*" not in options,
                passed="callee" if self.frame.chain else "",
                chain=self.frame.chain,
                name=label,
                scopes=self.state.scopes,
            )
        )

    def made_once(self) -> bool:
        """Whether what is made here is made once for the process: at import, or in a function that remembers. A program
        (``if __name__ == "__main__":``) holds what it makes as a function would, until it ends."""
        info = self.frame_function()
        if info is None:
            return not any(runs_as_program(g) for g in self.state.guards)
        return "cached" in self.world.method_kinds(info)

    def argument(self, arguments: Arguments, parameters: tuple[str, ...], name: str) -> Value | None:
        position = parameters.index(name) if name in parameters else None
        return arguments.get(name, position)

    def asked(self, row: CallRow, name: str, receiver: Value | None, arguments: Arguments) -> Value | None:
        """What a row's reference names: a constant, the receiver or part of it, or an argument; of several
        (``a|b``) the first that is given."""
        if not name:
            return None
        if "|" in name:
            return self.first_that_says(row, name, receiver, arguments)
        if name.startswith("="):
            return Value(const=name[1:])
        if name == "self":
            return receiver
        if name == "*":
            return Value(sources=arguments.sources())
        if name == "self.name":
            label = (receiver.name or self.world.label_of_type(receiver.type)) if receiver is not None else ""
            return Value(const=label) if label else NOTHING
        if name.startswith("self."):
            found = (receiver.options or {}).get(name[5:]) if receiver is not None else None
            return (
                found
                if found is not None
                else (self.attribute_of(receiver, name[5:], Span(0, 0, 0, 0)) if receiver is not None else NOTHING)
            )
        return self.argument(arguments, row.parameters, name)

    def first_that_says(self, row: CallRow, names: str, receiver: Value | None, arguments: Arguments) -> Value | None:
        """Of several references, parted by ``|``, the first that is given and says something; of the receiver
        an option that is set, or a method of the project's own."""
        given: Value | None = None
        for name in names.split("|"):
            if name.startswith("self.") and name != "self.name":
                found = (receiver.options or {}).get(name[5:]) if receiver is not None else None
                cls = self.world.class_named(receiver.type) if found is None and receiver is not None else None
                if cls is not None and receiver is not None and cls.method(name[5:]) is not None:
                    found = self.attribute_of(receiver, name[5:], Span(0, 0, 0, 0))
            else:
                found = self.asked(row, name, receiver, arguments)
            given = given or found
            if found is not None and found is not NOTHING and not (found.known and not found.const):
                return found
        return given

    def apply_row(self, row: CallRow, dotted: str, receiver: Value | None, arguments: Arguments, at: Span) -> Value:
        """What a library's row says that a call does, or the project's own class that the library hands it to."""
        own = self.chosen(row, receiver, arguments)
        if own is not None:
            return self.call_function(own, Arguments((Value(type="builtins.list", sources=arguments.sources()),)), at)
        result: Value | None = None
        with self.around(row, receiver, arguments, at):
            for run in row.runs:
                result = self.run_callable(row, run, receiver, arguments, at)
        if (row.configures or row.adopts or row.names) and receiver is not None:
            self.configure(row, receiver, arguments)
        if row.enters:
            return self.enter_on_stack(self.argument(arguments, row.parameters, row.enters) or NOTHING, at)
        for name, type_name in row.fills.items():
            self.fill(row, name, type_name, arguments)
        made = self.row_effect(row, dotted, receiver, arguments, at)
        if row.entry is not None:
            self.register(row, receiver, arguments, at)
        if row.leaves and row.retries is not None:
            self.run_again(row, receiver, arguments, at)
        if row.exits or row.leaves:
            self.leave("raise", at, row.leaves or "SystemExit")
        if row.unlocks:
            self.unlock_all(row.unlocks, at)
        if row.releases and receiver is not None:
            self.released(receiver, at)
        if row.gives_back:
            self.released(self.argument(arguments, row.parameters, row.gives_back) or NOTHING, at)
        value = self.row_value(row, receiver, arguments, made, result, at)
        if row.source == "encoding" and arguments.positional:
            first = arguments.positional[0]
            value = value.but(entries=first.entries, complete=first.complete)
        if row.source:
            value = value.but(sources=value.sources | {Source(row.source, name=self.world.libraries.canonical(dotted))})
        return value

    def run_again(self, row: CallRow, receiver: Value | None, arguments: Arguments, at: Span) -> None:
        """The framework is asked to run the whole function again later."""
        assert row.retries is not None

        def given(name: str) -> Value | None:
            found = self.argument(arguments, row.parameters, name)
            inherited = (receiver.options or {}).get(name) if receiver is not None else None
            return found if found is not None and not (found.known and found.const is None) else inherited

        place = self.place(at)
        if self.rerun is None:
            self.rerun = Scope(self.next(), "retry", "", place)
        self.retries.append(self.world.retry_of(row.retries, given, self.rerun.number, place, "framework"))

    @contextmanager
    def around(self, row: CallRow, receiver: Value | None, arguments: Arguments, at: Span) -> Iterator[None]:
        """What a call, or its receiver, opens round a callable that it runs (``Retrying(…)(f)``)."""
        opening = self.world.opening_of(receiver, at) if row.opens is not None and row.opens.by == "self" else None
        if row.opens is not None and row.opens.scope and row.runs:
            opening = Opening(row.opens, row, arguments, receiver, at)
        if opening is None:
            yield
            return
        with self.opened(opening, at):
            yield

    def configure(self, row: CallRow, receiver: Value, arguments: Arguments) -> None:
        """Arguments become options of the receiver; an adopted object of a class of the project may do anything."""
        options = dict(receiver.options or {})
        for name in row.configures:
            key, _, value = name.partition("=")
            if value:  # one argument names the option that another sets
                named = self.argument(arguments, row.parameters, key)
                name = named.text or "" if named is not None else ""
            found = self.argument(arguments, row.parameters, value or name) if name not in ("*", "") else None
            if found is not None:
                options[name] = found
        if "*" in row.configures:
            options |= {k: v for given in arguments.positional for k, v in (given.entries or {}).items()}
            options |= arguments.keywords
        if row.names:
            receiver.name = label_of(self.asked(row, row.names, receiver, arguments)) or receiver.name
        for name in row.adopts:
            found = self.argument(arguments, row.parameters, name) or NOTHING
            if self.world.libraries.type(found.type) is None or found.options is None:
                options["*"] = NOTHING
            else:
                options |= found.options
        receiver.options = options

    def fill(self, row: CallRow, name: str, type_name: str, arguments: Arguments) -> None:
        found = self.argument(arguments, row.parameters, name)
        if found is not None and found.rows is not None:
            self.state.heap[(found.rows, "$type")] = Value(type=type_name)

    def register(self, row: CallRow, receiver: Value | None, arguments: Arguments, at: Span) -> None:
        entry = row.entry
        if entry is None or not entry.callable:
            return
        found = self.asked(row, entry.callable, receiver, arguments)
        if found is None or not holds_callable(found):
            found = next((v for v in arguments.positional if holds_callable(v)), found)
        label = self.entry_name(row, receiver, arguments)
        options = self.effect_options(row, receiver, arguments)
        given = passed(self, entry.passes, receiver)
        given_for = (*found.alternatives(), *(found.items or ())) if found is not None else ()
        for value in map(self.named_function, given_for):
            if isinstance(value.target, ClosureTarget) and entry.kind == "consumer":
                self.consume_by(value, label, given, row, options, at)
                continue
            made = self.world.register(value, entry, label, options)
            if made is not None:
                types = tuple(v.type for v in given)
                made = replace(made, options=tuple(replace(o, place=o.place or self.place(at)) for o in options))
                self.world.called_back(Callback(function_of(value).name, made, types, label, row.store, row.technology))

    def named_function(self, value: Value) -> Value:
        """What is registered by its name (``"shop.tasks.bill"``, a task's signature) as the function itself."""
        name = (value.text or value.name).replace(":", ".") if value.target is None else ""
        symbol = self.world.names.absolute(name) if "." in name and HOLE not in name else None
        return self.world.function_value(symbol) if isinstance(symbol, FunctionInfo) else value

    def consume_by(
        self, callback: Value, name: str, given: tuple[Value, ...], row: CallRow, options: tuple[Option, ...], at: Span
    ) -> None:
        """A nested function that gets every message: it runs here, in a loop that ends when messages end."""
        with self.scope("loop", "body", at, unbounded=True):
            effect = self.emit(
                Kind.CONSUME,
                "message",
                at,
                store=StoreKind(row.store),
                technology=row.technology,
                dataset=name,
                options=options,
            )
            source, rows = frozenset((Source("read", effect.number),)), Rows(f"read:{effect.number}")
            self.invoke(callback, Arguments(tuple(delivered(v, source, rows) for v in given)), at, awaited=True)

    def entry_name(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> str:
        """An entry's name as people know it: an argument, or a text with arguments in braces."""
        template = row.entry.name if row.entry is not None else ""
        if "{" not in template:
            found = self.asked(row, template, receiver, arguments)
            return label_of(found) if found is None or found.known or found.const is MISSING else ""
        head, *parts = template.split("{")
        for part in parts:
            name, _, rest = part.partition("}")
            found = self.asked(row, name, receiver, arguments)
            head += (found.text or "").replace(HOLE, "…") if found is not None else ""
            head += rest
        return head

    def run_callable(
        self, row: CallRow, run: Runs, receiver: Value | None, arguments: Arguments, at: Span
    ) -> Value | None:
        """A callable argument is run, now or at another time."""
        if run.callable == "*":
            every = [self.run_one(row, run, v, receiver, arguments, at) for v in arguments.positional]
            items = tuple(v or NOTHING for v in every)
            return Value(type="builtins.list", items=items if arguments.rest is None else None, sources=union(items))
        found = self.asked(row, run.callable, receiver, arguments)
        return self.run_one(row, run, found, receiver, arguments, at) if found is not None else None

    def run_one(
        self, row: CallRow, run: Runs, found: Value, receiver: Value | None, arguments: Arguments, at: Span
    ) -> Value | None:
        given = Arguments(passed(self, run.passes, receiver))
        if run.arguments == "all":
            given = arguments
        elif run.arguments == "rest":
            position = row.parameters.index(run.callable) if run.callable in row.parameters else 0
            given = arguments.after(position + 1)
            given = Arguments(
                given.positional, {k: v for k, v in given.keywords.items() if k not in row.parameters}, given.rest
            )
        elif run.arguments:
            values = self.asked(row, run.arguments, receiver, arguments)
            if values is not None:
                given = Arguments(values.items or (), {}, None if values.items is not None else element(values))
        if run.options:
            options = self.asked(row, run.options, receiver, arguments)
            given.keywords = {**given.keywords, **(options.entries or {})} if options is not None else given.keywords
        self.threaded += run.thread
        result = self.run_at(found, given, When(run.when), at)
        self.threaded -= run.thread
        return result

    def run_at(self, function: Value, arguments: Arguments, when: When, at: Span) -> Value:
        if isinstance(function.state, Pending):
            pending = function.state
            at = self.made_at(pending, at)
            function, arguments = function.but(state=None, target=pending.target), pending.arguments
        if function.items is not None and function.target is None:
            for item in function.items:
                self.run_at(item, arguments, when, at)
            return function
        if function.target is None:
            self.hand_over(arguments, at, when=when)
            return NOTHING
        if when == When.NOW:
            return self.invoke(function, arguments, at, awaited=True)
        before = self.state
        self.state = before.fork()
        self.state.when = when if before.when == When.NOW else before.when
        self.state.locks = ()
        if when != When.ELSEWHERE:
            self.state.transactions = {c: ENDED for c in before.transactions} or {"": ENDED}
            with self.scope("deferred", when.value, at):
                self.invoke(function, arguments, at, awaited=True)
        self.state = before
        return NOTHING

    def row_effect(
        self, row: CallRow, dotted: str, receiver: Value | None, arguments: Arguments, at: Span
    ) -> Value | None:
        if row.sql:
            return self.row_sql(row, receiver, arguments, at)
        if not row.effect:
            return None
        kind = Kind(row.effect)
        if kind in (Kind.COMMIT, Kind.ROLLBACK):
            self.end(
                kind, self.connection_of(receiver), at, receiver.origin if receiver is not None else Origin.RESOLVED
            )
            return None
        dataset = self.asked(row, row.dataset, receiver, arguments)
        key = self.asked(row, row.key, receiver, arguments)
        payload = union(v for p in row.payload if (v := self.asked(row, p, receiver, arguments)) is not None)
        text = self.asked(row, row.text, receiver, arguments)
        store = StoreKind(row.store) if row.store else StoreKind.NONE
        options = self.effect_options(row, receiver, arguments)
        if store:
            partition = self.argument(arguments, row.parameters, "partition") if "partition" in row.parameters else None
            options += routes((receiver, partition, text, dataset), arguments)
        retried = self.retried_by_option(row, receiver, arguments, at)
        before = self.state.scopes
        self.state.scopes = (*before, *retried)
        effect = self.emit(
            kind,
            self.row_verb(row, arguments) or dotted.rpartition(".")[2],
            at,
            store=store,
            connection=self.connection_of(receiver) if receiver is not None and store else "",
            technology=row.technology,
            dataset=self.dataset_name(row, dataset, receiver),
            key=self.key_text(row, key),
            key_sources=tuple(sorted(key.sources)) if key is not None else (),
            payload=tuple(sorted(payload)),
            selection=self.row_selection(row, receiver, arguments),
            assigned=self.row_assigned(row, receiver, arguments),
            rows=self.row_rows(row, key),
            conflict=row.conflict,
            whole_row=row.whole,
            options=options,
            text=text_of(text) if text is not None and text.const is not MISSING else "",
            blocking=self.holds_thread(row, receiver),
            idempotent=idempotent(row, self.argument(arguments, row.parameters, row.idempotent_by)),
            origin=receiver.origin if receiver is not None else Origin.RESOLVED,
            **({"when": When(row.when)} if row.when else {}),
        )
        self.state.scopes = before
        if row.within and self.argument(arguments, row.parameters, row.within) is None:
            self.effects[-1] = replace(effect, transaction=None)
        if kind == Kind.LOCK:
            self.state.locks = (*self.state.locks, effect.number)
        if kind == Kind.UNLOCK:
            self.unlocked(effect.dataset)
        number = effect.number
        source = {Kind.READ: Source("read", number), Kind.CLOCK: Source("clock", number, effect.verb)}.get(
            kind, Source("result", number)
        )
        return Value(
            sources=frozenset((source,)), rows=Rows(f"read:{number}") if kind in (Kind.READ, Kind.CONSUME) else None
        )

    def retried_by_option(
        self, row: CallRow, receiver: Value | None, arguments: Arguments, at: Span
    ) -> tuple[Scope, ...]:
        """The retry that a client's option (``Retry(total=3)``) puts round the call."""
        if not row.retried_by:
            return ()
        found = self.argument(arguments, row.parameters, row.retried_by)
        if found is None and receiver is not None:
            found = (receiver.options or {}).get(row.retried_by)
        kind = self.world.libraries.type(found.type) if found is not None and found.type else None
        if found is None or kind is None or kind.retries is None:
            return ()
        given = found.options or {}
        spared = kind.retries.spares and not any(n in given for n in kind.retries.spares)
        if row.idempotent == "no" and spared:
            return ()
        number = self.next()
        place = self.place(at)
        says = kind.retries
        if found.options is None:  # it is handed in, and what it was made with is not in view
            says = replace(says, otherwise={})
        self.retries.append(self.world.retry_of(says, given.get, number, place))
        return (Scope(number, "retry", "", place),)

    def row_verb(self, row: CallRow, arguments: Arguments) -> str:
        """The row's verb, or the one that an argument makes it."""
        for name, verb in row.verbs.items():
            if given_true(self.argument(arguments, row.parameters, name)):
                return verb
        return row.verb

    def holds_thread(self, row: CallRow, receiver: Value | None) -> bool:
        """Whether a call waits in its thread: as its row says, unless the type of its receiver, or of what that came
        from, says otherwise."""
        held, seen = receiver, 0
        while held is not None and seen < OWNERS:
            kind = self.world.libraries.type(held.type) if held.type else None
            if kind is not None and kind.blocking is not None:
                return kind.blocking
            held, seen = held.owner, seen + 1
        return bool(row.blocking)

    def unlock_all(self, verb: str, at: Span) -> None:
        held = [e for e in self.effects if e.kind == Kind.LOCK and e.verb == verb and e.number in self.state.locks]
        if held:
            self.emit(Kind.UNLOCK, verb, at, store=held[0].store, technology=held[0].technology)
            self.state.locks = tuple(n for n in self.state.locks if n not in {e.number for e in held})

    def dataset_name(self, row: CallRow, dataset: Value | None, receiver: Value | None) -> str:
        if dataset is None:
            return (
                receiver.name
                if receiver is not None and row.store in ("document", "queue", "log", "search", "object")
                else ""
            )
        return label_of(dataset)

    def key_text(self, row: CallRow, key: Value | None) -> str | None:
        if not row.key:
            return None
        if key is None or (key.known and key.const is None):
            return None
        return key.text if key.text is not None else canonical(key)

    def row_rows(self, row: CallRow, key: Value | None) -> Rows | None:
        """A cache or document entry is known by its key: equal keys are the same entry."""
        if key is None:
            return None
        return key_rows(row.store, self.key_text(row, key), key.sources)

    def row_selection(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> object:
        return self.world.orms.row_selection(self, row, receiver, arguments)

    def row_assigned(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> object:
        return self.world.orms.row_assigned(self, row, receiver, arguments)

    def effect_options(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> tuple[Option, ...]:
        options: dict[str, Value] = {}
        defaults, words = self.effect_defaults(row, receiver)
        config = self.argument(arguments, row.parameters, row.config) if row.config else None
        within = self.configuration(config) if config is not None else {}
        if row.sql and defaults:  # a statement may have options of its own
            statement = self.asked(row, row.sql, receiver, arguments)
            within = (statement.options or {}) if statement is not None else within
        for name in defaults:
            found = self.argument(arguments, row.parameters, name)
            inherited = (receiver.options or {}).get(name) if receiver is not None else None
            if found is None:
                found = within.get(name) or (NOTHING if "*" in within and name not in row.parameters else None)
            if found is not None:
                options[name] = found if found.known or found.rows is None else self.held(found) or found
            elif inherited is not None:
                options[name] = inherited
            elif receiver is not None and unsaid(receiver.options, name in row.options, self.clients(receiver, name)):
                options[name] = NOTHING
        made = receiver.place if receiver is not None and len(defaults) > len(row.options) else None
        return self.world.option_list(options, defaults, arguments.decided or made, words)

    def given_options(self, row: CallRow, arguments: Arguments) -> dict[str, Value]:
        """The options of a call that it is given."""
        named = ((name, self.argument(arguments, row.parameters, name)) for name in row.options)
        return {name: value for name, value in named if value is not None}

    def clients(self, receiver: Value, option: str) -> bool:
        """Whether a client of that type may say what an option of its calls is: a consumer or producer has a list of
        options of its own."""
        kind = self.world.libraries.type(receiver.type) if receiver.type else None
        return kind is None or kind.resource not in ("consumer", "producer") or option in kind.options

    def effect_defaults(self, row: CallRow, receiver: Value | None) -> tuple[dict[str, str], dict[str, str]]:
        """The options of a call; what a consumer gives, or a producer sends, has those of its client too."""
        kind = self.world.libraries.type(receiver.type) if receiver is not None and receiver.type else None
        if kind is None or kind.resource not in ("consumer", "producer") or row.effect not in ("consume", "publish"):
            return row.options, row.words
        return {**kind.options, **row.options}, {**kind.words, **row.words}

    def row_sql(self, row: CallRow, receiver: Value | None, arguments: Arguments, at: Span) -> Value:
        text = self.asked(row, row.sql, receiver, arguments) or NOTHING
        if row.connection:
            receiver = self.asked(row, row.connection, receiver, arguments) or receiver
        if row.bind_rest:
            after = arguments.after(1 if row.parameters else 0)
            given: Value | None = Value(
                items=after.positional if after.rest is None else None, sources=union(after.positional)
            )
        else:
            given = self.asked(row, row.binds, receiver, arguments)
        connection = self.connection_of(receiver)
        result = run_sql(
            self,
            text,
            given,
            connection,
            at,
            many=row.many,
            dialect=self.dialect_of(receiver),
            technology=row.technology or self.technology_of(receiver),
            origin=receiver.origin if receiver is not None else Origin.RESOLVED,
            begins=begins(self.world.libraries, receiver),
            options=self.effect_options(row, receiver, arguments) if row.options else (),
            blocking=self.holds_thread(row, receiver),
        )
        if receiver is not None and receiver.rows is not None:
            self.state.heap[(receiver.rows, "$result")] = result
        return result

    def row_value(
        self,
        row: CallRow,
        receiver: Value | None,
        arguments: Arguments,
        made: Value | None,
        ran: Value | None,
        at: Span,
    ) -> Value:
        gives = row.gives
        if row.loads:
            label, name = (self.argument(arguments, row.parameters, n) for n in row.loads)
            return self.world.named_class(label, name)
        if gives == "self" and receiver is not None:
            return receiver
        if gives == "rowcount" and made is not None:
            return made.owner or NOTHING
        if gives in ("row", "rows", "value") and not row.effect:
            return self.read_result(gives, receiver, made)
        if gives.startswith("argument:"):
            given = self.argument(arguments, row.parameters, gives[9:]) or NOTHING
            return given.but(type=row.typed, options=self.given_options(row, arguments)) if row.typed else given
        if gives.startswith("awaited:"):
            function = self.argument(arguments, row.parameters, gives[8:])
            return Value(target=PartialTarget(function, Arguments(), awaited=True)) if function is not None else NOTHING
        if gives == "result":
            return ran or NOTHING
        held = self.world.libraries.type(receiver.type) if receiver is not None and receiver.type else None
        if receiver is not None and held is not None and held.chains and row.effect and not gives:
            found = made or NOTHING
            return receiver.but(sources=found.sources, rows=found.rows or receiver.rows)
        type_name = self.filled(gives, row, arguments)
        sources = made.sources if made is not None else frozenset()
        if row.derives:
            sources |= arguments.sources() | (receiver.sources if receiver is not None else frozenset())
        kind = self.world.libraries.type(type_name) if type_name else None
        number = self.next()
        value = Value(
            type=type_name if gives not in ("row", "rows", "value") else "row",
            of=Value(type=row.of, sources=sources, rows=made.rows if made else None) if row.of else None,
            sources=sources,
            rows=made.rows
            if made is not None and made.rows is not None
            else Rows(f"new:{number}")
            if type_name
            else None,
            owner=receiver,
            origin=receiver.origin if receiver is not None else Origin.RESOLVED,
        )
        if kind is not None or row.options:
            value.options = self.inherited_options(kind, row, receiver, arguments)
            if row.keeps and receiver is not None:
                value.options = {**(receiver.options or {}), **value.options}
        if row.gives_name:
            named = self.asked(row, row.gives_name, receiver, arguments)
            value.name = label_of(named)
        if kind is not None and (row.resource or kind.resource) not in ("", "none"):
            self.add_resource(
                number,
                row.resource or kind.resource,
                kind.technology,
                type_name,
                value.options or {},
                arguments,
                at,
                value.name,
            )
        if row.opens is not None and self.opens_here(row, row.opens, arguments):
            value.state = Opening(row.opens, row, arguments, receiver, at)
        if made is not None and row.sql and value.rows is not None:
            self.state.heap[(value.rows, "$result")] = made
        return value

    def opens_here(self, row: CallRow, opens: Opens, arguments: Arguments) -> bool:
        """Whether what a call gives opens a scope when it is entered, or decorates."""
        if not opens.scope or opens.encloses or row.runs:
            return False
        return not opens.given or given_true(self.argument(arguments, row.parameters, opens.given))

    def filled(self, gives: str, row: CallRow, arguments: Arguments) -> str:
        """A type's name with constant arguments put in (``boto3.{service_name}``); where that is none that the tables
        know, what stands before them."""
        if "{" not in gives:
            return gives if gives not in ("row", "rows", "value", "result") else ""
        head, _, rest = gives.partition("{")
        name, _, tail = rest.partition("}")
        found = self.argument(arguments, row.parameters, name)
        whole = f"{head}{found.text}{tail}" if found is not None and found.text else ""
        plain = head.rstrip(".")
        return whole if self.world.libraries.type(whole) or not self.world.libraries.type(plain) else plain

    def inherited_options(
        self, kind: TypeRow | None, row: CallRow, receiver: Value | None, arguments: Arguments
    ) -> dict[str, Value]:
        options: dict[str, Value] = {}
        for number, parameter in enumerate(row.parameters):
            found = arguments.get(parameter, number)
            if found is not None and (kind is None or parameter in kind.options or parameter in row.options):
                options[parameter] = found
        config_name = kind.config if kind is not None else ""
        options |= {k: v for k, v in arguments.keywords.items() if k not in options and k != config_name}
        if kind is not None and kind.config:
            config = self.argument(arguments, row.parameters, kind.config)
            options |= self.configuration(config) if config is not None else {}
        if arguments.options is not None:
            options["*"] = NOTHING
        return options

    def read_result(self, gives: str, receiver: Value | None, made: Value | None) -> Value:
        """What a cursor gives of its last statement."""
        result = made
        if result is None and receiver is not None:
            found = self.state.heap.get((receiver.rows, "$result")) if receiver.rows is not None else None
            result = (
                found
                if found is not None
                else Value(sources=receiver.sources, of=Value(sources=receiver.sources, rows=receiver.rows))
            )
        if result is None:
            return NOTHING
        if gives == "rows":
            return result
        row = element(result)
        if gives == "value":
            return row.items[0] if row.items else Value(sources=row.sources, rows=row.rows)
        return row

    # Connections ------------------------------------------------------------------------------------------------------

    def connection_of(self, value: Value | None) -> str:
        """The name of the connection that an object stands for: its outermost owner that makes connections."""
        found = self.connection_named(value)
        if found.startswith("new:") and found not in self.followers:
            self.followers[found] = value is not None and follows(value)
        return found

    def connection_named(self, value: Value | None) -> str:
        seen = 0
        named = ""
        while value is not None and seen < 8:
            row = self.world.libraries.type(value.type) if value.type else None
            if value.rows is not None:
                named = ".".join((value.rows.root, *value.rows.path))
            if row is not None and row.connection:
                return value.name or row.connection
            if row is not None and (row.implicit_transaction or row.resource in CONNECTED) and named:
                return named
            value = value.owner
            seen += 1
        return named

    def technology_of(self, value: Value | None) -> str:
        """The technology of the driver that an object belongs to."""
        row = self.world.libraries.type(value.type) if value is not None and value.type else None
        return row.technology if row is not None else ""

    def dialect_of(self, value: Value | None) -> str:
        seen = 0
        while value is not None and seen < 8:
            row = self.world.libraries.type(value.type) if value.type else None
            if row is not None and row.dialect:
                return row.dialect
            value = value.owner
            seen += 1
        return "postgres"

    # Contexts ---------------------------------------------------------------------------------------------------------

    def enter(self, context: Value, node: With) -> None:
        if isinstance(context.state, Pending):
            self.enter_generator(context, node)
            return
        if isinstance(context.state, Opening):
            opening = context.state
            with self.opened(opening, node.at):
                self.with_body(node, self.entered(context))
            return
        if self.world.orms.enter(self, context, node, lambda value: self.with_body(node, value)):
            return
        cls = self.world.class_named(context.type) if context.type else None
        if cls is not None and (cls.method("__enter__") or cls.method("__aenter__")):
            self.enter_object(cls, context, node)
            return
        row = self.world.libraries.type(context.type) if context.type else None
        if row is not None and row.resource and row.releases:
            self.released(context, node.at, always=True)
        if row is not None and row.opens is not None and row.opens.scope:
            with self.opened(Opening(row.opens, row, Arguments(), context, node.at), node.at):
                self.with_body(node, self.entered(context))
            return
        self.with_body(node, self.entered(context))

    def entered(self, context: Value) -> Value:
        row = self.world.libraries.type(context.type) if context.type else None
        if row is not None and row.enters:
            return Value(
                type=row.enters, rows=context.rows, owner=context, origin=context.origin, options=context.options
            )
        return context.but(state=None) if isinstance(context.state, Opening) else context

    def with_body(self, node: With, value: Value) -> None:
        if node.target is not None:
            self.bind(node.target, value, node.at)
        self.execute(node.body)

    def enter_generator(self, context: Value, node: With) -> None:
        """``with f() as x`` where f is a generator of the project: its body runs round the block."""
        pending = context.state
        assert isinstance(pending, Pending)
        target = pending.target
        if not isinstance(target, FunctionTarget) or self.deep():
            self.with_body(node, NOTHING)
            return
        arguments = pending.arguments.before(target.receiver) if target.receiver is not None else pending.arguments
        outer, broken = self.frame, self.broken
        info = target.function
        frame = self.new_frame(info.module, function=info, owner=info.owner, receiver=target.receiver)
        frame.inner = True
        frame.chain = (*outer.chain, self.place(self.made_at(pending, node.at)))
        frame.call = outer.call if outer.call is not None else self.next()
        frame.callee = outer.callee or info.name
        ran = False

        def block(value: Value) -> None:
            nonlocal ran
            ran = True
            inner, inner_broken = self.frame, self.broken
            self.frame, self.broken = outer, broken
            self.with_body(node, value)
            self.frame, self.broken = inner, inner_broken

        frame.on_yield = block
        bound = self.bindings(info, arguments)
        alive_inside = len(outer.left)
        with self.inside(frame):
            self.bind_parameters(bound)
            self.execute(self.world.text(info))
            if not self.state.alive and len(outer.left) > alive_inside:
                self.settle(outer.left[alive_inside:])
        if not ran:
            self.with_body(node, NOTHING)

    def fresh(self, options: Value) -> Value:
        """``**options`` are a dictionary that the call makes anew: its function may change it."""
        entries = dict(options.entries) if options.entries is not None else None
        return options.but(entries=entries, maker=self.serial)

    def bind_parameters(self, bound: dict[str, Value]) -> None:
        for name, value in bound.items():
            self.assign_local(name, value)

    def settle(self, states: list[State]) -> None:
        """States that left from inside a context: what it opened is over for them too."""
        for state in states:
            for connection, number in self.state.transactions.items():
                state.transactions[connection] = number
            state.locks = tuple(n for n in state.locks if n in self.state.locks)

    def enter_object(self, cls: ClassInfo, context: Value, node: With) -> None:
        names = ("__aenter__", "__aexit__") if node.is_async and cls.method("__aenter__") else ("__enter__", "__exit__")
        enter, leave = cls.method(names[0]), cls.method(names[1])
        value = (
            self.call_function(FunctionTarget(enter, context), Arguments(), node.at, awaited=True) if enter else context
        )
        self.with_body(node, value if value.type or value.rows else context)
        if leave is not None:
            alive = self.state.alive
            self.state.alive = True
            self.call_function(FunctionTarget(leave, context), Arguments((NONE, NONE, NONE)), node.at, awaited=True)
            self.state.alive = alive and self.state.alive

    @contextmanager
    def opened(self, opening: Opening, at: Span) -> Iterator[None]:
        """Everything inside stands in what the context opens; behind it, it is over, also for paths that left
        inside."""
        opens = opening.opens
        outer = self.frame
        marks = len(outer.left), [len(b) for b in self.broken]
        before = self.state.fork()
        match opens.scope:
            case "transaction" | "savepoint":
                with self.opened_transaction(opening, at):
                    yield
            case "lock":
                with self.opened_lock(opening, at):
                    yield
            case "retry":
                with self.opened_retry(opening, at):
                    yield
            case "timeout":
                limit = self.argument(opening.arguments, opening.row.parameters, opens.limit)
                known = repr(limit.const) if limit is not None and limit.known else ""
                with self.scope("timeout", "", at, known):
                    yield
            case "semaphore":
                many = self.argument(opening.arguments, opening.row.parameters, opens.limit)
                if many is None and opening.receiver is not None:
                    many = (opening.receiver.options or {}).get(opens.limit)
                with self.scope("semaphore", "", at, repr(many.const) if many is not None and many.known else ""):
                    yield
            case "breaker":
                with self.scope("breaker", "", at):
                    yield
            case "suppress":
                with self.suppressing(opening, at):
                    yield
            case "thread":
                self.threaded += 1
                yield
                self.threaded -= 1
            case "stack":
                with ExitStack() as stack:
                    self.stacks.append(stack)
                    yield
                    self.stacks.pop()
            case _:
                yield
                if opens.ends:
                    self.ended(opening, at)
                elif opening.receiver is not None:
                    self.released(opening.receiver, at, always=True)
        late = outer.left[marks[0] :]
        for index, states in enumerate(self.broken):
            late += states[marks[1][index] if index < len(marks[1]) else 0 :]
        for state in late:
            self.left_early(opening, state, before)

    def left_early(self, opening: Opening, state: State, before: State) -> None:
        """A path that leaves from inside a context: what that opened is over for it too."""
        opens = opening.opens
        if opens.scope in ("transaction", "lock") or opens.closes:
            state.locks = tuple(n for n in state.locks if n in before.locks)
        if opens.scope == "transaction" or opens.closes:
            connection = self.opened_connection(opening)
            state.transactions.pop(connection, None)
            if opens.implicit or opens.closes:
                state.transactions[connection] = ENDED
            elif connection in before.transactions:
                state.transactions[connection] = before.transactions[connection]

    def ended(self, opening: Opening, at: Span) -> None:
        """The effect that leaving a context normally has."""
        kind, _, verb = opening.opens.ends.partition(" ")
        row, receiver = opening.row, opening.receiver
        self.emit(
            Kind(kind),
            verb,
            at,
            store=StoreKind(row.store) if row.store else StoreKind.NONE,
            technology=row.technology,
            dataset=receiver.name if receiver is not None else "",
            options=self.effect_options(row, receiver, opening.arguments) if isinstance(row, CallRow) else (),
            origin=receiver.origin if receiver is not None else Origin.RESOLVED,
        )

    @contextmanager
    def opened_transaction(self, opening: Opening, at: Span) -> Iterator[None]:
        opens = opening.opens
        connection = self.opened_connection(opening)
        if opens.implicit:
            with self.opened_implicitly(opens, connection, at):
                yield
            return
        if opens.scope == "savepoint" or self.current(connection) is not None:
            with self.scope("savepoint", "", at, connection):
                yield
            return
        isolation = self.asked_text(opening, opens.isolation) or self.world.orms.isolation(self, opening.receiver)
        before_locks = self.state.locks
        previous = self.state.transactions.get(connection)
        number = self.begin("atomic", connection, at, isolation)
        started = len(self.effects)
        with self.scope("transaction", "", at, connection, number=number):
            yield
        alive = self.state.alive
        if opens.commits and self.current(connection) == number:
            self.end(Kind.COMMIT, connection, at)
        self.state.alive = alive
        self.state.transactions.pop(connection, None)
        if previous is not None:
            self.state.transactions[connection] = previous
        taken = {
            e.number
            for e in self.effects[started:]
            if e.kind == Kind.READ or (e.kind == Kind.LOCK and e.store == StoreKind.RELATIONAL)
        }
        self.state.locks = tuple(n for n in self.state.locks if n in before_locks or n not in taken)

    @contextmanager
    def opened_implicitly(self, opens: Opens, connection: str, at: Span) -> Iterator[None]:
        """A connection's own context: the transaction is the one that its statements began, before or inside."""
        with self.scope("transaction", "", at, connection):
            yield
        alive = self.state.alive
        if opens.commits and self.current(connection) is not None:
            self.end(Kind.COMMIT, connection, at)
        self.state.transactions[connection] = ENDED
        self.state.alive = alive

    def opened_connection(self, opening: Opening) -> str:
        opens = opening.opens
        if opens.connection == "self" or not opens.connection:
            return self.connection_of(opening.receiver)
        if opens.connection.startswith("="):
            return opens.connection[1:]
        name, _, default = opens.connection.partition("=")
        found = self.argument(opening.arguments, opening.row.parameters, name)
        if found is None or (found.known and found.const is None):
            return default
        return found.text or canonical(found) or default

    def asked_text(self, opening: Opening, name: str) -> str:
        found = self.argument(opening.arguments, opening.row.parameters, name) if name else None
        return (found.text or "").lower().replace("_", "-").replace(" ", "-") if found is not None else ""

    @contextmanager
    def opened_lock(self, opening: Opening, at: Span) -> Iterator[None]:
        receiver = opening.receiver
        options = (receiver.options or {}) if receiver is not None else {}
        kind = self.world.libraries.type(receiver.type) if receiver is not None and receiver.type else None
        named = self.lock_name(opening)
        effect = self.emit(
            Kind.LOCK,
            opening.opens.lock or "process",
            at,
            dataset=named,
            store=StoreKind.CACHE if opening.opens.lock == "distributed" else StoreKind.NONE,
            technology=getattr(opening.row, "technology", ""),
            options=self.world.option_list(options, kind.options, words=kind.words) if kind is not None else (),
            origin=receiver.origin if receiver is not None else Origin.RESOLVED,
        )
        self.state.locks = (*self.state.locks, effect.number)
        with self.scope("lock", opening.opens.lock, at, named):
            yield
        alive = self.state.alive
        self.state.alive = alive
        self.state.locks = tuple(n for n in self.state.locks if n != effect.number)
        self.emit(Kind.UNLOCK, opening.opens.lock or "process", at, dataset=named)

    def lock_name(self, opening: Opening) -> str:
        receiver = opening.receiver
        if opening.opens.name:
            return label_of(self.argument(opening.arguments, opening.row.parameters, opening.opens.name))
        if receiver is None:
            return ""
        if receiver.name:
            return receiver.name
        return ".".join((receiver.rows.root, *receiver.rows.path)) if receiver.rows is not None else ""

    @contextmanager
    def opened_retry(self, opening: Opening, at: Span) -> Iterator[None]:
        with self.scope("retry", "", at) as number:
            self.retries.append(self.world.described_retry(number, opening, self.place(at)))
            yield

    def enter_on_stack(self, context: Value, at: Span) -> Value:
        """``stack.enter_context(c)``: what it opens stays open until the innermost stack is left."""
        opening = self.world.opening_of(context, at)
        if opening is not None and self.stacks:
            self.stacks[-1].enter_context(self.opened(opening, at))
        return self.entered(context)

    @contextmanager
    def suppressing(self, opening: Opening, at: Span) -> Iterator[None]:
        """``with suppress(Error)``: what is inside may stop anywhere, and control goes on behind it."""
        before = self.state
        names = " ".join(
            v.target.dotted if isinstance(v.target, ExternalTarget) else v.name for v in opening.arguments.positional
        )
        self.state = before.fork()
        with self.scope("try", "body", at, names):
            yield
        self.state = joined(self.state, before, before.scopes, before.guards)

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
        if row is not None and row.entry is not None and not row.entry.callable:
            self.follow_elsewhere(value, node_span(node))
        return value

    def registering(self, decorator: Expression) -> CallRow | None:
        """The row of a decorator that is a method of an object at hand (``@app.route`` inside `create_app`)."""
        expression = decorator.function if isinstance(decorator, Call) else decorator
        if not isinstance(expression, Attribute) or not isinstance(expression.base, Local):
            return None
        return self.world.method_row(self.local(expression.base).type, expression.name)

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


class Super:
    """``super()``: methods are looked for behind `owner` in the class order of the object."""

    __slots__ = ("owner", "value")

    def __init__(self, owner: ClassInfo, value: Value) -> None:
        self.owner = owner
        self.value = value


def given_through(row: CallRow, arguments: Arguments) -> Arguments:
    """What a library's method gives to the other method that it calls: further arguments go by name."""
    assert row.through is not None
    first = tuple(Value(const=c) for c in row.through.first)
    named = dict(zip(row.parameters[1:], arguments.positional[1:], strict=False))
    return Arguments(
        (*first, *arguments.positional[:1]), {**named, **arguments.keywords}, arguments.rest, arguments.options
    )


def idempotent(row: CallRow, key: Value | None) -> Answer:
    """Whether repeating a call does no more: as its row says, or by the key that it, or its headers, are given."""
    usual = Answer(row.idempotent) if row.idempotent else Answer.UNKNOWN
    if usual == Answer.YES or not row.idempotent_by or key is None or (key.known and key.const is None):
        return usual
    if key.entries is not None:
        named = next((v for name, v in key.entries.items() if "idempoten" in name.lower()), None)
        if named is None:
            return usual if key.complete else Answer.UNKNOWN
        return Answer.UNKNOWN if drawn(named) else Answer.YES
    return Answer.YES if (key.text is not None or key.known) and not drawn(key) else Answer.UNKNOWN


def drawn(key: Value) -> bool:
    """Whether a key is made up anew where it is sent: a second attempt has another one."""
    return bool(key.sources) and all(s.kind == "random" for s in key.sources)


def endless(trace: Trace) -> bool:
    """Whether a generator gives message after message of a consumer."""
    consumed = (e for e in trace.effects if e.kind == Kind.CONSUME)
    return any(s.kind == "loop" and s.unbounded for e in consumed for s in e.scopes)


def delivered(value: Value, source: frozenset[Source], rows: Rows) -> Value:
    """What a callback is given: the client itself, or part of the message that was read."""
    return value if value.owner is None and value.rows is not None else value.but(sources=source, rows=rows)


@cache
def handles(name: str) -> bool:
    """Whether what is called so does something with a message, by its name."""
    return HANDLES.search(name) is not None


def unsaid(options: dict[str, Value] | None, own: bool, clients: bool) -> bool:
    """Whether an option that is not seen may have been given all the same: some that the client may have were not
    followed; or nobody saw the client being made, and it is not the call's own."""
    return "*" in options and (clients or not own) if options is not None else not own


def flattened(options: dict[str, Value]) -> dict[str, Value]:
    """Options with those of a mapping in its place: ``retries.mode``."""
    inner = {f"{n}.{k}": v for n, o in options.items() for k, v in (o.entries or {}).items()}
    return {**{n: o for n, o in options.items() if not o.entries}, **inner} if inner else options


def function_of(value: Value) -> FunctionInfo:
    """The project's function that a callable reaches in the end."""
    while isinstance(value.target, PartialTarget):
        value = value.target.value
    assert isinstance(value.target, FunctionTarget)
    return value.target.function


def follows(value: Value, depth: int = 0) -> bool:
    """Whether a connection leads to a follower: it, or what it was made from, is called so (``replica_engine``)."""
    if depth > 6:
        return False
    name = (value.rows.path or (value.rows.root.rpartition(".")[2],))[-1] if value.rows is not None else ""
    if name and FOLLOWER.search(HUMP.sub("_", name).lower()):
        return True
    made_from = (value.owner, *((value.options or {}).get(name) for name in ("bind", "engine")))
    return any(follows(v, depth + 1) for v in made_from if v is not None)


FOLLOWER = re.compile(
    r"(?:^|_)(?:replicas?|slaves?|followers?|secondary|standby|readonly|read_only|ro|reader|"
    r"read_(?:pool|engine|db|session\w*|conn\w*))(?:_|$)"
)
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def routes(picked: tuple[Value | None, ...], arguments: Arguments) -> tuple[Option, ...]:
    """How the node or partition that an effect goes to was picked: by a process's own hash; by the remainder of what it
    is called with (rather than of a counter)."""
    found = {s for v in picked if v is not None and v.sources for s in v.sources}
    ways = {s for s in found if s.kind in PICKING}
    if not ways:
        return ()
    same = {(s.kind, s.number, s.name) for s in arguments.sources() if s.name not in ("self", "cls")}
    by_key = any((s.kind, s.number, s.name) in same for s in found - ways)
    return tuple(
        Option("route", " ".join((s.kind, *s.path)), word="route") for s in sorted(ways) if s.kind == "hash" or by_key
    )


PICKING = ("hash", "remainder")


def label_of(value: Value | None) -> str:
    """What the outside knows a value as: its text, its own name, or that of the first of many."""
    if value is None or (value.known and value.const is None):
        return ""
    if isinstance(value.const, str):
        return "" if value.const == HOLE else value.const
    if value.known:
        return str(value.const)
    if value.name:
        return value.name
    if isinstance(value.target, FunctionTarget):
        return value.target.function.name
    if value.entries:
        return next(iter(value.entries))
    return label_of(value.items[0]) if value.items else ""


def class_value(cls: ClassInfo) -> Value:
    return Value(target=ClassTarget(cls), type="builtins.type", name=cls.name)


def holds_callable(value: Value) -> bool:
    """Whether a value holds code that is tied to this frame: a closure, a bound method, a partial."""
    return tied(value.target) or (value.items is not None and any(tied(i.target) for i in value.items))


TIED = (ClosureTarget, PartialTarget)


def tied(target: Target | None) -> bool:
    if isinstance(target, FunctionTarget):
        return target.receiver is not None or target.plain
    return isinstance(target, TIED)


def node_span(node: Expression) -> Span:
    at = getattr(node, "at", None)
    return at if isinstance(at, Span) else Span(0, 0, 0, 0)


__all__ = [
    "AMBIENT",
    "Attribute",
    "Call",
    "Caller",
    "Derive",
    "Local",
    "Opening",
    "Retry",
    "Scope",
    "Super",
    "derived",
    "replace",
]
Run = Callable[[Arguments], Value]
