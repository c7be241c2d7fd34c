"""Files of Python whose names and types come from the requirements."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from datakeel.write.aggregates import Moment, Shape
from datakeel.write.imports import imported
from datakeel.write.project import File, templates
from datakeel.write.prose import wrapped


def made(
    folder: Path, template: str, path: str, values: Mapping[str, object], own: Mapping[str, str] | None = None
) -> File:
    """The file that a template makes. `own`: names of the project that it may use, and their modules."""
    words = {
        "quoted": quoted,
        "in_state": in_state,
        "changes": changes,
        "from_zero": from_zero,
        "wrapped": wrapped,
        "sample": sample,
    }
    text = templates(folder).get_template(f"{template}.jinja").render({**words, **values})
    return File(path, imported(text, own or {}))


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def in_state(shape: Shape, moment: Moment) -> str:
    """The line that demands a state."""
    states = ", ".join(f"State.{s}" for s in moment.after) + ("," if len(moment.after) == 1 else "")
    begin = "current = " if moment.guards else ""
    return f"            {begin}_in_state({shape.module}, ({states}))"


def changes(moment: Moment) -> list[str]:
    """What an event changes in an aggregate that exists: the keyword arguments of `replace`."""
    totals = [f"{name}=current.{name} {value}" for name, value in moment.sets if value[0] in "+-"]
    others = [f"{name}={value}" for name, value in moment.sets if value[0] not in "+-"]
    return [*([f"state=State.{moment.state}"] if moment.state else []), *others, *totals]


def from_zero(value: str) -> str:
    """A change of a total as its first value.

    >>> from_zero("+ event.amount"), from_zero("- event.fee"), from_zero("event.owner")
    ('event.amount', '-event.fee', 'event.owner')
    """
    return value.removeprefix("+ ").replace("- ", "-", 1) if value[0] in "+-" else value


def sample(moment: Moment, name: str = "") -> str:
    """A command, or its event where `name` says so, with an example in each field that it needs."""
    given = ", ".join(f"{f.name}={f.example}" for f in moment.fields if not f.optional)
    return f"{name or moment.command}({given})"
