"""Records with several writers by hand, for the tests of what is written: one kind for each rule of merging."""

from datakeel.requirements import Domain, Field, Replicated, Requirements
from tests.write.designs import design

FIELDS = (
    Field(name="title"),
    Field(name="body", optional=True),
    Field(name="likes", type="integer"),
    Field(name="tags", many=True),
    Field(name="status", type="enum", values=("open", "done")),
    Field(name="due", type="timestamp"),
    Field(name="price", type="money"),
    Field(name="value", type="decimal"),
)
NOTES = design(
    Requirements(
        name="field notes",
        summary="Notes that are written out of reach of any network.",
        domain=Domain(
            replicated=(
                Replicated(name="note", fields=FIELDS),
                Replicated(name="task", fields=FIELDS, merge="version-vector"),
                Replicated(name="visit", fields=FIELDS, merge="application", writers="regions"),
                Replicated(name="remark", fields=(Field(name="text"),)),
                Replicated(name="place", fields=(Field(name="name"),), merge="application"),
            )
        ),
    ),
    "replicated",
    "http-api",
)
