"""What each noun looks like in ``system.yaml``: its members and the kind of each, taken from the nouns themselves, so
that reader, writer and JSON Schema cannot differ."""

from __future__ import annotations

from functools import cache

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.inspect import (
    BoolType,
    DictType,
    IntType,
    LiteralType,
    Metadata,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
)

from datakeel.requirements import nouns

HIDDEN = {(nouns.Requirements, "reasons"), (nouns.Latency, "percentile")}  # a comment; part of `p99 50ms`
FREE = {(nouns.Requirements, "summary"), (nouns.Requirements, "language")}  # texts that are no names


class Member(Struct, frozen=True):
    """`kind`: quantity (of `unit`), quantities, whole, flag, choice (of `words`), name, names, text, part (one `noun`),
    keyed (many, by their names), listed (many, without), words (names to names), moves (pairs of names)."""

    name: str
    kind: str
    required: bool
    default: object = None
    unit: str = ""
    words: tuple[str, ...] = ()
    noun: type[Struct] | None = None


@cache
def members(noun: type[Struct]) -> tuple[Member, ...]:
    """The keys of a noun's mapping, in the order of its class. A name is the key of the mapping around it."""
    found = msgspec.inspect.type_info(noun)
    assert isinstance(found, StructType)
    named = noun is not nouns.Requirements
    return tuple(
        _member(noun, field)
        for field in found.fields
        if (noun, field.name) not in HIDDEN and not (named and field.name == "name")
    )


def keyed(noun: type[Struct]) -> bool:
    return "name" in noun.__struct_fields__


def _member(noun: type[Struct], field: msgspec.inspect.Field) -> Member:
    default = field.default if field.default is not NODEFAULT else None
    if field.default_factory is not NODEFAULT:
        default = field.default_factory()
    kind, unit, words, part = _kind(field.type)
    if (noun, field.name) in FREE:
        kind = "text"
    return Member(field.name, kind, field.required, default, unit, words, part)


def _kind(of: Type) -> tuple[str, str, tuple[str, ...], type[Struct] | None]:
    match of:
        case UnionType():
            return _kind(next(t for t in of.types if not isinstance(t, msgspec.inspect.NoneType)))
        case Metadata(extra=dict() as extra):
            return "quantity", str(extra["unit"]), (), None
        case BoolType():
            return "flag", "", (), None
        case IntType():
            return "whole", "", (), None
        case LiteralType():
            return "choice", "", tuple(str(v) for v in of.values), None
        case StrType():
            return "name", "", (), None
        case StructType():
            return "part", "", (), of.cls
        case DictType():
            return "words", "", (), None
        case VarTupleType(item_type=StructType(cls=cls)):
            return ("keyed" if keyed(cls) else "listed"), "", (), cls
        case VarTupleType(item_type=Metadata(extra=dict() as extra)):
            return "quantities", str(extra["unit"]), (), None
        case VarTupleType(item_type=StrType()):
            return "names", "", (), None
        case VarTupleType():
            return "moves", "", (), None
    raise TypeError(f"the language has no word for {of}")
