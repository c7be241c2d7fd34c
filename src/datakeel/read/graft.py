"""What a callee does, put into its caller's terms: parameters become arguments, numbers are shifted, places get the
call in front."""

from __future__ import annotations

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import (
    Assignment,
    Effect,
    Guard,
    Kind,
    Option,
    Predicate,
    Rows,
    Scope,
    Selection,
    Source,
    When,
)
from datakeel.model.operation import Exit, Resource, Retry
from datakeel.model.place import Place
from datakeel.read.machine import TRANSACTIONAL, Machine, Trace, from_follower
from datakeel.read.values import (
    HOLE,
    MANY,
    MISSING,
    NONE,
    NOTHING,
    Value,
    bounded,
    canonical,
    canonical_source,
    extended,
    handed,
    key_rows,
    naming,
    origin_of,
    union,
)

PASSED = {"returned": "", "yielded": "handed", "": "callee"}  # who else holds what a callee made, as its caller sees it
NUMBERED = ("read", "new", "element")
LARGEST = 1 << 48  # numbers of one trace; what has more calls itself in many ways, and numbers must fit into 64 bits


class Graft:
    """Puts one trace into a machine, at one call."""

    def __init__(self, machine: Machine, trace: Trace, bindings: dict[str, Value], place: Place, callee: str) -> None:
        self.machine = machine
        self.trace = trace
        self.bindings = bindings
        self.place = place
        frame = machine.frame
        self.base = machine.skip(min(trace.size, LARGEST) + 1)
        self.call = frame.call if frame.call is not None else self.base
        self.callee = frame.callee or callee
        self.chain = (*frame.chain, place)
        self.transactions: dict[int, int | None] = {}
        self._sources: dict[Source, tuple[Source, ...]] = {}
        # what many effects share is put into the caller's terms once: by its identity, and kept so that this stays its
        self._sets: dict[int, tuple[object, tuple[Source, ...]]] = {}
        self._guard: dict[int, tuple[object, Guard]] = {}
        self._guards: dict[int, tuple[object, tuple[Guard, ...]]] = {}
        self._scope: dict[int, tuple[object, Scope]] = {}
        self._scopes: dict[int, tuple[object, tuple[Scope, ...]]] = {}
        self._chains: dict[int, tuple[object, tuple[Place, ...]]] = {}
        self._outside: dict[int, tuple[object, tuple[str, ...]]] = {}

    def apply(self) -> Value:
        """Records everything, changes the machine's state, and gives the call's value. What was come to by this very
        call stands there already: functions that call each other would bring it twice as often in each round."""
        machine, trace = self.machine, self.trace
        if trace.size > LARGEST:
            machine.complete = False
            return NOTHING
        self.map_transactions()
        locks = machine.state.locks
        for effect in trace.effects:
            quiet = effect.kind == Kind.LOG and effect.chain  # what callees' callees log says nothing here
            if quiet or self.place in effect.chain or self.ruled_out(effect.guards):
                continue
            grafted = self.brought(self.effect(effect, locks))
            if grafted is not None:
                machine.record(grafted)
        machine.resources += [self.resource(r) for r in trace.resources if self.place not in r.chain]
        machine.retries += [self.retry(r) for r in trace.retries if self.place not in r.chain]
        machine.complete = machine.complete and trace.complete
        for (rows, name), value in trace.heap.items():
            mapped = self.rows(rows)
            if mapped is not None and machine.resources and rows.path == ():
                machine.keep(self.value(value))
            if mapped is not None:
                machine.world.orms.remembered(machine, mapped, name, value if value is NONE else self.value(value))
        self.end_transactions()
        machine.state.locks = (*machine.state.locks, *(n + self.base for n in trace.held))
        self.release()
        machine.frame.raises += [r for r in trace.raises if r]
        value = self.value(trace.returns) if trace.returns is not None else NOTHING
        if trace.never_returns:
            machine.state.alive = False
        return value

    def release(self) -> None:
        """The callee releases a lock that it did not take itself (``lock.leave()``): it is the caller's."""
        if not self.trace.effects:
            return
        taken = {e.dataset for e in self.trace.effects if e.kind == Kind.LOCK}
        for effect in self.trace.effects:
            if effect.kind == Kind.UNLOCK and effect.dataset not in taken:
                self.machine.unlocked(effect.dataset)
            elif effect.verb == "delete" and self.machine.claims:
                self.machine.given_up(self.effect(effect, ()))

    def ruled_out(self, guards: tuple[Guard, ...]) -> bool:
        """Whether what stands under these conditions happens only outside a transaction, and the caller stands in
        one."""
        connections = self.outside(guards) if guards else ()
        return bool(connections) and any(self.machine.current(connection) for connection in connections)

    def outside(self, guards: tuple[Guard, ...]) -> tuple[str, ...]:
        """The connections on which no transaction is open where these conditions hold."""
        found = self._outside.get(id(guards))
        if found is None:
            names = tuple(g.sources[0].name for g in guards if g.test == "in-transaction" and not g.polarity)
            found = self._outside[id(guards)] = (guards, names)
        return found[1]

    # Transactions -----------------------------------------------------------------------------------------------------

    def map_transactions(self) -> None:
        """The callee's transactions: those that join a caller's open one on the same connection are that one."""
        machine = self.machine
        seen: set[str] = set()
        for transaction in self.trace.transactions:
            connection = self.connection(transaction.connection)
            current = machine.current(connection)
            if transaction.joins and current is not None and (transaction.kind == "atomic" or connection not in seen):
                self.transactions[transaction.number] = current
            else:
                number = transaction.number + self.base
                self.transactions[transaction.number] = number
                machine.state.begun(number)
                machine.transactions[number] = replace(
                    transaction,
                    number=number,
                    connection=connection,
                    call=self.call,
                )
            seen.add(connection)

    def end_transactions(self) -> None:
        machine = self.machine
        for connection, number in self.trace.ends.items():
            mapped = self.connection(connection)
            current = machine.current(mapped)
            if current is not None and self.transactions.get(number) != current:  # the callee ended the caller's
                machine.release_rows(current)
                machine.world.orms.committed(machine)
            machine.state.transactions.pop(mapped, None)
            machine.state.transactions[mapped] = self.transactions.get(number, number) if number > 0 else number  # type: ignore[assignment]

    def transaction(self, effect: Effect) -> int | None:
        number = effect.transaction
        if number is None:
            return None
        if number == 0:
            state = self.machine.state
            if effect.connection and effect.store in TRANSACTIONAL:
                name = self.connection(effect.connection)
                found = state.transactions.get(name, -1 if name.startswith("new:") else 0)
                return None if found < 0 else found
            return state.transaction()
        return self.transactions.get(number, number + self.base)

    def connection(self, text: str) -> str:
        """A connection is named by its alias, or by the object that it is."""
        if ":" not in text:
            return text
        root, *path = text.split(".")
        rows = self.rows(Rows(root, tuple(path)))
        return ".".join((rows.root, *rows.path)) if rows is not None else f"{text}@{self.base}"

    # Identities and sources -------------------------------------------------------------------------------------------

    def rows(self, rows: Rows | None) -> Rows | None:
        if rows is None:
            return None
        kind, _, rest = rows.root.partition(":")
        if kind in NUMBERED:
            return Rows(f"{kind}:{int(rest) + self.base}", rows.path)
        if kind != "parameter":
            return rows
        bound = self.bindings.get(rest)
        if bound is None:
            return rows if of_the_run(rest) else None
        return self.machine.peek(bound, rows.path).rows

    def source(self, source: Source) -> tuple[Source, ...]:
        found = self._sources.get(source)
        if found is None:
            found = self._sources[source] = self._source(source)
        return found

    def _source(self, source: Source) -> tuple[Source, ...]:
        """The sources in their order."""
        if source.kind == "parameter":
            bound = self.bindings.get(source.name)
            if bound is None:
                return (source,) if of_the_run(source.name) else ()
            given = union((self.machine.peek(bound, source.path) if source.path else bound,))
            return tuple(sorted(given)) if len(given) > 1 else tuple(given)
        if source.number >= 0:
            return (Source(source.kind, source.number + self.base, source.name, source.path),)
        return (source,)

    def sources(self, sources: tuple[Source, ...] | frozenset[Source]) -> tuple[Source, ...]:
        if not sources:
            return ()
        found = self._sets.get(id(sources))
        if found is None:
            found = self._sets[id(sources)] = (sources, self.mapped(sources))
        return found[1]

    def mapped(self, sources: tuple[Source, ...] | frozenset[Source]) -> tuple[Source, ...]:
        if len(sources) == 1:
            (only,) = sources
            return self.source(only)
        known = self._sources
        found: set[Source] = set()
        for source in sources:
            mapped = known.get(source)
            found.update(mapped if mapped is not None else self.source(source))
        return tuple(sorted(found if len(found) <= MANY else bounded(frozenset(found))))

    def value(self, value: Value, depth: int = 0) -> Value:
        """The callee's value as the caller sees it."""
        if value.rows is not None and value.rows.root.startswith("parameter:") and not value.rows.path:
            bound = self.bindings.get(value.rows.root.partition(":")[2])
            if bound is not None and not value.known:
                return bound if bound.type or not value.type else bound.but(type=value.type)
        if depth > 3:
            return Value(type=value.type, sources=frozenset(self.sources(value.sources)))
        deeper = depth + 1
        changes: dict[str, object] = {}
        if value.others:
            changes["others"] = tuple(self.value(o, deeper) for o in value.others) if depth == 0 else ()
        if value.rows is not None:
            changes["rows"] = self.rows(value.rows)
        if value.sources:
            changes["sources"] = frozenset(self.sources(value.sources))
        if value.of is not None:
            changes["of"] = self.value(value.of, deeper)
        if value.items is not None:
            changes["items"] = tuple(self.value(i, deeper) for i in value.items)
        if value.entries is not None:
            changes["entries"] = {k: self.value(v, deeper) for k, v in value.entries.items()}
        if value.owner is not None:
            changes["owner"] = self.value(value.owner, deeper)
        if value.tests:
            changes["tests"] = tuple(self.guard(g) for g in value.tests)
        if value.state is not None:
            changes["state"] = self.machine.world.orms.grafted(self, value.state)
        if value.options:
            changes["options"] = {k: self.value(v, deeper) for k, v in value.options.items()}
        if value.maker:
            changes["maker"] = self.machine.serial  # this copy of it is the caller's to change
        return replace(value, **changes)

    # Parts of an effect -----------------------------------------------------------------------------------------------

    def effect(self, effect: Effect, locks: tuple[int, ...]) -> Effect:
        state = self.machine.state
        when = effect.when if state.when == When.NOW else state.when
        key, key_sources, rows = self.key(effect)
        mapped = replace(
            effect,
            number=effect.number + self.base,
            connection=self.connection(effect.connection) if effect.connection else "",
            selection=self.selection(effect.selection) if effect.selection is not None else None,
            rows=rows,
            key=key,
            assigned=tuple([self.assignment(a, rows) for a in effect.assigned]) if effect.assigned else (),
            key_sources=key_sources,
            payload=self.sources(effect.payload) if effect.payload else (),
            options=self.options(effect.options) if effect.options else (),
            guards=self.guards(effect.guards),
            scopes=self.scopes(effect.scopes),
            transaction=self.transaction(effect) if when == When.NOW else None,
            locks=(*locks, *(n + self.base for n in effect.locks)) if effect.locks else locks,
            when=when,
            chain=self.calls(effect.chain),
            call=self.call,
            callee=self.callee,
            blocking=effect.blocking and not self.machine.threaded,
        )
        if mapped.kind == Kind.READ and self.machine.followers.get(mapped.connection):
            mapped = from_follower(mapped)
        return self.machine.world.orms.saved(self.machine, mapped) if effect.verb == "save" else mapped

    def calls(self, chain: tuple[Place, ...]) -> tuple[Place, ...]:
        """The calls that lead to an effect of the callee's, this one first."""
        found = self._chains.get(id(chain))
        if found is None:
            found = self._chains[id(chain)] = (chain, (*self.chain, *chain))
        return found[1]

    def options(self, options: tuple[Option, ...]) -> tuple[Option, ...]:
        """Options with the values that only the caller knows: an argument's, or an attribute's of an object of its."""
        if all(o.source is None for o in options):
            return options
        return tuple(self.option(o) for o in options)

    def option(self, option: Option) -> Option:
        source = option.source
        if source is not None and source.kind == "random":
            return option
        bound = self.bindings.get(source.name) if source is not None else None
        if source is None or bound is None:
            return option if source is not None and of_the_run(source.name) else replace(option, source=None)
        value = self.machine.peek(bound, source.path)
        if not value.known:
            return replace(option, source=origin_of(value))
        return replace(option, value=repr(value.const), source=None, place=option.place or self.place)

    def key(self, effect: Effect) -> tuple[str | None, tuple[Source, ...], Rows | None]:
        """The key of a message or entry in the caller's terms, and the identity of what stands under it."""
        keyed = effect.rows is not None and effect.rows.root.startswith("key:")
        if not effect.key_sources:
            return effect.key, (), effect.rows if keyed else self.rows(effect.rows)
        text, sources = effect.key, self.sources(effect.key_sources)
        only = effect.key_sources[0]
        own = only.kind == "parameter" and not of_the_run(only.name)
        if text == canonical_source(only) and own and len(effect.key_sources) == 1:
            bound = self.bindings.get(only.name)
            given = self.machine.peek(bound, only.path) if bound is not None else NOTHING
            text = given.text if given.text is not None else canonical(given)
        elif text and len(effect.key_sources) == 1 and text == canonical_source(only):
            text = canonical_source(sources[0]) if len(sources) == 1 else ""
        known = len(sources) >= len(effect.key_sources) or HOLE not in (text or "")
        if not keyed:
            return text, sources, self.rows(effect.rows)
        return text, sources, key_rows(effect.store, text, sources) if known else None

    def brought(self, effect: Effect) -> Effect | None:
        """What a unit of work writes of an object that the caller gave, as the caller sees it; None: nothing."""
        if effect.kind != Kind.WRITE or effect.blocking:
            return effect
        return self.machine.world.orms.brought(self.machine, effect)

    def selection(self, selection: Selection) -> Selection:
        if not selection.predicates:
            return selection
        return replace(selection, predicates=tuple([self.predicate(p) for p in selection.predicates]))

    def predicate(self, predicate: Predicate) -> Predicate:
        if not predicate.sources:
            return predicate
        only = naming(predicate.sources)
        value = predicate.value
        bound = self.bindings.get(only.name) if only is not None and only.kind == "parameter" else None
        if only is not None and bound is not None and value == canonical_source(only):
            value = canonical(self.machine.peek(bound, only.path))
        elif value and not value.startswith("const:"):
            named = naming(self.sources(predicate.sources))
            value = canonical_source(named) if named is not None else ""
        return replace(predicate, value=value, sources=self.sources(predicate.sources))

    def assignment(self, assignment: Assignment, rows: Rows | None = None) -> Assignment:
        if not assignment.sources:
            return assignment
        if assignment.how != "value" or not assignment.text or rows is None:
            return replace(assignment, sources=self.sources(assignment.sources))
        return self.handed(assignment, rows)

    def handed(self, assignment: Assignment, rows: Rows) -> Assignment:
        """A column that gets an argument as it stands: what stood there before is not computed from it."""
        only = assignment.sources[0]
        bound = self.bindings.get(only.name)
        if bound is None:
            return assignment if of_the_run(only.name) else replace(assignment, sources=(), text="")
        given = self.machine.peek(bound, only.path)
        own = Rows(rows.root, (*rows.path, assignment.column))
        sources = self.sources(assignment.sources)
        if own in (given.rows, *(o.rows for o in given.others)):
            sources = tuple(s for s in sources if s.path[-1:] != (assignment.column,))
        return replace(assignment, sources=sources, text=handed(given))

    def guard(self, guard: Guard) -> Guard:
        if not guard.sources:
            return guard
        found = self._guard.get(id(guard))
        if found is None:
            found = self._guard[id(guard)] = (guard, replace(guard, sources=self.sources(guard.sources)))
        return found[1]

    def guards(self, guards: tuple[Guard, ...]) -> tuple[Guard, ...]:
        """What the call stands under, and of the callee's conditions those that the caller can know anything of: those
        on what it passed in, or gets back."""
        if not guards:
            return self.machine.state.guards
        found = self._guards.get(id(guards))
        if found is None:
            mapped = [m for g in guards if (m := self.guard(g)).sources or not g.sources]
            found = self._guards[id(guards)] = (guards, (*self.machine.state.guards, *mapped))
        return found[1]

    def scopes(self, scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
        """What the call stands in, and inside that what the callee's own code stands in."""
        if not scopes:
            return self.machine.state.scopes
        found = self._scopes.get(id(scopes))
        if found is None:
            found = self._scopes[id(scopes)] = (scopes, (*self.machine.state.scopes, *map(self.scope, scopes)))
        return found[1]

    def scope(self, scope: Scope) -> Scope:
        found = self._scope.get(id(scope))
        if found is None:
            number, over = scope.number + self.base, self.rows(scope.over)
            moved = Scope(number, scope.kind, scope.arm, scope.place, scope.text, scope.unbounded, over)
            found = self._scope[id(scope)] = (scope, moved)
        return found[1]

    def exit(self, left: Exit) -> Exit:
        return left

    def resource(self, resource: Resource) -> Resource:
        return replace(
            resource,
            number=resource.number + self.base,
            chain=(*self.chain, *resource.chain),
            scopes=self.scopes(resource.scopes),
            releases=(),
            passed=PASSED.get(resource.passed, resource.passed),
        )

    def retry(self, retry: Retry) -> Retry:
        return replace(
            retry,
            number=retry.number + self.base,
            origin=max(retry.origin, Origin.RESOLVED),
            chain=(*self.chain, *retry.chain),
        )


def of_the_run(name: str) -> bool:
    """Whether a parameter is nobody's own, but what a framework hands to each run (``flask.request``): it has a dotted
    name."""
    return "." in name


__all__ = ["MISSING", "Graft", "extended"]
