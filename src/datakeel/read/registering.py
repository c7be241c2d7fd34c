"""What libraries make of the project's functions: tasks, handlers, callbacks; and how they call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.effect import Option, chosen
from datakeel.model.operation import Entry
from datakeel.model.place import Place
from datakeel.read.libraries import CallRow
from datakeel.read.libraries import Entry as EntryRow
from datakeel.read.values import MISSING, Arguments, Value

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.symbols import FunctionInfo


@dataclass(frozen=True, slots=True)
class Registration:
    """One function's registration by a decorator: the row, the object whose method it is, and what it was given."""

    row: CallRow
    receiver: Value | None
    arguments: Arguments


class Callback(Struct, frozen=True, order=True, gc=False):
    """How a library calls a function that it was given: with values of which types, and where its messages come
    from. `name` is what the client is known as (a queue, a topic)."""

    function: str
    entry: Entry
    passes: tuple[str, ...] = ()
    name: str = ""
    store: str = ""
    technology: str = ""
    verb: str = "message"  # as in TypeRow


def entry_of(row: EntryRow, info: FunctionInfo, name: str, options: tuple[Option, ...] = ()) -> Entry:
    """An entry in the model's words."""
    return Entry(
        row.kind,
        name or info.name,
        info.place,
        delivered_twice(row, options),
        retried(row, options),
        row.concurrent,
        row.atomic,
        options=tuple(replace(o, place=None) for o in options),
    )


def retried(row: EntryRow, options: tuple[Option, ...]) -> str:
    """Whether the framework runs it again, as the option says that decides on it where it is given."""
    found = next((o for o in options if row.retried_by and o.name == row.retried_by and o.given), None)
    if found is None:
        return row.retried
    return "" if found.value in ("None", "False", "()", "0") else "failure"


def delivered_twice(row: EntryRow, options: tuple[Option, ...]) -> bool:
    """Whether the same input may come again, as the option says that decides on it."""
    found = chosen(options, row.redelivery.removeprefix("!"))
    if found is None or not found.value:
        return row.redelivered
    return (found.value not in ("False", "None", "0")) != row.redelivery.startswith("!")


def passed(caller: Caller, types: tuple[str, ...], receiver: Value | None) -> tuple[Value, ...]:
    """The values that a library calls a function with, by their types: ``self`` is the receiver, empty is unknown."""
    given = []
    for name in types:
        if name == "self" and receiver is not None:
            given.append(receiver)
        else:
            label = receiver.name if receiver is not None else ""
            given.append(Value(type=name, name=label, owner=receiver if name else None))
    return tuple(given)


def given_true(value: Value | None) -> bool:
    """Whether an argument is given, and not known to be false."""
    return value is not None and (value.const is MISSING or bool(value.const))


__all__ = ["Callback", "Place", "Registration", "entry_of", "given_true", "passed"]
