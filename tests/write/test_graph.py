"""Graphs as they are written."""

from pathlib import Path

from datakeel import reviewer
from datakeel.write.disk import put
from datakeel.write.targets.graph.write import nets
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.graphs import FOLLOWERS


def migrations() -> str:
    names = tuple(f"_{net.edges}.sql" for net in nets(FOLLOWERS.requirements))
    return "\n".join(f.text for f in write(FOLLOWERS).files if f.path.endswith(names))


def test_edges_have_an_index_in_both_directions_and_no_other() -> None:
    schema = migrations()
    for edges in ("follows", "blocks", "uses"):
        assert f"CREATE INDEX {edges}_back ON {edges} (target_id, source_id);" in schema
    assert schema.count("PRIMARY KEY (source_id, target_id)") == 3
    assert schema.count("CREATE INDEX") == 3


def test_vertices_are_made_once_and_those_of_a_table_not_at_all() -> None:
    schema = migrations()
    assert schema.count("CREATE TABLE people") + schema.count("CREATE TABLE persons") == 1
    assert "CREATE TABLE parts" not in schema
    assert "REFERENCES parts (id)" in schema
    assert [net.own for net in nets(FOLLOWERS.requirements)] == [True, True, False]


def test_the_code_is_laid_out_and_clean_and_its_review_finds_nothing(tmp_path: Path) -> None:
    put(write(FOLLOWERS), tmp_path / "made")
    assert_laid_out_and_clean(tmp_path / "made")
    assert [str(f.place) for f in reviewer.review(tmp_path / "made").findings] == []


def test_the_same_design_gives_the_same_bytes() -> None:
    assert write(FOLLOWERS) == write(FOLLOWERS)
