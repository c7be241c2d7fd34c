"""Files that a model's fields hold: saving one writes the file, and then the row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.model.effect import Kind, StoreKind
from datakeel.read.orms.django.fields import FILE
from datakeel.read.orms.django.instances import Instances
from datakeel.read.program import Span
from datakeel.read.values import NOTHING, Arguments, Value

if TYPE_CHECKING:
    from datakeel.read.calls import Caller

VERBS = {"save": "put", "delete": "delete"}
SAVES = {"save": 2, "delete": 0}  # where the argument `save` stands


class Files:
    def __init__(self, instances: Instances) -> None:
        self.instances = instances

    def is_file(self, value: Value) -> bool:
        return value.type == FILE

    def call(self, caller: Caller, receiver: Value, name: str, arguments: Arguments, at: Span) -> Value | None:
        verb = VERBS.get(name)
        if verb is None:
            return None
        caller.emit(
            Kind.WRITE,
            verb,
            at,
            store=StoreKind.FILE,
            technology="django",
            rows=receiver.rows,
            payload=tuple(sorted(arguments.sources())),
            blocking=True,
            origin=receiver.origin,
        )
        owner, saves = receiver.owner, arguments.get("save", SAVES[name])
        if owner is None or owner.rows is None or receiver.rows is None:
            return NOTHING
        changed = receiver.but(sources=arguments.sources())
        self.instances.assigned(caller, owner, receiver.rows.path[-1], changed, at)
        if saves is None or (saves.known and saves.const is True):
            caller.invoke(caller.attribute_of(owner, "save", at), Arguments(), at)
        return NOTHING
