"""Operations as they travel between processes: what many effects share (the guards and scopes that they stand in, the
calls that lead to them) travels once, and is shared again where it arrives."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.effect import Effect, Guard, Scope
from datakeel.model.operation import Operation
from datakeel.model.place import Place


class Packed(Struct, frozen=True, gc=False):
    """One operation. Its effects have neither guards nor scopes nor a chain; `shared` says for each of them which of
    `guards`, `scopes` and `chains` are its own."""

    operation: Operation
    guards: tuple[tuple[Guard, ...], ...]
    scopes: tuple[tuple[Scope, ...], ...]
    chains: tuple[tuple[Place, ...], ...]
    shared: tuple[tuple[int, int, int], ...]


def packed(operation: Operation) -> Packed:
    effects = operation.effects
    guards = {id(e.guards): e.guards for e in effects}  # equal ones are nearly always the same one
    scopes = {id(e.scopes): e.scopes for e in effects}
    chains = dict.fromkeys(e.chain for e in effects)
    at_guards, at_scopes, at_chains = placed(guards), placed(scopes), placed(chains)
    return Packed(
        replace(operation, effects=tuple(replace(e, guards=(), scopes=(), chain=()) for e in effects)),
        tuple(guards.values()),
        tuple(scopes.values()),
        tuple(chains),
        tuple((at_guards[id(e.guards)], at_scopes[id(e.scopes)], at_chains[e.chain]) for e in effects),
    )


def placed(keys: Iterable[object]) -> dict[object, int]:
    return {key: place for place, key in enumerate(keys)}


def unpacked(given: Packed) -> Operation:
    return replace(given.operation, effects=tuple(whole(given)))


def whole(given: Packed) -> Iterable[Effect]:
    for effect, (guards, scopes, chain) in zip(given.operation.effects, given.shared, strict=True):
        yield replace(effect, guards=given.guards[guards], scopes=given.scopes[scopes], chain=given.chains[chain])
