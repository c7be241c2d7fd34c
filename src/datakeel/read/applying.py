"""Calls of libraries: their tables' rows become effects, resources, values and contexts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from datakeel.model.certainty import Answer, Origin
from datakeel.model.effect import Kind, Option, Rows, Scope, Source, StoreKind, When
from datakeel.model.operation import Resource
from datakeel.read.contexts import Contexts, Opening, label_of
from datakeel.read.evaluate import text_of
from datakeel.read.functions import holds_callable
from datakeel.read.libraries import CallRow, Entry, Opens, Runs, TypeRow
from datakeel.read.program import Span
from datakeel.read.querying import On, begins, run_sql
from datakeel.read.registering import Callback, given_true, passed
from datakeel.read.state import ENDED, runs_as_program
from datakeel.read.symbols import FunctionInfo
from datakeel.read.values import (
    HOLE,
    MISSING,
    NONE,
    NOTHING,
    Arguments,
    ClosureTarget,
    FunctionTarget,
    PartialTarget,
    Pending,
    Value,
    canonical,
    element,
    key_rows,
    union,
)

CHANGING = frozenset(("append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "popitem"))
SHARED = (When.NOW,)
OWNERS = 4  # how far back it is asked what an object came from
PICKING = ("hash", "remainder")


class Applier(Contexts):
    """Follows calls of libraries."""

    def call_external(self, dotted: str, arguments: Arguments, at: Span) -> Value:
        builtin = self.world.builtins.get(dotted)
        if builtin is not None:
            return builtin(self.caller, arguments, at)
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
            self.world.orms.item_assigned(self.caller, receiver, NOTHING, Value(sources=arguments.sources()), at)
        if builtin is not None:
            return builtin(self.caller, receiver, arguments, at)
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

    def chosen(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> FunctionTarget | CallRow | None:
        """The method of the class that a setting names, where the library hands such calls to it: of the project's own
        class, or what the tables say of another library's."""
        if row.chosen is None or row.chosen.unless in arguments.keywords:
            return None
        if receiver is not None and row.chosen.unless in (receiver.options or {}):
            return None
        name = self.world.setting(row.chosen.setting).text or ""
        cls = self.world.class_named(name)
        if cls is None:
            return self.world.libraries.call(f"{name}.{row.chosen.method}") if name else None
        method = cls.method(row.chosen.method)
        return FunctionTarget(method, Value(type=cls.name)) if method is not None else None

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
        """What a library's row says that a call does, or the class that the library hands it to."""
        chosen = self.chosen(row, receiver, arguments)
        if isinstance(chosen, FunctionTarget):
            return self.call_function(
                chosen, Arguments((Value(type="builtins.list", sources=arguments.sources()),)), at
            )
        row = chosen or row
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
        if entry is None or not (entry.callable or entry.instead):
            return
        found = self.asked(row, entry.callable or entry.instead, receiver, arguments)
        if found is None or not holds_callable(found):
            found = next((v for v in arguments.positional if holds_callable(v)), found)
        label = self.entry_name(row, receiver, arguments)
        options = self.effect_options(row, receiver, arguments)
        given = passed(self.caller, entry.passes, receiver)
        given_for = (*found.alternatives(), *(found.items or ())) if found is not None else ()
        for value in map(self.named_function, given_for):
            if isinstance(value.target, ClosureTarget) and entry.kind == "consumer":
                self.consume_by(value, label, given, row, options, at)
                continue
            made = self.world.register(value, entry, label, options)
            if made is not None:
                types = tuple(v.type for v in given)
                made = replace(made, options=tuple(replace(o, place=o.place or self.place(at)) for o in options))
                self.world.called_back(
                    Callback(function_of(value).name, made, types, label, row.store, row.technology, entry.verb)
                )

    def call_back(self, row: TypeRow, entry: Entry, receiver: Value, value: Value) -> None:
        """A function becomes an attribute under which the library calls it (``client.on_message = stored``)."""
        made = self.world.register(value, entry, entry.name.removeprefix("="))
        if made is not None:
            types = tuple(v.type for v in passed(self.caller, entry.passes, receiver))
            called = function_of(value).name
            self.world.called_back(Callback(called, made, types, "", row.store, row.technology, entry.verb))

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
        given = Arguments(passed(self.caller, run.passes, receiver))
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
            key_sources=tuple(sorted(key.sources)) if key is not None else self.repeat_key(row, arguments),
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

    def repeat_key(self, row: CallRow, arguments: Arguments) -> tuple[Source, ...]:
        """What the key comes from by which the other side would know a second attempt; nothing, where none is given."""
        given = self.argument(arguments, row.parameters, row.idempotent_by) if row.idempotent_by else None
        key = repeat_key(given) if given is not None else None
        return tuple(sorted(key.sources)) if key is not None else ()

    def dataset_name(self, row: CallRow, dataset: Value | None, receiver: Value | None) -> str:
        if dataset is None:
            return (
                receiver.name
                if receiver is not None and row.store in ("document", "queue", "log", "search", "object")
                else ""
            )
        return label_of(dataset) or held_as(row, receiver)

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
        return self.world.orms.row_selection(self.caller, row, receiver, arguments)

    def row_assigned(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> object:
        return self.world.orms.row_assigned(self.caller, row, receiver, arguments)

    def effect_options(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> tuple[Option, ...]:
        options: dict[str, Value] = {}
        defaults, words = self.effect_defaults(row, receiver)
        config = self.argument(arguments, row.parameters, row.config) if row.config else None
        within = self.configuration(config) if config is not None else {}
        if row.sql and defaults:  # a statement may have options of its own
            statement = self.asked(row, row.sql, receiver, arguments)
            within = (statement.options or {}) if statement is not None else within
        for name in defaults:
            if defaults[name].startswith("="):
                continue
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
        over = self.asked(row, row.connection, receiver, arguments) if row.connection else None
        receiver = over or receiver
        given = self.asked(row, row.binds, receiver, arguments)
        if row.bind_rest and (given is None or given.items is None):
            after = arguments.after(1 if row.parameters else 0)
            given = Value(items=after.positional if after.rest is None else None, sources=union(after.positional))
        if row.bind_keywords and given is None:
            named = {n: v for n, v in arguments.keywords.items() if n not in row.parameters}
            given = Value(entries=named, complete=arguments.options is None, sources=union(named.values()))
        on = On(
            (over.text if over is not None else None) or self.connection_of(receiver),
            at,
            row.technology or self.technology_of(receiver),
            receiver.origin if receiver is not None else Origin.RESOLVED,
            begins(self.world.libraries, receiver),
            row.many,
            options=self.effect_options(row, receiver, arguments) if row.options else (),
            blocking=self.holds_thread(row, receiver),
        )
        result = self.world.orms.run_elsewhere(self.caller, text, given, on, row.gives)
        if result is None:
            result = run_sql(self.caller, text, given, on, self.dialect_of(receiver))
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
        if row.compares:
            return self.condition(row, receiver, arguments)
        if gives == "self" and receiver is not None:
            return receiver
        if gives == "rowcount" and made is not None:
            return made.owner or NOTHING
        if gives.startswith("self.") and receiver is not None:
            return self.attribute_of(receiver, gives[5:], at)
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
        based = self.world.as_based(row, arguments) if row.entry is not None and row.opens is not None else arguments
        if row.opens is not None and self.opens_here(row, row.opens, based):
            value.state = Opening(row.opens, row, based, receiver, at)
        if made is not None and row.sql and value.rows is not None:
            self.state.heap[(value.rows, "$result")] = made
        return value

    def condition(self, row: CallRow, receiver: Value | None, arguments: Arguments) -> Value:
        """A condition as documents say it: the name that the receiver has, with the operator and what it is held
        against (None: nothing)."""
        name = receiver.name if receiver is not None else ""
        given = self.argument(arguments, row.parameters, row.parameters[0]) if row.parameters else NONE
        asked = {name: Value(entries={row.compares: given or NOTHING})} if name else None
        return Value(type=row.gives, entries=asked, sources=arguments.sources())

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
    named = repeat_key(key)
    if named is None:
        return usual if key.complete else Answer.UNKNOWN
    return (
        Answer.YES
        if (key.entries is not None or key.text is not None or key.known) and not drawn(named)
        else Answer.UNKNOWN
    )


def repeat_key(given: Value) -> Value | None:
    """The key itself: of headers, the one that is named so."""
    if given.entries is None:
        return given
    return next((v for name, v in given.entries.items() if "idempoten" in name.lower()), None)


def drawn(key: Value) -> bool:
    """Whether a key is made up anew where it is sent: a second attempt has another one."""
    return bool(key.sources) and all(s.kind == "random" for s in key.sources)


def delivered(value: Value, source: frozenset[Source], rows: Rows) -> Value:
    """What a callback is given: the client itself, or part of the message that was read."""
    return value if value.owner is None and value.rows is not None else value.but(sources=source, rows=rows)


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


def held_as(row: CallRow, receiver: Value | None) -> str:
    """What a module calls a table or collection whose own name only the process knows (its environment says it)."""
    if row.store != "document" or receiver is None or receiver.rows is None or receiver.rows.path:
        return ""
    root = receiver.rows.root
    return root.rpartition(".")[2].lower() if root.startswith("global:") else ""
