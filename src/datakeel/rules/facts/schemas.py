"""What a message says of its own shape."""

from __future__ import annotations

import re

from datakeel.model.effect import Effect

VERSION = re.compile(
    r"(^|_)(v|ver|version|schema|specversion|schema_?id|schema_?version|dataschema|schemaversion)$|^\$schema$", re.I
)
FEWEST = 2  # a payload of one key is a reference to a row, which has a schema of its own


def bare(publish: Effect) -> bool:
    """Whether it is plain text of known keys, none of which says what shape it has; a serializer may add one."""
    keys = [a.column for a in publish.assigned]
    encoded = any(s.kind == "encoding" for s in publish.payload)
    if not encoded or len(keys) < FEWEST or "*" in keys:
        return False
    return not any(VERSION.search(k) for k in keys) and not headed(publish)


def headed(publish: Effect) -> bool:
    """Whether a header is sent along, which may name the schema."""
    return any(o.word == "headers" or o.name == "headers" for o in publish.options if o.given)
