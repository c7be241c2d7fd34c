"""The map of the system: what is drawn, with the findings at the edges that they break; and the same as Mermaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from datakeel.finding import Finding, Review, Severity
from datakeel.model.atlas import Atlas, Edge, Node
from datakeel.model.place import Place
from datakeel.show.words import counted, flat

MANY = 40  # datasets; of more, those of one owner stand together
FEW = 2  # datasets that are worth standing together
BETWEEN = ("topic", "queue", "service")  # what parts of the code meet at stands alone, unless that is many too
TELLING = ("writes", "publishes", "consumes", "calls", "derives", "reads")  # what a line is drawn as, first of all
INTO = ("reads", "consumes")  # data goes to the part
NAMED = 3  # datasets named where several stand together


class Link(Struct, frozen=True):
    """All that goes on between two nodes, by their numbers: a part and what it uses, or data and what is derived."""

    a: int
    b: int
    kinds: tuple[str, ...]
    verbs: tuple[str, ...]
    places: tuple[Place, ...]
    findings: tuple[int, ...] = ()


class Fold(Struct, frozen=True):
    """Datasets of one owner, the part of the code that writes them: one box, until somebody opens it. `about` names
    the first of them; `short` is its name from afar."""

    name: str
    short: str
    group: str
    kind: str
    about: str
    members: tuple[int, ...]


class Chart(Struct, frozen=True):
    """What is drawn. `marked` are the findings of each node that no link shows."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    folds: tuple[Fold, ...]
    marked: dict[int, tuple[int, ...]]


def chart(atlas: Atlas, findings: Sequence[Finding] = ()) -> Chart:
    """The atlas with one line between two nodes, and each finding (by its number) where it belongs."""
    numbers = {node.id: number for number, node in enumerate(atlas.nodes)}
    pairs: dict[tuple[int, int], list[Edge]] = {}
    for edge in atlas.edges:
        a, b = numbers[edge.source], numbers[edge.target]
        swapped = edge.kind == "consumes"  # the part stands first
        pairs.setdefault((b, a) if swapped else (a, b), []).append(edge)
    at_line: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for pair, edges in pairs.items():
        for place in {(p.path, p.line) for edge in edges for p in edge.places}:
            at_line.setdefault(place, []).append(pair)
    broken: dict[tuple[int, int], list[int]] = {}
    marked: dict[int, list[int]] = {}
    for number, finding in enumerate(findings):
        hit = sorted({pair for spot in spots(finding) for pair in at_line.get(spot, ())})
        for pair in about(hit, finding, atlas.nodes):
            broken.setdefault(pair, []).append(number)
        if not hit:
            for node in stands(finding, atlas.nodes):
                marked.setdefault(node, []).append(number)
    links = tuple(link(pair, edges, broken.get(pair, ())) for pair, edges in sorted(pairs.items()))
    return Chart(atlas.nodes, links, folds(atlas.nodes, links), {n: tuple(f) for n, f in sorted(marked.items())})


def link(pair: tuple[int, int], edges: Sequence[Edge], broken: Iterable[int]) -> Link:
    kinds = {edge.kind for edge in edges}
    verbs = dict.fromkeys(verb for edge in edges for verb in edge.verbs)
    places = sorted({place for edge in edges for place in edge.places})
    return Link(*pair, tuple(k for k in TELLING if k in kinds), tuple(verbs), tuple(places), tuple(broken))


def spots(finding: Finding) -> set[tuple[str, int]]:
    """The lines that a finding speaks of."""
    return {(p.path, p.line) for p in (finding.place, *(step.place for step in finding.story)) if p.path}


def about(pairs: Sequence[tuple[int, int]], finding: Finding, nodes: Sequence[Node]) -> Sequence[tuple[int, int]]:
    """Of the lines that a finding touches, those to the datasets that it names, where it names any of them."""
    named = {name.casefold() for name in finding.datasets}
    meant = [pair for pair in pairs if named & {nodes[end].name.casefold() for end in pair}]
    return meant or pairs


def stands(finding: Finding, nodes: Sequence[Node]) -> list[int]:
    """The datasets that a finding names; else the part of the code in which it stands."""
    named = {name.casefold() for name in finding.datasets}
    data = [n for n, node in enumerate(nodes) if node.kind != "part" and node.name.casefold() in named]
    if data:
        return data
    parts = [n for n, node in enumerate(nodes) if node.kind == "part" and holds(node.id[5:], finding.place.path)]
    return parts[-1:]


def holds(head: str, path: str) -> bool:
    return path == head or path.startswith(head + "/")


def folds(nodes: Sequence[Node], links: Sequence[Link]) -> tuple[Fold, ...]:
    """What stands together: the datasets of one owner. None where all can be seen."""
    data = [number for number, node in enumerate(nodes) if node.kind != "part"]
    if len(data) <= MANY:
        return ()
    between = {number for number in data if nodes[number].kind in BETWEEN}
    few = len(between) <= MANY // 2
    owned = owners(nodes, links)
    together: dict[tuple[int, bool], list[int]] = {}
    for number in data:
        if number in owned and not (few and number in between):
            together.setdefault((owned[number], number in between), []).append(number)
    return tuple(fold(nodes, owner, members) for (owner, _), members in together.items() if len(members) >= FEW)


def owners(nodes: Sequence[Node], links: Sequence[Link]) -> dict[int, int]:
    """Datasets → the part that writes each, in most places; of one that nobody writes, the part that reads it most."""
    best: dict[int, tuple[bool, int, int]] = {}
    for line in links:
        if nodes[line.a].kind == "part":
            weight = (bool({"writes", "publishes"} & set(line.kinds)), len(line.places), -line.a)
            best[line.b] = max(best.get(line.b, weight), weight)
    return {data: -part for data, (_, _, part) in best.items()}


def fold(nodes: Sequence[Node], owner: int, members: Sequence[int]) -> Fold:
    kinds = sorted({nodes[member].kind for member in members})
    groups = sorted({nodes[member].group for member in members})
    names = [nodes[member].name for member in members]
    kind = kinds[0] if len(kinds) == 1 else "dataset"
    name = f"{nodes[owner].name}: {counted(len(members), kind, 'indexes' if kind == 'index' else '')}"
    about = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
    return Fold(
        name,
        f"{nodes[owner].name} ×{len(members)}",
        groups[0] if len(groups) == 1 else "several stores",
        kind,
        about,
        tuple(members),
    )


# Mermaid --------------------------------------------------------------------------------------------------------------

SHAPES = {"part": ('["', '"]'), "table": ('[("', '")]'), "service": ('{{"', '"}}'), "topic": ('[["', '"]]')}
ALIKE = {"collection": "table", "index": "table", "bucket": "table", "file": "table", "queue": "topic"}
OTHER = ('(["', '"])')
STROKES = {
    Severity.CRITICAL: "#d1242f",
    Severity.MAJOR: "#bc6c00",
    Severity.MINOR: "#0969da",
    Severity.SUGGESTION: "#1a7f37",
}


def mermaid(review: Review) -> str:
    """A flowchart for what reads Mermaid: code on the left, what it uses on the right; broken lines in colour."""
    drawn = chart(review.atlas, review.findings)
    return "".join(f"{line}\n" for line in flowchart(drawn, review.findings))


def flowchart(drawn: Chart, findings: Sequence[Finding]) -> Iterator[str]:
    yield "flowchart LR"
    if not drawn.nodes:
        yield '    nothing["nothing that keeps or moves data was found"]'
        return
    inside = {member: fold for fold in drawn.folds for member in fold.members}
    boxes: dict[str, list[str]] = {}
    names: dict[int, str] = {}
    for number, node in enumerate(drawn.nodes):
        fold = inside.get(number)
        names[number] = f"n{fold.members[0] if fold else number}"
        if fold is None or fold.members[0] == number:
            boxes.setdefault(fold.group if fold else node.group, []).append(box(names[number], node, fold))
    for number, (group, lines) in enumerate(boxes.items()):
        yield f'    subgraph g{number}["{quoted(group or "code")}"]'
        yield from (f"        {line}" for line in lines)
        yield "    end"
    yield from lines_of(drawn.links, names, findings)
    yield from marks_of(drawn.marked, names, findings)


def box(name: str, node: Node, fold: Fold | None) -> str:
    opening, closing = SHAPES.get(ALIKE.get(node.kind, node.kind), OTHER)
    text = f"{quoted(fold.name)}<br/>{quoted(fold.about)}" if fold else quoted(node.name)
    runs = f"<br/><i>{quoted(', '.join(node.runs))}</i>" if node.runs else ""
    return f"{name}{opening}{text}{runs}{closing}"


def lines_of(links: Sequence[Link], names: Mapping[int, str], findings: Sequence[Finding]) -> Iterator[str]:
    """One line for each two boxes, with what is wrong with it; then its colour."""
    drawn: dict[tuple[str, str], tuple[dict[str, None], set[int]]] = {}
    for line in links:
        kinds, broken = drawn.setdefault((names[line.a], names[line.b]), ({}, set()))
        kinds.update(dict.fromkeys(line.kinds))
        broken.update(line.findings)
    styles = []
    for number, ((a, b), (kinds, broken)) in enumerate(drawn.items()):
        said = ", ".join(kinds)
        if broken:
            rules = Counter(findings[f].rule for f in sorted(broken))
            said += "<br/>! " + ", ".join(rule + (f" ×{n}" if n > 1 else "") for rule, n in rules.items())
            styles.append(f"    linkStyle {number} stroke:{colour(broken, findings)},stroke-width:3px")
        yield f"    {arrow(a, b, set(kinds), said)}"
    yield from styles


def arrow(a: str, b: str, kinds: set[str], said: str) -> str:
    """
    >>> arrow("a", "b", {"reads", "writes"}, "x"), arrow("a", "b", {"consumes"}, "x"), arrow("a", "b", {"derives"}, "x")
    ('a <-->|"x"| b', 'b -->|"x"| a', 'a -.->|"x"| b')
    """
    if kinds == {"derives"}:
        return f'{a} -.->|"{said}"| {b}'
    if kinds <= set(INTO):
        return f'{b} -->|"{said}"| {a}'
    return f'{a} {"<-->" if kinds & set(INTO) else "-->"}|"{said}"| {b}'


def marks_of(
    marked: Mapping[int, Sequence[int]], names: Mapping[int, str], findings: Sequence[Finding]
) -> Iterator[str]:
    for node, broken in marked.items():
        yield f"    style {names[node]} stroke:{colour(broken, findings)},stroke-width:3px"


def colour(numbers: Iterable[int], findings: Sequence[Finding]) -> str:
    return STROKES[min(findings[number].severity for number in numbers)]


def quoted(text: str) -> str:
    """A text that is no syntax and no markup in a Mermaid label.

    >>> quoted('a "b" <i>#1')
    'a #quot;b#quot; #lt;i#gt;#35;1'
    """
    found = "".join(c if c.isprintable() else "?" for c in flat(text)).replace("#", "#35;")
    for sign, name in (('"', "quot"), ("<", "lt"), (">", "gt"), ("`", "96"), ("|", "124"), ("&", "amp"), ("\\", "92")):
        found = found.replace(sign, f"#{name};")
    return found
