"""The text of a ``system.yaml`` → Requirements. What is wrong is told with its line, what was expected, and the nearest
valid word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from datakeel.mistake import Mistake, unknown
from datakeel.requirements import nouns, short, units
from datakeel.requirements.checks import check
from datakeel.requirements.shape import Member, members
from datakeel.requirements.tree import Node, tree

VERSION = 1  # of the language; the key `datakeel` says it
TOLD = 10  # mistakes at a time
Path = tuple[str, ...]


def read(text: str, source: str) -> nouns.Requirements:
    """What the text of a file named `source` says. Raises Mistake, each fault on a line of its own."""
    reader = Reader()
    found = reader.requirements(tree(text, source))
    if not reader.faults and found is not None:
        reader.faults = [(reader.line(path), fault) for path, fault in check(found)]
    if reader.faults or found is None:
        raise Mistake(_told(reader.faults, source))
    return found


def _told(faults: Iterable[tuple[int, str]], source: str) -> str:
    found = sorted(dict.fromkeys(faults), key=lambda fault: fault[0])
    lines = [f"{source}:{line}: {text}" for line, text in found[:TOLD]]
    return "\n".join([*lines, *([f"{source}: and {len(found) - TOLD} more"] if len(found) > TOLD else [])])


class Reader:
    """Walks tree and nouns side by side. A value that cannot be read is noted, and None stands for it."""

    def __init__(self) -> None:
        self.faults: list[tuple[int, str]] = []
        self.lines: dict[Path, int] = {}
        self.reasons: dict[str, str] = {}

    def requirements(self, root: Node) -> nouns.Requirements | None:
        pairs = root.pairs or ()
        version = next((p for p in pairs if p.key == "datakeel"), None)
        if version is None or version.value.text != str(VERSION):
            said = "" if version is None else f', not "{version.value.text}"'
            self.fault(
                version.line if version else 1, f"expected the version of the language, datakeel: {VERSION}{said}"
            )
        rest = Node(root.line, root.text, root.items, tuple(p for p in pairs if p.key != "datakeel"))
        found = self.struct(rest, nouns.Requirements, ())
        if not isinstance(found, nouns.Requirements):
            return None
        return nouns.Requirements(**{**_values(found), "reasons": self.reasons})

    def line(self, path: Path) -> int:
        """Where a path stands, or the nearest that is around it."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 1)

    def fault(self, line: int, text: str) -> None:
        self.faults.append((line, text))

    def struct(self, node: Node, noun: type[Struct], path: Path, name: str | None = None) -> Any:
        from_text = short.FROM_TEXT.get(noun)
        if node.text and from_text is not None and name is not None:
            return self.attempt(node.line, lambda: from_text(name, str(node.text)))
        if not node.empty and node.pairs is None:
            self.fault(node.line, f"expected {_example(noun)}, not {_said(node)}")
            return None
        if noun is nouns.Invariant and node.pairs and len(node.pairs) == 1:
            return self.invariant(node)
        values: dict[str, Any] = {} if name is None else {"name": name}
        self.fill(values, node, noun, path)
        if noun is nouns.Event:
            self.state(values, path)
        missing = [m.name for m in members(noun) if m.required and m.name not in values]
        if not missing:
            return noun(**values)
        if not self.faults or all(line < node.line for line, _ in self.faults):
            self.fault(node.line, f"{_called(path)} needs {missing[0]}: {_example_of(noun, missing[0])}")
        return None

    def fill(self, values: dict[str, Any], node: Node, noun: type[Struct], path: Path) -> None:
        known = {member.name: member for member in members(noun)}
        for pair in node.pairs or ():
            here = (*path, pair.key)
            self.lines[here] = pair.line
            if pair.key not in known:
                self.fault(pair.line, unknown("key", pair.key, known))
                continue
            if pair.value.comment:
                self.reasons[".".join(here)] = pair.value.comment
            if pair.value.empty:
                self.fault(pair.line, f"expected {_wanted(known[pair.key])} after {pair.key}:, or no such line")
                continue
            value = self.value(pair.value, known[pair.key], here)
            if value is None:
                values.setdefault(pair.key, known[pair.key].default)
                continue
            if noun is nouns.Latency and isinstance(value, units.Quantity):
                self.percentile(values, value, pair.value.line)
                value = value.value
            values[pair.key] = value

    def value(self, node: Node, member: Member, path: Path) -> Any:
        several = SEVERAL.get(member.kind)
        if several is not None:
            return several(self, node, member, path)
        if member.kind == "part" and member.noun is nouns.Field:
            return self.one_field(node, path)
        if member.kind == "part" and member.noun is not None:
            return self.struct(node, member.noun, path)
        if node.text is None:
            self.fault(node.line, f"expected {_wanted(member)}, not {_said(node)}")
            return None
        return self.attempt(node.line, lambda: _scalar(str(node.text), member))

    def keyed(self, node: Node, member: Member, path: Path) -> tuple[Struct, ...] | None:
        assert member.noun is not None
        if node.pairs is None:
            self.fault(node.line, f"expected a mapping of names, as in {_named_example(member)}, not {_said(node)}")
            return None
        found = []
        for pair in node.pairs:
            here = (*path, pair.key)
            self.lines[here] = pair.line
            if pair.value.comment:
                self.reasons[".".join(here)] = pair.value.comment
            found.append(self.struct(pair.value, member.noun, here, pair.key))
        return tuple(item for item in found if item is not None)

    def listed(self, node: Node, member: Member, path: Path) -> tuple[Struct, ...]:
        assert member.noun is not None
        found = []
        for here, item in self.each(node, path):
            found.append(self.struct(item, member.noun, here))
        return tuple(item for item in found if item is not None)

    def names(self, node: Node, member: Member, path: Path) -> tuple[str, ...]:
        read = short.measure if path[-1] == "measures" else str
        return self.texts(node, path, "a name", read)

    def moves(self, node: Node, member: Member, path: Path) -> tuple[tuple[str, str], ...]:
        return self.texts(node, path, "a move, such as draft -> paid", short.move)

    def quantities(self, node: Node, member: Member, path: Path) -> tuple[float, ...]:
        return self.texts(node, path, units.UNITS[member.unit].expected, lambda t: units.parse(t, member.unit).value)

    def texts(self, node: Node, path: Path, wanted: str, read: Callable[[str], Any]) -> tuple[Any, ...]:
        found = []
        for _, item in self.each(node, path):
            if item.text is None or item.empty:
                self.fault(item.line, f"expected {wanted}, not {_said(item)}")
            else:
                found.append(self.attempt(item.line, partial(read, item.text)))
        return tuple(value for value in found if value is not None)

    def each(self, node: Node, path: Path) -> list[tuple[Path, Node]]:
        """The items of a list; what is not a list is a list of one."""
        items = node.items if node.items is not None else (node,)
        found = [((*path, str(i)), item) for i, item in enumerate(items)]
        self.lines.update((here, item.line) for here, item in found)
        self.reasons.update((".".join(h), i.comment) for h, i in found if i.comment and node.items is not None)
        return found

    def words(self, node: Node, member: Member, path: Path) -> dict[str, str] | None:
        if node.pairs is None:
            self.fault(node.line, f"expected a mapping, such as {{engine: cassandra}}, not {_said(node)}")
            return None
        found = {}
        for pair in node.pairs:
            here = (*path, pair.key)
            self.lines[here] = pair.line
            if pair.value.comment:
                self.reasons[".".join(here)] = pair.value.comment
            if pair.value.text:
                found[pair.key] = pair.value.text
            else:
                self.fault(pair.line, f"expected a word after {pair.key}:")
        return found

    def one_field(self, node: Node, path: Path) -> Any:
        """``key: sensor`` or ``key: {sensor: uuid}``."""
        if node.text:
            return nouns.Field(name=node.text)
        if node.pairs and len(node.pairs) == 1:
            (pair,) = node.pairs
            self.lines[(*path, pair.key)] = pair.line
            return self.struct(pair.value, nouns.Field, (*path, pair.key), pair.key)
        self.fault(node.line, f"expected one field, such as sensor or {{sensor: uuid}}, not {_said(node)}")
        return None

    def invariant(self, node: Node) -> Any:
        """``unique: [room, day]`` and its sisters."""
        (pair,) = node.pairs or ()
        kinds = next(m.words for m in members(nouns.Invariant) if m.name == "kind")
        if pair.key not in kinds:
            self.fault(pair.line, unknown("invariant", pair.key, kinds))
            return None
        if pair.key == "transitions":
            return self.transitions(pair.value)
        items = pair.value.items if pair.value.items is not None else (pair.value,)
        if pair.value.empty or not all(item.text for item in items):
            self.fault(pair.line, f"expected {INVARIANTS[pair.key]}, not {_said(pair.value)}")
            return None
        text = ", ".join(str(item.text) for item in items)
        return self.attempt(pair.line, lambda: short.invariant(pair.key, text))

    def transitions(self, node: Node) -> Struct | None:
        if not node.pairs or len(node.pairs) != 1:
            self.fault(node.line, f"expected {INVARIANTS['transitions']}, not {_said(node)}")
            return None
        (pair,) = node.pairs
        moves = self.texts(pair.value, (), "a move, such as draft -> paid", short.move)
        return nouns.Invariant(kind="transitions", fields=(pair.key,), moves=moves)

    def state(self, values: dict[str, Any], path: Path) -> None:
        if "state" not in values:
            values["state"] = short.derived_state(path[-3], path[-1])
        elif values["state"] == short.UNCHANGED:
            values["state"] = ""

    def percentile(self, values: dict[str, Any], said: units.Quantity, line: int) -> None:
        found = said.percentile or 99.0
        if values.setdefault("percentile", found) != found:
            self.fault(line, f"expected one percentile for all latencies, p{values['percentile']:g}, not p{found:g}")

    def attempt(self, line: int, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except Mistake as mistake:
            self.fault(line, str(mistake))
            return None


SEVERAL: Mapping[str, Callable[[Reader, Node, Member, Path], Any]] = {
    "keyed": Reader.keyed,
    "listed": Reader.listed,
    "names": Reader.names,
    "moves": Reader.moves,
    "quantities": Reader.quantities,
    "words": Reader.words,
}
INVARIANTS = {
    "unique": "one or more fields, such as unique: [room, day]",
    "non-negative": "a field, such as non-negative: balance",
    "at-most": "a number and its fields, such as at-most: 30 per course",
    "no-overlap": "a period and its fields, such as no-overlap: stay per room",
    "transitions": "a field and its moves, such as transitions: {status: [draft -> paid]}",
}


def _scalar(text: str, member: Member) -> Any:
    if member.kind == "quantity":
        found = units.parse(text, member.unit)
        if member.unit == "latency":
            return found
        return int(found.value) if member.unit == "heads" else found.value
    if member.kind == "flag":
        if text not in ("true", "false"):
            raise Mistake(f'expected true or false, not "{text}"')
        return text == "true"
    if member.kind == "choice":
        if text not in member.words:
            raise Mistake(unknown(member.name, text, member.words))
        return text
    if member.kind == "whole":
        return _whole(text, member)
    return text


def _whole(text: str, member: Member) -> int:
    least = LEAST.get(member.name)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise Mistake(f'expected a whole number, not "{text}"')
    if least is not None and not least <= int(text) <= MOST:
        raise Mistake(f"expected a whole number from {least} to {MOST:,}, not {text}")
    return int(text)


LEAST = {"regions": 1, "limit": 1, "depth": 1, "retries": 0}
MOST = 1_000_000


def _wanted(member: Member) -> str:
    match member.kind:
        case "quantity":
            return units.UNITS[member.unit].expected
        case "flag":
            return "true or false"
        case "choice":
            return f"one of {', '.join(member.words)}"
        case "whole":
            return "a whole number"
        case "names" | "moves" | "quantities" | "listed":
            return "a list"
        case "keyed":
            return f"a mapping of names, as in {_named_example(member)}"
        case "part" | "words":
            return "a mapping"
    return "a name" if member.kind == "name" else "a text"


def _named_example(member: Member) -> str:
    return NAMED.get(member.name, f"{member.name}: {{Name: …}}")


NAMED = {
    "fields": "fields: {total: money, note: text optional}",
    "values": "values: {temperature: decimal}",
    "events": "events: {OrderPlaced: {fields: {total: money}}}",
    "aggregates": "aggregates: {Order: {events: {OrderPlaced: {}}}}",
    "tables": "tables: {Room: {fields: {name: text unique}}}",
    "steps": "steps: {reserve: {service: inventory, compensation: release}}",
    "services": "services: {payments: external}",
    "existing": "existing: {shop: {engine: mysql, role: source}}",
    "holds": "holds: {Stock: {fields: {item: text unique}}}",
}


def _example_of(noun: type[Struct], key: str) -> str:
    member = next(m for m in members(noun) if m.name == key)
    return _named_example(member) if member.kind == "keyed" else _wanted(member)


def _example(noun: type[Struct]) -> str:
    keys = ", ".join(member.name for member in members(noun))
    return short.EXAMPLES.get(noun, f"a mapping with {keys}")


def _called(path: Path) -> str:
    return f'{path[-2].removesuffix("s")} "{path[-1]}"' if len(path) > 1 else path[0] if path else "a system"


def _said(node: Node) -> str:
    if node.items is not None:
        return "a list"
    if node.pairs is not None:
        return "a mapping"
    return f'"{node.text}"' if node.text else "nothing"


def _values(of: Struct) -> dict[str, Any]:
    return {name: getattr(of, name) for name in of.__struct_fields__}
