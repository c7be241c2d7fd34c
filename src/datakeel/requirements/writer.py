"""Requirements → the text of a ``system.yaml``, with the reason of each value as a comment beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from datakeel.requirements import nouns, short, units
from datakeel.requirements.reader import VERSION
from datakeel.requirements.shape import Member, members

WIDEST = 100  # of a line that holds a whole mapping
Path = tuple[str, ...]

# What a scalar may be without quotes, so that every YAML reader takes it for a text.
PLAIN = re.compile(r"(?!(?:true|false|yes|no|on|off|null|y|n|nan|inf)$)-?[^\W\d_](?:[\w ,/%.()+'’>-]*[\w)%.])?", re.I)
COUNTED = re.compile(r"^[0-9]+ (?=per )")  # 30 per room
OPEN = {"events", "steps", "holds"}  # each of them has a line of its own


class Scalar(Struct, frozen=True):
    """A text as it stands in the file."""

    text: str


class Entry(Struct, frozen=True):
    key: str  # empty in a list
    value: Scalar | Block
    path: Path


class Block(Struct, frozen=True):
    """A mapping or a list; `open`: each entry has its own line, even where one would hold them all."""

    entries: tuple[Entry, ...]
    listed: bool = False
    open: bool = False


def text(requirements: nouns.Requirements) -> str:
    """The text of a ``system.yaml`` that says exactly this; `reader.read` gives the same requirements back."""
    block = _struct(requirements, (), requirements.reasons)
    lines = [f"datakeel: {VERSION}", *_lines(Block(block.entries, open=True), requirements.reasons, 0)]
    return "\n".join(lines) + "\n"


def _struct(of: Struct, path: Path, reasons: dict[str, str]) -> Block:
    entries = []
    for member in members(type(of)):
        value, here = getattr(of, member.name), (*path, member.name)
        if isinstance(of, nouns.Event) and member.name == "state":
            value = _state(of, path, ".".join(here) in reasons)
        if value is None or (value == member.default and not member.required and ".".join(here) not in reasons):
            continue
        if value in ((), {}):
            continue
        entries.append(Entry(_scalar(member.name), _value(of, member, value, here, reasons), here))
    return Block(tuple(entries), open=len(path) == 1 or (len(path) == 3 and path[0] == "domain"))


def _state(event: nouns.Event, path: Path, reasoned: bool) -> str | None:
    if not event.state:
        return short.UNCHANGED
    derived = len(path) > 2 and event.state == short.derived_state(path[-3], event.name)
    return None if derived and not reasoned else event.state


def _value(of: Struct, member: Member, value: Any, path: Path, reasons: dict[str, str]) -> Scalar | Block:
    match member.kind:
        case "quantity":
            percentile = of.percentile if isinstance(of, nouns.Latency) else 99.0
            return Scalar(units.text(value, member.unit, percentile))
        case "flag":
            return Scalar("true" if value else "false")
        case "whole":
            return Scalar(str(value))
        case "names" | "moves" | "quantities":
            return _list(member, value, path, reasons)
        case "words":
            return Block(tuple(Entry(_scalar(k), Scalar(_scalar(v)), (*path, k)) for k, v in value.items()), open=True)
        case "listed":
            items = [((*path, str(i)), item) for i, item in enumerate(value)]
            return Block(tuple(Entry("", _item(v, here, reasons), here) for here, v in items), listed=True, open=True)
        case "keyed":
            entries = (Entry(_scalar(v.name), _item(v, (*path, v.name), reasons), (*path, v.name)) for v in value)
            return Block(tuple(entries), open=len(path) <= 2 or member.name in OPEN)
        case "part" if isinstance(value, nouns.Field):
            return _one_field(value, path, reasons)
        case "part":
            return _struct(value, path, reasons)
    return Scalar(_scalar(value))


def _list(member: Member, value: Any, path: Path, reasons: dict[str, str]) -> Scalar | Block:
    texts = [_text(member, v) for v in value]
    entries = tuple(Entry("", Scalar(t), (*path, str(i))) for i, t in enumerate(texts))
    if len(entries) == 1 and not _reasoned(entries[0].path, reasons):
        return entries[0].value
    return Block(entries, listed=True)


def _text(member: Member, value: Any) -> str:
    if member.kind == "quantities":
        return units.text(value, member.unit)
    return _scalar(" -> ".join(value) if member.kind == "moves" else value)


def _one_field(field: nouns.Field, path: Path, reasons: dict[str, str]) -> Scalar | Block:
    if field == nouns.Field(name=field.name) and not _reasoned((*path, field.name), reasons):
        return Scalar(_scalar(field.name))
    return Block((Entry(_scalar(field.name), _item(field, (*path, field.name), reasons), (*path, field.name)),))


def _item(of: Struct, path: Path, reasons: dict[str, str]) -> Scalar | Block:
    """A construct or a part of one, in its short form where no part of it has a reason of its own."""
    if any(_reasoned((*path, member.name), reasons) for member in members(type(of))):
        return _struct(of, path, reasons)
    if isinstance(of, nouns.Field):
        shown = short.field_text(of)
        return Scalar(_scalar(shown)) if shown else _struct(of, path, reasons)
    if isinstance(of, nouns.Invariant):
        return _invariant(of, path) or _struct(of, path, reasons)
    if isinstance(of, nouns.Service) and of == nouns.Service(name=of.name, external=True):
        return Scalar("external")
    return _struct(of, path, reasons)


def _invariant(of: nouns.Invariant, path: Path) -> Block | None:
    shown = short.invariant_text(of)
    if shown is not None:
        return Block((Entry(of.kind, Scalar(_scalar(shown)), ()),))
    if of != nouns.Invariant(kind="transitions", fields=of.fields[:1], moves=of.moves):
        return None
    moves = tuple(Entry("", Scalar(_scalar(" -> ".join(move))), ()) for move in of.moves)
    inner = Block((Entry(_scalar(of.fields[0]), Block(moves, listed=True), ()),))
    return Block((Entry(of.kind, inner, ()),))


def _reasoned(path: Path, reasons: dict[str, str]) -> bool:
    """Whether this value, or a part of it, has a reason."""
    whole = ".".join(path)
    return any(known == whole or known.startswith(f"{whole}.") for known in reasons)


def _lines(block: Scalar | Block, reasons: dict[str, str], depth: int) -> Iterator[str]:
    for entry in block.entries if isinstance(block, Block) else ():
        head = "  " * depth + ("-" if not entry.key else f"{entry.key}:")
        why = _comment(entry.path, reasons)
        flow = _flow(entry.value, reasons)
        alone = not entry.key and not why and isinstance(entry.value, Block) and len(entry.value.entries) == 1
        if flow is not None and not alone and (isinstance(entry.value, Scalar) or len(head) + len(flow) < WIDEST):
            yield f"{head} {flow}{why}"
        elif not entry.key and not why:
            first, *rest = _lines(entry.value, reasons, depth + 1)
            yield f"{head} {first.lstrip()}"
            yield from rest
        else:
            yield f"{head}{why}"
            yield from _lines(entry.value, reasons, depth + 1)


def _flow(value: Scalar | Block, reasons: dict[str, str]) -> str | None:
    """The value in one line, if nothing inside needs quotes for that or has a reason of its own."""
    if isinstance(value, Scalar):
        return value.text
    if value.open and value.entries:
        return None
    parts = [_flow(entry.value, reasons) for entry in value.entries]
    for entry, part in zip(value.entries, parts, strict=True):
        bare = isinstance(entry.value, Scalar) and not entry.value.text.startswith('"')
        if part is None or (bare and "," in part) or ".".join(entry.path) in reasons:
            return None
    if value.listed:
        return f"[{', '.join(part or '' for part in parts)}]"
    return f"{{{', '.join(f'{e.key}: {p}' for e, p in zip(value.entries, parts, strict=True))}}}"


def _comment(path: Path, reasons: dict[str, str]) -> str:
    reason = " ".join(reasons.get(".".join(path), "").split()) if path else ""
    return f"  # {reason}" if reason else ""


def _scalar(value: str) -> str:
    """The text, quoted where YAML would take it for something else.

    >>> _scalar("Order line"), _scalar("no"), _scalar("2024"), _scalar("a: b"), _scalar("enum(draft, paid)")
    ('Order line', '"no"', '"2024"', '"a: b"', 'enum(draft, paid)')
    """
    return value if PLAIN.fullmatch(COUNTED.sub("", value)) else json.dumps(value, ensure_ascii=False)
