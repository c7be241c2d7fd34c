"""The linked system as it is drawn: functions become parts of the code, their effects edges to what they touch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace

from datakeel.model.atlas import Atlas, Edge, Node
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.place import Place
from datakeel.model.system import System

DRAWN = (Role.PRODUCT, Role.SCRIPT)
PARTS = 28  # boxes of code that one still looks over; folders are opened as long as there are fewer
PLACES = 200  # kept of one edge
WAYS = 40  # kept of one part
VERBS = {
    Kind.READ: "reads",
    Kind.WRITE: "writes",
    Kind.ALTER: "writes",
    Kind.PUBLISH: "publishes",
    Kind.CONSUME: "consumes",
    Kind.CALL: "calls",
}
OUTSIDE = (StoreKind.REMOTE, StoreKind.MAIL)  # what a call leads to
RECORDS = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN)
KINDS = {
    StoreKind.RELATIONAL: "table",
    StoreKind.DOCUMENT: "collection",
    StoreKind.WIDE_COLUMN: "table",
    StoreKind.KEY_VALUE: "cache",
    StoreKind.CACHE: "cache",
    StoreKind.SEARCH: "index",
    StoreKind.LOG: "topic",
    StoreKind.QUEUE: "queue",
    StoreKind.OBJECT: "bucket",
    StoreKind.FILE: "file",
    StoreKind.GRAPH: "collection",
    StoreKind.REMOTE: "service",
    StoreKind.MAIL: "service",
}


def charted(system: System) -> Atlas:
    """One look at what every function does in its own text; and at what it derives from what, through its calls."""
    drawing = Drawing(system)
    touched = [(o, e) for o in system.operations if o.role in DRAWN for e in o.own() if wanted(e)]
    parts = parted(Counter(operation.place.path for operation, _ in touched))
    for operation, effect in touched:
        part, data = drawing.part(parts[operation.place.path], operation), drawing.data(effect)
        there_and_back = (data, part) if effect.kind is Kind.CONSUME else (part, data)
        drawing.edge(*there_and_back, VERBS[effect.kind], effect.verb, effect.place)
    for operation in system.operations:
        if operation.role in DRAWN:
            drawing.entries(operation, parts)
            drawing.derivations(operation)
    return drawing.atlas()


def wanted(effect: Effect) -> bool:
    """Whether an effect is one between a part of the code and what it keeps or moves data in."""
    if effect.kind is Kind.CALL:
        return effect.store in OUTSIDE
    return effect.kind in VERBS and effect.store in KINDS


def parted(weights: Mapping[str, int]) -> dict[str, str]:
    """Files → the part of the code that each belongs to: the largest folders are opened first.

    >>> parted({"shop/pay.py": 3, "shop/stock.py": 2})
    {'shop/pay.py': 'shop/pay.py', 'shop/stock.py': 'shop/stock.py'}
    """
    heads = {path: path.split("/")[0] for path in weights}
    opened = True
    while opened:
        opened = False
        sizes: Counter[str] = Counter()
        for path, head in heads.items():
            sizes[head] += weights[path]
        for head, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
            inside = [path for path in heads if heads[path] == head and path != head]
            deeper = {path: "/".join(path.split("/")[: head.count("/") + 2]) for path in inside}
            if inside and len(sizes) - 1 + len(set(deeper.values())) <= PARTS:
                heads.update(deeper)
                opened = True
                break
    return heads


class Drawing:
    """The nodes and edges as they are found."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.nodes: dict[str, Node] = {}
        self.runs: dict[str, Counter[str]] = {}
        self.ways: dict[str, dict[str, None]] = {}
        self.found: dict[tuple[str, str, str], tuple[Counter[str], dict[Place, None]]] = {}
        self.met: set[str] = set()
        self.seen: set[str] = set()

    def part(self, head: str, operation: Operation) -> str:
        name = f"part:{head}"
        if name not in self.nodes:
            self.nodes[name] = Node(name, "part", titled(head), operation.service)
            self.runs[name], self.ways[name] = Counter(), {}
        if operation.name not in self.seen:
            self.seen.add(operation.name)
            self.runs[name].update({entry.kind for entry in operation.entries})
            for entry in operation.entries[: WAYS - len(self.ways[name])]:
                self.ways[name][f"{entry.kind} {entry.name}"] = None
        return name

    def data(self, effect: Effect) -> str:
        known = self.system.dataset_of(effect) if effect.store in RECORDS else None
        if known is not None:
            self.met.add(identity(known))
        name, store = (known.name if known else called(effect)), technology(effect, known)
        service = known.service if known else ""
        key = ":".join(filter(None, ("data", effect.store.value, service, name)))
        if key not in self.nodes:
            kind = known.kind if known else KINDS[effect.store]
            self.nodes[key] = Node(key, kind, name, store, place=known.place if known else None)
        return key

    def edge(self, source: str, target: str, kind: str, verb: str, place: Place) -> None:
        verbs, places = self.found.setdefault((source, target, kind), (Counter(), {}))
        verbs[verb] += 1
        if len(places) < PLACES:
            places[place] = None

    def entries(self, operation: Operation, parts: Mapping[str, str]) -> None:
        """The queues whose messages a part takes: those that bear the name of a task or consumer in it."""
        part = f"part:{parts.get(operation.place.path, '')}"
        for entry in operation.entries if part in self.nodes else ():
            for store in (StoreKind.QUEUE, StoreKind.LOG):
                queue = f"data:{store.value}:{entry.name}"
                if entry.place == operation.place and queue in self.nodes:
                    self.edge(queue, part, "consumes", entry.kind, entry.place)

    def derivations(self, operation: Operation) -> None:
        """Copies in another kind of store, and messages: what they are made of, also where a callee makes them."""
        for effect in operation.of(Kind.WRITE, Kind.PUBLISH):
            if effect.store in RECORDS or not wanted(effect):
                continue
            for number in sorted({s.number for s in (*effect.computed_from, *effect.payload) if s.kind == "read"}):
                read = operation.effect(number)
                if read is not None and wanted(read) and read.store is not effect.store and effect.store in KINDS:
                    self.edge(self.data(read), self.data(effect), "derives", effect.verb, effect.place)

    def atlas(self) -> Atlas:
        ends = {end for source, target, _ in self.found for end in (source, target)}
        nodes = [self.told(node) for node in self.nodes.values() if node.id in ends]
        edges = [
            Edge(source, target, kind, tuple(v for v, _ in verbs.most_common()), tuple(sorted(places)))
            for (source, target, kind), (verbs, places) in self.found.items()
        ]
        untouched = sum(identity(dataset) not in self.met for dataset in self.system.datasets)
        return Atlas(tuple(sorted(distinct(nodes), key=lambda n: n.id)), tuple(sorted(edges)), untouched)

    def told(self, node: Node) -> Node:
        if node.kind != "part":
            return node
        runs = tuple(kind for kind, _ in self.runs[node.id].most_common())
        return replace(node, runs=runs, ways=tuple(sorted(self.ways[node.id])))


def distinct(nodes: Sequence[Node]) -> Iterator[Node]:
    """Parts of one name are told apart by as many of their folders as that takes."""
    parts = [node for node in nodes if node.kind == "part"]
    names = {node.id: node.name for node in parts}
    steps = {node.id: [s for s in node.id[5:].removesuffix(".py").split("/") if s != "__init__"] for node in parts}
    for length in range(2, max(map(len, steps.values()), default=0) + 1):
        shared = Counter(names.values())
        names |= {i: "/".join(steps[i][-length:]) for i, name in names.items() if shared[name] > 1}
    yield from (replace(node, name=names.get(node.id, node.name)) for node in nodes)


def identity(dataset: Dataset) -> str:
    return f"{dataset.service}:{dataset.name}"


def titled(head: str) -> str:
    """
    >>> titled("shop/orders/checkout.py"), titled("shop/orders/__init__.py"), titled("shop")
    ('checkout', 'orders', 'shop')
    """
    steps = [step for step in head.removesuffix(".py").split("/") if step != "__init__"]
    return steps[-1] if steps else head


def called(effect: Effect) -> str:
    """What an effect acts on, as people would say it: the dataset, the other side's address, else the technology."""
    if effect.store in OUTSIDE:
        return host(effect.text) or effect.technology or effect.store.value
    return effect.dataset or effect.technology or effect.store.value


def host(text: str) -> str:
    """The address in a URL whose beginning is known.

    >>> host("https://mail.example/send"), host("\\ufffc/charges")
    ('mail.example', '')
    """
    try:
        found = urlsplit(text).hostname or ""
    except ValueError:
        return ""
    return "" if "\ufffc" in found else found


def technology(effect: Effect, known: Dataset | None) -> str:
    named = (known.technology if known else "") or effect.technology
    return f"{effect.store.value} ({named})" if named else effect.store.value
