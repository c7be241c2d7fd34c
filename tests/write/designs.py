"""Designs by hand, for the tests of what is written."""

from datakeel.decision import QUESTIONS, Decision, Design
from datakeel.requirements import Access, Domain, Field, Invariant, Requirements, Table


def design(requirements: Requirements, *parts: str) -> Design:
    """A design that asks for these parts, by its first decision."""
    return Design(
        requirements=requirements,
        decisions=tuple(
            Decision(
                question=question,
                chosen="as-it-is",
                title=f"The {question.replace('-', ' ')} stays as it is",
                because=("Nothing asks for more.",),
                parts=parts if question == QUESTIONS[0] else (),
            )
            for question in QUESTIONS
        ),
    )


CALENDAR = Requirements(
    name="Meeting rooms",
    summary="A meeting-room calendar for 40 users, no double booking.",
    domain=Domain(
        tables=(
            Table(
                name="room", fields=(Field(name="name", unique=True), Field(name="capacity", type="integer", minimum=1))
            ),
            Table(
                name="booking",
                fields=(
                    Field(name="room", references="room"),
                    Field(name="booked by"),
                    Field(name="title"),
                    Field(name="during", type="period"),
                ),
                invariants=(Invariant(kind="no-overlap", fields=("room",), period="during"),),
                access=(Access(by=("room",), range="during"), Access(by=("booked by",))),
            ),
        )
    ),
)
CALENDAR_LIGHT = design(CALENDAR, "tables", "http-api")
CALENDAR_FULL = design(CALENDAR, "tables", "http-api", "dashboard")
EVERYTHING = design(
    Requirements(
        name="Everything about tables",
        domain=Domain(
            tables=(
                Table(
                    name="reservation",
                    fields=(
                        Field(name="item", references="stock item"),
                        Field(name="reference", unique=True),
                        Field(name="quantity", type="integer", minimum=1),
                        Field(name="status", type="enum", values=("held", "confirmed", "released")),
                        Field(name="expires at", type="timestamp"),
                    ),
                    invariants=(
                        Invariant(
                            kind="transitions", fields=("status",), moves=(("held", "confirmed"), ("held", "released"))
                        ),
                    ),
                    access=(Access(by=("status",), order="-expires at"), Access(range="expires at")),
                ),
                Table(
                    name="stock item",
                    fields=(
                        Field(name="sku", unique=True),
                        Field(name="on hand", type="integer", minimum=0),
                        Field(name="price", type="money", minimum=0),
                        Field(name="weight", type="decimal", optional=True),
                        Field(name="order", type="boolean"),
                        Field(name="date", type="date"),
                        Field(name="tags", many=True),
                        Field(name="attributes", type="json"),
                        Field(name="supplier", type="uuid", optional=True),
                    ),
                    invariants=(Invariant(kind="non-negative", fields=("on hand",)),),
                    access=(Access(by=("sku",)), Access(by=("order",), order="date")),
                ),
                Table(name="class", fields=(Field(name="name"), Field(name="starts at", type="timestamp"))),
                Table(
                    name="enrolment",
                    fields=(Field(name="class", references="class"), Field(name="participant")),
                    invariants=(
                        Invariant(kind="at-most", fields=("class",), limit=20),
                        Invariant(kind="unique", fields=("class", "participant")),
                    ),
                    access=(Access(by=("class",)), Access(by=("participant",))),
                ),
                Table(
                    name="device",
                    fields=(Field(name="owner"), Field(name="label", optional=True)),
                    invariants=(Invariant(kind="at-most", fields=("owner",), limit=5),),
                ),
            )
        ),
    ),
    "tables",
    "http-api",
    "dashboard",
)
