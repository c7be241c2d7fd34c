"""Systems and changes of them, for the tests of what an update adds: each change as `datakeel impact` takes it."""

SHOP = """
datakeel: 1
name: corner shop
domain:
  tables:
    Customer: {fields: {email: text unique, nickname: text optional, points: integer at least 0}}
    Bill:
      fields:
        customer: reference Customer
        number: text
        status: enum(open, paid)
        amount: money
        due: date optional
        memo: text optional
        tags: text many
      access: [{by: customer}]
    Room: {fields: {name: text unique}}
    Booking:
      fields: {room: reference Room, guest: text, stay: period}
      access: [{by: room, range: stay}]
"""

FED = f"{SHOP}existing: {{billing: {{engine: mysql, role: sink}}}}\n"

ORDERS = """
datakeel: 1
name: parcel orders
domain:
  aggregates:
    Order:
      events:
        OrderPlaced: {fields: {customer: text, items: text many, total: money, address: text, note: text optional}}
        OrderShipped: {after: placed, fields: {carrier: text, code: text}}
        OrderCancelled: {after: placed, fields: {reason: "enum(late, wrong)"}}
  views:
    order search: {sources: Order, kind: search, fields: [customer, address]}
    sales: {sources: Order, kind: analytics, dimensions: [state], measures: [count, sum total]}
    of customer: {sources: Order, kind: lookup, fields: [customer]}
"""

METERS = """
datakeel: 1
name: water meters
domain:
  tables:
    Meter: {fields: {serial: text unique}}
  series:
    flow:
      key: {meter: uuid}
      values: {litres: decimal, pressure: decimal optional}
      workload: {writes: 50/s, record: 60 B, retention: 90d}
      range: 1d
      rollups: [1h]
      kept: 2y
"""

FORMS = """
datakeel: 1
name: clinic forms
domain:
  documents:
    Questionnaire:
      fields: {patient: text, topic: text optional, labels: text many optional}
      access: [{by: patient}]
"""

CATALOGUE = """
datakeel: 1
name: seed catalogue
domain:
  documents:
    Seed: {fields: {name: text, family: text, labels: text many optional}, access: [{by: family}]}
  views:
    seed search: {sources: Seed, kind: search, fields: [name, labels]}
    families: {sources: Seed, kind: analytics, dimensions: [family], measures: [count]}
"""

FRIENDS = """
datakeel: 1
name: circle of friends
domain:
  graphs:
    acquaintances: {vertex: person, edge: follows, depth: 2, fields: {since: date optional}}
"""

OFFLINE = """
datakeel: 1
name: field work
availability: {offline: true}
domain:
  replicated:
    Note: {fields: {title: text, tag: "enum(red, blue) optional", stars: integer}}
    Visit: {fields: {place: text, doctor: text optional}, merge: version-vector}
"""

TRIPS = """
datakeel: 1
name: trips
domain:
  services:
    hotel: {holds: {stay: {fields: {guest: text}}}}
    airline: {holds: {seat: {fields: {flight: text}}}}
  sagas:
    trip:
      steps:
        book seat: {service: airline, compensation: cancel seat}
        book stay: {service: hotel}
"""

TABLES = "domain.tables"
FIELDS = f"{TABLES}.Bill.fields"
EVENTS = "domain.aggregates.Order.events"
VIEWS = "domain.views"
LINE = "{fields: {bill: reference Bill, product: text, pieces: integer at least 1}, access: [{by: bill}]}"
PAYMENT = "{events: {PaymentTaken: {fields: {order: text, amount: money}}, PaymentReturned: {after: taken}}}"

# Changes that are followed: what it is, the system, what changes.
FOLLOWED = [
    ("nothing", SHOP, ["workload.writes=2/s"]),
    ("a new table, which refers to one that is there", SHOP, [f"{TABLES}.Line={LINE}"]),
    ("an optional field", SHOP, [f"{FIELDS}.gift note=text optional"]),
    ("a required text", SHOP, [f"{FIELDS}.place=text"]),
    ("a required enum", SHOP, [f"{FIELDS}.kind=enum(retail, trade)"]),
    ("a required number with a bound", SHOP, [f"{FIELDS}.pieces=integer at least 1"]),
    ("a required list", SHOP, [f"{FIELDS}.codes=integer many"]),
    ("a required boolean and a decimal", SHOP, [f"{FIELDS}.paper=boolean", f"{FIELDS}.weight=decimal"]),
    ("an optional reference", SHOP, [f"{FIELDS}.room=reference Room optional"]),
    ("an optional field that is unique", SHOP, [f"{TABLES}.Customer.fields.phone=text unique optional"]),
    ("an access path", SHOP, [f"{TABLES}.Bill.access=[{{by: customer}}, {{by: status, order: -due}}]"]),
    ("an access path that is gone", SHOP, [f"{TABLES}.Bill.access="]),
    ("a unique field", SHOP, [f"{FIELDS}.number=text unique"]),
    ("one that is unique no longer", SHOP, [f"{TABLES}.Customer.fields.email=text"]),
    ("an invariant of two fields", SHOP, [f"{TABLES}.Bill.invariants=[{{unique: [customer, number]}}]"]),
    ("a lowest value", SHOP, [f"{FIELDS}.amount=money at least 0"]),
    ("another lowest value", SHOP, [f"{TABLES}.Customer.fields.points=integer at least 1"]),
    ("no lowest value any more", SHOP, [f"{TABLES}.Customer.fields.points=integer"]),
    ("one more value of an enum", SHOP, [f"{FIELDS}.status=enum(open, paid, lost)"]),
    ("an enum that becomes text", SHOP, [f"{FIELDS}.status=text"]),
    ("an optional field that becomes required", SHOP, [f"{FIELDS}.memo=text"]),
    ("a required field that becomes optional", SHOP, [f"{FIELDS}.number=text optional"]),
    ("a field that goes", SHOP, [f"{FIELDS}.tags="]),
    ("a field under another name", SHOP, [f"{FIELDS}.memo=", f"{FIELDS}.remark=text optional"]),
    ("a table that goes", SHOP, [f"{TABLES}.Bill="]),
    ("no two bookings at a time", SHOP, [f"{TABLES}.Booking.invariants=[no-overlap: stay per room]"]),
    ("a search", SHOP, [f"{VIEWS}.find={{sources: Bill, kind: search, fields: [memo, number]}}"]),
    ("a report", SHOP, [f"{VIEWS}.sum={{sources: Bill, kind: analytics, dimensions: [status], measures: [count]}}"]),
    ("an optional field of an event", ORDERS, [f"{EVENTS}.OrderPlaced.fields.gift_note=text optional"]),
    ("an event", ORDERS, [f"{EVENTS}.OrderReturned={{after: shipped, fields: {{why: text}}}}"]),
    ("a light system that becomes a full one", SHOP, [f"domain.aggregates.Payment={PAYMENT}"]),
    (
        "several changes at once",
        SHOP,
        [f"{TABLES}.Line={LINE}", f"{FIELDS}.place=text", f"{FIELDS}.memo=", f"{FIELDS}.number=text unique"],
    ),
    ("an aggregate", ORDERS, [f"domain.aggregates.Payment={PAYMENT}"]),
    (
        "an aggregate with a view",
        ORDERS,
        [f"domain.aggregates.Payment={PAYMENT}", f"{VIEWS}.money={{sources: Payment, kind: lookup, fields: [order]}}"],
    ),
    ("a system to be fed", ORDERS, ["existing.billing={engine: mysql, role: sink}"]),
    ("a system to be fed with rows", SHOP, ["existing.billing={engine: mysql, role: sink, takes: [Bill, Room]}"]),
    ("one more system to be fed", FED, ["existing.letters={engine: mysql, role: sink}"]),
    ("less of what a system is told", FED, ["existing.billing.takes=[Bill]"]),
    ("a system that is fed no more", FED, ["existing="]),
    ("a view", ORDERS, [f"{VIEWS}.by address={{sources: Order, kind: lookup, fields: [address]}}"]),
    ("a view that goes", ORDERS, [f"{VIEWS}.of customer="]),
    ("a field of a search", ORDERS, [f"{VIEWS}.order search.fields=[customer, address, items, note]"]),
    ("a field that goes from a search", ORDERS, [f"{VIEWS}.order search.fields=[customer]"]),
    ("another dimension", ORDERS, [f"{VIEWS}.sales.dimensions=[state, customer]"]),
    ("another measure", ORDERS, [f"{VIEWS}.sales.measures=[count, sum total, mean total]"]),
    (
        "a search that becomes a look-up",
        ORDERS,
        [f"{VIEWS}.order search={{sources: Order, kind: lookup, fields: [customer]}}"],
    ),
    (
        "a look-up that becomes totals",
        ORDERS,
        [f"{VIEWS}.of customer={{sources: Order, kind: analytics, dimensions: [customer], measures: [count]}}"],
    ),
    ("totals that become a look-up", ORDERS, [f"{VIEWS}.sales={{sources: Order, kind: lookup, fields: [customer]}}"]),
    ("another look-up", ORDERS, [f"{VIEWS}.of customer.fields=[customer, address]"]),
    ("an order that is wider than the aggregate", ORDERS, ["domain.aggregates.Order.ordered_by=customer"]),
    ("tables beside aggregates", ORDERS, [f"{TABLES}.Carrier={{fields: {{name: text unique}}}}"]),
    ("an optional value of a series", METERS, ["domain.series.flow.values.level=decimal optional"]),
    ("one more rollup", METERS, ["domain.series.flow.rollups=[1h, 1d]"]),
    ("a rollup that goes", METERS, ["domain.series.flow.rollups="]),
    ("another series", METERS, ["domain.series.heat={key: {meter: uuid}, values: {degrees: decimal}}"]),
    ("a field to look documents up by", FORMS, ["domain.documents.Questionnaire.fields.ward=text optional"]),
    ("one more way to documents", FORMS, ["domain.documents.Questionnaire.access=[{by: patient}, {by: topic}]"]),
    ("another kind of documents", FORMS, ["domain.documents.Letter={fields: {doctor: text}, access: [{by: doctor}]}"]),
    ("a search of documents", FORMS, [f"{VIEWS}.find={{sources: Questionnaire, kind: search, fields: [topic]}}"]),
    ("one more copy", CATALOGUE, [f"{VIEWS}.all={{sources: Seed, kind: analytics, measures: [count]}}"]),
    ("another dimension of a copy", CATALOGUE, [f"{VIEWS}.families.dimensions=[family, name]"]),
    ("a field of a copy", CATALOGUE, [f"{VIEWS}.seed search.fields=[name, labels, family]"]),
    ("a copy that goes", CATALOGUE, [f"{VIEWS}.families="]),
    ("the last copies go", CATALOGUE, [f"{VIEWS}="]),
    ("a field of an edge", FRIENDS, ["domain.graphs.acquaintances.fields.strength=integer optional"]),
    ("another graph", FRIENDS, ["domain.graphs.work={vertex: person, edge: manages, depth: 2}"]),
]

# Changes that what is stored does not bear: what changes, and words of what is said.
REFUSED = [
    (
        ORDERS,
        [f"{EVENTS}.OrderPlaced.fields.address=", f"{VIEWS}.order search.fields=[customer]"],
        "field address would be gone",
        "`address: text optional`",
    ),
    (ORDERS, [f"{EVENTS}.OrderPlaced.fields.total=decimal"], "from money to decimal", "OrderPlacedV2"),
    (ORDERS, [f"{EVENTS}.OrderPlaced.fields.gift=text"], "field gift would be required", "`gift: text optional`"),
    (ORDERS, [f"{EVENTS}.OrderPlaced.fields.note=text"], "field note would be required", "leave it optional"),
    (ORDERS, [f"{EVENTS}.OrderPlaced.fields.items=text"], "from text many to text", "OrderPlacedV2"),
    (ORDERS, [f"{EVENTS}.OrderShipped="], "event OrderShipped would be gone", "keep OrderShipped"),
    (ORDERS, [f"{EVENTS}.OrderCancelled.fields.reason=enum(late, other)"], "would lose the value wrong", "keep it"),
    (
        ORDERS,
        [f"{EVENTS}.OrderShipped.fields.carrier=enum(dhl, ups)"],
        "stored events may have any text",
        "leave it text",
    ),
    (ORDERS, [f"{EVENTS}.OrderShipped.after="], "continued the streams", "leave its `after`"),
    (ORDERS, ["name=parcels"], "would become parcels", "Keep the name"),
    (OFFLINE, ["domain.replicated.Note.fields.title="], "clients have set it, or will", "keep it"),
    (OFFLINE, ["domain.replicated.Note.fields.stars=decimal"], "from integer to decimal", "a new field beside it"),
    (OFFLINE, ["domain.replicated.Note.fields.tag=enum(red, blue)"], "clients may have sent none", "leave it optional"),
    (OFFLINE, ["domain.replicated.Note.fields.tag=enum(red, green) optional"], "lose the value blue", "keep it"),
    (OFFLINE, ["domain.replicated.Visit.merge=crdt"], "merged by version-vector", "leave `merge` as it is"),
    (OFFLINE, ["domain.replicated.Visit.fields.at=timestamp"], "have sent have none", "`at: timestamp optional`"),
    (SHOP, [f"{FIELDS}.room=reference Room"], "bills: room_id would be required", "make it optional"),
    (SHOP, [f"{FIELDS}.at=timestamp"], "bills: at would be required", "make it optional"),
    (SHOP, [f"{FIELDS}.amount=decimal"], "bills: amount would change from bigint", "add a field beside it"),
    (SHOP, [f"{TABLES}.Customer.fields.phone=text unique"], "customers: phone would be required", "make it optional"),
    (METERS, ["domain.series.flow.values.level=decimal"], "flow: level would be required", "`level: decimal optional`"),
    (
        FORMS,
        ["domain.documents.Questionnaire.fields.ward=text", "domain.documents.Questionnaire.access=[{by: ward}]"],
        "ward would be required",
        "make it optional",
    ),
]

# Changes that are followed, and of which something is to be known: the system, what changes, what is said.
TOLD = [
    (ORDERS, [f"{EVENTS}.OrderPlaced.fields.address=text unique"], "python -m parcel_orders claim"),
    (TRIPS, ["domain.sagas.trip.steps.book seat.service=hotel"], "saga trip has other steps"),
    (TRIPS, ["domain.services.hotel.holds.stay.fields.room=text"], "service hotel asks for room of each stay"),
    (OFFLINE, ["domain.replicated.Note.fields.place=text"], ""),
    (TRIPS, ["domain.sagas.trip.timeout=2h"], ""),
    (SHOP, [f"{FIELDS}.pieces=integer at least 1 optional"], ""),  # no row can break it yet
    (SHOP, [f"{TABLES}.Customer.fields.phone=text unique optional"], ""),
    (SHOP, [f"{FIELDS}.amount=money at least 0"], "rows break bills_amount_least: put them right first"),
]
