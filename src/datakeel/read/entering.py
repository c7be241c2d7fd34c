"""Ways in that following the code shows: poll loops, callbacks of consumers, functions known by name, schedules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datakeel.model.effect import Effect, Kind, Scope, StoreKind
from datakeel.read.ledger import NAME
from datakeel.read.libraries import Entry as EntryRow
from datakeel.read.machine import Trace
from datakeel.read.program import Assign
from datakeel.read.registering import Callback
from datakeel.read.symbols import ClassInfo, Constant, FunctionInfo, Module
from datakeel.read.values import MESSAGES, NOTHING, Value
from datakeel.read.world import World

SCHEDULE = EntryRow("schedule")
PICKS = "import_module"


def register_consumer(world: World, info: FunctionInfo, trace: Trace) -> None:
    """A function that asks for messages in an endless loop is a consumer; a message of a broker may come again."""
    for effect in trace.effects:
        if effect.kind != Kind.CONSUME or not effect.number:
            continue
        if any(own_loop(s, effect) for s in effect.scopes) or iterated(trace, effect):
            row = EntryRow("consumer", redelivered=effect.verb == "message")
            world.add_entry(info, row, effect.dataset, effect.options)


def own_loop(scope: Scope, effect: Effect) -> bool:
    """Whether an effect stands in an endless loop of the function's own text."""
    return scope.kind == "loop" and scope.unbounded and (effect.call is None or scope.number < effect.call)


def iterated(trace: Trace, consume: Effect) -> bool:
    """Whether what a generator consumes is gone through in a loop of the function's own text."""
    if consume.call is None:
        return False
    later = (e for e in trace.effects if e.number > consume.number)
    return any(s.text == MESSAGES and (e.call is None or s.number < e.call) for e in later for s in e.scopes)


def followed(world: World, info: FunctionInfo, callback: Callback) -> Trace:
    """What a function does when a library calls it, with what that gives it."""
    bound = world.unbound(info, info.owner)
    free = [p for p in info.signature.parameters if p.kind == "positional"]
    for parameter, kind in zip(free[info.owner is not None :], callback.passes, strict=False):
        given = bound[parameter.name]
        if kind and (not given.type or world.libraries.canonical(given.type) == kind):
            bound[parameter.name] = Value(type=kind, name=callback.name)
    return world.trace(info, None, bound)[0]


def delivered(info: FunctionInfo, callback: Callback, trace: Trace) -> Iterator[Effect]:
    """A callback of a consumer begins with a message that was delivered to it, unless it is given the whole stream."""
    if callback.entry.kind == "consumer" and not any(goes_through(e, callback) for e in trace.effects):
        yield Effect(
            number=0,
            kind=Kind.CONSUME,
            verb=callback.verb,
            place=info.place,
            store=StoreKind(callback.store),
            technology=callback.technology,
            dataset=callback.name,
            options=callback.entry.options,
        )


def goes_through(effect: Effect, callback: Callback) -> bool:
    """Whether a callback takes the messages one by one from what it was given."""
    return effect.kind == Kind.CONSUME and effect.dataset == callback.name and not effect.chain


def register_named(world: World, functions: Iterable[FunctionInfo]) -> None:
    """Functions that something runs by their name, and those that a class lists."""
    register_listed(world)
    register_picked(world)
    register_configured(world)
    for info in functions:
        row = world.libraries.functions.get(info.signature.name)
        names = tuple(p.name for p in info.signature.parameters[: len(row.parameters)]) if row is not None else ()
        if row is not None and names == row.parameters:
            entry = world.add_entry(info, row.entry, "")
            if row.entry.passes:
                world.called_back(Callback(info.name, entry, row.entry.passes))


def register_picked(world: World) -> None:
    """A program that picks a module by its name, out of a table of its own, starts the function of it that it calls
    (``import_module(PROCESSES[name]).main()``)."""
    world.ledger.rests_on(NAME, PICKS)
    for module in world.names.every_module():
        bodies = module.file.bodies if any(PICKS in code.names for code in module.file.bodies) else ()
        called = frozenset(name for code in bodies for name in code.names)
        for symbol in world.names.scope(module).values() if called else ():
            value = world.constant(symbol) if isinstance(symbol, Constant) and symbol.module is module else NOTHING
            for one in (*(value.entries or {}).values(), *(value.items or ())):
                picked = named_module(world, module, one.text) if one.known and one.text else None
                for name, info in world.names.functions(picked).items() if picked is not None else ():
                    if name in called:
                        world.add_entry(info, EntryRow("main"), info.module.name)


def named_module(world: World, asking: Module, text: str) -> Module | None:
    """The module of the project that a text names, by its whole name or below a package of the module that asks."""
    parts = asking.name.split(".")
    names = (".".join((*parts[:depth], text)) for depth in range(len(parts), -1, -1))
    return next((m for name in names if (m := world.names.modules.get(name)) is not None), None)


def register_listed(world: World) -> None:
    """Functions that a worker's class lists; calls in the list register what they are given."""
    for row in world.libraries.lists:
        for cls in world.names.every_class():
            if any(name in cls.fields for name in row.attributes) and any(name in cls.fields for name in row.beside):
                for value in (v for name in row.attributes if name in cls.fields for v in listed(world, cls, name)):
                    world.register(value, row.entry, "")


def listed(world: World, cls: ClassInfo, name: str) -> tuple[Value, ...]:
    """The elements of the list that a class's attribute is assigned."""
    statement = cls.fields[name]
    if not isinstance(statement, Assign) or statement.value is None:
        return ()
    return world.scratch(cls.module).eval(statement.value).items or ()


def register_configured(world: World) -> None:
    """Functions and classes that a setting names (``MIDDLEWARE = ["shop.middleware.Basket"]``), at any depth of it."""
    for setting, row in world.libraries.named.items():
        for text in texts_of(world.setting(setting)):
            match world.names.absolute(text):
                case FunctionInfo() as info:
                    world.add_entry(info, row, info.name)
                case ClassInfo() as cls:
                    methods = {name: m for above in reversed(cls.ancestors()) for name, m in above.methods.items()}
                    for name in sorted(n for n in methods if n == "__call__" or not n.startswith("_")):
                        world.add_entry(methods[name], row, f"{cls.facts.name}.{name}")


def texts_of(value: Value) -> Iterator[str]:
    """The texts in a value, at any depth."""
    if value.known and value.text and "." in value.text:
        yield value.text
    for part in (*(value.items or ()), *(value.entries or {}).values()):
        yield from texts_of(part)


def register_scheduled(world: World, named: dict[str, FunctionInfo]) -> None:
    """Tasks that a schedule names; `named` are the functions by the names of their entries."""
    for schedule in world.libraries.schedules:
        for plan in world.held_by(schedule.held):
            for entry in (plan.entries or {}).values():
                task = (entry.entries or {}).get(schedule.task, NOTHING)
                name = task.name or task.text or ""
                if name in named:
                    world.add_entry(named[name], SCHEDULE, name)
