"""The target of graphs: vertices and edges as tables, walks over them in one recursive query, and their proofs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, structs

from datakeel import naming
from datakeel.decision import Design
from datakeel.requirements import Domain, Graph, Requirements, Table
from datakeel.write.contribution import Contribution, Migration, Trouble
from datakeel.write.modules import module_file, module_text
from datakeel.write.project import File, templates
from datakeel.write.targets.tables.shape import Column, Shape, shapes
from datakeel.write.targets.tables.write import article

ORDER = 14
PARTS = frozenset({"graph"})
HERE = Path(__file__).parent / "parts"
ENDS = ("source_id", "target_id")


class Net(Struct, frozen=True, kw_only=True):
    """A graph as SQL and Python call it. `vertices` and `edges` are tables; `table`: that of the requirements whose
    rows are the vertices (none: they are made here)."""

    graph: Graph
    module: str
    vertices: str
    vertex: str
    edges: str
    edge: str
    model: str
    columns: tuple[Column, ...]
    table: Shape | None

    @property
    def own(self) -> bool:
        return self.table is None

    @property
    def about(self) -> str:
        return " ".join(naming.words(self.graph.name))

    @property
    def path(self) -> str:
        return naming.kebab(self.graph.name)

    @property
    def vertex_path(self) -> str:
        return naming.kebab(naming.plural(self.graph.vertex))

    @property
    def edge_path(self) -> str:
        return naming.kebab(naming.plural(self.graph.edge))


def contribution(design: Design) -> Contribution:
    found = nets(design.requirements)
    if not found:
        return Contribution()
    return Contribution(
        files=tuple(_files(naming.snake(design.requirements.name), found)),
        migrations=tuple(_migrations(found)),
        routers=tuple(f"api.{n.module}" for n in found),
        troubles=TROUBLES,
        diagram=tuple(f"api -->|walks| {n.edges}[({n.vertices}, {n.edges})]" for n in found),
    )


def nets(requirements: Requirements) -> tuple[Net, ...]:
    tables = {s.one: s for s in shapes(requirements)}
    return tuple(_net(graph, requirements, tables) for graph in requirements.domain.graphs)


def _net(graph: Graph, requirements: Requirements, tables: dict[str, Shape]) -> Net:
    edge = Table(name=graph.edge, fields=graph.fields)
    (shape,) = shapes(Requirements(name=requirements.name, domain=Domain(tables=(edge,))))
    edges = shape.table
    if naming.snake(graph.edge) in tables or naming.snake(graph.edge) == naming.snake(graph.vertex):
        edges = f"{naming.snake(graph.name)}_edges"
    return Net(
        graph=graph,
        module=naming.snake(graph.name),
        vertices=naming.column(naming.plural(graph.vertex)),
        vertex=" ".join(naming.words(graph.vertex)),
        edges=edges,
        edge=" ".join(naming.words(graph.edge)),
        model=naming.pascal(f"{graph.edge} edge"),
        columns=tuple(_free(c) for c in shape.columns),
        table=tables.get(naming.snake(graph.vertex)),
    )


def _free(column: Column) -> Column:
    return structs.replace(column, name=f"{column.name}_") if column.name in ENDS else column


def _example(column: Column) -> str:
    """A value that a test may give it."""
    value = re.sub(r'(?<!")\bnumber\b(?!")', "1", column.sample).replace("{1}", "1").replace('f"', '"')
    return value.replace("START", "datetime(2030, 1, 1, tzinfo=UTC)")


def _migrations(found: tuple[Net, ...]) -> Iterator[Migration]:
    """One for each graph, so that one that comes later is a step of its own. The first on its vertices makes them."""
    made: set[str] = set()
    for net in found:
        first = net.own and net.vertices not in made
        made.add(net.vertices)
        yield Migration(net.edges, _render("schema.sql", net=net, first=first))


def _files(package: str, found: tuple[Net, ...]) -> Iterator[File]:
    for net in found:
        known = _known(package, net)
        words: dict[str, object] = {"net": net, "example": _example, "remove": f"{net.module}.remove", "make": ""}
        if net.table is not None:
            words |= {"remove": f"{net.table.module}.delete", "make": f"{article(net.table)}_{net.table.one}"}
        about = f"What the {net.about} is made of, and what is answered about it."
        yield module_file(package, f"domain.{net.module}", about, _render("model.py", **words), known)
        about = f"The SQL of the {net.about}. A walk is one statement, and sees one state of the graph."
        yield module_file(package, f"storage.{net.module}", about, _render("storage.py", **words), known)
        about = f"The routes of the {net.about}."
        yield module_file(package, f"api.{net.module}", about, _render("routes.py", **words), known)
        for folder, name in (("unit", "walks"), ("contract", "api"), ("concurrency", "writers")):
            text = module_text(ABOUT[name].format(net.about), _render(f"test_{name}.py", **words), known)
            yield File(f"tests/{folder}/test_{net.module}_{name}.py", text)


ABOUT = {
    "walks": "Walks over the {}, compared with those that a few lines without a database find.",
    "api": "What clients of the {} rely on.",
    "writers": "What must hold of the {} when many work at once.",
}


def _known(package: str, net: Net) -> dict[str, str]:
    """The names that the modules use, by their modules."""
    known = dict.fromkeys(("Missing", "run", "transaction"), f"{package}.platform.database")
    known |= dict.fromkeys(("Limit", "Pool"), f"{package}.platform.http")
    own = (net.model, f"New{net.model}", *OWN)
    known |= dict.fromkeys(own, f"{package}.domain.{net.module}")
    if net.table is not None:
        known |= {net.table.module: f"{package}.storage", f"{article(net.table)}_{net.table.one}": "samples"}
    return known | {net.module: f"{package}.storage"}


OWN = (
    *("Reached", "Reach", "Route", "MOST_STEPS", "MOST_WALKED"),
    *("Text", "Integer", "Number", "Instant", "EARLIEST", "LATEST", "NIL"),
)


def _render(name: str, **values: object) -> str:
    return templates(HERE).get_template(f"{name}.jinja").render(values)


TROUBLES = (
    Trouble(
        symptom="Walks are answered with `complete: false`",
        look="Which vertex they start from: it, or one near it, has very many edges.",
        do="Nothing is wrong: what is answered is right, nearest first, and a walk ends where it has seen as much as "
        "one request may. Ask for fewer steps; raise `MOST_WALKED` only if the database has room.",
    ),
)
