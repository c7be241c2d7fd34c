"""Facts of files → one System: names are linked, every function is traced, contexts and entry points flow to what
they reach."""

from __future__ import annotations

import fnmatch
import math
import os
import pickle
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.operation import Context, Entry, Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import MANY_WAYS, Remark, Setting, System, Use
from datakeel.read.datasets import TELLING, Tables, tables, with_own_keys
from datakeel.read.disuse import Disuse, last
from datakeel.read.entering import delivered, followed, register_consumer, register_named, register_scheduled
from datakeel.read.kept import Answers, Kept, pickled
from datakeel.read.languages.python.names import Names, dotted_of
from datakeel.read.ledger import DECLARATIONS, NAME, TEXT, News, Root
from datakeel.read.libraries import Libraries
from datakeel.read.machine import Handed, Trace
from datakeel.read.mainloop import main_loop
from datakeel.read.memo import TooLong
from datakeel.read.notes import Site, Way
from datakeel.read.program import Call, Expression, File, Signature, body, watched
from datakeel.read.registering import Callback
from datakeel.read.services import services
from datakeel.read.state import Frame
from datakeel.read.symbols import ClassInfo, External, FunctionInfo, Module, Symbol
from datakeel.read.trace import finished
from datakeel.read.values import Value
from datakeel.read.workers import Failure, spread
from datakeel.read.world import World, plainly_named

if TYPE_CHECKING:
    from datakeel.read.formats.sql import SqlFacts

T = TypeVar("T")

LATER = ("callback", "scheduled")  # roots that are asked for only where the whole says so
FOLLOWED = (Role.PRODUCT, Role.SCRIPT)
PYTHONS = frozenset(
    ("builtins", "abc", "contextlib", "dataclasses", "enum", "functools", "typing", "typing_extensions")
)
HANDED_ON = 3  # from function to function, how far what they are handed is followed
WORTHWHILE = 20_000  # lines: below, a second process costs more than it saves
SECONDS = 120.0  # for one module
SCHEMA = 48  # of Saleor's modules take so many times as long as its schema
NOTED = 5  # places of one file whose SQL is said not to parse
# what of Django's middleware opens a transaction round each request that may write
ATOMIC_MIDDLEWARE = ("reversion.middleware.RevisionMiddleware", "django.middleware.transaction.TransactionMiddleware")
LIVE = re.compile(r"\.(settings_?)?(prod|production|live)(_?settings)?$")
ENTRIES = 6  # how many ways in are named for one function


class Followed(Struct, frozen=True, gc=False):
    """What one module makes at import, the operations of its functions, still without contexts, and what could not be
    followed, in words for the report."""

    made: tuple[Resource, ...] = ()
    operations: tuple[Operation, ...] = ()
    lost: str = ""


class Part(Struct, frozen=True, gc=False):
    """What another process found: the answers to the roots of one module, or to the schema (pickled: what effects share
    travels once, and is shared where it arrives); what they rest on."""

    path: str
    answers: bytes
    news: News
    process: int
    lost: str = ""  # what could not be followed, in words for the report


class Link:
    """Links the facts of one project. `modules` maps module names to paths, `files` paths to facts, `roles` paths to
    roles, `sql` paths to what SQL files say, `roots` paths to the folders that their modules' names begin below;
    `elsewhere` are the names that templates and configuration use."""

    def __init__(
        self,
        modules: Mapping[str, str],
        files: Mapping[str, File],
        roles: Mapping[str, Role],
        libraries: Libraries,
        sql: Mapping[str, SqlFacts] | None = None,
        roots: Mapping[str, str] | None = None,
        elsewhere: Collection[str] = (),
    ) -> None:
        self.sql = sql or {}
        self.elsewhere = elsewhere
        self.roots = roots or {}
        self.names = Names(modules, files, libraries)
        self.libraries = libraries
        self.roles = roles
        self.files = files
        self.world = World(self.names, libraries, settings_modules(self.names))
        self.services = services(self.names, lambda path: self.role(path) == Role.PRODUCT)
        self.operations: dict[str, Operation] = {}
        self.calls: dict[str, dict[str, set[Context]]] = {}  # caller → callee → what stands round the call
        self.entries: dict[str, list[Entry]] = {}
        self.assumed: dict[str, list[Entry]] = {}  # of functions that the project's own code may turn out to call
        self.callbacks: set[Callback] = set()
        self.remarks: set[Remark] = set()
        self.made: list[Resource] = []  # at import
        self.kept = Kept()
        self.answers: Answers = {}  # worked out by this review
        self.written: dict[str, bytes] = {}  # those about one module, as another process wrote them
        self.noted = 0  # things of the ledger whose notes were taken

    def system(
        self,
        remarks: Iterable[Remark] = (),
        progress: Callable[[int, int], None] | None = None,
        jobs: int = 1,
        kept: Kept | None = None,
    ) -> System:
        """The whole system. `jobs` processes follow the functions; what they find does not depend on their number, nor
        on what is `kept` of the last review."""
        self.kept = kept or Kept()
        self.take_notes(self.kept.notes("registered", "module", "schema"))
        self.root(Root("registered"), self.register)
        failed = self.follow(jobs, progress)
        self.take_notes(self.news())
        self.follow_further()
        self.mark_retried()
        contexts, reached = self.flow()
        unused = self.unused(reached)
        self.flow_by_name(contexts, reached, unused)
        decorated = self.decorated()
        schema = self.answer(Root("schema"), Tables())
        system = System(
            operations=tuple(
                in_context(
                    self.operations[n],
                    contexts,
                    reached,
                    recursive=n in self.calls.get(n, ()),
                    unused=n in unused,
                    decorated=n in decorated,
                )
                for n in sorted(self.operations)
            ),
            datasets=with_own_keys(schema.datasets, self.operations.values()),
            migrations=schema.migrations,
            resources=tuple({(r.place, r.type): r for r in self.made}.values()),
            settings=self.root(Root("settings"), self.settings),
            remarks=(*remarks, *gathered(self.remarks), *failed),
            uses=self.root(Root("uses"), lambda: tuple(sorted(set(self.uses())))),
            whole=not failed,
            files=len(self.files),
            lines=sum(f.lines for f in self.files.values()),
        )
        if system.whole:
            self.kept.keep(self.answers, self.written, self.world.ledger)
        return system

    # Roots ------------------------------------------------------------------------------------------------------------

    def root(self, root: Root, work: Callable[[], T]) -> T:
        """The answer to a root: the kept one where it holds."""
        if self.kept.holds(root):
            found: T = self.kept.answer(root)
            if root.kind in LATER:
                self.take_notes(self.kept.notes_of((root,)))
            return found
        with self.world.ledger.answering(root):
            worked_out = work()
        self.answers[root] = worked_out
        return worked_out

    def answer(self, root: Root, missing: T) -> T:
        """The answer to a root that was asked before; something else where it was lost."""
        if self.kept.holds(root):
            found: T = self.kept.answer(root)
            return found
        return self.answers.get(root, missing)  # type: ignore[return-value]

    def register(self) -> None:
        """Notes what the text says, without following it, of what starts the functions."""
        self.register_classes()
        for info in self.names.every_function():
            self.register_decorated(info)
        register_named(self.world, (f for f in self.names.every_function() if self.role(f.module.path) in FOLLOWED))

    def news(self) -> Iterator[object]:
        """The notes that were taken since the last time."""
        first, self.noted = self.noted, len(self.world.ledger.things)
        return self.world.ledger.notes(first)

    def take_notes(self, notes: Iterable[object]) -> None:
        for note in notes:
            match note:
                case Site(caller, callee, context):
                    self.calls.setdefault(caller, {}).setdefault(callee, set()).add(context)
                case Way(function, entry, assumed):
                    known = (self.assumed if assumed else self.entries).setdefault(function, [])
                    if entry not in known:
                        known.append(entry)
                case Callback():
                    self.callbacks.add(note)
                case Remark():
                    self.remarks.add(note)

    # Following --------------------------------------------------------------------------------------------------------

    def follow(self, jobs: int, progress: Callable[[int, int], None] | None) -> list[Remark]:
        """Puts the schema together and follows every function that is judged, module by module; gives remarks on what
        was lost on the way."""
        modules = list(self.followed())
        due = [m for m in modules if not self.kept.holds(Root("module", m.path))]
        schema = not self.kept.holds(Root("schema"))
        lost = []
        for done, (number, reason) in enumerate(self.parts(due, jobs, schema=schema)):
            tell(progress, done, len(due))
            if reason and number:
                lost.append(Remark(due[number - 1].path, 0, f"could not be followed: {reason}"))
            elif reason:
                lost.append(Remark("", 0, f"the schema could not be put together: {reason}"))
        nothing = Followed()
        for module in modules:
            found = self.answer(Root("module", module.path), nothing)
            self.operations |= {o.name: o for o in found.operations}
            self.made += found.made
        return lost

    def followed(self) -> Iterator[Module]:
        return (m for m in self.names.every_module() if self.role(m.path) in FOLLOWED)

    def parts(self, modules: list[Module], jobs: int, *, schema: bool) -> Iterator[tuple[int, str]]:
        """Works out the schema (0) and each module's part (1 and on), here or in several processes; gives what of each
        was lost, in words."""
        weights = [m.file.lines for m in modules]
        lines = sum(weights)
        if jobs <= 1 or lines < WORTHWHILE:
            yield from ((number, self.part(module)) for number, module in enumerate(modules, 1))
            yield 0, self.schema() if schema else ""
            return
        self.world.ledger.news()  # what other processes tell begins behind what they know from here
        known: dict[int, list[int]] = {}

        def work(number: int) -> bytes:
            before, self.answers = self.answers, {}
            lost = self.part(modules[number - 1]) if number else self.schema() if schema else ""
            path = modules[number - 1].path if number else ""
            part = Part(path, pickled(self.answers), self.world.ledger.news(), os.getpid(), lost)
            self.answers = before
            return pickled(part)

        first = lines // SCHEMA if schema else 0
        for number, result in spread(
            work, [first, *weights], jobs, 2 * SECONDS, alike=True
        ):  # neighbours call the same
            if isinstance(result, Failure):
                yield number, result.text
                continue
            part: Part = pickle.loads(result)
            self.answers.update(pickle.loads(part.answers))
            self.written[part.path] = part.answers
            self.world.ledger.take(part.news, known.setdefault(part.process, list(range(part.news.first))))
            yield number, part.lost

    def schema(self) -> str:
        self.root(Root("schema"), self.tables)
        return ""

    def tables(self) -> Tables:
        """The schema that models, migrations and SQL say, and its migrations."""
        for name in (*TELLING, DECLARATIONS):
            self.world.ledger.rests_on(NAME, name)
        with watched() as seen:
            found = tables(self.world, self.sql, self.role, lambda path: self.roots.get(path, ""))
        for info in self.names.every_function():
            if id(info.code) in seen:
                self.world.ledger.rests_on(TEXT, info.written)
        return found

    def part(self, module: Module) -> str:
        """Follows one module; gives what of it was lost, in words."""
        return self.root(Root("module", module.path), partial(self.module, module)).lost

    def module(self, module: Module) -> Followed:
        """What one module makes at import, and its operations."""
        functions = self.functions(module)
        traces: dict[FunctionInfo, Trace] = {}
        further: tuple[Operation, ...] = ()
        lost = ""
        made: tuple[Resource, ...] = ()
        self.world.memo.until = time.monotonic() + SECONDS
        try:
            trace = self.module_trace(module)
            made = trace.resources
            main = main_loop(module, trace)
            for info in (*functions, main) if main is not None else functions:
                try:
                    traces[info] = self.world.general(info)
                except TooLong:
                    raise
                except Exception as fault:  # of datakeel: one function is lost, and not the review
                    lost = lost or f"{info.signature.name}: {told(fault)}"
            self.handed_on(traces)
            further = tuple(self.inherited(module))
        except TooLong:
            lost = f"{len(functions) - len(traces)} of its functions would take longer than {SECONDS:g} s"
        self.world.memo.until = math.inf
        for info, trace in traces.items():
            register_consumer(self.world, info, trace)
        operations = tuple(self.operation(info, trace) for info, trace in traces.items())
        return Followed(made, (*operations, *further), lost)

    def functions(self, module: Module) -> list[FunctionInfo]:
        owned = [c.methods.values() for f in module.file.classes if (c := self.names.class_of(module, f.name))]
        return [*self.names.functions(module).values(), *(m for methods in owned for m in methods)]

    def inherited(self, module: Module) -> Iterator[Operation]:
        """Methods that classes of a module only inherit from their framework, where those go through rows and read
        more for each: of the rest there is nothing to say that the framework's authors could not."""
        for facts in module.file.classes:
            cls = self.names.class_of(module, facts.name)
            if cls is None or self.role(module.path) != Role.PRODUCT:
                continue
            caller = self.world.scratch(module)
            caller.frame = Frame(1, module)
            name = self.world.orms.inherited(caller, cls)
            trace = finished(caller, caller.frame, None) if name else None
            if trace is not None and any(s.kind == "loop" for e in trace.effects for s in e.scopes):
                yield Operation(
                    name=f"{cls.name}.{name}",
                    symbol=f"{facts.name}.{name}",
                    place=cls.place,
                    role=Role.PRODUCT,
                    service=self.services.get(module.path, ""),
                    effects=trace.effects,
                    complete=trace.complete,
                )

    def handed_on(self, traces: dict[FunctionInfo, Trace]) -> None:
        """The functions of a module, followed again where others of it hand them something that acts on the world, and
        that they do not name: what they do with it is theirs."""
        named = {info.name: info for info in traces}
        for _ in range(HANDED_ON):
            handed: dict[str, list[Handed]] = {}
            for trace in traces.values():
                for one in trace.handed:
                    handed.setdefault(one.callee, []).append(one)
            again: dict[FunctionInfo, Trace] = {}
            for name in sorted(handed.keys() & named.keys()):
                bound = self.world.handed_to(named[name], handed[name])
                trace = self.world.trace(named[name], None, bound)[0] if bound else traces[named[name]]
                if trace is not traces[named[name]]:
                    again[named[name]] = trace
            if not again:
                return
            traces.update(again)

    def follow_further(self) -> None:
        """What only the whole shows: functions that libraries call with their own values, and tasks of a schedule."""
        named = {e.name: name for name, known in sorted(self.entries.items()) for e in known}
        if not self.callbacks and not named:
            return
        functions = {f.name: f for f in self.names.every_function()}
        for callback in sorted(self.callbacks, key=lambda c: (c.function, str(c)), reverse=True):
            info = functions.get(callback.function)
            if info is not None and info.name in self.operations:
                root = Root("callback", info.module.path, repr(callback))
                try:
                    self.operations[info.name] = self.root(root, partial(self.called_back, info, callback))
                except Exception as fault:  # as it was followed without its caller, it stays
                    self.remarks.add(
                        Remark(info.module.path, info.place.line, f"could not be followed as called: {told(fault)}")
                    )
        tasks = {entry: functions[name] for entry, name in named.items() if name in functions}
        known = repr(sorted((entry, info.name) for entry, info in tasks.items()))
        self.root(Root("scheduled", "", known), lambda: register_scheduled(self.world, tasks))
        self.take_notes(self.news())

    def called_back(self, info: FunctionInfo, callback: Callback) -> Operation:
        """A function's operation, where a library calls it with its own values."""
        trace = followed(self.world, info, callback)
        register_consumer(self.world, info, trace)
        operation = self.operation(info, trace)
        return replace(operation, effects=(*delivered(info, callback, trace), *operation.effects))

    def mark_retried(self) -> None:
        """A function that asks its framework to run it again is run again after a failure."""
        for name, known in self.entries.items():
            operation = self.operations.get(name)
            own = (r for r in operation.retries if r.kind == "framework") if operation is not None else ()
            if operation is not None and any(inside(r.place, operation.place) for r in own):
                self.entries[name] = [replace(e, retried=e.retried or "failure") for e in known]

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
        return finished(caller, caller.frame, None)

    # Entry points -----------------------------------------------------------------------------------------------------

    def register_decorated(self, info: FunctionInfo) -> None:
        for registration in self.world.registrations(info):
            row, entry = registration.row, registration.row.entry
            if entry is not None:
                name, options = self.world.registered_name(registration), self.world.registered_options(registration)
                entry = replace(entry, concurrent=entry.concurrent and not self.world.runs_alone(registration))
                made = self.world.add_entry(info, entry, name, options)
                if entry.kind == "consumer" or entry.passes:
                    made = replace(made, options=options)
                    whose = registration.receiver.type if registration.receiver is not None else ""
                    passes = tuple(whose if kind == "self" else kind for kind in entry.passes)
                    self.world.called_back(
                        Callback(info.name, made, passes, name, row.store, row.technology, entry.verb)
                    )

    def register_classes(self) -> None:
        """Methods that a library's base class calls: views, commands, consumers."""
        for cls in self.names.every_class():
            for base in cls.lineage[1:]:
                row = self.libraries.base(base if isinstance(base, str) else base.name)
                options = self.world.class_options(cls, row) if row is not None and row.options else ()
                for method, entry in row.entries.items() if row is not None else ():
                    public = [n for n in cls.methods if not n.startswith("_")]
                    for name in fnmatch.filter(public, method) if "*" in method else (method,):
                        info = cls.method(name)
                        if info is not None:
                            label = (
                                self.world.class_label(cls, entry.name) if entry.name else f"{cls.facts.name}.{name}"
                            )
                            self.world.add_entry(info, entry, label, options)

    # Contexts ---------------------------------------------------------------------------------------------------------

    def flow(self) -> tuple[dict[str, set[Context]], dict[str, list[Entry]]]:
        """What stands round each function when it is called, and what starts it: from callers to callees until
        nothing changes."""
        contexts: dict[str, set[Context]] = {}
        reached: dict[str, list[Entry]] = {}
        atomic = self.root(Root("atomic"), self.atomic_requests)
        called = {
            plainly_named(callee) for caller, callees in self.calls.items() for callee in callees if callee != caller
        }
        for name, operation in sorted(self.operations.items()):
            if entries := self.entries.get(name, []):
                reached[name] = sorted(entries)
                contexts[name] = {
                    Context(transaction=e.atomic or (atomic and e.kind == "request"), event_loop=operation.is_async)
                    for e in entries
                }
            elif name not in called and (assumed := self.assumed.get(name)):
                reached[name] = sorted(assumed)
                if atomic and all(e.kind == "request" for e in assumed):  # else what stands round it is not known
                    contexts[name] = {Context(transaction=True, event_loop=operation.is_async)}
        begins = (n for n in sorted(self.operations) if n in contexts or n not in called)
        self.flow_from(begins, self.calls, contexts, reached)
        for alias in sorted(contexts.keys() - self.operations.keys()):
            name = plainly_named(alias)
            contexts.setdefault(name, set()).update(contexts[alias])
            ways = reached.setdefault(name, [])
            ways += [e for e in reached.get(alias, ()) if e not in ways][: ENTRIES - len(ways)]
        for name in sorted(called & self.operations.keys()):
            if name not in contexts:  # of a circle that nobody enters
                self.flow_from((name,), self.calls, contexts, reached)
        return contexts, reached

    def flow_from(
        self,
        names: Iterable[str],
        calls: Mapping[str, Mapping[str, set[Context]]],
        contexts: dict[str, set[Context]],
        reached: dict[str, list[Entry]],
    ) -> None:
        """What stands round these functions, and starts them, goes on to those that they call."""
        waiting = deque(names)
        seen = set(waiting)
        while waiting:
            caller = waiting.popleft()
            seen.discard(caller)
            outer = contexts.get(caller) or {Context()}
            for callee, site in sorted(calls.get(caller, {}).items()):
                known = contexts.setdefault(callee, set())
                ways = reached.setdefault(callee, [])
                before = len(known), len(ways)
                for flags in site:
                    known |= {merged(o, flags) for o in outer}
                for entry in reached.get(caller, ()):
                    if entry not in ways and len(ways) < ENTRIES:
                        ways.append(entry)
                if (
                    (len(known), len(ways)) != before
                    and callee not in seen
                    and plainly_named(callee) in self.operations
                ):
                    waiting.append(callee)
                    seen.add(callee)

    def flow_by_name(
        self, contexts: dict[str, set[Context]], reached: dict[str, list[Entry]], unused: Collection[str]
    ) -> None:
        """What starts a function starts one that it names, too, which nobody is seen to call or start, and which has
        its name of several words for itself. Of what stands round it nothing is known."""
        bearers = Counter(last(o.symbol) for o in self.operations.values())
        idle = [name for name in self.operations if not reached.get(name) and name not in unused]
        wanted = {
            word: name
            for name in idle
            if bearers[word := last(self.operations[name].symbol)] == 1
            and "_" in word.strip("_")
            and word not in self.libraries.methods
        }
        calls = dict(self.calls)
        for info in self.names.every_function() if wanted else ():
            if reached.get(info.name) and info.name not in unused:
                for word in wanted.keys() & set(info.code.names):
                    calls[info.name] = {**calls.get(info.name, {}), wanted[word]: set()}
        self.flow_from(
            sorted(n for n in calls if n in self.operations and calls[n] is not self.calls.get(n)),
            calls,
            contexts,
            reached,
        )

    def decorated(self) -> frozenset[str]:
        """The functions that something may start of which only its decorator is known, and those that they call."""
        found = {f.name for f in self.names.every_function() if f.name in self.operations and self.handed_over(f)}
        waiting = list(found)
        while waiting:
            for callee in map(plainly_named, self.calls.get(waiting.pop(), ())):
                if callee not in found:
                    found.add(callee)
                    waiting.append(callee)
        return frozenset(found)

    def handed_over(self, info: FunctionInfo) -> bool:
        """Whether a decorator of a function is not Python's own, nor one that the tables know."""
        for decorator in info.signature.decorators:
            symbol = self.decorator(info.module, decorator)
            if isinstance(symbol, FunctionInfo | ClassInfo) or (isinstance(symbol, External) and not self.tame(symbol)):
                return True
        return False

    def may_be_started(self, module: Module, signature: Signature) -> bool:
        """Whether a decorator of a function is one of which it is not known that it starts nothing."""
        symbols = [self.decorator(module, d) for d in signature.decorators]
        return any(not isinstance(s, External) or not self.tame(s) or self.registers(s) for s in symbols)

    def decorator(self, module: Module, expression: Expression) -> Symbol | None:
        dotted = dotted_of(expression.function if isinstance(expression, Call) else expression)
        return self.names.resolve(module, dotted) if dotted is not None else None

    def tame(self, decorator: External) -> bool:
        """Whether a decorator is Python's own, or one that the tables know."""
        return decorator.dotted.partition(".")[0] in PYTHONS or self.libraries.call(decorator.dotted) is not None

    def registers(self, decorator: External) -> bool:
        row = self.libraries.call(decorator.dotted)
        return row is not None and row.entry is not None

    def unused(self, reached: Mapping[str, list[Entry]]) -> frozenset[str]:
        """The functions that nobody needs. In a small program, or a library, they may be all that there is."""
        if len(self.entries) < MANY_WAYS:
            return frozenset()
        return Disuse(
            self.names, self.role, self.operations, self.calls, reached, self.elsewhere, self.may_be_started
        ).found()

    def atomic_requests(self) -> bool:
        databases = self.world.setting("DATABASES")
        default = (databases.entries or {}).get("default")
        found = (default.entries or {}).get("ATOMIC_REQUESTS") if default is not None else None
        middleware = self.world.setting("MIDDLEWARE").items or ()
        wrapped = any(m.const in ATOMIC_MIDDLEWARE for m in middleware)
        return wrapped or (found is not None and found.const is True)

    def operation(self, info: FunctionInfo, trace: Trace) -> Operation:
        return Operation(
            name=info.name,
            symbol=info.signature.name,
            place=info.place,
            role=self.role(info.module.path),
            service=self.services.get(info.module.path, ""),
            is_async=info.signature.is_async,
            effects=trace.effects,
            exits=trace.exits,
            transactions=trace.transactions,
            resources=trace.resources,
            retries=trace.retries,
            handlers=trace.handlers,
            parameters=trace.parameters,
            complete=trace.complete,
        )

    def settings(self) -> tuple[Setting, ...]:
        found = [Setting("django.ATOMIC_REQUESTS", "True")] if self.atomic_requests() else []
        found += [Setting("django.USE_TZ", "True")] if self.world.setting("USE_TZ").const is True else []
        return (*found, *self.databases(), *self.caches(), *self.process_defaults())

    def uses(self) -> Iterator[Use]:
        """What the product's own code imports from outside, what Django's settings name, and which functions print."""
        own = {name.partition(".")[0] for name in self.names.modules}
        for module in self.names.every_module():
            if self.role(module.path) == Role.PRODUCT:
                service, place = self.services.get(module.path, ""), Place(module.path, 1)
                roots = {i.dotted.partition(".")[0] for i in module.file.imports if not i.dotted.startswith("~")}
                roots |= {star.partition(".")[0] for star in module.file.stars}
                yield from (Use(service, root, place) for root in roots - own if root)
        for module in self.world.settings:
            for name in ("INSTALLED_APPS", "MIDDLEWARE"):
                named = (v.text or "" for v in self.world.setting(name).items or ())
                service = self.services.get(module.path, "")
                yield from (Use(service, n.partition(".")[0], Place(module.path, 1)) for n in named if n)
        self.world.ledger.rests_on(NAME, "print")
        for info in self.names.every_function():
            if "print" in info.code.names and self.role(info.module.path) == Role.PRODUCT:
                yield Use(self.services.get(info.module.path, ""), "print", info.place)

    def process_defaults(self) -> Iterator[Setting]:
        """What single calls set for the whole process (``socket.setdefaulttimeout(20)``), as far as it is known."""
        for name in sorted({n for row in self.libraries.calls.values() for n in row.sets}):
            value = self.world.standing(f"{name}|")
            if value:
                yield Setting(name, value)

    def caches(self) -> Iterator[Setting]:
        """Which class each of Django's caches is, as far as it is a constant."""
        for alias, entry in sorted((self.world.setting("CACHES").entries or {}).items()):
            backend = text_of((entry.entries or {}).get("BACKEND"))
            if backend and self.world.settings:
                yield Setting(f"django.CACHES.{alias}", backend, self.world.settings[0].path)

    def databases(self) -> Iterator[Setting]:
        """Where Django's settings say that its databases are: host and name, as far as they are constants."""
        for alias, entry in sorted((self.world.setting("DATABASES").entries or {}).items()):
            host, name = (text_of((entry.entries or {}).get(key)) for key in ("HOST", "NAME"))
            if name and self.world.settings:
                yield Setting(f"django.DATABASES.{alias}", f"{host}/{name}", self.world.settings[0].path)


def inside(place: Place, outer: Place) -> bool:
    return place.path == outer.path and outer.line <= place.line <= outer.end_line


def in_context(
    operation: Operation,
    contexts: Mapping[str, set[Context]],
    reached: Mapping[str, list[Entry]],
    *,
    recursive: bool,
    unused: bool,
    decorated: bool,
) -> Operation:
    """An operation with what stands round its calls, and what starts it."""
    return replace(
        operation,
        entries=tuple(reached.get(operation.name, ())),
        contexts=tuple(sorted(contexts.get(operation.name, ()), key=str)),
        recursive=recursive,
        unused=unused,
        decorated=decorated,
    )


def gathered(remarks: Iterable[Remark]) -> Iterator[Remark]:
    """Remarks in the files' order: one for a place, and of many in one file the first ones."""
    files: dict[str, dict[int, list[Remark]]] = {}
    for remark in sorted(remarks):
        files.setdefault(remark.path, {}).setdefault(remark.line, []).append(remark)
    for path, lines in files.items():
        for first, *others in list(lines.values())[:NOTED]:
            yield replace(first, text=f"{first.text}; and {len(others)} more here") if others else first
        rest = list(lines)[NOTED:]
        if rest:
            yield Remark(path, rest[0], f"from here on, {len(rest)} more places with SQL that datakeel cannot parse")


def told(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}"[:300]


def tell(progress: Callable[[int, int], None] | None, done: int, whole: int) -> None:
    if progress is not None:
        progress(done, whole)


def text_of(value: Value | None) -> str:
    """A setting's text, where it is one that is known."""
    return value.text if value is not None and value.known and value.text is not None else ""


def merged(outer: Context, site: Context) -> Context:
    """What stands round a callee: what stands round its caller, and what the caller opened round the call."""
    return replace(
        site,
        transaction=site.transaction or (outer.transaction and not site.apart),
        apart=False,
        locks=outer.locks or site.locks,
        retry=outer.retry or site.retry,
        event_loop=outer.event_loop or site.event_loop,
        loop=outer.loop or site.loop,
        timeout=outer.timeout or site.timeout,
        caller="",
        place=None,
    )


def settings_modules(names: Names) -> tuple[Module, ...]:
    """Django's settings: modules that define INSTALLED_APPS or DATABASES, the plainest name first; before them those
    beside them that say what else holds in production."""
    modules = tuple(names.every_module())
    found = [m for m in modules if {"INSTALLED_APPS", "DATABASES", "MIDDLEWARE"} & names.scope(m).keys()]
    packages = {m.name.rpartition(".")[0] for m in found}
    live = [m for m in modules if LIVE.search(m.name) and m.name.rpartition(".")[0] in packages]

    def rank(module: Module) -> tuple[object, ...]:
        trial = any(w in module.name for w in ("test", "ci", "dev", "local"))
        return trial, module not in live, len(module.name), module.name

    return tuple(sorted({*found, *live}, key=rank))
