"""Which classes of the project refuse a mapping with keys that they do not know."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from datakeel.read.program import Attribute, Call, Class, Const, Expression, Global, Local
from datakeel.read.symbols import ClassInfo

GENERATED = ("dataclass", "define", "frozen", "mutable", "attrs", "attributes")


def refuses(cls: ClassInfo) -> bool:
    """Whether ``Order(**mapping)`` fails where the mapping has a key that the class does not name."""
    if any(base.startswith("pydantic.") for base in cls.externals()):
        return any(forbids(c) for c in cls.ancestors())
    for maker in cls.ancestors():
        init = maker.methods.get("__init__")
        if init is not None:
            return not any(p.kind == "options" for p in init.signature.parameters)
        if any(last_name(d) in GENERATED and not leaves_out_init(d) for d in maker.facts.decorators):
            return True
    return False


def is_record(cls: ClassInfo) -> bool:
    """Whether a class is little more than its fields: pydantic's, a dataclass, or one of attrs."""
    made = any(last_name(d) in GENERATED for c in cls.ancestors() for d in c.facts.decorators)
    return made or any(
        base.startswith(("pydantic.", "pydantic_settings.", "msgspec.", "ninja.")) for base in cls.externals()
    )


def leaves_out_init(decorator: Expression) -> bool:
    """``@dataclass(init=False)``: the class is made as its base is."""
    return isinstance(decorator, Call) and ("init", Const(False)) in decorator.keywords


def last_name(expression: Expression) -> str:
    while isinstance(expression, Call):
        expression = expression.function
    if isinstance(expression, Attribute | Local):
        return expression.name
    return expression.dotted.rpartition(".")[2] if isinstance(expression, Global) else ""


def forbids(cls: ClassInfo) -> bool:
    """Whether pydantic is told to refuse what is extra: by `model_config`, ``class Config``, or in the class's line."""
    written: list[Any] = [cls.facts.keywords]
    if "model_config" in cls.fields:
        written.append(cls.fields["model_config"])
    name = f"{cls.facts.name}.Config"
    inner: list[Class] = [c for c in cls.module.file.classes if c.name == name]
    return any(says_forbid(w) for w in written) or any(says_forbid(c.fields) for c in inner)


def says_forbid(node: Any) -> bool:
    if isinstance(node, Const):
        return node.value == "forbid"
    if isinstance(node, Attribute) and node.name == "forbid":
        return True
    parts = node if isinstance(node, tuple) else ()
    if isinstance(node, Struct):
        parts = tuple(getattr(node, name) for name in node.__struct_fields__)
    return any(says_forbid(part) for part in parts)
