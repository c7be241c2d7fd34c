"""Facts of files → one System: names are linked, every function is traced, contexts and entry points flow to what
they reach."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec.structs import replace

from datakeel.model.operation import Context, Entry, Operation, Role
from datakeel.model.system import Remark, Setting, System
from datakeel.read.languages.python.names import Names, dotted_of
from datakeel.read.libraries import Entry as EntryRow
from datakeel.read.libraries import Libraries
from datakeel.read.machine import Trace
from datakeel.read.program import Call, Const, Derive, File, Global, If, Statement, body
from datakeel.read.retrying import expressions, read, walked
from datakeel.read.state import Frame
from datakeel.read.symbols import FunctionInfo, Module
from datakeel.read.world import World, finished

ENTRIES = 6  # how many ways in are named for one function


class Link:
    """Links the facts of one project. `modules` maps module names to paths, `files` paths to facts, `roles` paths to
    roles."""

    def __init__(
        self, modules: Mapping[str, str], files: Mapping[str, File], roles: Mapping[str, Role], libraries: Libraries
    ) -> None:
        self.names = Names(modules, files)
        self.libraries = libraries
        self.roles = roles
        self.files = files
        self.world = World(self.names, libraries, settings_modules(self.names))
        self.traces: dict[str, tuple[FunctionInfo, Trace]] = {}

    def system(self, remarks: Iterable[Remark] = (), progress: Callable[[int, int], None] | None = None) -> System:
        module_traces = [
            self.module_trace(m) for m in self.names.every_module() if self.role(m.path) in (Role.PRODUCT, Role.SCRIPT)
        ]
        self.register_classes()
        functions = [f for f in self.names.every_function() if self.role(f.module.path) != Role.TEST]
        for number, info in enumerate(functions):
            if progress is not None and number % 200 == 0:
                progress(number, len(functions))
            self.register_decorated(info)
            self.traces.setdefault(info.name, (info, self.world.general(info)))
        contexts, reached = self.flow()
        operations = [self.operation(info, trace, contexts, reached) for info, trace in self.traces.values()]
        return System(
            operations=tuple(sorted(operations, key=lambda o: o.name)),
            resources=tuple(r for t in module_traces for r in t.resources),
            settings=self.settings(),
            remarks=tuple(remarks),
            files=len(self.files),
            lines=sum(f.lines for f in self.files.values()),
        )

    def role(self, path: str) -> Role:
        return self.roles.get(path, Role.PRODUCT)

    def module_trace(self, module: Module) -> Trace:
        """What runs at import: registrations, clients made once."""
        caller = self.world.scratch(module)
        caller.frame = Frame(1, module)
        try:
            for name, symbol in self.names.scope(module).items():
                if not isinstance(symbol, str):
                    self.world.symbol_value(symbol)
                del name
            for statement in module.file.constants:
                caller.execute((statement,))
            if len(module.file.bodies) > len(module.file.functions):
                caller.execute(body(module.file.bodies[-1]))
        except RecursionError:
            caller.complete = False
        self.register_main(module)
        return finished(caller, caller.frame, None)

    def register_main(self, module: Module) -> None:
        """What a file does when it is run by itself starts the functions that it calls there."""
        if len(module.file.bodies) <= len(module.file.functions):
            return
        for statement in body(module.file.bodies[-1]):
            match statement:
                case If(Derive("==", (Global(".__name__"), Const("__main__"))), then):
                    for name in called(then):
                        symbol = self.names.resolve(module, name)
                        if isinstance(symbol, FunctionInfo):
                            self.world.add_entry(symbol, MAIN, module.name)

    # Entry points -----------------------------------------------------------------------------------------------------

    def register_decorated(self, info: FunctionInfo) -> None:
        for decorator in info.signature.decorators:
            row = self.world.decorator_row(info, decorator)
            if row is not None and row.entry is not None and not row.entry.callable:
                self.world.add_entry(info, row.entry, self.world.entry_name(info, decorator, row))

    def register_classes(self) -> None:
        """Methods that a library's base class calls: views, commands, consumers. ``*`` stands for every public
        method that the class itself defines."""
        for cls in self.names.every_class():
            for base in cls.lineage[1:]:
                row = self.libraries.base(base if isinstance(base, str) else base.name)
                for method, entry in row.entries.items() if row is not None else ():
                    for name in cls.methods if method == "*" else (method,):
                        info = cls.methods.get(name)
                        if info is not None and (method != "*" or not name.startswith("_")):
                            self.world.add_entry(info, entry, f"{cls.facts.name}.{name}")

    # Contexts ---------------------------------------------------------------------------------------------------------

    def flow(self) -> tuple[dict[str, set[Context]], dict[str, list[Entry]]]:
        """What stands round each function when it is called, and what starts it: from callers to callees until
        nothing changes."""
        contexts: dict[str, set[Context]] = {}
        reached: dict[str, list[Entry]] = {}
        calls = self.world.sites
        atomic = self.atomic_requests()
        waiting: deque[str] = deque()
        for name in self.traces:
            entries = self.world.entries.get(name, [])
            if entries:
                reached[name] = list(entries)
                contexts[name] = {
                    Context(
                        transaction=atomic and e.kind == "request", event_loop=self.traces[name][0].signature.is_async
                    )
                    for e in entries
                }
            waiting.append(name)
        seen = set(waiting)
        while waiting:
            caller = waiting.popleft()
            seen.discard(caller)
            outer = contexts.get(caller) or {Context()}
            for callee, site in calls.get(caller, {}).items():
                known = contexts.setdefault(callee, set())
                ways = reached.setdefault(callee, [])
                before = len(known), len(ways)
                for flags in site:
                    known |= {merged(o, flags) for o in outer}
                for entry in reached.get(caller, ()):
                    if entry not in ways and len(ways) < ENTRIES:
                        ways.append(entry)
                if (len(known), len(ways)) != before and callee not in seen and callee in self.traces:
                    waiting.append(callee)
                    seen.add(callee)
        return contexts, reached

    def atomic_requests(self) -> bool:
        databases = self.world.setting("DATABASES")
        default = (databases.entries or {}).get("default")
        found = (default.entries or {}).get("ATOMIC_REQUESTS") if default is not None else None
        return found is not None and found.const is True

    def operation(
        self, info: FunctionInfo, trace: Trace, contexts: Mapping[str, set[Context]], reached: Mapping[str, list[Entry]]
    ) -> Operation:
        return Operation(
            name=info.name,
            symbol=info.signature.name,
            place=info.place,
            role=self.role(info.module.path),
            service=info.module.name.partition(".")[0],
            is_async=info.signature.is_async,
            effects=trace.effects,
            exits=trace.exits,
            transactions=trace.transactions,
            resources=trace.resources,
            retries=trace.retries,
            handlers=trace.handlers,
            entries=tuple(reached.get(info.name, ())),
            contexts=tuple(sorted(contexts.get(info.name, ()), key=str)),
            parameters=trace.parameters,
            complete=trace.complete,
        )

    def settings(self) -> tuple[Setting, ...]:
        return (Setting("django.ATOMIC_REQUESTS", "True"),) if self.atomic_requests() else ()


MAIN = EntryRow("main")


def called(statements: tuple[Statement, ...]) -> Iterator[str]:
    """The dotted names that statements call."""
    for statement in walked(statements):
        for expression in read(statement):
            for part in expressions(expression):
                dotted = dotted_of(part.function) if isinstance(part, Call) else None
                if dotted is not None:
                    yield dotted


def merged(outer: Context, site: Context) -> Context:
    """What stands round a callee: what stands round its caller, and what the caller opened round the call."""
    return replace(
        site,
        transaction=outer.transaction or site.transaction,
        locks=outer.locks or site.locks,
        retry=outer.retry or site.retry,
        event_loop=outer.event_loop or site.event_loop,
        loop=outer.loop or site.loop,
        caller="",
        place=None,
    )


def settings_modules(names: Names) -> tuple[Module, ...]:
    """Django's settings: modules that define INSTALLED_APPS or DATABASES, the plainest name first."""
    found = [m for m in names.every_module() if {"INSTALLED_APPS", "DATABASES", "MIDDLEWARE"} & names.scope(m).keys()]
    return tuple(
        sorted(found, key=lambda m: (any(w in m.name for w in ("test", "ci", "dev", "local")), len(m.name), m.name))
    )
