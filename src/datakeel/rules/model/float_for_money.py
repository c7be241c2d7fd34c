"""`float-for-money`: amounts of money stand in binary floats."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Column, Dataset
from datakeel.rules.facts.growth import HAPPENS
from datakeel.rules.facts.tables import BINARY, answered_for, named, own_name, stands, words
from datakeel.rules.rule import Hit, Record, rule

MONEY = frozenset(
    words(
        "price prices fee fees salary wage wages payout payouts refund refunded subtotal revenue surcharge "
        "invoiced cashback paid payable"
    )
)
LISTED = frozenset(
    words("price prices fee fees surcharge paid")
)  # of those, what may be quoted and never reckoned with
PERHAPS = frozenset(  # money among things that are paid for
    words(
        "amount total cost costs balance credit debit charge charges discount payment tax vat budget deposit "
        "spent earnings tip donation"
    )
)
ENTRIES = frozenset(words("entry entries posting postings"))
NO_AMOUNT = frozenset(
    words(
        "percent percentage pct rate rates ratio factor multiplier index score weight count days hours minutes "
        "seconds ms time bytes tokens calories quantity qty trend change elasticity sensitivity probability "
        "confidence"
    )
)
PAID_FOR = frozenset(
    words(
        "order orders invoice invoices payment payments transaction transactions wallet wallets ledger billing "
        "bill bills charge charges cart carts subscription subscriptions donation donations payout payouts refund "
        "refunds price prices sale sales purchase purchases checkout bank fund funds currency currencies fee fees "
        "salary expense expenses coupon coupons receipt receipts voucher"
    )
)
SOLD = frozenset(
    words(
        "product products item items article articles sku skus stock catalog catalogue offer offers variant variants "
        "goods service services plan plans tariff tariffs room rooms ticket tickets booking bookings reservation "
        "reservations menu dish dishes meal course courses book books listing listings auction auctions quantity qty "
        "customer seller buyer show shows concert concerts seat seats"
    )
)

ACCOUNTS = frozenset(words("account accounts"))
QUOTED = frozenset(words("fee fees price prices offer offers plan plans tariff tariffs currency currencies"))
SEVERAL = 3


@rule(Severity.CRITICAL, Record(1, 6), sure=False)
def float_for_money(dataset: Dataset) -> Iterator[Hit]:
    """Money stands in a binary float, which cannot hold most amounts exactly."""
    if not answered_for(dataset):
        return
    binary = [c for c in dataset.schema.columns if BINARY.match(c.type)]
    table = frozenset((*named(dataset), *words(dataset.name)))
    beside = any(PAID_FOR.intersection(words(c.name)) for c in dataset.schema.columns)
    among = not table & NO_AMOUNT and (beside or bool(table & PAID_FOR) or booked(dataset))
    held = not ACCOUNTS.isdisjoint(named(dataset)[-1:])
    found = [c for c in binary if money(c, among=among) or (held and words(c.name) == ("balance",))]
    if found:
        yield hit(dataset, found, reckoned(dataset, table))


def booked(dataset: Dataset) -> bool:
    """Whether its rows are entries of accounts."""
    entries = not ENTRIES.isdisjoint(named(dataset)[-1:])
    return entries and any("account" in words(c.name) for c in dataset.schema.columns)


def reckoned(dataset: Dataset, table: frozenset[str]) -> bool:
    """Whether it is of a table of what is bought or paid for, by its name or one of its other columns' names."""
    others = {w for c in dataset.schema.columns if not BINARY.match(c.type) for w in words(c.name)}
    return bool((table | others) & (PAID_FOR | SOLD))


def reckoned_with(dataset: Dataset, columns: list[Column]) -> bool:
    """Whether its amounts are added up, and compared: its rows are accounts or their entries, what is sold or paid, or
    what happens, by its name's last word, or it holds amount beside amount. A limit, a quoted rate or a statistic is
    not."""
    if booked(dataset) or len(columns) >= SEVERAL or HAPPENS.search(own_name(dataset)):
        return True
    last = frozenset(named(dataset)[-1:])
    return bool(last & (PAID_FOR | SOLD | ACCOUNTS) - QUOTED)


def money(column: Column, *, among: bool) -> bool:
    """Whether a column's name says that it holds an amount of money; `among`: it stands among what is paid for."""
    said = frozenset(words(column.name))
    if said & NO_AMOUNT:
        return False
    return bool(said & MONEY) or (among and bool(said & PERHAPS))


def hit(dataset: Dataset, columns: list[Column], reckoned: bool) -> Hit:
    first = columns[0]
    names = ", ".join(c.name for c in columns)
    said = [MONEY.intersection(words(c.name)) for c in columns]
    listed = not reckoned and all(s and s <= LISTED for s in said)  # a price that is kept, and perhaps only shown
    return Hit(
        place=stands(dataset, first),
        message=f"{dataset.name} keeps money in binary floats ({names}): sums drift by cents, and equal amounts differ",
        story=(
            *(
                Step(stands(dataset, c), f"{c.name} is a {c.type}: 0.10 is kept as 0.1000000000000000055…")
                for c in columns[:4]
            ),
            Step(
                stands(dataset, first),
                "ten such amounts do not add up to 1.00; a total that must equal another does not",
            ),
            Step(
                stands(dataset, first), "rounding hides it for years, until books are balanced against another system"
            ),
        ),
        doubts=int(dataset.origin) + (2 if listed else int(not said[0])),
        apart=reckoned_with(dataset, columns),
        severity=Severity.MINOR if listed else None,
        datasets=(dataset.name,),
        fix=Fix(
            title="keep exact decimals, or whole cents",
            text="\n".join(
                f"ALTER TABLE {dataset.name} ALTER COLUMN {c.name} TYPE numeric(19, 4);" for c in columns[:4]
            ),
        ),
    )
