"""What a project sets for all its tables: naming conventions, and the types that annotations stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.literals import Literals
from datakeel.read.orms.sqlalchemy.schema.naming import DEFAULT
from datakeel.read.orms.sqlalchemy.schema.types import Types, last_of
from datakeel.read.program import Assign, Call, Collection, Expression
from datakeel.read.symbols import ClassInfo, Module

if TYPE_CHECKING:
    from datakeel.read.world import World


class Conventions:
    def __init__(self, world: World, literals: Literals) -> None:
        self.world = world
        self.literals = literals
        self.reader = Types(world, literals)
        self._all: list[tuple[str, dict[str, str]]] | None = None
        self._types: dict[str, dict[str, str]] = {}

    # Names of keys ----------------------------------------------------------------------------------------------------

    def of(self, cls: ClassInfo) -> Mapping[str, str]:
        """The convention of a class's ``metadata``, else the project's."""
        found = cls.field("metadata")
        if found is not None and isinstance(found[1], Assign) and found[1].value is not None:
            read = self.of_metadata(found[0].module, found[1].value)
            if read is not None:
                return read
        return self.of_module(cls.module)

    def of_module(self, module: Module) -> Mapping[str, str]:
        return self.near(module.path)

    def near(self, path: str) -> Mapping[str, str]:
        """The convention that is declared nearest to a file."""
        found = self.all()
        if not found:
            return DEFAULT
        return max(found, key=lambda f: shared(f[0], path))[1]

    def all(self) -> list[tuple[str, dict[str, str]]]:
        """Every convention of the project, with the file that sets it."""
        if self._all is None:
            self._all = []
            for module in self.world.names.every_module():
                statements = [*module.file.constants, *(f for c in module.file.classes for f in c.fields)]
                for statement in statements:
                    if isinstance(statement, Assign) and isinstance(statement.value, Call):
                        found = self.of_metadata(module, statement.value)
                        if found is not None:
                            self._all.append((module.path, found))
        return self._all

    def of_metadata(self, module: Module, expression: Expression) -> dict[str, str] | None:
        """``MetaData(naming_convention={…})``, also inside ``SQLAlchemy(metadata=…)``."""
        module, expression = self.literals.followed(module, expression)
        if not isinstance(expression, Call):
            return None
        last = last_of(expression.function)
        keywords = dict(expression.keywords)
        if last in ("SQLAlchemy", "declarative_base") and "metadata" in keywords:
            return self.of_metadata(module, keywords["metadata"])
        if last != "MetaData" or "naming_convention" not in keywords:
            return None
        value = self.literals.value(module, keywords["naming_convention"])
        if not isinstance(value, dict):
            return None
        return dict(DEFAULT) | {str(k): v for k, v in value.items() if isinstance(v, str)}

    # Types of annotations ---------------------------------------------------------------------------------------------

    def types(self, cls: ClassInfo) -> dict[str, str]:
        """``type_annotation_map``: what annotations (by their names) stand for."""
        found = cls.field("type_annotation_map")
        if found is None or not isinstance(found[1], Assign):
            return {}
        owner = found[0]
        if owner.name not in self._types:
            self._types[owner.name] = self.read_types(owner.module, found[1].value)
        return self._types[owner.name]

    def read_types(self, module: Module, expression: Expression | None) -> dict[str, str]:
        if expression is None:
            return {}
        module, expression = self.literals.followed(module, expression)
        found: dict[str, str] = {}
        if isinstance(expression, Collection):
            for key, item in zip(expression.keys, expression.items, strict=False):
                name = dotted_of(key) if key is not None else None
                if name is not None:
                    found[name] = self.reader.type(module, item)
                    found[getattr(self.world.names.resolve(module, name), "dotted", name)] = found[name]
        return {name: words for name, words in found.items() if words}


def shared(path: str, other: str) -> int:
    """How many leading folders two paths share."""
    count = 0
    for a, b in zip(path.split("/")[:-1], other.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count
