"""The text of a YAML file → a tree whose every node knows its line and the comment beside it.

Scalars stay texts: what they mean is the reader's. Anchors, aliases, tags and duplicate keys are refused, since nobody
needs them here and each can say something else than it seems to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from datakeel.mistake import Mistake

LARGEST = 1_000_000  # characters; a thousand constructs fit
DEEPEST = 20  # the language itself is nine deep
COMMENT = re.compile(r"\s*,?\s+#\s*(.*)")

DASH = re.compile(r"\s*-\s+#\s*(.*)")


class Node(Struct, frozen=True):
    """One value: a text, a list or a mapping; `comment` stands at the end of its line."""

    line: int
    text: str | None = None
    items: tuple[Node, ...] | None = None
    pairs: tuple[Pair, ...] | None = None
    comment: str = ""

    @property
    def empty(self) -> bool:
        return self.items is None and self.pairs is None and not self.text


class Pair(Struct, frozen=True):
    key: str
    line: int
    value: Node


def tree(text: str, source: str) -> Node:
    """The tree of a file. Raises Mistake, with the line."""
    if len(text) > LARGEST:
        raise Mistake(f"{source}: expected at most {LARGEST:,} characters, not {len(text):,}")
    try:
        return _Builder(text, source).document()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Mistake(f"{source}:{line}: this is not YAML: {error.problem or error.context}") from None
    except YAMLError as error:
        raise Mistake(f"{source}: this is not YAML: {str(error).splitlines()[0]}") from None


class _Builder:
    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.rows = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
        self.events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))

    def document(self) -> Node:
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                break
        else:
            return Node(1)
        root = self.node(next(self.events), 0)
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                raise self.mistake(event, "expected one document, not a second one")
        return root

    def node(self, event: Any, depth: int) -> Node:
        self.refuse(event, depth)
        line = event.start_mark.line + 1
        if isinstance(event, ScalarEvent):
            absent = not event.style and event.value in ("", "~", "null")
            comment = "" if event.style in ("|", ">") else self.comment(event)
            return Node(line, text="" if absent else event.value, comment=comment)
        if isinstance(event, SequenceStartEvent):
            items, end = [], next(self.events)
            while not isinstance(end, SequenceEndEvent):
                items.append(self.item(end, depth + 1))
                end = next(self.events)
            return Node(line, items=tuple(items), comment=self.comment(end) if event.flow_style else "")
        return self.mapping(event, depth)

    def item(self, event: Any, depth: int) -> Node:
        """An item of a list; the comment of one that begins below its dash stands at the dash."""
        node = self.node(event, depth)
        above = DASH.fullmatch(self.rows[node.line - 2]) if node.line > 1 else None
        if above is None or node.comment or node.text is not None:
            return node
        return Node(node.line, node.text, node.items, node.pairs, " ".join(above.group(1).split()))

    def mapping(self, event: Any, depth: int) -> Node:
        pairs: dict[str, Pair] = {}
        key = next(self.events)
        while not isinstance(key, MappingEndEvent):
            self.refuse(key, depth)
            if not isinstance(key, ScalarEvent):
                raise self.mistake(key, "expected a name as key, not a list or a mapping")
            if key.value in pairs:
                raise self.mistake(key, f'"{key.value}" stands twice, first in line {pairs[key.value].line}')
            pairs[key.value] = self.pair(key, depth)
            key = next(self.events)
        comment = self.comment(key) if event.flow_style else ""
        return Node(event.start_mark.line + 1, pairs=tuple(pairs.values()), comment=comment)

    def pair(self, key: Any, depth: int) -> Pair:
        value = self.node(next(self.events), depth + 1)
        beside = value.comment or self.comment(key, ":")
        return Pair(key.value, key.start_mark.line + 1, Node(value.line, value.text, value.items, value.pairs, beside))

    def comment(self, event: Any, after: str = "") -> str:
        mark = event.end_mark
        row = self.rows[mark.line] if mark.line < len(self.rows) else ""
        rest = row[mark.column :].lstrip()
        if after:
            if not rest.startswith(after):
                return ""
            found = COMMENT.fullmatch(rest.removeprefix(after))
        else:
            found = COMMENT.fullmatch(row[mark.column :])
        return " ".join(found.group(1).split()) if found else ""

    def refuse(self, event: Any, depth: int) -> None:
        if isinstance(event, AliasEvent):
            raise self.mistake(event, f"expected a value, not the alias *{event.anchor}: write it out")
        if getattr(event, "anchor", None):
            raise self.mistake(event, f"expected a value without the anchor &{event.anchor}")
        if getattr(event, "ctag", None):
            raise self.mistake(event, f"expected a value without the tag {event.ctag}")
        if depth > DEEPEST and isinstance(event, (SequenceStartEvent, MappingStartEvent)):
            raise self.mistake(event, f"expected at most {DEEPEST} levels")

    def mistake(self, event: Any, text: str) -> Mistake:
        return Mistake(f"{self.source}:{event.start_mark.line + 1}: {text}")
