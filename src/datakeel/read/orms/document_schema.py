"""Classes of MongoDB's documents → the collections that they stand for, with their unique keys: mongoengine makes these
indexes at first use, Beanie where it begins. What a field holds is the document's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.dataset import Column
from datakeel.read import schema
from datakeel.read.mapping import Mapping
from datakeel.read.orms.documents import TECHNOLOGY

if TYPE_CHECKING:
    from datakeel.read.orms.documents import Documents
    from datakeel.read.world import World


class DocumentModels:
    """The classes whose files the product owns."""

    def __init__(self, world: World, models: Documents, owns: Callable[[str], bool]) -> None:
        self.world = world
        self.models = models
        self.owns = owns

    def mappings(self) -> Iterator[Mapping]:
        for cls in self.world.names.every_class() if self.models.used else ():
            mapped = self.models.mapped(cls.name) if self.owns(cls.module.path) else None
            if mapped is None:
                continue
            primary, *unique = mapped.keys
            columns = [Column(c, "", nullable=False) for c in dict.fromkeys((*primary, *mapped.columns.values()))]
            keys = [schema.primary_key(*primary), *(schema.unique(*k) for k in unique)]
            made = replace(schema.create_table(mapped.table, columns, keys, place=cls.place), technology=TECHNOLOGY)
            yield Mapping(mapped.table, cls.name, cls.module.path, (made,), version=mapped.version, place=cls.place)
