"""Expressions: what is known of their value, with the effects that computing it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Guard, Kind, Rows, Scope, Source
from datakeel.read import planning
from datakeel.read.machine import Machine
from datakeel.read.program import (
    Attribute,
    Call,
    Choice,
    Closure,
    Collection,
    Comprehension,
    Const,
    Derive,
    Expression,
    Global,
    Item,
    Let,
    Local,
    Span,
    Star,
)
from datakeel.read.state import Frame, joined
from datakeel.read.symbols import ClassInfo, Constant, External, FunctionInfo, Module
from datakeel.read.values import (
    HOLE,
    MESSAGES,
    MISSING,
    NONE,
    NOTHING,
    SETTING,
    TIMES,
    Arguments,
    ClassTarget,
    ClosureTarget,
    ExternalTarget,
    FunctionTarget,
    MethodTarget,
    Pending,
    Value,
    by_setting,
    canonical,
    derived,
    dispatches,
    element,
    entry_name,
    extended,
    gone_through,
    join,
    module_rows,
    union,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller

COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">=", "in", "notin", "is", "isnot"))
OPPOSITE = {"!=": "==", "notin": "in", "isnot": "is"}
NO_SPAN = Span(0, 0, 0, 0)


class Evaluator(Machine):
    """Follows expressions. `call`, `attribute_of` and `force` come from the classes above it."""

    @property
    def caller(self) -> Caller:
        """This machine, as the one whole that it always is."""
        return self  # type: ignore[return-value]

    def eval(self, expression: Expression) -> Value:
        return EVALUATE[type(expression)](self, expression)

    def evaluate_all(self, expressions: tuple[Expression, ...]) -> tuple[Value, ...]:
        return tuple([EVALUATE[type(e)](self, e) for e in expressions])

    # Names ------------------------------------------------------------------------------------------------------------

    def const(self, node: Const) -> Value:
        return Value(const=node.value, type=CONST_TYPES.get(type(node.value), ""))

    def local(self, node: Local) -> Value:
        frame: Frame | None = self.frame
        while frame is not None:
            found = self.state.env.get((frame.number, node.name))
            if found is not None:
                return self.told_by_name(found, node.name)
            frame = frame.parent
        return self.world.by_convention(node.name)

    def told_by_name(self, value: Value, name: str) -> Value:
        """A variable's value, with what its name says where nothing else does."""
        if value.type or value.target is not None or value.state is not None or value.const is not MISSING:
            return value
        if value.items is not None or value.entries is not None or value.of is not None:
            return value
        guess = self.world.by_convention(name)
        return value.but(type=guess.type, origin=Origin.CONVENTION) if guess.type else value

    def assign_local(self, name: str, value: Value) -> None:
        """Binds a variable where it lives: a closure's own, else the function's around it."""
        frame = self.frame
        while frame.own is not None and name not in frame.own and frame.parent is not None:
            frame = frame.parent
        self.state.env[(frame.number, name)] = value

    def global_(self, node: Global) -> Value:
        stored = self.state.heap.get((module_rows(self.frame.module), node.dotted[1:])) if self.state.heap else None
        return stored if stored is not None else self.world.global_value(self.frame.module, node.dotted)

    def symbol(self, symbol: External | Module | FunctionInfo | ClassInfo | Constant) -> Value:
        return self.world.symbol_value(symbol)

    def attribute(self, node: Attribute) -> Value:
        base = self.eval(node.base)
        if base.type == ELAPSED and node.name in ("seconds", "days"):
            return base  # the same duration, as a number
        if isinstance(node.base, Local) and not base.type and base.state is None and base.target is None:
            base = self.world.orms.customary(base, node.base.name, node.name)
        return self.attribute_of(base, node.name, node.at)

    def attribute_of(self, base: Value, name: str, at: Span) -> Value:
        raise NotImplementedError

    def call(self, node: Call) -> Value:
        raise NotImplementedError

    def force(self, value: Value, at: Span, how: str) -> Value:
        raise NotImplementedError

    # Parts ------------------------------------------------------------------------------------------------------------

    def item(self, node: Item) -> Value:
        base = self.eval(node.base)
        key = self.eval(node.key)
        return self.item_of(base, key, node)

    def item_of(self, base: Value, key: Value, node: Item) -> Value:
        named = entry_name(key)
        if base.entries is not None and named is not None:
            found = base.entries.get(named)
            if found is not None or base.complete:
                return found or NOTHING
        if named is None and base.entries is not None and key.type != SETTING and dispatches(base.entries):
            return joined_all(tuple(base.entries.values()))
        if base.entries and key.type == SETTING and key.name in base.entries:
            return by_setting(base.entries[key.name].const)
        if base.items is not None and isinstance(key.const, int) and -len(base.items) <= key.const < len(base.items):
            return base.items[key.const]
        handled = self.world.orms.item(self.caller, base, key, node.at)
        if handled is not None:
            return handled
        if isinstance(node.key, Derive) and node.key.how == "slice":
            return base.but(const=MISSING, items=None)
        if isinstance(base.target, ClassTarget):  # of a generic class, with its parameters
            return base
        row = self.world.libraries.type(base.type) if base.type else None
        if row is not None and row.items:
            name = (key.text or "") if row.named else base.name
            return Value(
                type=row.items, name=name, owner=base, rows=base.rows, origin=base.origin, options=base.options
            )
        name = f"[{canonical(key)}]" if base.rows is not None else ""
        if base.rows is not None:
            stored = self.state.heap.get((base.rows, name))
            if stored is not None:
                return stored
        if isinstance(key.const, str):
            return self.entry(base, key.const, name) if base.of is None else element(base)
        inner = element(base)
        owner = base if inner.owner is None and base.entries else inner.owner
        return inner.but(sources=inner.sources | key.sources, owner=owner)

    def entry(self, base: Value, key: str, name: str) -> Value:
        """What stands under a constant key of a mapping that nothing more is known of; `name` is the key's place in the
        heap."""
        found = self.peek(base, (key,))
        held = self.world.of_application(base.rows, name) if base.rows is not None else None
        return found.but(type=held.type, options=held.options) if held is not None and not found.type else found

    def collection(self, node: Collection) -> Value:
        if node.kind == "dict":
            return self.dictionary(node)
        values: list[Value] = []
        complete = True
        for item in node.items:
            if isinstance(item, Star):
                inner = self.force(self.eval(item.value), NO_SPAN, "iterate")
                if inner.items is not None:
                    values += inner.items
                else:
                    values.append(element(inner))
                    complete = False
            else:
                values.append(self.eval(item))
        items = tuple(values)
        plan = planning.steps(self.caller, node, items) if len(items) > 1 else None
        if plan is not None:
            self.resources.append(plan)
        return Value(
            maker=self.serial,
            type=f"builtins.{node.kind}",
            items=items if complete else None,
            complete=complete,
            sources=union(items),
            of=joined_all(items) if items else None,
        )

    def dictionary(self, node: Collection) -> Value:
        entries: dict[str, Value] = {}
        spread: list[Value] = []
        complete = True
        for key, item in zip(node.keys, node.items, strict=True):
            value = self.eval(item)
            if key is None:
                complete = complete and value.entries is not None and value.complete
                entries |= value.entries or {}
                spread.append(value)
                continue
            name = self.eval(key)
            known = entry_name(name) or self.world.orms.entry(name)
            if known is not None:
                at = getattr(item, "at", None) if value.type == SETTING else None
                entries[known] = value.but(place=self.place(at)) if at is not None else value
            else:
                complete = False
        return Value(
            type="builtins.dict",
            entries=entries,
            complete=complete,
            sources=union((*entries.values(), *spread)),
            maker=self.serial,
        )

    def star(self, node: Star) -> Value:
        return self.eval(node.value)

    def let(self, node: Let) -> Value:
        value = self.eval(node.value)
        self.assign_local(node.name, value)
        return value

    def closure(self, node: Closure) -> Value:
        return Value(target=ClosureTarget(node.function, self.frame), type="builtins.function")

    # Computing --------------------------------------------------------------------------------------------------------

    def choice(self, node: Choice) -> Value:
        test = self.truth(self.eval(node.test), node.at)
        if test.known:
            return self.eval(node.then if test.const else node.otherwise)
        before = self.state
        number = self.next()
        self.state = before.fork()
        with self.scope("branch", "then", node.at, number=number):
            self.guarded(guards_of(test, True, self.place(node.at)))
            then = self.eval(node.then)
        after = self.state
        self.state = before
        with self.scope("branch", "else", node.at, number=number):
            self.guarded(guards_of(test, False, self.place(node.at)))
            otherwise = self.eval(node.otherwise)
        self.state = joined(after, self.state, before.scopes, before.guards)
        return join(then, otherwise)

    def truth(self, value: Value, at: Span) -> Value:
        """What is known of a value's truth; a lazy plan is forced by asking."""
        if value.state is not None and not value.tests:
            value = self.force(value, at, "truth")
        if value.known:
            return Value(const=bool(value.const))
        if value.tests:
            return value
        if value.items is not None and value.complete and not value.sources:
            return Value(const=bool(value.items))
        return value.but(tests=(Guard("truth", True, tuple(sorted(value.sources))),))

    def derive(self, node: Derive) -> Value:
        how = node.how
        if how in ("and", "or"):
            return self.logical(node)
        if how == "await":
            return self.awaited(node)
        values = self.evaluate_all(node.operands)
        if how in COMPARISONS:
            return self.compared(how, values, node.at)
        if how == "not":
            return self.negated(self.truth(values[0], node.at))
        if how == "template":
            return templated(values)
        if how == "slice":
            return Value(type="builtins.slice", items=values, sources=union(values))
        if how == "match":
            return self.matched(values, node.at)
        if how in ("yield", "yieldfrom"):
            return self.yielded(values[0] if values else NONE, node.at, how)
        return self.computed(how, values, node.at)

    def computed(self, how: str, values: tuple[Value, ...], at: Span) -> Value:
        handled = self.world.orms.operate(self.caller, how, values, at)
        if handled is not None:
            return handled
        if (
            how == "+"
            and all(isinstance(v.const, str) or v.tests == () for v in values)
            and any(v.text is not None for v in values)
        ):
            return templated(values)
        if (
            how in ("+", "-", "*", "//", "%", "/", "**", "<<")
            and len(values) >= 2
            and all(is_number(v) for v in values)
        ):
            return Value(const=arithmetic(how, [v.const for v in values]))
        if how == "+" and all(v.items is not None for v in values):
            return Value(
                type=values[0].type, items=tuple(i for v in values for i in v.items or ()), sources=union(values)
            )
        if self.is_condition(values):
            return asking_for_all(values) if how == "&" else derived(values)
        if how == "|" and all(v.entries is not None for v in values):
            merged = {k: x for v in values for k, x in (v.entries or {}).items()}
            return Value(
                type="builtins.dict", entries=merged, complete=all(v.complete for v in values), sources=union(values)
            )
        if how in ("%", "format") and values and values[0].text is not None:
            return formatted(values)
        combined = self.combined(values)
        if combined is not None:
            return combined
        kept = next((v.type for v in values if v.type in KEPT_TYPES), "")
        if how == "-" and self.elapsed(how, values, at):
            kept = ELAPSED
        found = derived(values, kept)
        if how == "%" and values[-1].name == "len":
            found.sources |= {Source("remainder", name="len")}  # it picks one of so many as there are by now
        return found

    def elapsed(self, how: str, values: tuple[Value, ...], at: Span) -> bool:
        """Two readings of the time of day are subtracted (a duration) or compared (a deadline), or a duration is held
        against a limit; says whether."""
        first, second = times(values[0]), times(values[-1])
        if not (first and second and first != second):
            first, second = (v.sources if v.type == ELAPSED else frozenset[Source]() for v in (values[0], values[-1]))
            if not (first or second) or (how == "-" and not second):
                return False
            how = "limit"
        readings = (s for s in first | second if s.kind == "clock" and s.name == "wall")
        self.emit(Kind.CLOCK, "elapsed", at, payload=tuple(sorted(readings)), text=how)
        return True

    def is_condition(self, values: tuple[Value, ...]) -> bool:
        """Whether an operator stands between conditions: ``Attr("state").eq("open") & Attr("tries").lt(3)``."""
        rows = (self.world.libraries.type(v.type) for v in values if v.type and not v.type.startswith("builtins."))
        return any(row is not None and row.condition for row in rows)

    def combined(self, values: tuple[Value, ...]) -> Value | None:
        """``stop_after_attempt(3) | stop_after_delay(10)``: a value that holds both."""
        name = next((v.type for v in values if v.type), "")
        row = self.world.libraries.type(name) if name and not name.startswith("builtins.") else None
        if row is None or not row.combines:
            return None
        label = next((v.name for v in values if v.name), "")
        parts = tuple(i for v in values for i in (v.items or (v,)))
        return Value(type=name, name=label, items=parts, sources=union(values))

    def logical(self, node: Derive) -> Value:
        """``and``/``or``: the later operands are evaluated under what the earlier ones said."""
        tests: list[Value] = []
        values: list[Value] = []
        before_scopes, before_guards = self.state.scopes, self.state.guards
        for operand in node.operands:
            value = self.eval(operand)
            test = self.truth(value, node.at)
            values.append(value)
            tests.append(test)
            if test.known and bool(test.const) == (node.how == "or"):
                break
            self.guarded(guards_of(test, node.how == "and", self.place(node.at)))
        self.state.scopes, self.state.guards = before_scopes, before_guards
        if len(values) == 1:
            return values[0]
        open_tests = [t for t in tests if not t.known]
        if not open_tests:
            return values[-1]
        sources = tuple(sorted(frozenset(s for t in open_tests for g in t.tests for s in g.sources)))
        guards = tuple(g for t in open_tests for g in t.tests)
        whole = Guard(node.how, True, sources)
        found = values[0]
        for value in values[1:]:
            found = join(found, value)
        if node.how == "or" and values[0].type == SETTING and values[-1].text:
            found = by_setting(values[-1].text)
        return found.but(const=MISSING, tests=(whole, *guards), sources=union(values))

    def compared(self, how: str, values: tuple[Value, ...], at: Span) -> Value:
        left, right = values[0], values[-1]
        handled = self.world.orms.operate(self.caller, how, values, at)
        if handled is not None:
            return handled
        if how in ("in", "notin") and right.state is not None:
            right = self.force(right, at, "contains")
        if left.known and right.known and how not in ("in", "notin"):
            return Value(const=comparison(how, left.const, right.const))
        if (
            how in ("in", "notin")
            and left.known
            and right.items is not None
            and all(i.known for i in right.items)
            and right.complete
        ):
            return Value(const=(left.const in [i.const for i in right.items]) == (how == "in"))
        if how in ("<", "<=", ">", ">="):
            self.elapsed(how, values, at)
        polarity = how not in OPPOSITE
        operator = OPPOSITE.get(how, how)
        none = any(v.known and v.const is None for v in (left, right))
        test = "is-none" if none and operator in ("is", "==") else operator
        const = next((repr(v.const) for v in (right, left) if v.known), canonical(right))
        guard = Guard(test, polarity, tuple(sorted(left.sources | right.sources)), const)
        return Value(type="builtins.bool", sources=left.sources | right.sources, tests=(guard,))

    def matched(self, values: tuple[Value, ...], at: Span) -> Value:
        subject, patterns = values[0], values[1:]
        if len(patterns) == 1:
            return self.compared("==", (subject, patterns[0]), at)
        guard = Guard("match", True, tuple(sorted(subject.sources)))
        return Value(type="builtins.bool", sources=subject.sources, tests=(guard,))

    def negated(self, test: Value) -> Value:
        if test.known:
            return Value(const=not test.const)
        if len(test.tests) == 1:
            flipped = tuple(Guard(g.test, not g.polarity, g.sources, g.text, g.place) for g in test.tests)
        else:
            first = test.tests[0]
            other = {"and": "or", "or": "and"}.get(first.test, first.test)
            flipped = (
                Guard(other, first.polarity, first.sources, first.text),
                *(Guard(g.test, not g.polarity, g.sources, g.text, g.place) for g in test.tests[1:]),
            )
        return Value(type="builtins.bool", sources=test.sources, tests=flipped)

    def awaited(self, node: Derive) -> Value:
        started = len(self.effects)
        operand = self.awaiting = node.operands[0]
        value = self.await_value(self.eval(operand), node.at)
        self.asynchronous(started, operand, value)
        return value

    def asynchronous(self, started: int, operand: Expression, value: Value) -> None:
        """The code waits for what an expression gives in the way of coroutines: so the call that gave it, or the one
        that gave the object that it is asked of (``await stub.Pay(request).read()``), holds no thread."""
        if not isinstance(operand, Call):
            made = {s.number for s in value.sources if s.kind in ("read", "result") and not s.path}
            for index in range(len(self.effects) if len(made) == 1 else 0):
                if self.effects[index].number in made:
                    self.effects[index] = replace(self.effects[index], awaited=True, blocking=False)
        while isinstance(operand, Call):
            self.remark(started, operand.at, awaited=True, blocking=False)
            operand = operand.function.base if isinstance(operand.function, Attribute) else operand.function

    def await_value(self, value: Value, at: Span) -> Value:
        if isinstance(value.state, Pending):
            pending = value.state
            made = value.but(state=None, target=pending.target)
            return self.invoke(made, pending.arguments, self.made_at(pending, at), awaited=True)
        return self.world.orms.awaited(self.caller, value, at) or value

    def made_at(self, pending: Pending, at: Span) -> Span:
        """Where a coroutine that runs now was made: where it is waited for, if that was in another file."""
        return pending.at if pending.path == self.frame.module.path else at

    def invoke(self, function: Value, arguments: Arguments, at: Span, *, awaited: bool = False) -> Value:
        raise NotImplementedError

    def yielded(self, value: Value, at: Span, how: str) -> Value:
        if how != "yieldfrom":
            return self.give(value, at)
        iterable = self.force(value, at, "iterate")
        endless = self.world.endless(self.caller, iterable, False)
        text = MESSAGES if iterable.type == MESSAGES else ""
        with self.scope("loop", "body", at, text, unbounded=endless):
            return self.give(self.world.loop_element(self.caller, iterable, at), at)

    def give(self, given: Value, at: Span) -> Value:
        """A generator gives its next value to whoever goes through it."""
        frame = self.frame
        if self.resources:
            self.hand_on((given,), "yielded", at)
        frame.yielded = given if frame.yielded is None else join(frame.yielded, given)
        if callable(frame.on_yield):
            run, frame.on_yield = frame.on_yield, None
            run(given)
        return NOTHING

    def comprehension(self, node: Comprehension) -> Value:
        before = self.state.scopes, self.state.guards
        sources: list[Value] = []
        for clause in node.clauses:
            iterable = self.force(self.eval(clause.iterable), node.at, "iterate")
            sources.append(iterable)
            turn = element(iterable)
            loop = Scope(self.next(), "loop", "body", self.place(node.at), over=gone_through(turn))
            self.state.scopes = (*self.state.scopes, loop)
            self.bind(clause.target, turn, node.at)
            for test in clause.tests:
                known = self.truth(self.eval(test), node.at)
                self.guarded(guards_of(known, True, self.place(node.at)))
        value = self.eval(node.element)
        self.state.scopes, self.state.guards = before
        kind = "builtins." + node.kind
        if node.kind == "dict":
            return Value(type=kind, sources=union((*sources, value)), of=value.items[1] if value.items else None)
        exact = sources[0].items is not None and len(node.clauses) == 1 and len(sources[0].items) == 1
        return Value(type=kind, of=value, items=(value,) if exact else None, sources=union((*sources, value)))

    def bind(self, target: Expression, value: Value, at: Span) -> None:
        raise NotImplementedError


def joined_all(values: tuple[Value, ...]) -> Value:
    found = values[0]
    for value in values[1:]:
        found = join(found, value)
    return found


def guards_of(test: Value, polarity: bool, place: Any) -> tuple[Guard, ...]:
    """The conditions that hold where a test came out as `polarity`."""
    if test.known or not test.tests:
        return ()
    first = test.tests[0]
    if first.test in ("and", "or") and len(test.tests) > 1:
        # all of an "and" hold where it is true, none of an "or" where it is false; else only the whole is known
        if (first.test == "and") == polarity:
            return tuple(
                Guard(g.test, g.polarity == polarity, g.sources, g.text, place)
                for g in test.tests[1:]
                if g.test not in ("and", "or")
            )
        ordered = next((g.test for g in test.tests[1:] if g.test in ("<", "<=", ">", ">=")), "")
        return (Guard(first.test, polarity, first.sources, ordered, place),)
    return tuple(Guard(g.test, g.polarity == polarity, g.sources, g.text, place) for g in test.tests)


def times(value: Value) -> frozenset[Source]:
    """The readings of the time of day that a time was computed from; none when it is no time, or may be another's."""
    found: set[Source] = set()
    for choice in value.alternatives():
        mine = {s for s in choice.sources if s.kind == "clock" and s.name == "wall" and not s.path}
        if not mine or choice.type not in TIMES:
            return frozenset()
        found |= mine
    return frozenset(found)


def is_number(value: Value) -> bool:
    return isinstance(value.const, int | float) and not isinstance(value.const, bool)


def arithmetic(how: str, numbers: list[Any]) -> object:
    result = numbers[0]
    for number in numbers[1:]:
        try:
            match how:
                case "+":
                    result = result + number
                case "-":
                    result = result - number
                case "*":
                    result = result * number
                case "/":
                    result = result / number
                case "//":
                    result = result // number
                case "%":
                    result = result % number
                case "**" if abs(number) <= 64 and abs(result) <= 1024:
                    result = result**number
                case "<<" if 0 <= number <= 64:
                    result = result << number
                case _:
                    return MISSING
        except (ArithmeticError, TypeError, ValueError):
            return MISSING
    return result


def comparison(how: str, left: Any, right: Any) -> object:
    try:
        match how:
            case "==" | "is":
                return left == right
            case "!=" | "isnot":
                return left != right
            case "<":
                return left < right
            case "<=":
                return left <= right
            case ">":
                return left > right
            case ">=":
                return left >= right
    except TypeError:
        return MISSING
    return MISSING


def text_of(value: Value) -> str:
    """A value as text inside a larger one: what is not known is a hole."""
    if isinstance(value.const, str):
        return value.const
    if value.known and value.const is not None:
        return str(value.const)
    return HOLE


def templated(values: tuple[Value, ...]) -> Value:
    text = "".join(text_of(v) for v in values)
    return Value(type="builtins.str", const=text, sources=union(values), items=tuple(v for v in values if not v.known))


def asking_for_all(conditions: tuple[Value, ...]) -> Value:
    """A condition that asks for all that some ask for; incomplete where one of them is not known."""
    entries: dict[str, Value] = {}
    for name, asked in ((n, a) for c in conditions for n, a in (c.entries or {}).items()):
        before = entries[name].entries or {} if name in entries else {}
        entries[name] = asked.but(entries={**before, **(asked.entries or {})})
    return Value(
        type=conditions[0].type,
        entries=entries,
        complete=all(c.entries is not None and c.complete for c in conditions),
        sources=union(conditions),
    )


def formatted(values: tuple[Value, ...]) -> Value:
    """``"…%s…" % values``: each placeholder is a hole, or the text of a known value."""
    text = values[0].text or ""
    given = values[1] if len(values) > 1 else NOTHING
    parts = list(given.items) if given.items is not None else [given]
    pieces = text.replace("%%", "\0").split("%s")
    built = pieces[0]
    for number, piece in enumerate(pieces[1:]):
        built += (text_of(parts[number]) if number < len(parts) else HOLE) + piece
    return Value(type="builtins.str", const=built.replace("\0", "%"), sources=union(values))


CONST_TYPES: dict[type, str] = {
    str: "builtins.str",
    int: "builtins.int",
    float: "builtins.float",
    bool: "builtins.bool",
    type(None): "",
}
ELAPSED = "time.elapsed"  # what lies between two readings of the time of day
KEPT_TYPES = frozenset((ELAPSED, "datetime.datetime", "decimal.Decimal", "datetime.timedelta", "time.time"))

EVALUATE: dict[type, Callable[[Any, Any], Value]] = {
    Const: Evaluator.const,
    Local: Evaluator.local,
    Global: Evaluator.global_,
    Attribute: lambda self, node: self.attribute(node),
    Item: lambda self, node: self.item(node),
    Call: lambda self, node: self.call(node),
    Derive: Evaluator.derive,
    Collection: Evaluator.collection,
    Choice: Evaluator.choice,
    Comprehension: Evaluator.comprehension,
    Closure: Evaluator.closure,
    Star: Evaluator.star,
    Let: Evaluator.let,
}

__all__ = [
    "ClassTarget",
    "Evaluator",
    "ExternalTarget",
    "FunctionTarget",
    "MethodTarget",
    "Rows",
    "Source",
    "extended",
    "guards_of",
    "templated",
    "text_of",
]
