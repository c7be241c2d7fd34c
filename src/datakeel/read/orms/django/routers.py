"""Where a project's routers send what names no connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from datakeel.model.certainty import Answer
from datakeel.read.orms.django.query import REPLICAS
from datakeel.read.program import Attribute, Const, Local
from datakeel.read.symbols import ClassInfo

if TYPE_CHECKING:
    from datakeel.read.world import World


def followed(world: World) -> Answer:
    """Whether reads go to followers: NO without a router, YES where one sends them there whatever is read."""
    routers = world.setting("DATABASE_ROUTERS").items
    if not routers:
        return Answer.NO
    answers = {sends(world, world.names.absolute(r.text or "?")) for r in routers}
    if Answer.YES in answers:
        return Answer.YES
    return Answer.NO if answers == {Answer.NO} else Answer.UNKNOWN


def sends(world: World, symbol: object) -> Answer:
    """Whether a router's `db_for_read` names followers, and does not look at the model; NO: it has none."""
    if not isinstance(symbol, ClassInfo):
        return Answer.UNKNOWN
    method = symbol.method("db_for_read")
    if method is None:
        return Answer.UNKNOWN if symbol.externals() else Answer.NO
    if len(method.signature.parameters) < 2:
        return Answer.UNKNOWN
    model = method.signature.parameters[1].name
    words = list(said(world.text(method)))
    if any(isinstance(w, Local) and w.name == model for w in words):
        return Answer.UNKNOWN
    names = (str(w.value) if isinstance(w, Const) else w.name for w in words)
    return Answer.YES if any(r in n.lower() for n in names for r in REPLICAS) else Answer.UNKNOWN


def said(node: Any) -> Iterator[Const | Local | Attribute]:
    """The texts, variables and attributes in a piece of the neutral tree."""
    if isinstance(node, tuple):
        for part in node:
            yield from said(part)
    elif isinstance(node, Struct):
        if isinstance(node, Const | Local | Attribute):
            yield node
        for name in node.__struct_fields__:
            yield from said(getattr(node, name))
