"""Lists of steps, each with what takes it back: pairs of functions, mappings and records of two, objects with two
methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.model.effect import Option
from datakeel.model.operation import Resource
from datakeel.model.place import Place
from datakeel.read.program import Call, Collection, Expression, Span
from datakeel.read.symbols import ClassInfo
from datakeel.read.values import NOTHING, FunctionTarget, Value

if TYPE_CHECKING:
    from datakeel.read.calls import Caller

_ACTIONS = "execute run perform do invoke action process forward handle apply call __call__ operation act"
ACTIONS = tuple(_ACTIONS.split())
_COMPENSATIONS = """
    compensate compensation compensating_action compensation_action compensating undo rollback roll_back revert
    on_failure backward
    """
COMPENSATIONS = tuple(_COMPENSATIONS.split())
NAMED = ("name", "action", "command", "operation", "step")  # what a step is called, where it is a text


def steps(caller: Caller, node: Collection, items: tuple[Value, ...]) -> Resource | None:
    """The plan that a literal is: for each of its parts the function that acts and the one that takes it back, or their
    names as texts, as options ``action`` and ``compensation`` (``None``: there is none; empty: not known)."""
    if len(items) < 2 or len(items) != len(node.items) or not all(perhaps(caller, i) for i in items):
        return None
    kind, found = "named-steps", names(caller, items)
    if not found:
        kind, found = "steps", functions(caller, items)
    if not any(undo not in ("", "None") for _, undo in found):
        return None
    options = []
    for (act, undo), text in zip(found, node.items, strict=True):
        at = span(text)
        place = caller.place(at) if at.line else None
        options += [Option("action", act, place=place), Option("compensation", undo, place=place)]
    info = caller.frame_function()
    place = options[0].place or (info.place if info is not None else Place(caller.frame.module.path, 1))
    return Resource(caller.next(), kind, "", tuple(options), place, chain=caller.frame.chain)


def functions(caller: Caller, items: tuple[Value, ...]) -> list[tuple[str, str]]:
    """The parts' pairs of functions; empty where one of them is no step."""
    found = [pair_of(caller, item) for item in items]
    return [pair for pair in found if pair is not None] if None not in found else []


def names(caller: Caller, items: tuple[Value, ...]) -> list[tuple[str, str]]:
    """The parts' pairs of texts, where what is done and what takes it back are called by names; empty where one part is
    no such step, or nothing is taken back."""
    found = [(text(caller, item, NAMED), text(caller, item, COMPENSATIONS)) for item in items]
    whole = all(act not in ("", "None") and undo for act, undo in found)
    return found if whole and any(undo != "None" for _, undo in found) else []


def text(caller: Caller, item: Value, names: tuple[str, ...]) -> str:
    """What the first of some fields holds, a text as it is written; ``None`` for None, empty for what is not known."""
    held = next((v for name in names if (v := field(caller, item, name)) is not None), NOTHING)
    return repr(held.const) if held.known and isinstance(held.const, str | None) else ""


def field(caller: Caller, item: Value, name: str) -> Value | None:
    """A mapping's entry, or an object's field by its construction or its class."""
    if item.entries is not None:
        return item.entries.get(name)
    held = caller.state.heap.get((item.rows, name)) if item.rows is not None else None
    cls = caller.world.class_named(item.type)
    return held if held is not None or cls is None else caller.world.class_field(cls, name)


def perhaps(caller: Caller, item: Value) -> bool:
    """Whether a part may be a step: a sequence of parts, or an object of the project."""
    return bool(item.items or item.entries) or caller.world.class_named(item.type) is not None


def pair_of(caller: Caller, item: Value) -> tuple[str, str] | None:
    """A part's two functions, by name; None where it is no step."""
    if item.items is not None:
        first = next((n for n, v in enumerate(item.items) if v.target is not None), None)
        rest = item.items[first + 1 : first + 2] if first is not None else ()
        return (function(item.items[first]), function(rest[0])) if first is not None and rest else None
    if item.entries is not None:
        act, undo = (next((n for n in names if n in item.entries), "") for names in (ACTIONS, COMPENSATIONS))
        if not act or not undo or not item.complete:
            return None
        return function(item.entries[act]), function(item.entries[undo])
    cls = caller.world.class_named(item.type)
    if cls is None:
        return None
    acts, undoes = (
        next((found for name in names if (found := member(caller, item, cls, name)) is not None), None)
        for names in (ACTIONS, COMPENSATIONS)
    )
    return (acts, undoes if undoes is not None else "None") if acts is not None else None


def member(caller: Caller, item: Value, cls: ClassInfo, name: str) -> str | None:
    """The function that an object's attribute or method is; None: it has none of that name."""
    held = caller.state.heap.get((item.rows, name)) if item.rows is not None else None
    if held is not None:
        return function(held)
    method = cls.method(name)
    if method is not None:
        return method.name
    value = caller.world.class_field(cls, name) if cls.field(name) is not None else None
    return function(value) if value is not None else None


def function(value: Value) -> str:
    """The name of the function that a value is; ``None`` for None, empty for what is not known."""
    if isinstance(value.target, FunctionTarget):
        return value.target.function.name
    return "None" if value.const is None and value.known else ""


def span(node: Expression) -> Span:
    return node.at if isinstance(node, Call) else Span(0, 0, 0, 0)


__all__ = ["steps"]
