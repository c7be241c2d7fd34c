"""Requirements by hand, for the tests of what is written: orders, and accounts whose balance is never negative."""

from datakeel.requirements import Aggregate, Domain, Event, Field, Invariant, Requirements, Total, View

ORDERS = Requirements(
    name="order tracking",
    summary="Orders, from the day they are placed to the day they are delivered.",
    domain=Domain(
        aggregates=(
            Aggregate(
                name="Order",
                events=(
                    Event(
                        name="OrderPlaced",
                        state="placed",
                        fields=(
                            Field(name="customer"),
                            Field(name="items", many=True),
                            Field(name="total", type="money", minimum=0),
                            Field(name="address"),
                        ),
                    ),
                    Event(
                        name="OrderShipped",
                        after=("placed",),
                        state="shipped",
                        fields=(Field(name="carrier"), Field(name="tracking_code")),
                    ),
                    Event(
                        name="OrderDelivered",
                        after=("shipped",),
                        state="delivered",
                        fields=(Field(name="received_by", optional=True),),
                    ),
                    Event(name="OrderCancelled", after=("placed",), state="cancelled", fields=(Field(name="reason"),)),
                ),
            ),
        ),
        views=(
            View(
                name="order search",
                sources=("Order",),
                kind="search",
                fields=("customer", "items", "address", "tracking_code", "total"),
            ),
            View(
                name="order analytics",
                sources=("Order",),
                kind="analytics",
                dimensions=("state",),
                measures=("count", "sum total"),
            ),
        ),
    ),
)

AMOUNT = Field(name="amount", type="money", minimum=1)
LEDGER = Requirements(
    name="ledger",
    summary="Accounts whose balance is never negative.",
    domain=Domain(
        aggregates=(
            Aggregate(
                name="Account",
                totals=(Total(name="balance", adds=("MoneyDeposited.amount",), subtracts=("MoneyWithdrawn.amount",)),),
                invariants=(Invariant(kind="non-negative", fields=("balance",)),),
                events=(
                    Event(
                        name="AccountOpened",
                        state="open",
                        fields=(
                            Field(name="owner"),
                            Field(name="currency", type="enum", values=("EUR", "USD")),
                            Field(name="iban", optional=True),
                            Field(name="branch", type="uuid"),
                            Field(name="limit", type="decimal", optional=True),
                        ),
                    ),
                    Event(
                        name="MoneyDeposited",
                        after=("open",),
                        fields=(AMOUNT, Field(name="memo", optional=True), Field(name="value date", type="date")),
                    ),
                    Event(name="MoneyWithdrawn", after=("open",), fields=(AMOUNT, Field(name="at", type="timestamp"))),
                    Event(name="AccountClosed", after=("open",), state="closed"),
                ),
            ),
        ),
        views=(
            View(name="account lookup", sources=("Account",), kind="lookup", fields=("owner",)),
            View(
                name="account search",
                sources=("Account",),
                kind="search",
                fields=("owner", "currency", "balance", "memo"),
            ),
            View(
                name="balances",
                sources=("Account",),
                kind="analytics",
                dimensions=("currency", "state"),
                measures=("count", "sum balance", "mean balance"),
            ),
        ),
    ),
)
PARTS = (
    "event-store",
    "snapshots",
    "log",
    "message-schemas",
    "search-view",
    "analytics-view",
    "lookup-view",
    "http-api",
    "dashboard",
)
