"""What operators see of a generated system that runs, in a real browser: views, lag, dead letters and sagas as they are
now, and a dead letter that they have tried again."""

from collections.abc import Iterator

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import Visit, browsing
from tests.running import System, running, written

HOSTILE = "<img src=x onerror=\"document.title='taken over'\">"
WIDTHS = (390, 1280)  # pixels: a phone, a desk


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def orders(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    project = written("orders", tmp_path_factory.mktemp("dashboard"))
    with running(project, ["relay", "order-search", "order-analytics"]) as system:
        yield system


@pytest.fixture(scope="module")
def sagas(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    project = written("payment-and-inventory", tmp_path_factory.mktemp("dashboard"))
    with running(project, ["orchestrator"], ["inventory", "payments", "payment-provider"]) as system:
        yield system


def opened(browser: Browser, system: System) -> Visit:
    visit = Visit(browser.new_page(), system.address)
    visit.page.goto(f"{system.address}/dashboard")
    return visit


def panel(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


def test_an_operator_sees_a_dead_letter_and_has_it_tried_again(browser: Browser, orders: System) -> None:
    visit = opened(browser, orders)
    letters, views = panel(visit.page, "Dead letters"), panel(visit.page, "Views")
    expect(letters).to_contain_text("None.")
    with psycopg.connect(orders.database, autocommit=True) as connection:
        connection.execute("ALTER TABLE order_search ADD CONSTRAINT no_pictures CHECK (customer NOT LIKE '<img%')")
        order = {"customer": HOSTILE, "items": ["picture"], "total": 1, "address": "here"}
        orders.post("/orders", order, "hostile").raise_for_status()
        expect(letters).to_contain_text('no_pictures" DETAIL: Failing row contains')
        expect(letters).to_contain_text(HOSTILE)
        expect(views.get_by_role("row", name="order_search 1 0 0 1")).to_be_visible()
        letters.get_by_role("button", name="Replay 1").click()
        expect(letters).to_contain_text("Still failing: CheckViolation")
        connection.execute("ALTER TABLE order_search DROP CONSTRAINT no_pictures")
        letters.get_by_role("button", name="Replay 1").click()
        expect(letters).to_contain_text("None.")
        expect(views.get_by_role("row", name="order_search 1 0 0 0")).to_be_visible()
        assert connection.execute("SELECT customer FROM order_search").fetchall() == [(HOSTILE,)]
    assert visit.page.title() == "order tracking: operations"
    assert visit.complaints == []


def test_many_dead_letters_are_tried_again_at_once(browser: Browser, orders: System) -> None:
    letters = panel(opened(browser, orders).page, "Dead letters")
    with psycopg.connect(orders.database, autocommit=True) as connection:
        connection.execute("ALTER TABLE order_search ADD CONSTRAINT nothing_free CHECK (address <> 'nowhere')")
        for number in range(3):
            order = {"customer": "a", "items": [], "total": 0, "address": "nowhere"}
            orders.post("/orders", order, f"nowhere {number}").raise_for_status()
        expect(letters.get_by_role("button", name="Replay", exact=False)).to_have_count(4)
        connection.execute("ALTER TABLE order_search DROP CONSTRAINT nothing_free")
    letters.get_by_role("button", name="Replay all").click()
    expect(letters).to_contain_text("Done: 3 of 3.")
    expect(letters).to_contain_text("None.")


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_its_window(browser: Browser, orders: System, width: int) -> None:
    visit = opened(browser, orders)
    visit.page.set_viewport_size({"width": width, "height": 800})
    expect(panel(visit.page, "Views").get_by_role("row")).to_have_count(3)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_page_says_when_it_is_not_up_to_date(browser: Browser, orders: System) -> None:
    page = opened(browser, orders).page
    expect(page.get_by_role("alert")).to_be_empty()
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("Not up to date")
    page.context.set_offline(False)
    expect(page.get_by_role("alert")).to_be_empty()


def test_a_saga_is_seen_at_work_and_gone_when_it_ends(browser: Browser, sagas: System) -> None:
    visit = opened(browser, sagas)
    provider = f"http://127.0.0.1:{sagas.ports['payment-provider']}"
    inventory = f"http://127.0.0.1:{sagas.ports['inventory']}"
    supply(f"{inventory}/stock-item", {"sku": "chair", "on_hand": 1})
    supply(f"{provider}/accounts", {"account": "ann", "balance": 1})
    suffer(provider, error=1)
    wish = {"inventory": {"sku": "chair", "quantity": 1}, "payments": {"account": "ann", "amount": 1}}
    sagas.post("/inventory-and-payments", wish, "chair").raise_for_status()
    work, stopped = panel(visit.page, "Sagas at work"), panel(visit.page, "Sagas that stopped")
    expect(work.get_by_role("cell", name="running").or_(work.get_by_role("cell", name="compensating"))).to_be_visible()
    expect(stopped).to_contain_text("The payment provider failed")
    suffer(provider, error=0)
    stopped.get_by_role("button", name="Replay").click()
    expect(stopped).to_contain_text("None.")
    expect(work).to_contain_text("None.")
    assert visit.complaints == []


def supply(address: str, body: object) -> None:
    httpx.post(address, json=body, headers={"Idempotency-Key": address}, timeout=30).raise_for_status()


def suffer(provider: str, error: float) -> None:
    httpx.put(f"{provider}/faults", json={"error": error}, timeout=30).raise_for_status()
