"""Copies of documents and of tables, as they are written."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from datakeel import reviewer
from datakeel.decision import Design
from datakeel.design.designer import design as decided
from datakeel.mistake import Mistake
from datakeel.requirements import Document, Domain, Field, Requirements, Table, View, Workload
from datakeel.write.disk import put
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean

PRODUCT = Document(
    name="product",
    fields=(
        Field(name="title"),
        Field(name="body"),
        Field(name="tags", many=True),
        Field(name="price", type="money", optional=True),
        Field(name="listed at", type="timestamp"),
        Field(name="kind", type="enum", values=("new", "used")),
    ),
)
PERSON = Table(
    name="person",
    fields=(Field(name="name"), Field(name="aliases", many=True), Field(name="born", type="date", optional=True)),
    workload=Workload(records=100e6, writes=1),
)
SEARCH = View(name="product search", sources=("product",), kind="search", fields=("title", "tags", "price"))
TOTALS = View(name="totals", sources=("product",), kind="analytics", dimensions=("kind",), measures=("mean price",))
EXTREMES = replace(TOTALS, name="prices", measures=("min price", "max price", "count"))
PEOPLE = View(name="people", sources=("person",), kind="search", fields=("name", "aliases", "born"))
BORN = View(name="born", sources=("person",), kind="analytics", dimensions=("born",), measures=("count",))
BOTH = View(name="all", sources=("product", "person"), kind="search", fields=("title", "name"))


def of(*views: View, **more: object) -> Design:
    domain = Domain(documents=(PRODUCT,), tables=(PERSON,), views=views)
    return decided(replace(Requirements(name="shop", domain=domain), **more))


@pytest.mark.parametrize(
    "views", [(SEARCH, TOTALS, EXTREMES), (PEOPLE, BORN), (BOTH,)], ids=("documents", "tables", "both")
)
def test_the_code_is_laid_out_and_clean_and_its_review_finds_nothing(views: tuple[View, ...], tmp_path: Path) -> None:
    put(write(of(*views)), tmp_path / "made")
    assert_laid_out_and_clean(tmp_path / "made")
    assert [f"{f.place} {f.rule}" for f in reviewer.review(tmp_path / "made").findings] == []


def test_every_change_is_noted_by_the_database() -> None:
    made = write(of(SEARCH, PEOPLE))
    for table in ("products", "persons"):
        (text,) = [f.text for f in made.files if f.path.endswith(f"{table}_noted.sql")]
        assert f"AFTER INSERT OR UPDATE OR DELETE ON {table}\n" in text


def test_the_least_and_the_greatest_are_looked_up_again_where_a_row_comes_or_goes() -> None:
    made = write(of(EXTREMES))
    assert "SELECT min(of_price) FROM prices_rows" in made.text("src/shop/processing/prices.py")
    (schema,) = [f.text for f in made.files if f.path.endswith("_prices.sql")]
    assert "CREATE INDEX prices_rows_of_price ON prices_rows (on_day, kind, of_price);" in schema  # and by that alone


def test_a_small_table_is_read_where_it_is() -> None:
    small = replace(PERSON, workload=Workload(records=1000, writes=1))
    domain = Domain(tables=(small,), views=(PEOPLE, BORN))
    made = write(decided(Requirements(name="shop", domain=domain)))
    assert not [f.path for f in made.files if "copies" in f.path]
    assert "def search(" in made.text("src/shop/persons.py")


def test_a_table_with_a_copy_has_no_second_index_of_words() -> None:
    made = write(of(PEOPLE))
    assert "tsvector" not in next(
        f.text for f in made.files if f.path.endswith("_persons.sql") and "words" not in f.path
    )
    assert "USING gin (words)" in next(f.text for f in made.files if f.path.endswith("_people.sql"))


def test_what_is_looked_up_is_an_index_and_what_is_near_is_kept_by_its_reader() -> None:
    lookup = View(name="by kind", sources=("product",), kind="lookup", fields=("kind",))
    cache = View(name="near", sources=("product", "person"), kind="cache", freshness=5.0)
    design = of(lookup, cache)
    assert "change-feed" not in design.parts()
    made = write(design)
    assert '@router.get("/by-kind")' in made.text("src/shop/api/products.py")
    for module in ("products", "persons"):
        assert 'KEPT = "max-age=5"' in made.text(f"src/shop/api/{module}.py")


def test_a_large_copy_has_an_index_for_production() -> None:
    made = write(of(PEOPLE))
    assert '"aliases"' in made.text("deploy/elasticsearch/people.json")
    assert "people" in made.text("deploy/production.md")


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (replace(SEARCH, fields=("price",)), "none of its fields is a text"),
        (replace(TOTALS, measures=("max title",)), "is no number"),
        (replace(TOTALS, measures=("sum title",)), "is no number"),
        (replace(TOTALS, dimensions=("tags",)), "nothing that totals could be kept by"),
        (replace(SEARCH, fields=("titel",)), 'did you mean "title"'),
    ],
)
def test_what_cannot_be_kept_is_a_mistake(view: View, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        write(of(view))
