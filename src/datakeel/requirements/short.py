"""Short forms, read and written: ``text unique`` for a field, ``at-most: 30 per course`` for an invariant."""

from __future__ import annotations

import re
from typing import get_args

from msgspec import Struct

from datakeel.mistake import Mistake, nearest, unknown
from datakeel.naming import words
from datakeel.requirements.nouns import Existing, Field, FieldType, Invariant, Service, Step

TYPES: tuple[str, ...] = get_args(FieldType)
FLAGS = ("optional", "unique", "many")
WORDS = (*TYPES, *FLAGS, "reference", "at least")
# What other languages call our types.
MEANT = {
    **dict.fromkeys(("string", "str", "varchar", "char", "email", "url"), "text"),
    **dict.fromkeys(("int", "bigint", "long", "number"), "integer"),
    **dict.fromkeys(("float", "double", "real", "numeric"), "decimal"),
    **dict.fromkeys(("datetime", "timestamptz", "time", "instant"), "timestamp"),
    **dict.fromkeys(("jsonb", "object", "map"), "json"),
    **dict.fromkeys(("interval", "range", "duration"), "period"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("id", "guid"), "uuid"),
    **dict.fromkeys(("currency", "price"), "money"),
}
FIELD_EXAMPLE = "a field, such as money, text unique, enum(draft, paid) or reference Customer"
PLAIN = re.compile(r"[^\W\d_][\w-]*")  # a name that no short form can mistake for something else


def field(name: str, text: str) -> Field:
    """
    >>> field("email", "text unique optional") == Field(name="email", unique=True, optional=True)
    True
    >>> field("status", "enum(draft, paid)").values, field("owner", "reference Customer optional").references
    (('draft', 'paid'), 'Customer')
    >>> field("stock", "integer at least 0").minimum
    0
    """
    rest = " ".join(text.split())
    given: dict[str, object] = {}
    rest = _taken(r"(?:^| )at least (-?[0-9]+)(?= |$)", rest, given, "minimum")
    rest = _taken(r"(?:^| )reference (.+?)(?=(?: optional| unique| many)*$)", rest, given, "references")
    rest = _taken(r"(?:^| )enum ?\(([^()]*)\)(?= |$)", rest, given, "values")
    if "values" in given:
        rest = f"enum {rest}".strip()
        given["values"] = tuple(v.strip() for v in str(given["values"]).split(",") if v.strip())
    if "minimum" in given:
        given["minimum"] = int(str(given["minimum"]))
    types: list[str] = []
    for word in rest.split():
        if word in FLAGS:
            given[word] = True
        elif word in TYPES:
            types.append(word)
        else:
            raise Mistake(_strange(word))
    if len(types) > 1:
        raise Mistake(f"expected one type, not {' and '.join(types)}")
    given["type"] = types[0] if types else "uuid" if "references" in given else "text"
    return Field(name=name, **given)  # type: ignore[arg-type]


def _taken(pattern: str, text: str, given: dict[str, object], key: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        return text
    given[key] = found.group(1)
    return f"{text[: found.start()]} {text[found.end() :]}".strip()


def _strange(word: str) -> str:
    if word.startswith("enum("):
        return 'expected quotes inside { }, where a comma parts: "enum(draft, paid)"'
    meant = MEANT.get(word.lower())
    if meant:
        return f'unknown type "{word}"; did you mean "{meant}"?'
    if nearest(word, WORDS):
        return unknown("type", word, WORDS)
    return f'unknown type "{word}"; known are {", ".join(TYPES)}'


def field_text(field_: Field) -> str | None:
    """The short form that says exactly this field, if there is one."""
    parts = [f"enum({', '.join(field_.values)})" if field_.type == "enum" else field_.type]
    if field_.references is not None and field_.type == "uuid":
        parts = []
    parts += [flag for flag in FLAGS if getattr(field_, flag)]
    parts += [f"at least {field_.minimum}"] if field_.minimum is not None else []
    parts += [f"reference {field_.references}"] if field_.references is not None else []
    text = " ".join(parts)
    try:
        return text if field(field_.name, text) == field_ else None
    except Mistake:
        return None


def invariant(kind: str, text: str) -> Invariant:
    """
    >>> invariant("at-most", "30 per course").limit, invariant("no-overlap", "stay per room").fields
    (30, ('room',))
    >>> invariant("unique", "room, day").fields
    ('room', 'day')
    """
    head, _, tail = text.partition(" per ")
    if kind == "at-most":
        if not re.fullmatch("[0-9]+", head.strip()):
            raise Mistake(f'expected a number and what it is counted by, such as 30 per course, not "{text}"')
        return Invariant(kind="at-most", limit=int(head), fields=_names(tail))
    if kind == "no-overlap":
        return Invariant(kind="no-overlap", period=head.strip(), fields=_names(tail))
    if kind == "unique":
        return Invariant(kind="unique", fields=_names(text))
    return Invariant(kind="non-negative", fields=_names(text))


def invariant_text(of: Invariant) -> str | None:
    """What stands after ``kind:``, where a text says all of it."""
    by = ", ".join(of.fields)
    per = f" per {by}" if by else ""
    text = {"at-most": f"{of.limit}{per}", "no-overlap": f"{of.period}{per}"}.get(of.kind, by)
    plain = all(PLAIN.fullmatch(n) and n != "per" for n in (*of.fields, *([of.period] if of.period else [])))
    if of.kind == "transitions" or not plain:
        return None
    try:
        return text if invariant(of.kind, text) == of else None
    except Mistake:
        return None


def move(text: str) -> tuple[str, str]:
    """
    >>> move("draft -> paid")
    ('draft', 'paid')
    """
    found = re.fullmatch(r"(.+?) ?(?:->|→) ?(.+)", " ".join(text.split()))
    if found is None:
        raise Mistake(f'expected a move, such as draft -> paid, not "{text}"')
    return found.group(1), found.group(2)


def measure(text: str) -> str:
    """A measure in its one form.

    >>> measure("sum(total)"), measure("mean of total"), measure("count")
    ('sum total', 'mean total', 'count')
    """
    if text == "count":
        return text
    found = re.fullmatch(r"(\w+)(?: of | ?\(| )(.+?)\)?", " ".join(text.split()))
    if found is None or found.group(1) not in ("sum", "mean", "min", "max"):
        raise Mistake(f'expected a measure (count, or sum, mean, min or max and a field), not "{text}"')
    return f"{found.group(1)} {found.group(2)}"


def step(name: str, text: str) -> Step:
    return Step(name=name, service=text)


def service(name: str, text: str) -> Service:
    if text != "external":
        raise Mistake(f'expected external, or what it holds, not "{text}"')
    return Service(name=name, external=True)


def existing(name: str, text: str) -> Existing:
    return Existing(name=name, engine=text)


FROM_TEXT = {Field: field, Step: step, Service: service, Existing: existing}
EXAMPLES: dict[type[Struct], str] = {
    Field: FIELD_EXAMPLE,
    Step: "a step, such as {service: payments, compensation: refund, timeout: 5s}",
    Service: "external, or what it holds",
    Existing: "a system that stays, such as {engine: mysql, role: source}",
}


def derived_state(aggregate: str, event: str) -> str:
    """The state that an event leads to, where none is said: its name, less the aggregate's.

    >>> derived_state("Order", "OrderPlaced"), derived_state("Booking", "Room booked")
    ('placed', 'room booked')
    """
    own, of = words(event), words(aggregate)
    return " ".join(own[len(of) :] if own[: len(of)] == of and len(own) > len(of) else own)


UNCHANGED = "unchanged"  # the state of an event that leaves it as it is


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
