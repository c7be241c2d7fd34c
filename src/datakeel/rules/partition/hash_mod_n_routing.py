"""`hash-mod-n-routing`: which node has a key depends on how many nodes there are."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, rule

INSIDE = (StoreKind.NONE, StoreKind.MEMORY, StoreKind.PROCESS)


@rule(Severity.MAJOR)
def hash_mod_n_routing(operation: Operation) -> Iterator[Hit]:
    """Which node has a key depends on how many nodes there are."""
    if operation.role != Role.PRODUCT:
        return
    for effect in operation.of(Kind.WRITE, Kind.PUBLISH, Kind.CALL):
        if not effect.chain and effect.store not in INSIDE and by_remainder(effect):
            yield hit(effect)


def by_remainder(effect: Effect) -> bool:
    return any(o.word == "route" and o.value == "remainder" for o in effect.options)


def hit(effect: Effect) -> Hit:
    return Hit(
        place=effect.place,
        message=f"when a node is added or lost, nearly every key has another node: {thing(effect)} goes to "
        "key % number of nodes",
        story=(
            Step(effect.place, "the key's number modulo the number of nodes picks the node"),
            Step(effect.place, "one node is added to four, or dies: four keys of five now belong to another node"),
            Step(
                effect.place,
                "what was written is looked for where it is not: it must move, or is made anew, all at once",
            ),
        ),
        rests_on=(effect,),
        doubts=1 if effect.kind == Kind.CALL else 0,
        fix=Fix(
            title="hash into many fixed slots and map the slots to nodes, or hash consistently",
            text="NODE_OF_SLOT[zlib.crc32(key) % 1024]",
        ),
    )
