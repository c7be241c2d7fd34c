"""Calls of the project's own functions, closures and classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Kind, Rows, When
from datakeel.read.attributes import Attributes
from datakeel.read.graft import Graft
from datakeel.read.libraries import CallRow, TypeRow
from datakeel.read.machine import Trace
from datakeel.read.program import Function, Span
from datakeel.read.state import Frame, joined
from datakeel.read.strictness import refuses
from datakeel.read.symbols import ClassInfo, FunctionInfo, Module
from datakeel.read.values import (
    MESSAGES,
    NONE,
    NOTHING,
    Arguments,
    ClassTarget,
    ClosureTarget,
    FunctionTarget,
    PartialTarget,
    Pending,
    Target,
    Value,
    union,
)

INLINE_DEPTH = 8  # how many closures and callables are followed into one another
BODIES = 1_000  # how many of them for one function: courtlistener and Saleor have 20 at most
TIED = (ClosureTarget, PartialTarget)


class Functions(Attributes):
    """Follows calls of what the project defines."""

    def hand_over(self, arguments: Arguments, at: Span, text: str = "", when: When | None = None) -> None:
        """Code that is not in view is given something that came from outside: it may do with it whatever it likes."""
        given = frozenset(s for s in arguments.sources() if s.kind in ("result", "read", "parameter"))
        if given:
            payload = tuple(sorted(given))
            self.emit(Kind.CALL, "hand-over", at, payload=payload, text=text, origin=Origin.CONVENTION, when=when)

    def held(self, value: Value) -> Value | None:
        """What an attribute of self holds by all constructions that the project has."""
        info = self.frame_function()
        if value.rows is None or info is None or info.owner is None or not info.signature.parameters:
            return None
        return self.world.constructions.held(value, info.owner, info.signature.parameters[0].name)

    def call_function(self, target: FunctionTarget, arguments: Arguments, at: Span, *, awaited: bool = False) -> Value:
        if not target.perhaps:
            return self.call_own(target, arguments, at, awaited=awaited)
        started = len(self.effects)
        value = self.call_own(target, arguments, at, awaited=awaited)
        for index in range(started, len(self.effects)):
            effect = self.effects[index]
            self.effects[index] = replace(effect, origin=max(effect.origin, Origin.CONVENTION))
        return value

    def call_own(self, target: FunctionTarget, arguments: Arguments, at: Span, *, awaited: bool) -> Value:
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
        if any(map(holds_callable, arguments.all())):
            return self.inline(info, arguments, at, receiver=target.receiver)
        bindings = self.bindings(info, arguments)
        self.world.site(self.caller, info, bindings)
        trace, names = self.world.trace(info, target.receiver, bindings)
        if info.signature.is_generator:
            graft = Graft(self, trace, names, self.place(at), info.name)
            value = graft.apply()
            given = graft.value(trace.yields) if trace.yields is not None else NOTHING
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
        continuation = self.world.continuation(self.caller, info)
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
        self.world.site(self.caller, info, {})
        frame = self.new_frame(info.module, function=info, owner=info.owner, receiver=receiver)
        frame.inner = True
        frame.chain = (*self.frame.chain, self.place(at))
        frame.call = self.frame.call if self.frame.call is not None else self.next()
        frame.callee = self.frame.callee or info.name
        bound = self.bindings(info, arguments)
        with self.inside(frame):
            self.world.run_function(self.caller, info, bound)
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
            else:
                stated = self.world.stated(self.frame.module, parameter)
                if stated is None and parameter.default is not None:
                    stated = self.eval(parameter.default)
                if stated is not None:
                    self.assign_local(name, stated)

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
            held = {n: v for (rows, n), v in self.state.heap.items() if rows == made.rows and tells_apart(v)}
            return made.but(options=held) if held else made
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

    def apply_row(self, row: CallRow, dotted: str, receiver: Value | None, arguments: Arguments, at: Span) -> Value:
        raise NotImplementedError

    def make(self, row: TypeRow, name: str, arguments: Arguments, at: Span) -> Value:
        raise NotImplementedError


def tells_apart(value: Value) -> bool:
    """Whether what an object was made with says what its methods do: a class or function of the project, or what the
    outside knows by a name (a collection, a topic)."""
    known = isinstance(value.target, ClassTarget | FunctionTarget) or bool(value.name and value.type)
    return known or isinstance(value.const, bool)


def holds_callable(value: Value) -> bool:
    """Whether a value holds code that is tied to this frame: a closure, a bound method, a partial."""
    return tied(value.target) or (value.items is not None and any(tied(i.target) for i in value.items))


def tied(target: Target | None) -> bool:
    if isinstance(target, FunctionTarget):
        return target.receiver is not None or target.plain
    return isinstance(target, TIED)


def endless(trace: Trace) -> bool:
    """Whether a generator gives message after message of a consumer."""
    consumed = (e for e in trace.effects if e.kind == Kind.CONSUME)
    return any(s.kind == "loop" and s.unbounded for e in consumed for s in e.scopes)
