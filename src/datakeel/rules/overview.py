"""What a report says of the whole system: what it does, what it keeps its data in, how it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from datakeel.finding import Finding
from datakeel.model.effect import Kind, StoreKind
from datakeel.model.operation import Role
from datakeel.model.system import System

WORDS = {
    StoreKind.RELATIONAL: "a relational database",
    StoreKind.DOCUMENT: "a document store",
    StoreKind.CACHE: "a cache",
    StoreKind.QUEUE: "a queue",
    StoreKind.LOG: "an event log",
    StoreKind.SEARCH: "a search index",
    StoreKind.OBJECT: "an object store",
    StoreKind.REMOTE: "remote services",
    StoreKind.KEY_VALUE: "a key-value store",
    StoreKind.WIDE_COLUMN: "a wide-column store",
    StoreKind.MAIL: "e-mail",
    StoreKind.FILE: "files",
}


class Portrait(Struct, frozen=True):
    """A system in numbers: files and functions, how many ways in there are of each kind, and the kinds of store that
    the code touches, the most used first."""

    files: int
    functions: int
    ways: dict[str, int]
    stores: tuple[str, ...]


def portrait(system: System) -> Portrait:
    entries = Counter(e.kind for o in system.operations for e in o.entries if o.place == e.place)
    return Portrait(system.files, len(system.operations), dict(entries.most_common()), stores(system))


def stores(system: System) -> tuple[str, ...]:
    counted = Counter(e.store for o in system.operations if o.role != Role.TEST for e in o.own() if e.store in WORDS)
    return tuple(kind.value for kind, _ in counted.most_common())


def paragraph(portrait: Portrait, findings: Sequence[Finding]) -> str:
    """One paragraph: size, ways in, stores, judgement, and whether one node would do."""
    ways = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in portrait.ways.items())
    kinds = portrait.stores
    parts = [f"{portrait.files} files with {portrait.functions} functions were read"]
    if ways:
        parts.append(f"the ways in are {ways}")
    if kinds:
        parts.append("it keeps and moves its data through " + listed([WORDS[StoreKind(k)] for k in kinds]))
    text = "; ".join(parts) + ". "
    return text + verdict(findings) + " " + one_node(kinds)


def verdict(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing was found that loses, repeats or corrupts data."
    count = Counter(f.severity.word for f in findings)
    worst = ", ".join(f"{count[w]} {w}" for w in ("critical", "major", "minor", "suggestion") if count[w])
    places = f"{len(findings)} places" if len(findings) > 1 else "1 place"
    return f"{places} can lose, repeat or corrupt data, or stop it from scaling ({worst})."


def one_node(kinds: Sequence[str]) -> str:
    if not kinds:
        return "No data store is used that is known here."
    distributed = [k for k in kinds if k in (StoreKind.LOG, StoreKind.WIDE_COLUMN, StoreKind.SEARCH)]
    if not distributed:
        return "Nothing that is seen here needs more than one database node."
    others = listed([WORDS[StoreKind(k)] for k in distributed])
    return f"Beside a single database it uses {others}: each is a copy to keep in step."


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def writes(system: System) -> int:
    return sum(1 for o in system.operations for e in o.own() if e.kind == Kind.WRITE)
