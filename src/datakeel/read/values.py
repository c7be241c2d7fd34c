"""Abstract values: what the tracer knows of a value while it follows the code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Guard, Rows, Source
from datakeel.model.place import Place
from datakeel.read.program import Expression, Function, Span
from datakeel.read.symbols import ClassInfo, FunctionInfo, Module

MESSAGES = "messages"  # the type of what a generator gives that consumes without end
FRESH = "@fresh"  # a note on an object: its columns were read again, by this read
SETTING = "environment"  # the type of a text that the environment may say; its name is what it is otherwise
HOLE = "\ufffc"  # stands in a text where an unknown value was put in


class Missing:
    """The type of MISSING: no constant is known."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


class Value(Struct, gc=False):
    """What is known of a value. Everything is optional: an empty Value is one that nothing is known of.

    `type` is a dotted class name, the project's or a library's; `of` what it holds (elements, or the row class of a
    plan); `const` its literal; `rows` its identity; `sources` what it was computed from; `items`/`entries` its known
    parts, all of them where `complete`; `target` what a call of it reaches; `name` what the outside knows it as (a
    topic, a collection, a key); `state` an ORM's plan or a pending call; `owner` the object it came from (a cursor's
    connection); `tests` what its truth says; `others` alternatives, where paths joined; `options` the options a
    client was made with; `place` where it was decided, when that is not where it is used.
    """

    type: str = ""
    of: Value | None = None
    const: object = MISSING
    rows: Rows | None = None
    sources: frozenset[Source] = frozenset()
    items: tuple[Value, ...] | None = None
    entries: dict[str, Value] | None = None
    complete: bool = True
    target: Target | None = None
    name: str = ""
    state: object = None
    owner: Value | None = None
    tests: tuple[Guard, ...] = ()
    others: tuple[Value, ...] = ()
    options: dict[str, Value] | None = None
    origin: Origin = Origin.RESOLVED
    place: Place | None = None
    maker: int = 0  # the machine that made it, which alone may change it (0: nobody may)
    atomic: bool = (
        False  # computed by the store from its own value when it is written (F expressions, column arithmetic)
    )

    but: ClassVar[Callable[..., Value]] = Struct.__replace__  # the same value with these changes

    @property
    def known(self) -> bool:
        """Whether the whole value is a known literal (a text with holes is not)."""
        return self.const is not MISSING and not (isinstance(self.const, str) and HOLE in self.const)

    @property
    def text(self) -> str | None:
        return self.const if isinstance(self.const, str) else None

    def alternatives(self) -> Iterator[Value]:
        yield self
        yield from self.others


NOTHING = Value()
NONE = Value(const=None)


# What a call may reach ------------------------------------------------------------------------------------------------


class ExternalTarget(Struct, frozen=True, gc=False):
    """A function or class of a library, by its dotted name."""

    dotted: str


class FunctionTarget(Struct, frozen=True, eq=False):
    """A function of the project; `receiver` is what its first parameter is bound to."""

    function: FunctionInfo
    receiver: Value | None = None
    plain: bool = False  # its decorators are already taken care of
    perhaps: bool = False  # it is that of one heir of several, which the object may not be of


class ClassTarget(Struct, frozen=True, eq=False):
    cls: ClassInfo


class MethodTarget(Struct, frozen=True, eq=False):
    """A method that no definition was found for: of a library's object, or of an object of unknown type."""

    receiver: Value
    name: str


class ClosureTarget(Struct, frozen=True, eq=False):
    """A nested function or lambda with the frame that defined it."""

    function: Function
    frame: object
    receiver: Value | None = None


class PartialTarget(Struct, frozen=True, eq=False):
    """A callable with some arguments given already (`partial`, a Celery signature); `awaited`: a call of it waits for
    the coroutine that it makes."""

    value: Value
    arguments: Arguments
    awaited: bool = False


Target = ExternalTarget | FunctionTarget | ClassTarget | MethodTarget | ClosureTarget | PartialTarget


class Pending(Struct, eq=False):
    """A coroutine that was made and not awaited yet: where, and in which file."""

    target: Target
    arguments: Arguments
    at: Span
    path: str


class Arguments(Struct, eq=False):
    """The arguments of a call. `rest` are values of ``*args`` of unknown length, `options` of ``**kwargs`` of unknown
    content; `decided` is where it was decided what ``**kwargs`` holds."""

    positional: tuple[Value, ...] = ()
    keywords: dict[str, Value] = {}
    rest: Value | None = None
    options: Value | None = None
    decided: Place | None = None

    def get(self, name: str, position: int | None = None) -> Value | None:
        """An argument by its name or place; None when it surely is not given, an empty Value when it may be."""
        if name in self.keywords:
            return self.keywords[name]
        if position is not None and position < len(self.positional):
            return self.positional[position]
        if self.options is not None or (self.rest is not None and position is not None):
            return NOTHING
        return None

    def all(self) -> list[Value]:
        further = [v for v in (self.rest, self.options) if v is not None]
        return [*self.positional, *self.keywords.values(), *further]

    def sources(self) -> frozenset[Source]:
        return union(self.all())

    def after(self, count: int) -> Arguments:
        return Arguments(self.positional[count:], self.keywords, self.rest, self.options, self.decided)

    def before(self, *first: Value) -> Arguments:
        return Arguments((*first, *self.positional), self.keywords, self.rest, self.options, self.decided)


class Plan(Struct, frozen=True):
    """What an ORM knows of a value that is not worked out yet; two of them can meet where paths join."""

    def joined(self, other: object) -> Plan:
        """What holds of this plan and of the other."""
        raise NotImplementedError


# Combining ------------------------------------------------------------------------------------------------------------


NO_SOURCES: frozenset[Source] = frozenset()


def union(values: Iterable[Value]) -> frozenset[Source]:
    """What values were computed from, taken together (their parts included)."""
    parts: list[frozenset[Source]] = []
    for value in values:
        if value.sources:
            parts.append(value.sources)
        if value.items:
            parts.append(union(value.items))
        if value.entries:
            parts.append(union(value.entries.values()))
    if len(parts) == 1:  # mostly
        return bounded(parts[0])
    return bounded(NO_SOURCES.union(*parts)) if parts else NO_SOURCES


@cache
def argument(name: str) -> tuple[Rows, frozenset[Source]]:
    """What a parameter's value is inside its function, and what it was computed from: the same objects wherever a
    parameter has that name, for nothing is asked more often than whether two of them are equal."""
    return Rows(f"parameter:{name}"), frozenset((Source("parameter", name=name),))


def by_setting(usual: object) -> Value:
    """What the environment may say; and what it is otherwise, where that is a text or a number."""
    return Value(type=SETTING, name=str(usual) if isinstance(usual, str | int) else "")


FEW = 4  # alternatives that are followed beside each other: of more, what one of them does says little


def entry_name(key: Value) -> str | None:
    """What a mapping's entry is called by its key: a text, or a class of the project."""
    if isinstance(key.const, str):
        return key.const
    return f"<{key.target.cls.name}>" if isinstance(key.target, ClassTarget) else None


def dispatches(entries: dict[str, Value]) -> bool:
    """Whether a mapping says what is called for each of a few keys."""
    return 0 < len(entries) <= FEW and all(v.target is not None for v in entries.values())


MANY = 16  # sources of one value: beyond, which attribute of a thing they are is forgotten first


def bounded(sources: frozenset[Source]) -> frozenset[Source]:
    """The same sources, less exactly where they are many: what a value comes from stays, by which path is forgotten."""
    if len(sources) <= MANY:
        return sources
    for length in (2, 1, 0):
        if len(sources) <= MANY:
            return sources
        sources = frozenset(
            [Source(s.kind, s.number, s.name, s.path[:length]) if len(s.path) > length else s for s in sources]
        )
    return sources


def created(number: int, type: str, origin: Origin = Origin.RESOLVED) -> Value:
    """A new row that construction `number` makes: what its store fills in later (its key) was computed from it."""
    return Value(type=type, rows=Rows(f"new:{number}"), sources=frozenset((Source("new", number),)), origin=origin)


def derived(values: Iterable[Value], type: str = "", tests: tuple[Guard, ...] = ()) -> Value:
    values = tuple(values)
    return Value(type=type, sources=union(values), tests=tests, atomic=any(v.atomic for v in values))


def join(a: Value | None, b: Value | None) -> Value:
    """A value that is `a` on one path and `b` on another."""
    if a is b and a is not None:
        return a
    if a is None or b is None:
        found = a or b
        return (
            found.but(const=MISSING)
            if found is not None and found.known and found.const is not None
            else found or NOTHING
        )
    if a.const is None and a.known and not a.type:
        return informed(b, a)
    if b.const is None and b.known and not b.type:
        return informed(a, b)
    if weight(b) > weight(a):
        a, b = b, a
    others = tuple(dict.fromkeys((*a.others, b, *b.others)).keys()) if distinct(a, b) else a.others
    state = a.state if a.state is b.state or not isinstance(a.state, Plan) else a.state.joined(b.state)
    return a.but(
        rows=None if reworked(a, b) or (state is not a.state and given(a)) else a.rows,
        type=a.type if a.type not in TIMES or b.known or read(a) == read(b) else "",
        const=a.const if same_const(a, b) else MISSING,
        sources=bounded(a.sources | b.sources),
        others=others[:3],
        items=a.items if a.items is b.items or b.items is None else joined_items(a.items, b.items),
        entries=joined_entries(a.entries, b.entries),
        state=state,
        complete=a.complete
        and b.complete
        and a.entries is not None
        and b.entries is not None
        and a.entries.keys() == b.entries.keys(),
        tests=a.tests if a.tests == b.tests else (),
        origin=max(a.origin, b.origin),
    )


def joined_items(a: tuple[Value, ...] | None, b: tuple[Value, ...]) -> tuple[Value, ...] | None:
    """The parts of a sequence that is one of two; not known where their numbers differ."""
    if a is None or len(a) != len(b) or len(a) > ALIKE:
        return None
    return tuple(join(one, other) for one, other in zip(a, b, strict=True))


def joined_entries(a: dict[str, Value] | None, b: dict[str, Value] | None) -> dict[str, Value] | None:
    """The entries of a mapping that is one of two; what only one of them has may be there."""
    if a is None or b is None or a is b or len(a) > ALIKE:
        return a
    return {**b, **{k: join(v, b[k]) if k in b and b[k] is not v else v for k, v in a.items()}}


ALIKE = 12  # parts that are joined one by one
TIMES = ("time.time", "datetime.datetime")


def read(value: Value) -> bool:
    """Whether a time is a reading of this process's clock, rather than one that came from elsewhere."""
    return any(s.kind == "clock" and not s.path for s in value.sources)


def reworked(a: Value, b: Value) -> bool:
    """Whether a value is an attribute as it stood on one path, and on the other what was computed from that."""
    if a.rows is None or not a.rows.path or b.rows is not None or a.state is not None or not plain(a.type):
        return False
    return len(a.sources) == 1 and bool(b.sources) and a.sources <= b.sources


def plain(type: str) -> bool:
    """Whether a value may be one that a column holds, rather than another row."""
    return not type or type.startswith("builtins.") or type in TIMES


def informed(value: Value, none: Value) -> Value:
    """A value that may also be None."""
    return value.but(const=MISSING, sources=value.sources | none.sources) if value.known else value


def same_const(a: Value, b: Value) -> bool:
    return a.known and b.known and type(a.const) is type(b.const) and a.const == b.const


def weight(value: Value) -> int:
    """How much a value says; of an argument and a default that stands in for it the argument says more."""
    known = 4 * (value.rows is not None) + 3 * (value.state is not None) + 2 * bool(value.type)
    return 2 * (known + (value.target is not None)) + given(value)


def given(value: Value) -> bool:
    """Whether a value is what a parameter holds: a plan that may be another one is not."""
    return value.rows is not None and value.rows.root.startswith("parameter:")


def distinct(a: Value, b: Value) -> bool:
    """Whether `b` can do something that `a` cannot."""
    return (
        (b.target is not None and b.target is not a.target)
        or (bool(b.type) and b.type != a.type)
        or (b.rows is not None and b.rows != a.rows)
    )


def kept(value: Value, rows: Rows, name: str) -> Value:
    """A value as the attribute of a row gets it: what stood there before (or that on one path, and something else on
    another), or a text made of nothing but that row, is its normal form, and not computed from the old value to a new
    one."""
    own = Rows(rows.root, (*rows.path, name))
    same = value.rows == own or any(o.rows == own for o in value.others)
    root = rows.root.partition(":")[2]
    text = value.type == "builtins.str" and all(root in (s.name, str(s.number)) for s in value.sources)
    if not (same or text):
        return value
    return value.but(sources=frozenset(s for s in value.sources if s.path[-1:] != (name,)), items=None)


Value.__hash__ = object.__hash__  # type: ignore[method-assign]


def element(value: Value) -> Value:
    """One element of an iterable value."""
    if value.items:
        found = value.items[0]
        for other in value.items[1:]:
            found = join(found, other)
        return found
    if value.of is not None:
        return value.of.but(sources=value.of.sources | value.sources, rows=value.of.rows or value.rows)
    return Value(sources=value.sources, rows=value.rows, origin=value.origin)


def gone_through(turn: Value) -> Rows | None:
    """The rows of which a loop's variable is one, turn by turn; of a pair (``enumerate``) the first part that is a
    row."""
    if turn.rows is not None:
        return turn.rows
    if turn.items:
        return next((found for item in turn.items if (found := gone_through(item)) is not None), None)
    if len(turn.sources) != 1:
        return None
    (source,) = turn.sources
    if source.kind == "parameter":
        return Rows(f"parameter:{source.name}", source.path)
    return Rows(f"read:{source.number}", source.path) if source.kind == "read" else None


def asked_of(value: Value) -> Source | None:
    """The parameter, or attribute of one, that a value is: its caller may know it."""
    if len(value.sources) != 1 or value.others or value.rows is None:
        return None
    (source,) = value.sources
    same = value.rows == Rows(f"parameter:{source.name}", source.path)
    return source if source.kind == "parameter" and same else None


def origin_of(value: Value) -> Source | None:
    """What is known of an option's value that is not known itself: that a caller may know it, or that it is drawn by
    lot."""
    drawn = any(s.kind == "random" for s in value.sources)
    return Source("random") if drawn else asked_of(value)


def canonical(value: Value) -> str:
    """A name for a value: equal texts are equal values; empty when it cannot be named."""
    if value.known:
        return f"const:{value.const!r}"
    if value.sources and not value.tests:
        named = naming(value.sources)
        if named is not None:
            return canonical_source(named)
    if value.rows is not None:
        return ".".join((value.rows.root, *value.rows.path))
    return ""


def module_rows(module: Module) -> Rows:
    """A module as the object whose attributes its globals are."""
    return Rows(f"global:{module.name}")


def key_rows(store: str, text: str | None, sources: Iterable[Source]) -> Rows | None:
    """The identity of the entry under a key: equal texts, with equal values in their holes, are one entry."""
    if not text:
        return None
    holes = ",".join(canonical_source(s) for s in sorted(sources))
    return Rows(f"key:{store}:{text}|{holes}" if holes else f"key:{store}:{text}")


PLAIN = ("hash", "decoding")  # of equal values these are equal
NAMELESS = ("random", "loop", "encoding", "decoding", "hash", "remainder")  # another value each time
ROWED = ("read", "parameter")  # sources that may be a row themselves


def naming(sources: Collection[Source]) -> Source | None:
    """The one source by which a value is told from others; None where there are several, or it is never the same."""
    if not 1 <= len(sources) <= 2:
        return None
    named = [s for s in sources if s.kind not in PLAIN]
    return named[0] if len(named) == 1 and named[0].kind not in NAMELESS else None


def canonical_source(source: Source) -> str:
    if source.kind in NAMELESS:
        return ""
    head = f"{source.kind}:{source.number if source.kind == 'clock' else source.name or source.number}"
    return ".".join((head, *source.path))


def extended(sources: Iterable[Source], name: str) -> frozenset[Source]:
    """The sources of an attribute of a value with these sources."""
    if not sources:
        return NO_SOURCES
    return frozenset([Source(s.kind, s.number, s.name, (*s.path, name)) if len(s.path) < 4 else s for s in sources])


def handed(value: Value) -> str:
    """The name of an argument, or of an attribute of one, that a value is as it stands; empty for any other."""
    source = asked_of(value)
    return canonical_source(source) if source is not None else ""


def inward(sources: frozenset[Source]) -> frozenset[Source]:
    """The sources of what was only made from rows (a mapping of their addresses): its attributes are not theirs."""
    if not sources:
        return NO_SOURCES
    return frozenset([replace(s, path=("?",)) if s.kind in ROWED and not s.path else s for s in sources])


class Where(Struct, frozen=True):
    """Where the tracer stands: the module whose text it follows."""

    module: Module

    def place(self, at: Span) -> Place:
        return Place(self.module.path, at.line, at.column, at.end_line, at.end_column)


Expressions = tuple[Expression, ...]
