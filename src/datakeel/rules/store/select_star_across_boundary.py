"""`select-star-across-boundary`: whatever columns a table has become a message, or another table's row."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Source, StoreKind
from datakeel.model.operation import Operation
from datakeel.rules.rule import Hit, rule

STAR = re.compile(r"^\s*select\s+(\w+\.)?\*", re.I)
COPIED = re.compile(r"^\s*insert\s+into\s+[\w.\"`]+\s+select\s+(\w+\.)?\*", re.I)
VIEW = re.compile(r"^\s*create\s+(or\s+replace\s+)?(materialized\s+)?view\s+.*?\bas\s+select\s+(\w+\.)?\*", re.I | re.S)


@rule(Severity.MINOR)
def select_star_across_boundary(operation: Operation) -> Iterator[Hit]:
    """Whatever columns a table has become a message, or another table's row."""
    stars = {e.number: e for e in operation.of(Kind.READ) if not e.chain and STAR.match(e.text) and e.dataset}
    for publish in operation.of(Kind.PUBLISH) if stars else ():
        for source in (*publish.payload, *(s for a in publish.assigned for s in a.sources)):
            if source.number in stars and whole(source):
                yield hit(stars[source.number], f"the message to {publish.dataset or 'its readers'}", publish)
    for effect in operation.of(Kind.WRITE, Kind.ALTER):
        if effect.chain or effect.store != StoreKind.RELATIONAL:
            continue
        if COPIED.match(effect.text) or VIEW.match(effect.text):
            yield hit(effect, "the row of another table" if COPIED.match(effect.text) else "the view", effect)


def whole(source: Source) -> bool:
    return source.kind == "read" and not source.path


def hit(read: Effect, what: str, use: Effect) -> Hit:
    return Hit(
        place=read.place,
        message=f"SELECT * makes {what}: a column that is added, dropped or moved changes it, and nobody is asked",
        story=(
            Step(read.place, "all columns that the table has on that day are taken, in their order"),
            Step(use.place, f"they become {what}, on which others rely"),
            Step(
                read.place,
                "a migration adds a column: all of them get it (a password's hash too), or it lands in the wrong place",
            ),
        ),
        rests_on=(read, use) if use is not read else (read,),
        datasets=(read.dataset,) if read.dataset else (),
        fix=Fix(title="name the columns that are meant", text=f"SELECT id, … FROM {read.dataset or '…'}"),
    )
