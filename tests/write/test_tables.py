"""Tables as SQL and Python."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from datakeel.decision import Design
from datakeel.requirements import Access, Domain, Field, Invariant, Requirements, Table, View
from datakeel.write.disk import OURS, put
from datakeel.write.project import Project
from datakeel.write.targets.tables.shape import shapes
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.designs import CALENDAR, CALENDAR_FULL, CALENDAR_LIGHT, EVERYTHING, design


def schema(*tables: Table) -> str:
    of = design(Requirements(name="shop", domain=Domain(tables=tables)), "tables", "http-api", "dashboard")
    return sql(write(of))


def sql(made: Project) -> str:
    steps = [f for f in made.files if f.path.startswith("migrations/")]
    return "".join(f.text for f in steps if not f.path.endswith(("_idempotency_keys.sql", "_deleted.sql")))


def indexes(*tables: Table) -> list[str]:
    return re.findall(r"CREATE INDEX \w+ ON (\w+ \(.*\))", schema(*tables))


def test_parents_come_before_those_that_refer_to_them() -> None:
    names = [shape.table for shape in shapes(EVERYTHING.requirements)]
    assert names.index("stock_items") < names.index("reservations")
    assert names.index("classes") < names.index("enrolments")


def test_there_is_an_index_for_each_declared_path_and_no_other() -> None:
    order = Table(
        name="order",
        fields=(Field(name="number", unique=True), Field(name="customer"), Field(name="placed at", type="timestamp")),
        access=(
            Access(by=("number",)),
            Access(by=("customer",), order="-placed at"),
            Access(range="placed at"),
            Access(by=("customer",)),
        ),
    )
    assert indexes(order) == [
        "orders (customer, placed_at, id)",
        "orders (placed_at, id)",
    ]


def test_a_reference_has_an_index_since_its_target_may_be_deleted() -> None:
    parent = Table(name="customer", fields=(Field(name="name"),))
    child = Table(name="order", fields=(Field(name="customer", references="customer"),))
    assert indexes(parent, child) == ["orders (customer_id, id)"]
    assert "customer_id uuid NOT NULL REFERENCES customers (id)" in schema(child, parent)


def test_invariants_are_constraints_where_a_constraint_can_say_them() -> None:
    told = sql(write(EVERYTHING))
    assert "CONSTRAINT stock_items_sku_once UNIQUE (sku)" in told
    assert "CONSTRAINT stock_items_on_hand_least CHECK (on_hand >= 0)" in told
    assert "CONSTRAINT reservations_status_known CHECK (status IN ('held', 'confirmed', 'released'))" in told
    assert "EXCLUDE USING gist" in sql(write(CALENDAR_FULL))
    assert "CREATE EXTENSION" not in told


def test_names_that_mean_something_else_are_kept_apart() -> None:
    table = Table(name="order", fields=(Field(name="select"), Field(name="version"), Field(name="copy")))
    told = schema(table)
    assert re.findall(r"^    (\w+) text", told, re.MULTILINE) == ["select_", "version_", "copy_"]


def test_an_overlap_of_what_agrees_in_several_values_needs_no_extension() -> None:
    shift = Table(
        name="shift",
        fields=(Field(name="person"), Field(name="day", type="date"), Field(name="hours", type="period")),
        invariants=(Invariant(kind="no-overlap", fields=("person", "day"), period="hours"),),
    )
    assert "md5(person || chr(31) || (day - date '2000-01-01')::text)::uuid" in schema(shift)


@pytest.mark.parametrize("of", [CALENDAR_LIGHT, CALENDAR_FULL, EVERYTHING], ids=["light", "calendar", "everything"])
def test_the_code_is_laid_out_and_clean(of: Design, tmp_path: Path) -> None:
    put(write(of), tmp_path / "made")
    assert_laid_out_and_clean(tmp_path / "made")


def test_the_same_design_gives_the_same_bytes() -> None:
    assert write(EVERYTHING) == write(EVERYTHING)


def test_a_light_system_is_small_and_has_no_part_that_it_does_not_need() -> None:
    files = [f for f in write(CALENDAR_LIGHT).files if not f.path.startswith(OURS)]  # what somebody may have to read
    assert len(files) < 25
    assert sum(file.text.count("\n") for file in files) < 1000
    text = "".join(f.text for f in files if f.path.startswith(("src/", "migrations/", "tests/", "deploy/")))
    for word in ("outbox", "relay", "saga", "search", "dead_letter", "kubernetes", "idempotency_keys", "version ="):
        assert word not in text
    assert "Nothing else is needed" in write(CALENDAR_LIGHT).text("README.md")


def test_views_over_tables_are_further_indexes_of_their_rows() -> None:
    views = (
        View(name="order search", sources=("order",), kind="search", fields=("customer", "note")),
        View(
            name="sales",
            sources=("order",),
            kind="analytics",
            dimensions=("customer",),
            measures=("count", "sum total"),
        ),
    )
    order = Table(
        name="order",
        fields=(
            Field(name="customer"),
            Field(name="note", optional=True),
            Field(name="total", type="money"),
            Field(name="placed at", type="timestamp"),
        ),
    )
    of = design(
        Requirements(name="shop", domain=Domain(tables=(order,), views=views)), "tables", "http-api", "dashboard"
    )
    made = write(of)
    assert "to_tsvector('simple', coalesce(customer, '') || ' ' || coalesce(note, ''))" in sql(made)
    assert re.findall(r"CREATE INDEX \w+ ON (.*);", sql(made)) == [
        "orders USING gin (words)",
        "orders (placed_at, id)",
    ]
    assert "sum(total) AS sum_total" in made.text("src/shop/storage/orders.py")
    assert '@router.get("/search")' in made.text("src/shop/api/orders.py")
    assert '@router.get("/sales")' in made.text("src/shop/api/orders.py")


def test_of_a_view_over_two_tables_each_has_what_its_fields_come_to() -> None:
    sale = Table(name="sale", fields=(Field(name="customer"), Field(name="amount", type="money")))
    refund = Table(name="refund", fields=(Field(name="customer"), Field(name="reason")))
    both = ("sale", "refund")
    measures = ("count", "sum amount")
    views = (
        View(name="trade", sources=both, kind="analytics", dimensions=("customer",), measures=measures),
        View(name="find", sources=both, kind="search", fields=("customer", "reason")),
    )
    domain = Domain(tables=(sale, refund), views=views)
    made = write(design(Requirements(name="shop", domain=domain), "tables", "http-api"))
    totals = "SELECT customer, count(*) AS count"
    assert f"{totals}, sum(amount) AS sum_amount" in made.text("src/shop/sales.py")
    assert totals in made.text("src/shop/refunds.py")
    assert "sum_amount" not in made.text("src/shop/refunds.py")
    assert "coalesce(customer, '') || ' ' || coalesce(reason, '')" in sql(made)


LONG = "a very long name of a thing that somebody has called so on purpose, and then some more words to it"


def test_the_longest_names_and_words_of_python_still_give_code(tmp_path: Path) -> None:
    parent = Table(name=LONG, fields=(Field(name=f"{LONG} one", unique=True), Field(name="class", type="integer")))
    child = Table(
        name=f"Another of {LONG}",
        fields=(
            Field(name=f"parent of {LONG}", references=LONG),
            Field(name="import", type="enum", values=("from here", "to 'there'")),
            Field(name="Größe", type="decimal"),
            Field(name="during", type="period"),
        ),
        invariants=(Invariant(kind="no-overlap", fields=(f"parent of {LONG}",), period="during"),),
        access=(Access(by=(f"parent of {LONG}", "import"), order="-Größe"),),
    )
    for parts in (("tables", "http-api"), ("tables", "http-api", "dashboard")):
        of = design(Requirements(name=LONG, summary=LONG, domain=Domain(tables=(child, parent))), *parts)
        put(write(of), tmp_path / parts[-1])
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--ignore", "E501", "--output-format", "concise", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout


def test_a_table_that_comes_later_rewrites_no_migration() -> None:
    before = write(CALENDAR_LIGHT)
    domain = structs.replace(
        CALENDAR.domain, tables=(*CALENDAR.domain.tables, Table(name="desk", fields=(Field(name="name"),)))
    )
    after = write(design(structs.replace(CALENDAR, domain=domain), "tables", "http-api"))
    for file in before.files:
        if file.path.startswith("migrations/"):
            assert after.text(file.path) == file.text
    assert "CREATE TABLE desks" in after.text("migrations/0004_desks.sql")
