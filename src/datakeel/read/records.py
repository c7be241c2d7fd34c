"""Objects that are little more than their fields: copies with other values, and mappings of fields to values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from datakeel.model.effect import Rows
from datakeel.read.program import Span
from datakeel.read.strictness import is_record
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import NOTHING, Arguments, Value, derived

if TYPE_CHECKING:
    from datakeel.read.calls import Caller


def varied(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``replace(order, status=…)``: another object with the same attributes, but for those that are given."""
    return with_others(caller, arguments.positional[0], arguments.keywords, at) if arguments.positional else NOTHING


def varied_self(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    """``point._replace(x=1)``, ``model.model_copy(update={"x": 1})``."""
    given = arguments.keywords.get("update")
    return with_others(caller, receiver, (given.entries or {}) if given is not None else arguments.keywords, at)


def with_others(caller: Caller, value: Value, others: Mapping[str, Value], at: Span) -> Value:
    cls = caller.world.class_named(value.type) if value.type else None
    if cls is None:
        return derived((value, *others.values()), value.type)
    held = {name: caller.attribute_of(value, name, at) for name in fields(cls) if name not in others}
    made = Rows(f"new:{caller.next()}")
    caller.state.heap.update({(made, name): v for name, v in (held | dict(others)).items()})
    return Value(type=value.type, rows=made, sources=value.sources)


def dumped(caller: Caller, arguments: Arguments, at: Span) -> Value:
    """``asdict(order)``, ``jsonable_encoder(order)``."""
    return as_mapping(caller, arguments.positional[0], at) if arguments.positional else NOTHING


def dumped_self(caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value:
    """``model.model_dump()``, and ``model.dict()`` of older versions."""
    return as_mapping(caller, receiver, at)


def as_mapping(caller: Caller, value: Value, at: Span) -> Value:
    cls = caller.world.class_named(value.type) if value.type else None
    if cls is None or not is_record(cls):
        return Value(sources=value.sources)
    entries = {name: caller.attribute_of(value, name, at) for name in fields(cls)}
    return Value(type="builtins.dict", entries=entries, maker=caller.serial, sources=value.sources)


def fields(cls: ClassInfo) -> Iterable[str]:
    """The names of a class's fields, its bases' first."""
    return dict.fromkeys(name for c in reversed(cls.ancestors()) for name in c.fields if not name.startswith("__"))


FUNCTIONS: dict[str, Callable[[Caller, Arguments, Span], Value]] = {
    "dataclasses.asdict": dumped,
    "attr.asdict": dumped,
    "attrs.asdict": dumped,
    "msgspec.structs.asdict": dumped,
    "fastapi.encoders.jsonable_encoder": dumped,
    "copy.replace": varied,
    "dataclasses.replace": varied,
    "attr.evolve": varied,
    "attrs.evolve": varied,
    "msgspec.structs.replace": varied,
}
METHODS: dict[str, Callable[[Caller, Value, Arguments, Span], Value]] = {
    "_replace": varied_self,
    "model_copy": varied_self,
    "model_dump": dumped_self,
    "dict": dumped_self,
}
