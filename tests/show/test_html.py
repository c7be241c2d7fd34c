"""The report and the map as pages, in a real browser: what is seen, chosen, filtered and read; and that no name in the
reviewed code does anything."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from datakeel.finding import Confidence, Fix, Review, Severity, Step
from datakeel.model.atlas import Atlas, Edge, Node
from datakeel.model.place import Place
from datakeel.show.html import render, render_map
from datakeel.show.sources import Sources
from tests.browser import Visit, browsing
from tests.show.sample import LOST_UPDATE, TIMEOUT, review, write_files
from tests.show.test_map import at, system

EVIL = "</script><img src=x onerror=\"document.title='taken over'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def shown(browser: Browser, folder: Path, text: str, *, width: int = 1440, scheme: str = "light") -> Visit:
    file = folder / "page.html"
    file.write_text(text, "utf-8")
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    visit = Visit(page, file.as_uri())
    page.goto(file.as_uri())
    return visit


def drawn(page: Page) -> set[str]:
    return {title.split("\n")[0] for title in page.locator("g.node > title").all_text_contents()}


def small() -> Review:
    return Review(atlas=system(2, 2), findings=(at(0, "t0"), replace(at(1001), rule="dual-write", symbol="copy")))


# Without a browser ----------------------------------------------------------------------------------------------------


def test_the_page_asks_for_nothing_and_runs_nothing_but_its_own() -> None:
    text = render(review(), Sources("/repo"))
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=\"?(https?:|//)", text)
    assert not re.search(r"<[^>]+\son\w+=", text)
    assert text == render(review(), Sources("/repo"))


def test_nothing_that_code_says_is_markup() -> None:
    finding = replace(
        LOST_UPDATE, message=EVIL, symbol=EVIL, rule=EVIL, category=EVIL, why=EVIL, pattern=EVIL, reached_from=(EVIL,),
        place=Place(EVIL, 1), story=(Step(Place(EVIL, 1), EVIL),), fix=Fix(EVIL, EVIL), related=(EVIL,),
    )  # fmt: skip
    nodes = (
        Node("part:a", "part", EVIL, EVIL, (EVIL,), (EVIL,)),
        Node("data:b", "table", EVIL, EVIL, place=Place(EVIL, 1)),
    )
    atlas = Atlas(nodes, (Edge("part:a", "data:b", "writes", (EVIL,), (Place(EVIL, 1),)),))
    for page in (render, render_map):
        text = page(Review(findings=(finding,), doubtful=(finding,), atlas=atlas), Sources("/repo"))
        assert "<img" not in text
        assert text.count("</script>") == 2


def test_half_characters_and_marks_that_turn_text_are_shown_as_such() -> None:
    text = render(Review(findings=(replace(LOST_UPDATE, message="topic \ud800 \u202e x"),)), Sources("/repo"))
    assert "topic ? ? x" in text
    assert text.encode()


def test_two_thousand_findings_are_a_page_of_a_size_that_opens() -> None:
    findings = tuple(replace(TIMEOUT, place=Place(f"shop/f{n}.py", 3), symbol=f"f{n}") for n in range(2000))
    text = render(Review(findings=findings), Sources("/repo"))
    assert text.count("<article ") == 2000
    assert len(text) < 6_000_000


def test_the_code_that_is_told_of_is_shown_with_the_steps(tmp_path: Path) -> None:
    write_files(tmp_path)
    text = render(review(tmp_path), Sources(tmp_path, tmp_path))
    assert '<span class="row told"><i>9</i>            account.save()<b>3</b><b>4</b></span>' in text
    assert '<span class="row"><i>5</i>    def withdraw(self, amount):</span>' in text
    assert "requests.post(URL, json={&quot;größe&quot;: order.id})" in text


# In a browser ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_finding_is_reached_from_the_line_that_it_breaks(browser: Browser, tmp_path: Path, scheme: str) -> None:
    visit = shown(browser, tmp_path, render_map(small(), Sources("/repo")), scheme=scheme)
    page = visit.page
    assert drawn(page) == {"p0", "p1", "t0", "t1", "events"}
    panel = page.get_by_role("region", name="What is chosen")
    expect(panel).to_contain_text("2 parts of the code, 3 datasets")
    page.get_by_role("button", name="p0 writes t0: 1 finding").click()
    expect(panel).to_contain_text("p0 writes t0")
    panel.get_by_role("button", name="lost-update in Account.withdraw").click()
    expect(panel.get_by_role("article")).to_contain_text(LOST_UPDATE.message)
    expect(panel.get_by_role("article")).to_contain_text("Atomic update in the database")
    expect(page.locator("g.link.chosen, g.link:not(.dim)")).to_have_count(1)
    panel.get_by_role("button", name="Back").click()
    expect(panel).to_contain_text("In the code")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert dark == (scheme == "dark")
    page.get_by_role("button", name="Light or dark").click()
    assert (page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)") != dark
    assert visit.complaints == []


def test_one_box_and_its_neighbours_by_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    visit = shown(browser, tmp_path, render_map(small(), Sources("/repo")))
    page = visit.page
    page.locator('g.node[aria-label^="p0"]').focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.box") != "n0"
    page.keyboard.press("ArrowLeft")
    page.locator('g.node[aria-label^="events"]').focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="What is chosen")).to_contain_text("Consumed by")
    page.keyboard.press("Enter")
    expect(page.locator(".where")).to_contain_text("Around events")
    assert drawn(page) == {"events", "p0", "p1"}
    page.keyboard.press("Escape")
    expect(page.locator(".where")).to_be_hidden()
    assert len(drawn(page)) == 5
    page.keyboard.press("/")
    page.keyboard.type("t1")
    assert drawn(page) == {"t1", "p0", "p1"}
    page.keyboard.press("Escape")
    assert len(drawn(page)) == 5
    assert visit.complaints == []


def test_lines_are_chosen_by_kind_and_by_findings(browser: Browser, tmp_path: Path) -> None:
    page = shown(browser, tmp_path, render_map(small(), Sources("/repo"))).page
    page.get_by_label("only with findings").check()
    assert drawn(page) == {"p0", "t0", "t1"}
    page.get_by_role("checkbox", name="reads").uncheck()
    assert drawn(page) == {"p0", "t0"}
    page.get_by_role("checkbox", name="writes").uncheck()
    expect(page.get_by_text("Nothing like that is drawn.")).to_be_visible()


def test_a_hundred_datasets_are_grouped_opened_and_found(browser: Browser, tmp_path: Path) -> None:
    visit = shown(browser, tmp_path, render_map(Review(atlas=system(100, 10)), Sources("/repo")))
    page = visit.page
    assert drawn(page) == {f"p{n}" for n in range(10)} | {f"p{n}: 10 tables" for n in range(10)} | {"events"}
    assert overlapping(page) == []
    page.locator('g.node[aria-label^="p3: 10 tables"]').dblclick()
    assert {f"t{n}" for n in range(3, 100, 10)} <= drawn(page)
    assert overlapping(page) == []
    page.get_by_role("button", name="Show all").click()
    page.locator(".side").get_by_role("button", name="t42", exact=True).dblclick()
    assert drawn(page) == {"t42", "p2", "p3"}
    assert visit.complaints == []


def overlapping(page: Page) -> list[object]:
    """Boxes that lie over one another."""
    found: list[object] = page.evaluate(
        """() => { const at = [...window.atlas.at.entries()] , bad = [];
        for (const [a, [x, y]] of at) for (const [b, [u, v]] of at)
            if (a < b && Math.abs(x - u) < 189 && Math.abs(y - v) < 41) bad.push([a, b]);
        return bad; }"""
    )
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_system_that_goes_round_is_drawn_too(browser: Browser, tmp_path: Path, seed: int) -> None:
    parts = [Node(f"part:p{n}", "part", f"p{n}") for n in range(4)]
    topics = [Node(f"data:t{n}", "topic", f"t{n}", "log") for n in range(4)]
    edges = [Edge(p.id, topics[n].id, "publishes") for n, p in enumerate(parts)]
    edges += [Edge(t.id, parts[(n + 1 + seed) % 4].id, "consumes") for n, t in enumerate(topics)]
    edges += [Edge("data:t0", "data:t1", "derives"), Edge("data:t1", "data:t0", "derives")]
    atlas = Atlas(tuple(parts + topics), tuple(edges))
    visit = shown(browser, tmp_path, render_map(Review(atlas=atlas), Sources("/repo")))
    assert len(drawn(visit.page)) == 8
    assert overlapping(visit.page) == []
    assert visit.complaints == []


def test_the_report_is_filtered_by_severity_category_and_path(browser: Browser, tmp_path: Path) -> None:
    write_files(tmp_path)
    low = replace(TIMEOUT, confidence=Confidence.LOW, rule="hot-key")
    given = replace(review(tmp_path), doubtful=(low,), atlas=system(2, 2))
    visit = shown(browser, tmp_path, render(given, Sources(tmp_path, tmp_path)))
    page = visit.page
    issues = page.locator("#findings article:visible")
    expect(issues).to_have_count(3)
    expect(page.locator("#low article:visible")).to_have_count(1)
    page.get_by_label("critical").uncheck()
    expect(issues).to_have_count(2)
    expect(page.get_by_text("3 of 4 shown")).to_be_visible()
    page.get_by_label("Category").select_option("derive")
    expect(issues).to_have_count(1)
    page.get_by_label("Category").select_option("")
    page.get_by_label("critical").check()
    page.get_by_label("Path").fill("ACCOUNTS")
    expect(issues).to_have_count(1)
    expect(page.locator("#map g.node")).to_have_count(5)
    assert visit.complaints == []


@pytest.mark.parametrize("width", [390, 800, 1440])
def test_no_page_is_wider_than_its_window(browser: Browser, tmp_path: Path, width: int) -> None:
    write_files(tmp_path)
    given = replace(review(tmp_path), atlas=system(30, 5))
    for text in (render(given, Sources(tmp_path, tmp_path)), render_map(given, Sources(tmp_path, tmp_path))):
        page = shown(browser, tmp_path, text, width=width).page
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_do_nothing_in_a_browser_and_are_read(browser: Browser, tmp_path: Path) -> None:
    nodes = (Node("part:a", "part", EVIL, EVIL), Node("data:b", "table", "__proto__", "constructor"))
    atlas = Atlas(nodes, (Edge("part:a", "data:b", "writes", (EVIL,), (place_of(EVIL),)),))
    finding = replace(LOST_UPDATE, place=place_of(EVIL), story=(), symbol=EVIL, datasets=())
    visit = shown(browser, tmp_path, render_map(Review(atlas=atlas, findings=(finding,)), Sources("/repo")))
    assert drawn(visit.page) == {EVIL, "__proto__"}
    visit.page.locator("g.badge").first.click()
    visit.page.get_by_role("button", name="lost-update").click()
    expect(visit.page.get_by_role("article")).to_contain_text("onerror")
    assert visit.page.title().startswith("Map of")
    assert visit.complaints == []


def place_of(path: str) -> Place:
    return Place(path, 1)


def test_two_thousand_findings_open_and_are_filtered(browser: Browser, tmp_path: Path) -> None:
    findings = tuple(
        replace(TIMEOUT, place=Place(f"shop/f{n}.py", 3), severity=Severity.MINOR if n % 2 else Severity.MAJOR)
        for n in range(2000)
    )
    visit = shown(browser, tmp_path, render(Review(findings=findings, atlas=system(100, 10)), Sources("/repo")))
    expect(visit.page.get_by_text("2000 of 2000 shown")).to_be_attached()
    visit.page.get_by_label("major").uncheck()
    expect(visit.page.get_by_text("1000 of 2000 shown")).to_be_attached()
    assert visit.complaints == []


def test_an_empty_review_is_a_page(browser: Browser, tmp_path: Path) -> None:
    for text in (render(Review(), Sources("/repo")), render_map(Review(), Sources("/repo"))):
        visit = shown(browser, tmp_path, text)
        expect(visit.page.get_by_text("Nothing that keeps or moves data was found")).to_be_visible()
        assert visit.complaints == []
    assert json.dumps(text)
