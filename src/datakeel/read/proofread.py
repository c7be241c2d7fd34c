"""What is wrong with a library model: each unknown key and word, with its place and the nearest that is known."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import msgspec
from msgspec import Struct

from datakeel.mistake import unknown
from datakeel.model.effect import Cardinality, Kind, StoreKind, When
from datakeel.read.libraries import BadTable, Entry, Opens, Table

# Values that are words of the model, by the key that they stand under.
WORDS: dict[str, frozenset[str]] = {
    "cardinality": frozenset(Cardinality),
    "conflict": frozenset(("ignore", "update")),
    "effect": frozenset(Kind),
    "idempotent": frozenset(("yes", "no", "unknown")),
    "store": frozenset(s for s in StoreKind if s),
    "when": frozenset(When),
}
ENTRIES = frozenset(("request", "task", "consumer", "schedule", "command", "signal", "event", "main"))
_SCOPES = """
    transaction savepoint lock semaphore breaker retry timeout suppress thread stack resource message
    """
SCOPES = frozenset(_SCOPES.split())
OF = {(Entry, "kind"): ENTRIES, (Opens, "scope"): SCOPES}


def proofread(models: Sequence[Mapping[str, object]], names: Sequence[str]) -> None:
    """Raises BadTable with all that is wrong in the models, each line with the name of the model's file."""
    faults = [f"{name}: {fault}" for model, name in zip(models, names, strict=True) for fault in faults_in(model)]
    if faults:
        raise BadTable("\n".join(faults))


def faults_in(model: Mapping[str, object]) -> Iterator[str]:
    """What is wrong in one model: first what can be told with its place, else what the parser says of it."""
    found = list(faults(model, Table, ""))
    if not found:
        try:
            msgspec.convert(model, Table)
        except msgspec.ValidationError as problem:
            found.append(str(problem))
    yield from found


def faults(given: object, kind: object, where: str) -> Iterator[str]:
    """The wrong keys and words of one part; a part of the wrong type altogether is left to the parser."""
    match shape(kind), given:
        case ("struct", struct), Mapping():
            fields = known(struct)
            for key, value in given.items():
                if key not in fields:
                    yield unknown("key", str(key), fields) + placed(where)
                    continue
                words = OF.get((struct, str(key))) or WORDS.get(str(key))
                if words and isinstance(value, str) and value and value not in words:
                    yield f"{unknown(key, value, words)}{placed(where)}"
                yield from faults(value, fields[key], f"{where}.{key}" if where else str(key))
        case ("mapping", inner), Mapping():
            for key, value in given.items():
                yield from faults(value, inner, f'{where}."{key}"' if "." in str(key) else f"{where}.{key}")
        case ("list", inner), list():
            for value in given:
                yield from faults(value, inner, where)


def placed(where: str) -> str:
    return f" (in {where})" if where else ""


@cache
def known(struct: type[Struct]) -> dict[str, object]:
    """The keys of a part, as a table writes them, and what stands under each."""
    hints = typing.get_type_hints(struct)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(struct)}


def shape(kind: object) -> tuple[str, typing.Any]:
    """What a type holds of parts that have keys: struct, mapping, list, or nothing."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return "struct", kind
    arguments = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if origin is dict:
        return "mapping", arguments[1]
    if origin is tuple:
        return "list", arguments[0]
    if origin in (typing.Union, types.UnionType):
        return next((s for s in map(shape, arguments) if s[0]), ("", None))
    return "", None
