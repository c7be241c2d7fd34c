"""Documents by hand, for the tests of what is written: products, and one with a look-up of each type."""

from datakeel.requirements import Access, Document, Domain, Field, Requirements
from tests.write.designs import design

PRODUCTS = Requirements(
    name="product catalogue",
    summary="Products whose attributes differ from category to category.",
    domain=Domain(
        documents=(
            Document(
                name="product",
                fields=(
                    Field(name="sku", unique=True),
                    Field(name="name"),
                    Field(name="category"),
                    Field(name="price", type="money", minimum=0),
                    Field(name="description"),
                    Field(name="tags", many=True),
                ),
                access=(Access(by=("sku",)), Access(by=("category",), order="name"), Access(by=("tags",))),
            ),
            Document(
                name="form",
                fields=(
                    Field(name="select", type="integer", optional=True),
                    Field(name="submitted at", type="timestamp"),
                    Field(name="due", type="date"),
                    Field(name="weight", type="decimal"),
                    Field(name="open", type="boolean"),
                    Field(name="owner", type="uuid"),
                    Field(name="status", type="enum", values=("draft", "sent")),
                ),
                access=(
                    Access(by=("status",), order="-submitted at"),
                    Access(range="due"),
                    Access(by=("owner",), order="weight"),
                    Access(by=("open", "select")),
                ),
            ),
            Document(name="note"),
        )
    ),
)
DOCUMENTS = design(PRODUCTS, "documents", "http-api")
