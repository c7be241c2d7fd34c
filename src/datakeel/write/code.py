"""Files of Python whose names and types come from the requirements."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from datakeel.write.aggregates import Moment, Shape
from datakeel.write.formatting import WIDTH, finished
from datakeel.write.imports import imported
from datakeel.write.project import File, templates
from datakeel.write.prose import filled


def made(
    folder: Path, template: str, path: str, values: Mapping[str, object], own: Mapping[str, str] | None = None
) -> File:
    """The file that a template makes. `own`: names of the project that it may use, and their modules."""
    words = {
        "union": union,
        "quoted": quoted,
        "in_state": in_state,
        "changes": changes,
        "from_zero": from_zero,
        "wrapped": wrapped,
        "sample": sample,
        "literal": literal,
    }
    text = templates(folder).get_template(f"{template}.jinja").render({**words, **values})
    return File(path, finished(filled(imported(text, own or {}))) if path.endswith(".py") else text)


def union(name: str, members: Iterable[str]) -> str:
    """A type alias for one of several classes, as the formatter would write it.

    >>> union("Event", ["Opened", "Closed"])
    'Event: TypeAlias = Opened | Closed'
    """
    names = list(members)
    line = f"{name}: TypeAlias = {' | '.join(names)}"
    if len(line) <= WIDTH:
        return line
    inside = f"    {' | '.join(names)}"
    lines = [inside] if len(inside) <= WIDTH else [f"    {'| ' if n else ''}{name}" for n, name in enumerate(names)]
    return "\n".join([f"{name}: TypeAlias = (", *lines, ")"])


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def wrapped(text: str, indent: int, last: int = 0) -> str:
    """A list in SQL, broken between its items. The text begins at column `indent`; `last`: what has to stand behind it.

    >>> wrapped("a, b", 4)
    'a, b'
    """
    lines = textwrap.wrap(text, WIDTH - indent - last, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines)


def literal(indent: int, *parts: str) -> str:
    """A string on one line if a comma after it still fits, else one line for each part."""
    whole = f'{" " * indent}"{"".join(parts)}"'
    return whole if len(whole) < WIDTH else "\n".join(f'{" " * indent}"{part}"' for part in parts)


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
