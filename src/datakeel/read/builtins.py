"""What the language's own functions and containers do with values: `len`, `sorted`, `list.append`, `dict.get` …"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from datakeel.model.certainty import Origin
from datakeel.model.effect import Rows, Source
from datakeel.read import records
from datakeel.read.evaluate import templated
from datakeel.read.program import Span
from datakeel.read.values import (
    HOLE,
    MISSING,
    NOTHING,
    SETTING,
    Arguments,
    ClassTarget,
    ExternalTarget,
    PartialTarget,
    Value,
    by_setting,
    derived,
    dispatches,
    element,
    entry_name,
    gone_through,
    join,
    union,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller

Builtin = Callable[["Caller", Arguments, Span], Value]
Method = Callable[["Caller", Value, Arguments, Span], Value]


def forced(caller: Caller, arguments: Arguments, at: Span, how: str) -> tuple[Value, ...]:
    return tuple(caller.force(v, at, how) for v in arguments.positional)


def container(kind: str) -> Builtin:
    def make(caller: Caller, arguments: Arguments, at: Span) -> Value:
        if not arguments.positional:
            entries = dict(arguments.keywords) if kind == "dict" else None
            return Value(
                type=f"builtins.{kind}",
                entries=entries,
                items=() if kind != "dict" else None,
                complete=arguments.options is None,
                maker=caller.serial,
            )
        value = caller.force(arguments.positional[0], at, "iterate")
        if kind == "dict":
            return value.but(
                maker=caller.serial,
                type="builtins.dict",
                entries={**(value.entries or {}), **arguments.keywords} if value.entries is not None else None,
            )
        return Value(
            maker=caller.serial,
            type=f"builtins.{kind}",
            of=element(value),
            items=value.items,
            sources=value.sources,
            rows=value.rows,
            origin=value.origin,
        )

    return make


def length(caller: Caller, arguments: Arguments, at: Span) -> Value:
    (value, *_) = forced(caller, arguments, at, "length") or (NOTHING,)
    return derived((value,), "builtins.int").but(name="len")


def computed(type_name: str = "") -> Builtin:
    """A function whose value is computed from its arguments."""

    def run(caller: Caller, arguments: Arguments, at: Span) -> Value:
        values = forced(caller, arguments, at, "iterate")
        return derived((*values, *arguments.keywords.values()), type_name)

    return run


def converted(type_name: str) -> Builtin:
    """``int(x)``, ``str(x)``: the same value in another type."""

    def run(caller: Caller, arguments: Arguments, at: Span) -> Value:
        if not arguments.positional:
            return Value(type=type_name)
        value = arguments.positional[0]
        if value.type == SETTING and value.name:
            return value
        if value.known and type_name == "builtins.str":
            return Value(type=type_name, const=str(value.const))
        if type_name == "builtins.int" and isinstance(value.const, int | float):
            return Value(type=type_name, const=int(value.const))
        if type_name == "builtins.float" and isinstance(value.const, int | float):
            return Value(type=type_name, const=float(value.const))
        return Value(type=type_name, sources=value.sources, rows=value.rows)

    return run


def passed(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``sorted``, ``reversed``, ``iter``: the same elements."""
    value = caller.force(arguments.positional[0], at, "iterate") if arguments.positional else NOTHING
    return value.but(const=MISSING, state=None)


def sorted_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    value = passed(caller, arguments, at)
    return value.but(type="builtins.list", name="sorted", items=None, of=element(value))


def next_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    value = caller.force(arguments.positional[0], at, "first") if arguments.positional else NOTHING
    return element(value)


def enumerate_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    value = caller.force(arguments.positional[0], at, "iterate") if arguments.positional else NOTHING
    return Value(
        type="builtins.list",
        of=Value(type="builtins.tuple", items=(Value(sources=frozenset((Source("loop"),))), element(value))),
        sources=value.sources,
    )


def range_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """Its elements differ from turn to turn; it is named by how many they are, where that is known."""
    bounds = [v.const for v in arguments.positional[:2] if isinstance(v.const, int)]
    many = ""
    if arguments.positional and len(bounds) == len(arguments.positional[:2]) and len(arguments.positional) < 3:
        many = str(max(0, bounds[-1] - (bounds[0] if len(bounds) > 1 else 0)))
    turn = Value(type="builtins.int", sources=frozenset((Source("loop"),)) | arguments.sources())
    return Value(type="builtins.range", of=turn, name=many, sources=arguments.sources())


def count_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    return range_(caller, arguments, at).but(name="unbounded")


def zip_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    values = forced(caller, arguments, at, "iterate")
    return Value(type="builtins.list", of=Value(items=tuple(element(v) for v in values)), sources=union(values))


def map_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    if len(arguments.positional) < 2:
        return NOTHING
    values = tuple(caller.force(v, at, "iterate") for v in arguments.positional[1:])
    turns = tuple(element(v) for v in values)
    with caller.scope("loop", "body", at, over=gone_through(turns[0])):
        result = caller.invoke(arguments.positional[0], Arguments(turns), at)
    return Value(type="builtins.list", of=result, sources=result.sources)


def filter_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    return caller.force(arguments.positional[-1], at, "iterate").but(items=None) if arguments.positional else NOTHING


def partial(caller: Caller, arguments: Arguments, at: Span) -> Value:
    if not arguments.positional:
        return NOTHING
    function = arguments.positional[0]
    return Value(target=PartialTarget(function, arguments.after(1)), type="functools.partial")


def setattr_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    if len(arguments.positional) == 3:
        base, name, value = arguments.positional
        if name.text is not None and name.known:
            caller.assign_attribute(base, name.text, value, at)
        elif value.owner is not None and value.owner.entries and value.owner.complete:
            for entry, of_entry in value.owner.entries.items():  # each of a mapping's, in its turn
                caller.assign_attribute(base, entry, of_entry, at)
        else:
            caller.world.orms.assigned(caller, base, "*", value, at)
    return NOTHING


def getattr_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    return Value(sources=union(arguments.positional[:1]), origin=Origin.ASSUMED)


def type_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``type(x)``: the class of an object of the project."""
    return class_of(caller, arguments.positional[0]) if len(arguments.positional) == 1 else NOTHING


def class_of(caller: Caller, value: Value) -> Value:
    cls = caller.world.class_named(value.type) if value.type else None
    return Value(target=ClassTarget(cls), type="builtins.type", name=cls.name) if cls is not None else NOTHING


def isinstance_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``isinstance(data, dict)``: surely, of a mapping that was written down in view; else its value decides."""
    if len(arguments.positional) == 2:
        value, kind = arguments.positional
        if value.entries and value.type == "builtins.dict" and kind.target == ExternalTarget("builtins.dict"):
            return Value(const=True)
    return Value(sources=arguments.sources())


def truth(caller: Caller, arguments: Arguments, at: Span) -> Value:
    return caller.truth(arguments.positional[0], at) if arguments.positional else Value(const=False)


def any_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    return caller.truth(derived(forced(caller, arguments, at, "iterate"), "builtins.bool"), at)


def hash_(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``hash(x)``: another number in each process, where texts are among what is hashed; numbers are their own hash."""
    value = derived(arguments.positional, "builtins.int")
    hashed = kind_hashed(arguments.positional[0]) if arguments.positional else ""
    if hashed in ("builtins.int", "builtins.bool", "builtins.float"):
        return value
    return value.but(sources=value.sources | {Source("hash", name="builtins.hash", path=(hashed,) if hashed else ())})


def kind_hashed(value: Value) -> str:
    """The type of what is hashed, as far as it decides how: of a tuple's parts the first that is a text."""
    if value.type == "builtins.tuple" and value.items:
        kinds = [kind_hashed(item) for item in value.items]
        return next((k for k in kinds if k in TEXTS), kinds[0] if len(set(kinds)) == 1 else "")
    encoded = any(s.kind == "encoding" for s in value.sources)
    return "builtins.str" if encoded and not value.type else value.type


TEXTS = ("builtins.str", "builtins.bytes")


def filled_by(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``defaultdict(factory)``: what the factory makes is kept."""
    factory = next(iter(arguments.positional), NOTHING)
    if factory.target is not None:
        caller.keep(caller.invoke(factory, Arguments(), at), many=True)
    return Value(sources=arguments.sources(), rows=Rows(f"new:{caller.next()}"))


def same(caller: Caller, arguments: Arguments, at: Span) -> Value:
    return arguments.positional[0] if arguments.positional else NOTHING


def imported(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``import_module("shop.relay")``: a module of the project, as an import of it."""
    name = arguments.positional[0].text if arguments.positional and arguments.positional[0].known else None
    module = caller.world.names.modules.get(name) if name else None
    return caller.world.symbol_value(module) if module is not None else Value(sources=arguments.sources())


def setting(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``os.getenv("TOPIC", "orders")``: what it is called where nobody says otherwise."""
    default = arguments.get("default", 1) or NOTHING
    return by_setting(default.const).but(sources=arguments.sources(), rows=Rows(f"new:{caller.next()}"))


BUILTINS: dict[str, Builtin] = {
    "builtins.len": length,
    "builtins.list": container("list"),
    "builtins.tuple": container("tuple"),
    "builtins.set": container("set"),
    "builtins.frozenset": container("set"),
    "builtins.dict": container("dict"),
    "collections.OrderedDict": container("dict"),
    "collections.defaultdict": filled_by,
    "builtins.int": converted("builtins.int"),
    "builtins.str": converted("builtins.str"),
    "builtins.float": converted("builtins.float"),
    "decimal.Decimal": converted("decimal.Decimal"),
    "uuid.UUID": converted("uuid.UUID"),
    "builtins.bool": truth,
    "builtins.isinstance": isinstance_,
    "builtins.any": any_,
    "builtins.all": any_,
    "builtins.sum": computed(),
    "builtins.min": computed(),
    "builtins.max": computed(),
    "builtins.round": computed(),
    "builtins.abs": computed(),
    "builtins.sorted": sorted_,
    "builtins.reversed": passed,
    "builtins.iter": passed,
    "builtins.next": next_,
    "builtins.aiter": passed,
    "builtins.anext": next_,
    "builtins.enumerate": enumerate_,
    "builtins.zip": zip_,
    "builtins.range": range_,
    "itertools.count": count_,
    "builtins.map": map_,
    "builtins.filter": filter_,
    "builtins.setattr": setattr_,
    "builtins.type": type_,
    "builtins.getattr": getattr_,
    "builtins.hash": hash_,
    "functools.partial": partial,
    "typing.cast": lambda c, a, s: a.positional[-1] if a.positional else NOTHING,
    "copy.copy": same,
    "copy.deepcopy": same,
    "importlib.import_module": imported,
    "os.getenv": setting,
    "os.environ.get": setting,
    "decouple.config": setting,
    **records.FUNCTIONS,
}


# Methods of containers and texts --------------------------------------------------------------------------------------


def append(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    if receiver.maker != caller.serial:
        return NOTHING
    added = arguments.positional[-1] if arguments.positional else NOTHING
    receiver.of = join(receiver.of, added) if receiver.of is not None else added
    receiver.items = (*receiver.items, added) if receiver.items is not None and not in_loop(caller) else None
    receiver.sources = receiver.sources | union((added,))
    receiver.complete = receiver.complete and not in_loop(caller)
    return NOTHING


def extend(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    if receiver.maker != caller.serial:
        return NOTHING
    added = caller.force(arguments.positional[0], at, "iterate") if arguments.positional else NOTHING
    inner = element(added)
    receiver.of = join(receiver.of, inner) if receiver.of is not None else inner
    receiver.items = None
    receiver.complete = False
    receiver.sources = receiver.sources | union((added,))
    return NOTHING


def in_loop(caller: Caller) -> bool:
    return any(s.kind == "loop" for s in caller.state.scopes)


def get(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    """``mapping.get(key, default)``."""
    key = arguments.get("key", 0) or NOTHING
    default = arguments.get("default", 1)
    if receiver.entries and key.type == SETTING and key.name in receiver.entries:
        return by_setting(receiver.entries[key.name].const)
    named = entry_name(key)
    if receiver.entries is not None and named is not None:
        found = receiver.entries.get(named)
        if found is not None:
            return found
        if receiver.complete:
            return default or Value(const=None)
    if named is None and receiver.entries is not None and dispatches(receiver.entries):
        return join_entries(receiver)
    if isinstance(key.const, str):
        found = caller.peek(receiver, (key.const,))
    else:
        found = Value(sources=receiver.sources | key.sources)
    return join(found, default) if default is not None and not default.known else found


def values(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    if receiver.entries is not None and receiver.complete:
        return Value(type="builtins.list", items=tuple(receiver.entries.values()), sources=receiver.sources)
    inner = join_entries(receiver)
    return Value(type="builtins.list", of=inner, sources=receiver.sources, rows=receiver.rows)


def items(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    inner = join_entries(receiver)
    inner = inner.but(owner=receiver) if inner.owner is None and receiver.entries else inner
    pair = Value(type="builtins.tuple", items=(Value(sources=receiver.sources), inner))
    return Value(type="builtins.list", of=pair, sources=receiver.sources)


def join_entries(receiver: Value) -> Value:
    found = receiver.of or Value(sources=receiver.sources)
    for entry in (receiver.entries or {}).values():
        found = join(found, entry)
    return found


def update(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    if receiver.maker != caller.serial:
        return NOTHING
    given = arguments.positional[0] if arguments.positional else NOTHING
    if receiver.entries is not None:
        receiver.entries = {**receiver.entries, **(given.entries or {}), **arguments.keywords}
        receiver.complete = receiver.complete and (
            not arguments.positional or (given.entries is not None and given.complete)
        )
    receiver.sources = receiver.sources | arguments.sources()
    return NOTHING


def setdefault(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    if receiver.maker != caller.serial:
        return join(Value(sources=receiver.sources), arguments.get("default", 1) or Value(const=None))
    name = arguments.positional[0].text if arguments.positional else None
    default = arguments.get("default", 1) or Value(const=None)
    if receiver.entries is not None and name is not None:
        return receiver.entries.setdefault(name, default)
    return join(Value(sources=receiver.sources), default)


def format_(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    """``"…{}…".format(…)``: the fields are holes, or the texts of known values."""
    if receiver.text is None:
        return derived((receiver, *arguments.all()), "builtins.str")
    text, number = receiver.text, 0
    parts: list[str] = []
    rest = text
    while "{" in rest:
        head, _, rest = rest.partition("{")
        parts.append(head)
        field, _, rest = rest.partition("}")
        name = field.split(":")[0].split("!")[0]
        given = (
            arguments.keywords.get(name)
            if name and not name.isdigit()
            else arguments.get("", int(name) if name.isdigit() else number)
        )
        number += 1
        parts.append(str(given.const) if given is not None and given.known else HOLE)
    return Value(type="builtins.str", const="".join([*parts, rest]), sources=arguments.sources())


def join_text(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    value = caller.force(arguments.positional[0], at, "iterate") if arguments.positional else NOTHING
    if receiver.text is not None and value.items is not None:
        pieces: list[Value] = []
        for number, item in enumerate(value.items):
            pieces += [receiver, item] if number else [item]
        return templated(tuple(pieces)) if pieces else Value(const="")
    return Value(type="builtins.str", const=HOLE, sources=value.sources)


def replaced(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    """A part of a text is replaced; of anything else (a moment's hour) it is another value of the same type."""
    texts = bool(arguments.positional) and all(a.text is not None for a in arguments.positional)
    return derived((receiver, *arguments.all()), "builtins.str" if texts and not receiver.type else receiver.type)


def same_text(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    if (receiver.text is not None and receiver.known) or receiver.type == SETTING:
        return receiver
    return Value(
        type="builtins.str",
        sources=receiver.sources,
        rows=receiver.rows,
        const=receiver.const,
        entries=receiver.entries,  # of an encoded document
        complete=receiver.complete,
    )


def clear(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    return Value(sources=receiver.sources)


def pop(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    if receiver.maker != caller.serial:
        return element(receiver)
    if receiver.entries is not None and arguments.positional and arguments.positional[0].text is not None:
        return receiver.entries.pop(arguments.positional[0].text, arguments.get("default", 1) or NOTHING)
    return element(receiver)


def copy(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    """Who copies a list or a mapping may change the copy as one of his own."""
    entries = dict(receiver.entries) if receiver.entries is not None else None
    return receiver.but(items=receiver.items, entries=entries, maker=caller.serial)


METHODS: dict[str, Method] = {
    "append": append,
    "add": append,
    "appendleft": append,
    "insert": append,
    "extend": extend,
    "get": get,
    "values": values,
    "items": items,
    "update": update,
    "setdefault": setdefault,
    "format": format_,
    "join": join_text,
    "strip": same_text,
    "lower": same_text,
    "upper": same_text,
    "encode": same_text,
    "decode": same_text,
    "replace": replaced,
    "removeprefix": replaced,
    "removesuffix": replaced,
    "pop": pop,
    "copy": copy,
    **records.METHODS,
}

__all__ = ["BUILTINS", "METHODS", "Rows", "Source"]
