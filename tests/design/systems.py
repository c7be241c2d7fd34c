"""Requirements that the tests of decisions start from: the three seed requests, and the light one."""

from datakeel.requirements import (
    Aggregate,
    Domain,
    Event,
    Field,
    Invariant,
    Requirements,
    Saga,
    Series,
    Service,
    Step,
    Table,
    View,
    Workload,
)

ORDER = Aggregate(
    name="Order",
    events=(
        Event(name="OrderPlaced", state="placed", fields=(Field(name="customer"), Field(name="total", type="money"))),
        Event(name="OrderShipped", after=("placed",), state="shipped"),
        Event(name="OrderDelivered", after=("shipped",), state="delivered"),
        Event(name="OrderCancelled", after=("placed",), state="cancelled"),
    ),
)
SEARCH = View(name="order search", sources=("Order",), kind="search", fields=("customer",))
ANALYTICS = View(name="order analytics", sources=("Order",), kind="analytics", measures=("total",))
ORDERS = Requirements(name="orders", domain=Domain(aggregates=(ORDER,), views=(SEARCH, ANALYTICS)))

READING = Series(name="reading", key=Field(name="sensor"), values=(Field(name="value", type="decimal"),))
READINGS = Requirements(name="readings", workload=Workload(writes=2e6), domain=Domain(series=(READING,)))

STOCK = Table(
    name="stock",
    fields=(Field(name="sku", unique=True), Field(name="available", type="integer")),
    invariants=(Invariant(kind="non-negative", fields=("available",)),),
)
CHECKOUT = Requirements(
    name="checkout",
    domain=Domain(
        services=(Service(name="payment", external=True), Service(name="inventory", holds=(STOCK,))),
        sagas=(
            Saga(
                name="checkout",
                steps=(
                    Step(name="reserve", service="inventory", compensation="release"),
                    Step(name="charge", service="payment", compensation="refund"),
                ),
            ),
        ),
    ),
)

ROOM = Table(name="room", fields=(Field(name="name", unique=True),))
BOOKING = Table(
    name="booking",
    fields=(Field(name="room", references="room"), Field(name="during", type="period"), Field(name="by")),
    invariants=(Invariant(kind="no-overlap", fields=("room",), period="during"),),
)
CALENDAR = Requirements(name="rooms", workload=Workload(users=40), domain=Domain(tables=(ROOM, BOOKING)))
