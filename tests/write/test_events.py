"""Event-sourced aggregates, and what is derived from them."""

import subprocess
import sys
from pathlib import Path

import pytest

from datakeel.mistake import Mistake
from datakeel.requirements import Aggregate, Domain, Event, Field, Requirements, View
from datakeel.write.project import Project
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.designs import design
from tests.write.systems import LEDGER, ORDERS, PARTS

VISITS = Requirements(
    name="visits",
    domain=Domain(
        aggregates=(
            Aggregate(name="Visit", events=(Event(name="VisitNoted", state="noted", fields=(Field(name="who"),)),)),
            ORDERS.domain.aggregates[0],
        )
    ),
)  # of which one has a single event


@pytest.mark.parametrize("requirements", [ORDERS, LEDGER, VISITS], ids=lambda r: r.name)
def test_the_code_is_laid_out_and_clean(requirements: Requirements, tmp_path: Path) -> None:
    on_disk(write(design(requirements, *PARTS)), tmp_path)
    assert_laid_out_and_clean(tmp_path)


def test_the_same_design_gives_the_same_bytes() -> None:
    assert write(design(LEDGER, *PARTS)) == write(design(LEDGER, *PARTS))


def test_an_event_is_asked_for_by_its_verb() -> None:
    domain = write(design(ORDERS, *PARTS)).text("src/order_tracking/domain/order.py")
    assert "class ShipOrder(Command):" in domain
    assert '"/{account_id}/withdraw-money"' in write(design(LEDGER, *PARTS)).text("src/ledger/api/accounts.py")


def test_a_balance_that_is_never_negative_is_guarded() -> None:
    domain = write(design(LEDGER, *PARTS)).text("src/ledger/domain/account.py")
    assert "if not current.balance >= command.amount:" in domain
    assert "balance=current.balance - event.amount" in domain


def test_without_a_log_there_is_neither_relay_nor_view() -> None:
    alone = Requirements(name="orders", domain=Domain(aggregates=ORDERS.domain.aggregates))
    paths = {file.path for file in write(design(alone, "event-store", "http-api")).files}
    assert "src/orders/storage/event_store.py" in paths
    assert not [path for path in paths if "/processing/" in path or "snapshots" in path]


def test_an_aggregate_that_nothing_creates_is_a_mistake() -> None:
    orphan = Aggregate(name="Order", events=(Event(name="OrderShipped", after=("placed",), state="shipped"),))
    with pytest.raises(Mistake, match="no event creates it"):
        write(design(Requirements(name="orders", domain=Domain(aggregates=(orphan,))), *PARTS))


def test_a_view_of_a_field_that_is_not_there_names_the_nearest() -> None:
    view = View(name="search", sources=("Order",), kind="search", fields=("custmer",))
    orders = Domain(aggregates=ORDERS.domain.aggregates, views=(view,))
    with pytest.raises(Mistake, match='did you mean "customer"'):
        write(design(Requirements(name="orders", domain=orders), *PARTS))


def test_awkward_names_are_still_code(tmp_path: Path) -> None:
    names = ("class", "user", "from", "copy", "id", "state", "x" * 200, "Größe in m²", "../etc")
    fields = tuple(Field(name=name) for name in names)
    created = Event(name="Import Class Created", fields=fields, state="None")
    order = Aggregate(name="order", events=(created, Event(name="select", after=("None",), state="and")))
    view = View(name="user", sources=("order",), kind="search", fields=names[:4])
    awkward = Requirements(name="global", domain=Domain(aggregates=(order,), views=(view,)))
    on_disk(write(design(awkward, *PARTS)), tmp_path)
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select=F,E9", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout


def on_disk(project: Project, folder: Path) -> None:
    for file in project.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)


def test_two_aggregates_share_a_store_and_a_log(tmp_path: Path) -> None:
    both = Domain(
        aggregates=ORDERS.domain.aggregates + LEDGER.domain.aggregates,
        views=(*ORDERS.domain.views, View(name="all", sources=("Order", "Account"), kind="search")),
    )
    shop = write(design(Requirements(name="shop", domain=both), *PARTS))
    assert "CREATE TABLE all_orders" in "".join(file.text for file in shop.files)
    on_disk(shop, tmp_path)
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


def test_a_cache_is_one_row_for_each_aggregate() -> None:
    cache = View(name="order cache", sources=("Order",), kind="cache")
    orders = Domain(aggregates=ORDERS.domain.aggregates, views=(cache,))
    shop = write(design(Requirements(name="shop", domain=orders), *PARTS, "cache"))
    assert "WHERE order_id = %(order_id)s" in shop.text("src/shop/storage/order_cache.py")
    assert "CREATE INDEX" not in shop.text("migrations/0005_order_cache.sql")
