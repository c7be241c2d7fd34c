"""Requirements that the tests of decisions start from: the three seed requests, and the light one."""

from datakeel.design.inputs import changed
from datakeel.requirements import (
    Aggregate,
    Batch,
    Document,
    Domain,
    Event,
    Field,
    Graph,
    Invariant,
    Replicated,
    Requirements,
    Saga,
    Series,
    Service,
    Step,
    Stream,
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

# One system for each other construct.
CATALOGUE = Requirements(
    name="catalogue",
    domain=Domain(documents=(Document(name="product", fields=(Field(name="sku", unique=True),)),)),
)
FRIENDS = Requirements(name="friends", domain=Domain(graphs=(Graph(name="friendship", vertex="person", edge="knows"),)))
NOTES = Requirements(name="notes", domain=Domain(replicated=(Replicated(name="note", fields=(Field(name="text"),)),)))
CLICK = Aggregate(name="Visit", events=(Event(name="PageSeen", fields=(Field(name="page"),)),))
CLICKS = Requirements(
    name="clicks",
    domain=Domain(
        aggregates=(CLICK,),
        streams=(Stream(name="page counts", source="Visit", key=("page",), window=60.0, lateness=60.0),),
    ),
)
BILLING = Requirements(
    name="billing",
    domain=Domain(
        tables=(Table(name="usage", fields=(Field(name="customer"), Field(name="amount", type="integer"))),),
        batches=(Batch(name="invoices", source="usage", every=86_400.0, output="invoice"),),
    ),
)
PAYMENTS = Requirements(
    name="payments",
    domain=Domain(
        tables=(Table(name="payment", fields=(Field(name="customer"), Field(name="paid at", type="timestamp"))),),
        batches=(Batch(name="old", source="payment", every=86_400.0, kind="archive", older_than=86_400.0 * 90),),
    ),
)
SHOP_SEARCH = Requirements(
    name="shop",
    domain=Domain(
        tables=(Table(name="article", fields=(Field(name="title"),)),),
        views=(View(name="article search", sources=("article",), kind="search", fields=("title",)),),
    ),
)


def table(*invariants: Invariant, fields: tuple[Field, ...] = ()) -> Requirements:
    """A system of one table, for its invariants."""
    own = fields or (Field(name="code"), Field(name="amount", type="integer"), Field(name="state"))
    return Requirements(
        name="one table", domain=Domain(tables=(Table(name="thing", fields=own, invariants=invariants),))
    )


def put(requirements: Requirements, path: str, value: object) -> Requirements:
    """The same requirements with another value at a dotted path."""
    return changed(requirements, tuple(path.split(".")), value)
