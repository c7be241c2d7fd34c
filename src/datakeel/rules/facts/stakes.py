"""What is at stake when a race is lost: money and goods, which nobody gets back, or data that a later write puts
right."""

from __future__ import annotations

import re

from datakeel.finding import Severity
from datakeel.model.effect import Effect

# what a column counts that nobody gives away twice
_AMOUNTS = """
    balance amount credit debit paid payment refund refunded charge payout money price tariff cost fee stock inventory
    quantity qty allocated reserved budget capacity seat
    """
AMOUNTS = frozenset(_AMOUNTS.split())
# what a row is, of which one more or less is a loss
_HOLDINGS = """
    payment invoice refund charge payout wallet ledger transfer order booking reservation allocation ticket coupon
    voucher purchase shipment seat
    """
HOLDINGS = frozenset(_HOLDINGS.split())
# where a thing stands in a list: the next move puts it right
PLACES = frozenset(["position", "order", "rank", "sort", "index", "idx", "place"])
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]{2,}")


def race(write: Effect, *columns: str) -> Severity | None:
    """How bad it is when two runs meet in a write: None, the rule's own severity, where it counts money or goods, or
    makes a row that stands for them; else major, for such a meeting is rare. `columns`: those that are lost; none:
    those that are written."""
    if columns or write.verb != "insert":
        at_stake = any(AMOUNTS & words(name) for name in columns or (a.column for a in write.assigned))
    else:
        at_stake = last_word(write.dataset) in HOLDINGS
    return None if at_stake else Severity.MAJOR


def valuable(*names: str) -> bool:
    """Whether one of some names speaks of money or goods.

    >>> valuable("order-events"), valuable("accounts.balance"), valuable("users.table_layout", "reordered")
    (True, True, False)
    """
    return any((AMOUNTS | HOLDINGS) & words(name) for name in names)


def is_place(column: str) -> bool:
    """Whether a column says where a thing stands among others: its last word does.

    >>> is_place("sort_order"), is_place("order_number")
    (True, False)
    """
    return last_word(column) in PLACES


def words(name: str) -> frozenset[str]:
    return frozenset(map(singular, WORD.findall(name)))


def last_word(name: str) -> str:
    """The word that says what a row of a table is.

    >>> last_word("shop_orders"), last_word("order_line"), last_word("ORDERS"), last_word("")
    ('order', 'line', 'order', '')
    """
    return singular((WORD.findall(name) or [""])[-1])


def singular(word: str) -> str:
    return word.lower().removesuffix("s")
