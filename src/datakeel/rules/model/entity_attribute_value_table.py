"""`entity-attribute-value-table`: a table of names and values stands in for columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.dataset import Column, Dataset
from datakeel.model.effect import Effect
from datakeel.model.system import System
from datakeel.rules.facts.tables import answered_for, named, stands
from datakeel.rules.rule import Hit, rule

ATTRIBUTE = re.compile(r"^(\w+_)?(attribute|attr|property|field|meta|option)(_?(name|key|code))?$")
BARE = ("key", "name")  # of anything; among attributes they are attributes
VALUE = re.compile(r"^(\w+_)?(value|val)(_(text|string|str))?$")
TEXTS = ("text", "varchar", "char", "")
WIDE = 7  # columns: with more it is a table of its own
SEVERAL = 3  # attributes that code names: each of them might have been a column


@rule(Severity.MINOR)
def entity_attribute_value_table(dataset: Dataset, system: System) -> Iterator[Hit]:
    """A generic table of entity, attribute and value stands in for columns."""
    if not answered_for(dataset) or len(dataset.schema.columns) > WIDE:
        return
    entity = next((c for c in dataset.schema.columns if c.references), None)
    attribute = next((c for c in dataset.schema.columns if textual(c) and names_attributes(c, dataset)), None)
    value = next((c for c in dataset.schema.columns if textual(c) and VALUE.match(c.name)), None)
    if entity is None or attribute is None or value is None:
        return
    known = by_name(dataset, attribute, system)
    if len(known) >= SEVERAL:
        yield hit(dataset, entity, attribute, value, known)


def names_attributes(column: Column, dataset: Dataset) -> bool:
    """Whether a column says which attribute a row is about, by its own name or by the table's."""
    if ATTRIBUTE.match(column.name):
        return True
    return column.name in BARE and any(ATTRIBUTE.match(w.removesuffix("s")) or w == "metadata" for w in named(dataset))


def textual(column: Column) -> bool:
    return column.type.partition("(")[0] in TEXTS and not column.references


def by_name(dataset: Dataset, attribute: Column, system: System) -> dict[str, Effect]:
    """The attributes that the code knows by name: what it asks for or writes with a constant."""
    found: dict[str, Effect] = {}
    for _, read in system.readers(dataset.name):
        for predicate in read.predicates:
            if dataset.own(predicate.column) == attribute.name and predicate.value.startswith("const:"):
                found.setdefault(predicate.value, read)
    for _, write in system.writers(dataset.name):
        for assigned in write.assigned:
            if assigned.column == attribute.name and assigned.how == "constant":
                found.setdefault(assigned.text, write)
    return found


def hit(dataset: Dataset, entity: Column, attribute: Column, value: Column, known: dict[str, Effect]) -> Hit:
    place = stands(dataset)
    shown = sorted(known.items(), key=lambda item: item[1].place)[:3]
    names = ", ".join(text.removeprefix("const:") for text, _ in shown)
    return Hit(
        place=place,
        message=f"{dataset.name} keeps in rows of {attribute.name} and {value.name} what are columns ({names}): no "
        "type, no constraint and no plain query holds them together",
        story=(
            Step(
                place,
                f"{dataset.name} has a row for each {attribute.name} of each {entity.name}; every value is a text",
            ),
            *(Step(e.place, f"{text.removeprefix('const:')} is known to the code by name") for text, e in shown),
            Step(place, "a number may be a word, a required value missing; to read one entity takes a join for each"),
        ),
        rests_on=(shown[0][1],),
        doubts=1,
        datasets=(dataset.name,),
        fix=Fix(
            title="columns for what the code knows by name; one jsonb column for the rest",
            text=f"ALTER TABLE {entity.references.rpartition('.')[0]} ADD COLUMN …;",
        ),
    )
