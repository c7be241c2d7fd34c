"""What is at stake when a race is lost: money and goods, which nobody gets back, or data that a later write puts
right."""

from __future__ import annotations

import re

from datakeel.finding import Severity
from datakeel.model.effect import Effect

VALUABLE = re.compile(
    r"balance|amount|credit|debit|payment|paid|invoice|refund|charge|payout|wallet|ledger|money|price|cost|(^|_)fee"
    r"|stock|inventory|quantity|qty|allocat|order|booking|booked|reserv|seat|ticket|coupon|voucher|quota|budget"
    r"|account|transfer|transaction|purchase|subscription|shipment|deliver|licen[cs]e|capacity|points",
    re.I,
)


def race(write: Effect, *columns: str) -> Severity | None:
    """How bad it is when two runs meet in a write: None, the rule's own severity, where it holds money, goods or rights
    to them; else major, for such a meeting is rare. `columns`: those that are lost; none: those that are written.

    >>> VALUABLE.search("accounts.balance") is not None, VALUABLE.search("users.table_layout") is not None
    (True, False)
    """
    return None if valuable(write.dataset, *(columns or (a.column for a in write.assigned))) else Severity.MAJOR


def valuable(*names: str) -> bool:
    return any(VALUABLE.search(name) for name in names)
