"""The JSON Schema of ``system.yaml``, for editors and for whoever writes such files: made from the nouns."""

from __future__ import annotations

import json
from collections.abc import Callable

from msgspec import Struct

from datakeel.requirements import nouns, short, units
from datakeel.requirements.reader import LEAST, MOST, VERSION
from datakeel.requirements.shape import Member, members

Schema = dict[str, object]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME: Schema = {"type": "string", "pattern": '^[^./\\\\:,;#"<>{}\\[\\]|*&!%@`$?=+~^]+$', "maxLength": 100}
MEASURE: Schema = {"type": "string", "pattern": r"^(?:count|(?:sum|mean|min|max)(?: of | ?\(| ).+)$"}
MOVE: Schema = {"type": "string", "pattern": "^.+(?:->|→).+$"}
FIELD = (
    rf"^ *(?:(?:{'|'.join((*short.TYPES, *short.FLAGS))}|at least -?[0-9]+|enum ?\([^()]*\))(?: +|$))*"
    r"(?:reference .+)?$"
)
SHORT: dict[type[Struct], Schema] = {
    nouns.Field: {"type": "string", "pattern": FIELD},
    nouns.Step: NAME,
    nouns.Service: {"const": "external"},
    nouns.Existing: NAME,
}


def schema() -> Schema:
    """The whole schema."""
    made: dict[str, Schema] = {}
    root = _noun(nouns.Requirements, made)
    properties = {"datakeel": {"const": VERSION, "description": "The version of this language."}}
    return {
        "$schema": DIALECT,
        "title": "system.yaml",
        "description": "What a system must do, as datakeel reads it.",
        **root,
        "properties": {**properties, **_mapping(root["properties"])},
        "required": ["datakeel", "name"],
        "$defs": {name: made[name] for name in sorted(made)},
    }


def text() -> str:
    """The schema as its file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _noun(noun: type[Struct], made: dict[str, Schema]) -> Schema:
    found = members(noun)
    required = [member.name for member in found if member.required]
    return {
        "type": "object" if required or noun is nouns.Requirements else ["object", "null"],
        "properties": {member.name: _member(member, made) for member in found},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _reference(noun: type[Struct], made: dict[str, Schema]) -> Schema:
    name = noun.__name__
    if name not in made:
        made[name] = {}  # a noun may hold itself one day
        whole = _invariant(made) if noun is nouns.Invariant else _noun(noun, made)
        made[name] = {"anyOf": [SHORT[noun], whole]} if noun in SHORT else whole
        about = " ".join((noun.__doc__ or "").replace("``", "`").split())
        if about and not about.startswith(f"{name}("):
            made[name] = {"description": about, **made[name]}
    return {"$ref": f"#/$defs/{name}"}


def _member(member: Member, made: dict[str, Schema]) -> Schema:
    return KINDS[member.kind](member, made)


def _quantity(member: Member, _: dict[str, Schema]) -> Schema:
    unit = units.UNITS[member.unit]
    about = {"description": f"{unit.expected[0].upper()}{unit.expected[1:]}."}
    said: Schema = {"type": "string", "pattern": units.pattern(member.unit), **about}
    if member.unit not in ("count", "heads"):
        return said
    number = {"type": "integer" if member.unit == "heads" else "number", "minimum": unit.least, "maximum": unit.most}
    return {"anyOf": [number, said]}


def _whole(member: Member, _: dict[str, Schema]) -> Schema:
    least = LEAST.get(member.name)
    return {"type": "integer", **({"minimum": least, "maximum": MOST} if least is not None else {})}


def _one_or_more(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _keyed(member: Member, made: dict[str, Schema]) -> Schema:
    assert member.noun is not None
    least = {"minProperties": 1} if member.required else {}
    return {"type": "object", "propertyNames": NAME, "additionalProperties": _reference(member.noun, made), **least}


def _part(member: Member, made: dict[str, Schema]) -> Schema:
    assert member.noun is not None
    if member.noun is nouns.Field:
        one = {"type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": NAME}
        return {"anyOf": [NAME, {**one, "additionalProperties": _reference(nouns.Field, made)}]}
    return _reference(member.noun, made)


def _listed(member: Member, made: dict[str, Schema]) -> Schema:
    assert member.noun is not None
    return _one_or_more(_reference(member.noun, made))


def _invariant(made: dict[str, Schema]) -> Schema:
    """``unique: [room, day]`` and its sisters, or the whole of it."""
    moves = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _one_or_more(MOVE)}
    forms: dict[str, Schema] = {
        "unique": _one_or_more({"type": "string"}),
        "non-negative": {"type": "string"},
        "at-most": {"type": "string", "pattern": "^[0-9]+ per .+$"},
        "no-overlap": {"type": "string"},
        "transitions": moves,
    }
    brief: Schema = {"type": "object", "properties": forms, "minProperties": 1, "maxProperties": 1}
    return {"anyOf": [{**brief, "additionalProperties": False}, _noun(nouns.Invariant, made)]}


KINDS: dict[str, Callable[[Member, dict[str, Schema]], Schema]] = {
    "quantity": _quantity,
    "quantities": lambda member, made: _one_or_more(_quantity(member, made)),
    "whole": _whole,
    "flag": lambda _member, _made: {"type": "boolean"},
    "choice": lambda member, _made: {"enum": list(member.words)},
    "name": lambda _member, _made: {"type": "string", "minLength": 1},
    "names": lambda member, _made: _one_or_more(MEASURE if member.name == "measures" else {"type": "string"}),
    "moves": lambda _member, _made: _one_or_more(MOVE),
    "text": lambda _member, _made: {"type": "string", "minLength": 1},
    "words": lambda _member, _made: {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
    "part": _part,
    "keyed": _keyed,
    "listed": _listed,
}


def _mapping(found: object) -> dict[str, object]:
    assert isinstance(found, dict)
    return found
