"""The map: what is drawn between what, where findings stand on it, what stands together; and its Mermaid."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

import datakeel
from datakeel.cli import main
from datakeel.finding import Finding, Review, Severity
from datakeel.model.atlas import Atlas, Edge, Node
from datakeel.model.place import Place
from datakeel.rules.atlas import distinct, titled
from datakeel.show.map import Chart, chart, mermaid
from tests.show.sample import LOST_UPDATE

SHOP = Path(__file__).parents[2] / "examples" / "review" / "shop"
HOSTILE = 'a"]<script>|`#\n\u202e&'


def system(data: int, parts: int) -> Atlas:
    """Parts that write tables of their own, and each a table of the next; a topic between the first two."""
    code = [Node(f"part:shop/p{n}.py", "part", f"p{n}", "shop", ("request",)) for n in range(parts)]
    tables = [Node(f"data:relational:t{n}", "table", f"t{n}", "relational (postgresql)") for n in range(data)]
    edges = [Edge(code[n % parts].id, t.id, "writes", ("update",), (place(n),)) for n, t in enumerate(tables)]
    edges += [
        Edge(code[(n + 1) % parts].id, t.id, "reads", ("select",), (place(n + 1000),)) for n, t in enumerate(tables)
    ]
    topic = Node("data:log:events", "topic", "events", "log (kafka)")
    edges += [Edge(code[0].id, topic.id, "publishes", ("send",)), Edge(topic.id, code[1].id, "consumes", ("poll",))]
    return Atlas((*code, *tables, topic), tuple(edges))


def place(line: int) -> Place:
    return Place("shop/p.py", line + 1)


def at(line: int, *datasets: str) -> Finding:
    return replace(LOST_UPDATE, place=place(line), story=(), datasets=datasets)


def drawn(found: Chart) -> set[tuple[str, str, tuple[str, ...], tuple[int, ...]]]:
    return {(found.nodes[x.a].name, found.nodes[x.b].name, x.kinds, x.findings) for x in found.links}


def test_all_between_two_nodes_is_one_line_and_findings_stand_on_those_they_break() -> None:
    found = drawn(chart(system(2, 2), [at(0, "t0"), at(1001)]))
    assert ("p0", "t0", ("writes",), (0,)) in found
    assert ("p0", "t1", ("reads",), (1,)) in found
    assert ("p0", "events", ("publishes",), ()) in found
    assert ("p1", "events", ("consumes",), ()) in found


def test_a_finding_without_a_line_stands_at_its_datasets_or_at_its_code() -> None:
    found = chart(system(2, 2), [at(77, "t1"), replace(at(77), place=Place("shop/p0.py", 3)), at(78)])
    marked = {found.nodes[node].name: numbers for node, numbers in found.marked.items()}
    assert marked == {"t1": (0,), "p0": (1,)}


def test_of_several_lines_at_one_place_those_to_the_named_datasets_are_broken() -> None:
    code = Node("part:a.py", "part", "a")
    ends = [Node(f"data:{name}", "table", name) for name in ("orders", "stock")]
    edges = tuple(Edge(code.id, end.id, "writes", (), (place(1),)) for end in ends)
    found = drawn(chart(Atlas((code, *ends), edges), [at(1, "stock")]))
    assert {name for _, name, _, broken in found if broken} == {"stock"}


def test_many_datasets_stand_together_by_their_owner_and_none_is_lost() -> None:
    assert chart(system(20, 4)).folds == ()
    found = chart(system(100, 10))
    assert {f.name for f in found.folds} == {f"p{n}: 10 tables" for n in range(10)}
    inside = [member for fold in found.folds for member in fold.members]
    assert len(inside) == len(set(inside)) == 100
    assert found.folds[0].about.endswith(" …")


def test_many_queues_stand_together_too_but_apart_from_tables() -> None:
    code = Node("part:a.py", "part", "a")
    queues = [Node(f"data:queue:q{n}", "queue", f"q{n}", "queue (celery)") for n in range(30)]
    tables = [Node(f"data:relational:t{n}", "table", f"t{n}", "relational") for n in range(30)]
    edges = tuple(Edge(code.id, n.id, "publishes" if n.kind == "queue" else "writes") for n in (*queues, *tables))
    assert [f.name for f in chart(Atlas((code, *queues, *tables), edges)).folds] == ["a: 30 queues", "a: 30 tables"]


def test_mermaid_draws_each_pair_once_with_what_is_wrong() -> None:
    text = mermaid(Review(atlas=system(2, 2), findings=(at(0, "t0"),)))
    lines = text.splitlines()
    assert lines[0] == "flowchart LR"
    assert '    n0 -->|"writes<br/>! lost-update"| n2' in lines
    assert '    n4 -->|"consumes"| n1' in lines
    assert sum("linkStyle" in line for line in lines) == 1
    assert '        n2[("t0")]' in lines
    assert text == mermaid(Review(atlas=system(2, 2), findings=(at(0, "t0"),)))


def test_a_hundred_datasets_are_a_drawing_that_mermaid_takes() -> None:
    text = mermaid(Review(atlas=system(100, 20)))
    assert len(text) < 50_000
    assert sum("-->" in line for line in text.splitlines()) < 500


def test_no_name_is_syntax() -> None:
    atlas = Atlas(
        (Node("part:a", "part", HOSTILE, HOSTILE), Node("data:b", "table", HOSTILE)),
        (Edge("part:a", "data:b", "writes"),),
    )
    text = mermaid(Review(atlas=atlas))
    assert len(text.splitlines()) == 8
    labels = re.findall(r'"([^"]*)"', text)
    assert not [
        label for label in labels if re.search(r"[<>|`\\\u202e]", label.replace("<br/>", "").replace("<i>", ""))
    ]


def test_nothing_is_a_drawing_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".git").mkdir()
    assert main(["map", str(tmp_path), "--no-cache"]) == 0
    assert "nothing that keeps or moves data was found" in capsys.readouterr().out


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Review:
    root = tmp_path_factory.mktemp("shop") / "shop"
    for file in SHOP.rglob("*"):
        if file.is_file():
            copy = root / file.relative_to(SHOP)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    (root / ".git").mkdir()
    return datakeel.review(root)


def test_the_example_is_drawn_as_it_is(shop: Review) -> None:
    found = drawn(chart(shop.atlas, shop.findings))
    named = {(a, b): kinds for a, b, kinds, _ in found}
    assert named["stock", "products"] == ("writes", "reads")
    assert named["sales", "kafka"] == ("consumes",)
    assert named["checkout", "shop.tasks.send_confirmation"] == ("publishes",)
    assert named["tasks", "shop.tasks.send_confirmation"] == ("consumes",)
    assert named["products", "products"] == ("derives",)
    broken = {(a, b): {shop.findings[n].rule for n in numbers} for a, b, _, numbers in found}
    assert broken["stock", "products"] == {"lost-update"}
    assert "publish-before-commit" in broken["checkout", "orders"]
    assert broken["tasks", "orders"] == set()


def test_nearly_every_finding_of_the_example_is_on_the_map(shop: Review) -> None:
    found = chart(shop.atlas, shop.findings)
    shown = {n for link in found.links for n in link.findings} | {n for ns in found.marked.values() for n in ns}
    missing = [f"{f.rule} in {f.place.path}" for n, f in enumerate(shop.findings) if n not in shown]
    assert len(missing) <= 1, missing


def test_a_recalled_review_draws_the_same_with_its_places_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "shop"
    (root / ".git").mkdir(parents=True)
    code = "import requests\n\n\ndef pay(order):\n    requests.post('https://bank.example/pay', json=order)\n"
    (root / "pay.py").write_text(code)
    first = datakeel.review(root).atlas
    (root / "pay.py").write_text("# paid\n" + code)
    second = datakeel.review(root).atlas
    assert first.nodes == second.nodes
    assert [node.name for node in first.nodes] == ["bank.example", "pay"]
    assert (
        [p.line + 1 for e in first.edges for p in e.places] == [p.line for e in second.edges for p in e.places] == [6]
    )


def test_parts_of_one_name_are_told_apart() -> None:
    paths = ("shop/api/views.py", "shop/old/api/views.py", "shop/gym/views/__init__.py", "shop/tasks.py")
    nodes = [Node(f"part:{path}", "part", titled(path)) for path in paths]
    assert [n.name for n in distinct(nodes)] == ["shop/api/views", "old/api/views", "gym/views", "tasks"]


def test_severities_have_their_colours() -> None:
    minor = replace(at(0, "t0"), severity=Severity.MINOR)
    assert "stroke:#0969da" in mermaid(Review(atlas=system(2, 2), findings=(minor,)))
