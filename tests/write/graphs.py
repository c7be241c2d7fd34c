"""Graphs by hand, for the tests of what is written: who follows whom; and parts of parts, which are a table's rows."""

from datakeel.requirements import Domain, Field, Graph, Requirements, Table
from tests.write.designs import design

FOLLOWERS = design(
    Requirements(
        name="social network",
        summary="Who follows whom, and who is near.",
        domain=Domain(
            graphs=(
                Graph(
                    name="follow graph",
                    vertex="person",
                    edge="follow",
                    fields=(Field(name="since", type="timestamp"), Field(name="note", optional=True)),
                    depth=3,
                ),
                Graph(name="blocks", vertex="person", edge="block"),
                Graph(
                    name="assembly",
                    vertex="part",
                    edge="use",
                    fields=(Field(name="count", type="integer", minimum=1), Field(name="details", type="json")),
                    depth=4,
                ),
            ),
            tables=(Table(name="part", fields=(Field(name="number", unique=True),)),),
        ),
    ),
    "graph",
    "tables",
    "http-api",
)
