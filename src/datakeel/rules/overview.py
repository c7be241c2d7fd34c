"""What a report says of the whole system: what it does, its patterns, how it stands, whether one node would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from datakeel.finding import Finding
from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Operation, Role
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
TABLES = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN)
NAMED = 3  # of the datasets, the most used
WAYS = {"main": ("program", "programs"), "request": ("request", "requests")}


class Portrait(Struct, frozen=True):
    """A system in numbers: its files, and the functions of each; how many ways in there are of each kind; the kinds of
    store that the code touches, the datasets, and the patterns of consistency, each the most used first."""

    files: int
    operations: dict[str, int]
    ways: dict[str, int]
    stores: tuple[str, ...]
    datasets: tuple[str, ...]
    patterns: tuple[str, ...]


def portrait(system: System) -> Portrait:
    """One look at what every function of the product does in its own text."""
    stores: Counter[StoreKind] = Counter()
    datasets: Counter[str] = Counter()
    patterns: Counter[str] = Counter()
    entries: Counter[str] = Counter()
    for operation in system.operations:
        if operation.role == Role.TEST:
            continue
        entries.update(e.kind for e in operation.entries if e.place == operation.place)
        patterns.update(of_operation(operation))
        for effect in operation.own():
            if effect.store in WORDS:
                stores[effect.store] += 1
            if effect.dataset and effect.store in TABLES:
                datasets[effect.dataset] += 1
            patterns.update(of_effect(effect))
    return Portrait(
        system.files,
        dict(Counter(o.place.path for o in system.operations)),
        dict(entries.most_common()),
        tuple(kind.value for kind, _ in stores.most_common()),
        tuple(name for name, _ in datasets.most_common()),
        tuple(name for name, _ in patterns.most_common()),
    )


def of_operation(operation: Operation) -> Iterator[str]:
    """The patterns that a function applies as a whole."""
    if any(t.kind == "atomic" and t.call is None for t in operation.transactions):
        yield "explicit transactions"
    if any(not r.chain and r.wait in ("growing", "jittered") for r in operation.retries):
        yield "retries with a growing wait"


def of_effect(effect: Effect) -> Iterator[str]:
    if effect.selection is not None and effect.selection.lock in ("update", "share"):
        yield "row locks"
    elif effect.kind is Kind.LOCK:
        yield "explicit locks"
    if effect.kind is Kind.WRITE:
        if any(a.how == "atomic" for a in effect.assigned):
            yield "updates that the database computes"
        if effect.conflict or effect.verb == "upsert":
            yield "upserts"
    if effect.when is When.AFTER_COMMIT:
        yield "work deferred to the commit"


def paragraph(seen: Portrait, findings: Sequence[Finding]) -> str:
    """One paragraph: what it does, which patterns it uses, how it stands, and whether one node would do."""
    functions = sum(seen.operations.values())
    parts = [f"{number(seen.files, 'file')} with {number(functions, 'function')} were read"]
    if seen.ways:
        parts.append(f"the ways in are {listed([way(kind, count) for kind, count in seen.ways.items()])}")
    if seen.stores:
        parts.append("it keeps and moves its data through " + listed([WORDS[StoreKind(k)] for k in seen.stores]))
    if seen.datasets:
        parts.append(f"its data stands in {tables(seen.datasets)}")
    sentences = (f"{'; '.join(parts)}.", used(seen), verdict(findings), one_node(seen.stores))
    return " ".join(sentence for sentence in sentences if sentence)


def tables(datasets: Sequence[str]) -> str:
    if len(datasets) <= NAMED:
        return listed(datasets)
    return f"{number(len(datasets), 'table')}, most of all {listed(datasets[:NAMED])}"


def way(kind: str, count: int) -> str:
    one, many = WAYS.get(kind, (kind, f"{kind}s"))
    return f"{count:,} {one if count == 1 else many}"


def used(seen: Portrait) -> str:
    if seen.patterns:
        return f"To keep its data right it uses {listed(seen.patterns)}."
    return "No transaction, lock or other pattern that keeps data right is seen." if seen.stores else ""


def verdict(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing was found that loses, repeats or corrupts data."
    count = Counter(f.severity.word for f in findings)
    worst = ", ".join(f"{count[w]} {w}" for w in ("critical", "major", "minor", "suggestion") if count[w])
    places = number(len(findings), "place")
    return f"{places} can lose, repeat or corrupt data, or stop it from scaling ({worst})."


def one_node(kinds: Sequence[str]) -> str:
    if not kinds:
        return "No data store is used that is known here."
    distributed = [k for k in kinds if k in (StoreKind.LOG, StoreKind.WIDE_COLUMN, StoreKind.SEARCH)]
    if not distributed:
        return "Nothing that is seen here needs more than one database node."
    others = listed([WORDS[StoreKind(k)] for k in distributed])
    return (
        f"One database node would do for what is seen but for {others}: each is a copy or a stream to keep in step, "
        "and worth its nodes only where the load asks for it."
    )


def number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
