"""Objects of mapped classes: the unit of work that writes what is added, changed and deleted; relations that load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Assignment, Cardinality, Effect, Kind, Predicate, Rows, Selection, Source, StoreKind
from datakeel.read.orms.sqlalchemy.mapped import UNSENT, Mapped, Mappings, Relation
from datakeel.read.orms.sqlalchemy.plan import COLLECTION, QUERY, Plan, assignment
from datakeel.read.orms.sqlalchemy.statements import Statements
from datakeel.read.orms.sqlalchemy.transactions import Transactions
from datakeel.read.program import Span
from datakeel.read.values import (
    FRESH,
    NONE,
    NOTHING,
    Arguments,
    Value,
    canonical,
    created,
    element,
    extended,
    kept,
    union,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.machine import Machine

PENDING = "@pending"  # a note on a new object: it was added to a session; the note's rows name the insert
STORED = "@stored"  # a note on a new object: it was flushed, so that it has a row
CHILDREN = "@children"  # a note on a new object: what was put into its collections
CHANGED = "$changed"  # a note on an object from outside: it was written as one that has its row
GROWS = frozenset(("append", "add", "insert", "extend", "update"))
SHRINKS = frozenset(("remove", "discard", "pop", "clear"))


class Objects:
    """What happens to the objects that sessions hold."""

    def __init__(self, mappings: Mappings, statements: Statements, transactions: Transactions) -> None:
        self.mappings = mappings
        self.statements = statements
        self.transactions = transactions

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute(self, caller: Caller, mapped: Mapped, base: Value, name: str, at: Span) -> Value | None:
        """A column's value, or the rows of a relation, which may have to be loaded."""
        column = mapped.columns.get(name)
        relation = None if column is not None else self.mappings.relation_named(mapped, name)
        if column is None and relation is None:
            return None
        stored = caller.state.heap.get((base.rows, name)) if base.rows is not None else None
        if stored is not None:
            return stored
        rows = below(base.rows, name)
        if column is not None:
            fresh = caller.state.heap.get((base.rows, FRESH)) if base.rows is not None else None
            known = fresh.sources if fresh is not None else base.sources
            return Value(sources=extended(known, column), rows=rows, origin=base.origin)
        assert relation is not None
        return self.related(caller, mapped, base, name, relation, at)

    def related(self, caller: Caller, mapped: Mapped, base: Value, name: str, relation: Relation, at: Span) -> Value:
        other = self.mappings.mapped(relation.other)
        rows = below(base.rows, name)
        under = tuple(p.partition(".")[2] for p in base.name.split(",") if p.partition(".")[0] == name)
        value = Value(
            type=relation.other, rows=rows, sources=extended(base.sources, name), origin=base.origin, owner=base.owner,
            name=",".join(p for p in under if p),
        )  # fmt: skip
        if other is None:
            return value.but(of=value)
        predicates, one = self.reached(mapped, other, base, name, relation)
        if relation.lazy in ("dynamic", "write_only"):
            connection = self.transactions.connection(caller, base.owner or NOTHING)
            plan = Plan(model=other.name, table=other.table, keys=other.keys, predicates=predicates)
            if relation.lazy == "write_only":  # its methods make statements
                return Value(state=plan, type=COLLECTION, owner=base.owner, origin=base.origin, rows=rows)
            return Value(
                state=replace(plan, connection=connection, entities=(other.entity(),)),
                type=QUERY,
                owner=base.owner,
                origin=base.origin,
            )
        self.load(caller, mapped, other, base, name, relation, predicates, one, at)
        return value if one else value.but(type=COLLECTION, of=value)

    def reached(
        self, mapped: Mapped, other: Mapped, base: Value, name: str, relation: Relation
    ) -> tuple[tuple[Predicate, ...], bool]:
        """The condition that a relation's rows meet, and whether it is one row."""
        own = self.statements.foreign_key(mapped, other, name) if relation.many is not True else ""
        if own == "?":
            return (Predicate(other.primary[0], "="),), True
        if own:
            value = Value(sources=extended(base.sources, own), rows=below(base.rows, own))
            return (Predicate(other.primary[0], "=", canonical(value), tuple(sorted(value.sources))),), True
        back = self.statements.foreign_key(other, mapped)
        key = mapped.primary[0]
        value = Value(sources=extended(base.sources, key), rows=below(base.rows, key))
        column = back if back.strip("?") and not relation.secondary else f"<{name}"
        found = Predicate(column, "=", canonical(value), tuple(sorted(value.sources)))
        return (found,), relation.many is False

    def load(
        self, caller: Caller, mapped: Mapped, other: Mapped, base: Value, name: str, relation: Relation,
        predicates: tuple[Predicate, ...], one: bool, at: Span,
    ) -> None:  # fmt: skip
        """The first use of a relation loads it, unless it came with its owner."""
        if base.rows is None or relation.lazy in UNSENT or self.is_new(caller, base.rows):
            return
        paths = [p.partition(".")[0] for p in base.name.split(",")] if base.name else []
        mark = (base.rows, f"$loaded:{name}")
        if name in paths or "*" in paths or mark in caller.state.heap:
            return
        caller.state.heap[mark] = NONE
        connection = self.connection(caller, base)
        self.begun(caller, base, connection, at)
        caller.emit(
            Kind.READ,
            "relation",
            at,
            store=StoreKind.RELATIONAL,
            connection=connection,
            technology="sqlalchemy",
            dataset=other.table,
            selection=Selection(predicates, Cardinality.ONE if one else Cardinality.MANY),
            rows=below(base.rows, name),
            blocking=True,
            origin=max(base.origin, Origin.CONVENTION if relation.many is None else Origin.RESOLVED),
        )

    def connection(self, caller: Caller, value: Value) -> str:
        """The connection of an object's session; empty where nothing tells, so that it is the caller's."""
        if value.owner is not None and self.transactions.is_session(value.owner.type):
            return caller.connection_of(value.owner)
        used = next((n for n, t in reversed(caller.state.transactions.items()) if t > 0), "")
        return used or self.only_session(caller)

    def only_session(self, caller: Caller) -> str:
        """The one session that the function has, where it has one."""
        found = {
            caller.connection_of(v)
            for v in caller.state.env.values()
            if v.type and v.target is None and self.transactions.is_session(v.type)
        }
        return found.pop() if len(found) == 1 else ""

    def begun(self, caller: Caller, value: Value, connection: str, at: Span) -> None:
        if connection:
            self.transactions.begun(caller, value.owner or NOTHING, connection, at)

    def is_new(self, caller: Machine, rows: Rows) -> bool:
        """Whether an object has no row yet."""
        return rows.root.startswith("new:") and not rows.path and (rows, STORED) not in caller.state.heap

    # New objects ------------------------------------------------------------------------------------------------------

    def construct(self, caller: Caller, mapped: Mapped, arguments: Arguments) -> Value:
        """``Order(total=5)``: an object that no session knows yet."""
        made = created(caller.next(), mapped.name, mapped.origin)
        assert made.rows is not None
        for name, value in arguments.keywords.items():
            caller.state.heap[(made.rows, name)] = value
        if arguments.options is not None:
            caller.state.heap[(made.rows, "*")] = arguments.options
        return made

    def validated(self, caller: Caller, mapped: Mapped, arguments: Arguments) -> Value:
        """``Order.model_validate(given, update={…})``: a new object with what the given one has."""
        given = arguments.positional[0] if arguments.positional else arguments.options or NOTHING
        update = arguments.keywords.get("update")
        made = self.construct(caller, mapped, Arguments((), dict((update.entries or {}) if update is not None else {})))
        assert made.rows is not None
        for name, value in (given.entries or {}).items():
            caller.state.heap.setdefault((made.rows, name), value)
        caller.state.heap[(made.rows, "*")] = given
        return made

    def updated(self, caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
        """``order.sqlmodel_update(given, update={…})``: every attribute that is given is set."""
        parts = (*arguments.positional[:1], *(v for k, v in arguments.keywords.items() if k == "update"))
        for given in parts:
            entries = given.entries if given.entries and given.complete else {"*": given}
            for name, value in entries.items():
                caller.assign_attribute(receiver, name, value, at)
        return receiver

    def call(
        self, caller: Caller, session: Value, connection: str, name: str, arguments: Arguments, at: Span
    ) -> Value | None:
        given = arguments.positional[0] if arguments.positional else arguments.keywords.get("instance", NOTHING)
        if name.startswith("expunge"):
            self.dropped(caller, given if name == "expunge" else None)
            return NONE
        self.transactions.begun(caller, session, connection, at)
        if name == "delete":
            return self.delete(caller, session, connection, given, at)
        if name == "merge":
            return self.merge(caller, session, connection, given, at)
        if name == "add":
            self.add(caller, session, connection, given, at)
            return NONE
        values = caller.force(given, at, "iterate")
        if values.items is not None and values.complete:
            for one in values.items:
                self.add(caller, session, connection, one, at)
        else:
            self.add(caller, session, connection, element(values), at, many=True)
        return NONE

    def add(
        self, caller: Caller, session: Value, connection: str, one: Value, at: Span, many: bool = False
    ) -> None:  # fmt: skip
        """A pending object is inserted by the next flush; one that has its row already is left alone."""
        mapped = self.mappings.mapped(one.type) if one.type else None
        if self.persistent(caller, one, mapped):
            return
        known = mapped is not None and (one.rows is None or not one.rows.root.startswith("parameter:"))
        number = caller.upcoming()
        caller.emit(
            Kind.WRITE,
            "insert",
            at,
            store=StoreKind.RELATIONAL,
            connection=connection,
            technology="sqlalchemy",
            dataset=mapped.table if mapped is not None else "",
            rows=one.rows,
            assigned=self.assigned_columns(caller, mapped, one.rows) if mapped is not None else (),
            selection=Selection(cardinality=Cardinality.MANY if many else Cardinality.ONE, columns=()),
            origin=max(session.origin, one.origin, Origin.RESOLVED if known else Origin.CONVENTION),
        )
        if one.rows is None:
            return
        caller.state.heap[(one.rows, PENDING)] = Value(rows=Rows(f"new:{number}"))
        children = caller.state.heap.get((one.rows, CHILDREN))
        for child in (children.items or ()) if children is not None else ():
            if child.rows is not None and (child.rows, PENDING) not in caller.state.heap:
                self.add(caller, session, connection, child, at)

    def persistent(self, caller: Machine, one: Value, mapped: Mapped | None) -> bool:
        """Whether an object surely has its row: it was read, or flushed, or (where it comes from outside) was used as
        if it had."""
        if one.rows is None:
            return False
        heap = caller.state.heap
        if one.rows.root.startswith("read:") or (one.rows, PENDING) in heap or (one.rows, STORED) in heap:
            return True
        if not one.rows.root.startswith("parameter:") or mapped is None:
            return False
        names = (CHANGED, *mapped.columns, *(f"$loaded:{n}" for n in mapped.relations))
        return any((one.rows, n) in heap for n in names)

    def assigned_columns(self, machine: Machine, mapped: Mapped, rows: Rows | None) -> tuple[Assignment, ...]:
        """What an object's attributes were given, as columns."""
        if rows is None:
            return ()
        heap = machine.state.heap
        found = [assignment(c, heap[rows, n]) for n, c in mapped.columns.items() if (rows, n) in heap]
        for name in mapped.relations:
            other = heap.get((rows, name))
            column = self.own_key(mapped, name) if other is not None else ""
            if other is not None and column:
                found.append(Assignment(column, "value", tuple(sorted(union((other,))))))
        rest = heap.get((rows, "*"))
        if rest is not None:
            found.append(Assignment("*", "unknown", tuple(sorted(union((rest,))))))
        return tuple(sorted(found, key=lambda a: a.column))

    def own_key(self, mapped: Mapped, name: str) -> str:
        """The foreign key column that a relation to one row stands for."""
        relation = self.mappings.relation_named(mapped, name)
        other = self.mappings.mapped(relation.other) if relation is not None else None
        return self.statements.foreign_key(mapped, other, name).strip("?") if other is not None else ""

    def dropped(self, caller: Caller, given: Value | None) -> None:
        """An object that leaves its session takes along what it was given since the last flush: nothing writes it."""
        flushed = max((e.number for e in caller.effects if e.verb == "flush" or e.kind == Kind.COMMIT), default=-1)
        scopes = caller.state.scopes
        caller.effects[:] = [
            e
            for e in caller.effects
            if e.kind != Kind.WRITE
            or e.verb != "update"
            or e.technology != "sqlalchemy"
            or e.number < flushed
            or (given is not None and (e.rows is None or e.rows != given.rows))
            or any(s not in e.scopes for s in scopes)
        ]

    def delete(self, caller: Caller, session: Value, connection: str, given: Value, at: Span) -> Value:
        self.write(caller, given, "delete", connection, (), at, session.origin)
        return NONE

    def merge(self, caller: Caller, session: Value, connection: str, given: Value, at: Span) -> Value:
        """The row of the object's key is read, and written as the object says; it is inserted where there is none."""
        mapped = self.mappings.mapped(given.type) if given.type else None
        table = mapped.table if mapped is not None else ""
        number = caller.upcoming()
        common = {"store": StoreKind.RELATIONAL, "connection": connection, "technology": "sqlalchemy"}
        caller.emit(
            Kind.READ, "select", at, dataset=table, rows=Rows(f"read:{number}"), blocking=True, origin=session.origin,
            selection=Selection(self.by_key(caller, mapped, given), Cardinality.ONE), **common,  # type: ignore[arg-type]
        )  # fmt: skip
        assigned = self.assigned_columns(caller, mapped, given.rows) if mapped is not None else ()
        self.write(caller, given, "save", connection, assigned, at, session.origin, Rows(f"read:{number}"))
        return given.but(owner=session)

    def by_key(self, caller: Caller, mapped: Mapped | None, value: Value) -> tuple[Predicate, ...]:
        primary = mapped.primary if mapped is not None else ("id",)
        given = None
        if mapped is not None and value.rows is not None and value.rows.root.startswith("new:"):
            attribute = next((a for a, c in mapped.columns.items() if c == primary[0]), primary[0])
            given = caller.state.heap.get((value.rows, attribute))
        if given is not None and canonical(given):
            return (Predicate(primary[0], "=", canonical(given), tuple(sorted(given.sources))),)
        found = canonical(value) if value.rows is None else ".".join((value.rows.root, *value.rows.path))
        key = f"{found}.{primary[0]}" if found else ""
        return (Predicate(primary[0], "=", key, tuple(sorted(extended(value.sources, primary[0])))),)

    def write(
        self, caller: Caller, given: Value, verb: str, connection: str, assigned: tuple[Assignment, ...], at: Span,
        origin: Origin, row: Rows | None = None,
    ) -> Effect:  # fmt: skip
        """A write that the next flush makes, by the row's key and, where the mapper checks one, by its version. `row`:
        the one that is written, where it is not the object itself."""
        mapped = self.mappings.mapped(given.type) if given.type else None
        predicates = self.by_key(caller, mapped, given)
        version = mapped.version if mapped is not None else ""
        if version and verb in ("update", "delete"):
            read = tuple(sorted(extended(given.sources, version)))
            predicates = (*predicates, Predicate(version, "=", "", read))
            assigned = (*assigned, Assignment(version, "default")) if verb == "update" else assigned
        return caller.emit(
            Kind.WRITE,
            verb,
            at,
            store=StoreKind.RELATIONAL,
            connection=connection,
            technology="sqlalchemy",
            dataset=mapped.table if mapped is not None else "",
            rows=row or given.rows,
            assigned=assigned,
            selection=Selection(predicates, Cardinality.ONE, ()),
            origin=max(origin, given.origin, Origin.RESOLVED if mapped is not None else Origin.CONVENTION),
        )

    # Changes ----------------------------------------------------------------------------------------------------------

    def assigned(self, caller: Caller, base: Value, name: str, value: Value, at: Span) -> None:
        """Setting an attribute of an object that has its row is an update, made by the next flush."""
        mapped = self.mappings.mapped(base.type) if base.type and base.rows is not None else None
        if mapped is None or base.rows is None or self.constructing(caller, base.rows):
            return
        columns = self.changed(mapped, name, value)
        if not columns:
            return
        if self.is_new(caller, base.rows):
            if name == "*":
                caller.state.heap[(base.rows, "*")] = value
            self.amend(caller, base.rows, columns)
            return
        if not base.rows.root.startswith(("read:", "parameter:", "global:", "new:")):
            return
        connection = self.connection(caller, base)
        self.begun(caller, base, connection, at)
        caller.state.heap[(base.rows, CHANGED)] = NONE
        self.write(caller, base, "update", connection, columns, at, base.origin)

    def changed(self, mapped: Mapped, name: str, value: Value) -> tuple[Assignment, ...]:
        if name in mapped.columns:
            return (assignment(mapped.columns[name], value),)
        if name == "*":
            return (Assignment("*", "unknown", tuple(sorted(union((value,))))),)
        if self.mappings.relation_named(mapped, name) is None:
            return ()
        column = self.own_key(mapped, name)
        found = Assignment(column or name, "value", tuple(sorted(union((value,)))))
        return (Assignment(column, "constant", text="const:None") if column and value.const is None else found,)

    def constructing(self, caller: Caller, rows: Rows) -> bool:
        """Whether an object is the one that its own constructor makes."""
        function = caller.frame.function
        if function is None or not function.signature.name.endswith(("__init__", "__post_init__")):
            return False
        first = function.signature.parameters[0].name if function.signature.parameters else ""
        return rows == Rows(f"parameter:{first}")

    def amend(self, caller: Machine, rows: Rows, columns: tuple[Assignment, ...]) -> None:
        """What a pending object is given before the flush is part of its insert."""
        note = caller.state.heap.get((rows, PENDING))
        if note is None or note.rows is None:
            return
        number = int(note.rows.root.partition(":")[2])
        index = next((i for i in range(len(caller.effects) - 1, -1, -1) if caller.effects[i].number == number), -1)
        if index >= 0:
            effect = caller.effects[index]
            kept = [a for a in effect.assigned if a.column not in {c.column for c in columns}]
            assigned = tuple(sorted((*kept, *columns), key=lambda a: a.column))
            caller.effects[index] = replace(effect, assigned=assigned)

    def collection_call(
        self, caller: Caller, receiver: Value, name: str, arguments: Arguments, at: Span
    ) -> Value | None:  # fmt: skip
        """``order.items.append(item)``: the other row comes to refer to this one."""
        if receiver.rows is None or not receiver.rows.path or not (name in GROWS or name in SHRINKS):
            return None
        owner = Rows(receiver.rows.root, receiver.rows.path[:-1])
        item = arguments.positional[-1] if arguments.positional else NOTHING
        for one in self.parts(caller, item, at) if name in ("extend", "update") else (item,):
            self.joined(caller, receiver, owner, one if one.type else one.but(type=inner_type(receiver)), name, at)
        return NONE

    def parts(self, caller: Caller, value: Value, at: Span) -> tuple[Value, ...]:
        values = caller.force(value, at, "iterate")
        return values.items if values.items is not None else (element(values),)

    def joined(self, caller: Caller, receiver: Value, owner: Rows, one: Value, name: str, at: Span) -> None:
        if self.is_new(caller, owner) and (owner, PENDING) not in caller.state.heap:
            known = caller.state.heap.get((owner, CHILDREN), Value(items=()))
            caller.state.heap[(owner, CHILDREN)] = Value(items=(*(known.items or ()), one))
            return
        connection = self.connection(caller, receiver)
        self.begun(caller, receiver, connection, at)
        if name in GROWS and one.rows is not None and self.is_new(caller, one.rows):
            self.add(caller, receiver.owner or NOTHING, connection, one, at)
            return
        path = receiver.rows.path[-1] if receiver.rows is not None else ""
        self.write(caller, one, "update", connection, (Assignment(f"<{path}", "value"),), at, receiver.origin)

    def modified(self, caller: Caller, arguments: Arguments, at: Span) -> Value:
        """``flag_modified(order, "data")``: the column is written, though only its inside was changed."""
        if len(arguments.positional) >= 2 and arguments.positional[1].text:
            base, name = arguments.positional[0], arguments.positional[1].text
            value = caller.attribute_of(base, name, at)
            changed = caller.state.heap.get((base.rows, f"$changed:{name}")) if base.rows is not None else None
            if changed is None and base.rows is not None:
                value = kept(value, base.rows, name)
            self.assigned(caller, base, name, changed or value, at)
        return NONE

    # What a session does to its objects -------------------------------------------------------------------------------

    def refresh(self, caller: Caller, session: Value, connection: str, arguments: Arguments, at: Span) -> Value:
        """The row is read again into the object, locked where that is asked for."""
        from datakeel.read.orms.sqlalchemy.sessions import locked  # noqa: PLC0415

        self.flushed(caller)
        given = arguments.positional[0] if arguments.positional else NOTHING
        mapped = self.mappings.mapped(given.type) if given.type else None
        lock = arguments.keywords.get("with_for_update")
        plan = locked(Plan(), lock)
        self.transactions.begun(caller, session, connection, at)
        effect = caller.emit(
            Kind.READ,
            "refresh",
            at,
            store=StoreKind.RELATIONAL,
            connection=connection,
            technology="sqlalchemy",
            dataset=mapped.table if mapped is not None else "",
            selection=Selection(
                self.by_key(caller, mapped, given), Cardinality.ONE, None, plan.lock, skip_locked=plan.skip_locked,
                nowait=plan.nowait,
            ),
            rows=given.rows,
            blocking=True,
            origin=max(session.origin, given.origin),
        )  # fmt: skip
        if plan.lock:
            caller.state.locks = (*caller.state.locks, effect.number)
        if given.rows is not None:
            for key in [k for k in caller.state.heap if k[0] == given.rows and not k[1].startswith("@")]:
                del caller.state.heap[key]
            caller.state.heap[(given.rows, FRESH)] = Value(sources=frozenset((Source("read", effect.number),)))
        return NONE

    def flushed(self, caller: Machine) -> None:
        """What was added has its rows now."""
        for rows in [k[0] for k in caller.state.heap if k[1] == PENDING]:
            caller.state.heap[rows, STORED] = NONE

    def forget(self, caller: Machine) -> None:
        """After a commit or rollback objects are expired: what is read of them is read anew."""
        for key in [k for k in caller.state.heap if k[1].startswith("$loaded:")]:
            del caller.state.heap[key]

    def brought(self, machine: Machine, effect: Effect) -> Effect | None:
        """A callee's unit of work, on what the caller gave it: a new object's changes are part of its insert, and an
        object that was read is not inserted."""
        rows = effect.rows
        if rows is None:
            return effect
        if effect.verb == "insert":
            mapped = self.mappings.by_table(effect.dataset)
            if self.persistent(machine, Value(rows=rows), mapped):
                return None
            mine = self.assigned_columns(machine, mapped, rows) if mapped is not None else ()
            theirs = {a.column for a in effect.assigned}
            assigned = (*effect.assigned, *(a for a in mine if a.column not in theirs))
            return replace(effect, assigned=tuple(sorted(assigned, key=lambda a: a.column)), origin=Origin.RESOLVED)
        if effect.verb == "update" and self.is_new(machine, rows):
            self.amend(machine, rows, effect.assigned)
            for unknown in (a for a in effect.assigned if a.column == "*"):
                machine.state.heap[(rows, "*")] = Value(sources=frozenset(unknown.sources))
            return None
        return effect


def below(rows: Rows | None, name: str) -> Rows | None:
    return Rows(rows.root, (*rows.path, name)) if rows is not None and len(rows.path) < 4 else None


def inner_type(receiver: Value) -> str:
    return receiver.of.type if receiver.of is not None else ""
