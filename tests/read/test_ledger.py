"""What answers rest on, and what falls when something of it changes."""

from __future__ import annotations

from datakeel.read.ledger import ANSWER, NAME, NOTE, TEXT, Ledger, Root

PAY, SHIP, TAX = (Root("operation", "shop.py", name) for name in ("pay", "ship", "tax"))


def told() -> Ledger:
    """`pay` rests on its own text and, by way of a question, on `tax`; `ship` on its own text and a name."""
    ledger = Ledger()
    with ledger.answering(PAY):
        ledger.rests_on(TEXT, "pay()")
        with ledger.answering("what is the tax"):
            ledger.rests_on(TEXT, "tax()")
            ledger.rests_on(NOTE, "pay calls tax")
    with ledger.answering(SHIP):
        ledger.rests_on(TEXT, "ship()")
        ledger.rests_on(NAME, "carrier")
    with ledger.answering(TAX):
        ledger.rests_on(ANSWER, "what is the tax")
    return ledger


def test_what_changed_takes_with_it_what_rests_on_it() -> None:
    assert told().fallen([(TEXT, "tax()")]) == {PAY, TAX}
    assert told().fallen([(TEXT, "pay()")]) == {PAY}
    assert told().fallen([(NAME, "carrier")]) == {SHIP}
    assert told().fallen([(TEXT, "nobody asked for this")]) == set()


def test_what_is_known_everywhere_takes_all_with_it() -> None:
    ledger = told()
    with ledger.everywhere(), ledger.everywhere():
        ledger.rests_on(TEXT, "settings()")
    assert ledger.fallen([(TEXT, "settings()")]) == {PAY, SHIP, TAX}


def test_a_circle_of_questions_falls_as_one() -> None:
    ledger = Ledger()
    with ledger.answering(PAY), ledger.answering("even"), ledger.answering("odd"):
        ledger.rests_on(ANSWER, "even")
        ledger.rests_on(TEXT, "odd()")
    assert ledger.fallen([(TEXT, "odd()")]) == {PAY}


def test_another_process_tells_what_it_found() -> None:
    parent = Ledger()
    with parent.answering(TAX):
        parent.rests_on(TEXT, "tax()")
    parent.news()
    child = Ledger.of(parent.told_whole())
    child.told = len(child.things)
    child.closed.clear()
    with child.answering(PAY):
        child.rests_on(ANSWER, TAX)
        with child.answering("a question of its own"):
            child.rests_on(TEXT, "pay()")
    news = child.news()
    parent.take(news, list(range(news.first)))
    assert parent.fallen([(TEXT, "tax()")]) == {TAX, PAY}
    assert parent.fallen([(TEXT, "pay()")]) == {PAY}


def test_what_no_root_rests_on_any_more_is_left_behind() -> None:
    kept = told().standing_on([SHIP])
    assert list(kept.notes()) == []
    assert kept.fallen([(TEXT, "ship()")]) == {SHIP}
    assert list(told().standing_on([TAX]).notes()) == ["pay calls tax"]
