"""What is written is read back as it was: values, their units, and their reasons."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from datakeel.requirements import nouns, text, units
from datakeel.requirements.reader import Reader
from datakeel.requirements.shape import members
from datakeel.requirements.tree import tree
from tests.requirements.strategies import REASONS, REQUIREMENTS, quantity


@given(REQUIREMENTS)
@settings(max_examples=60, deadline=None)
def test_requirements_are_read_back_as_they_were(requirements: nouns.Requirements) -> None:
    assert unchecked(text(requirements)) == requirements


@given(REQUIREMENTS, st.data())
@settings(max_examples=60, deadline=None)
def test_a_reason_stands_beside_its_value_and_is_read_back(
    requirements: nouns.Requirements, data: st.DataObject
) -> None:
    requirements = replace(requirements, workload=replace(requirements.workload, writes=50.0), summary="A shop")
    paths = ["workload", "workload.writes", "summary", "name"]
    for kind in ("aggregates", "tables", "series", "services"):
        items = getattr(requirements.domain, kind)
        paths += [f"domain.{kind}.{item.name}" for item in items]
        paths += [f"domain.{kind}.{item.name}.fields.{f.name}" for item in items for f in getattr(item, "fields", ())]
        paths += [f"domain.{kind}.{i.name}.access.{n}" for i in items for n, _ in enumerate(getattr(i, "access", ()))]
    reasons = data.draw(st.dictionaries(st.sampled_from(paths), REASONS.filter(bool), max_size=4))
    requirements = replace(requirements, reasons=reasons)
    assert unchecked(text(requirements)) == requirements


@pytest.mark.parametrize("kind", units.UNITS)
@given(data=st.data())
def test_a_quantity_is_read_back_to_the_last_bit(kind: str, data: st.DataObject) -> None:
    value = data.draw(quantity(kind))
    assert units.parse(units.text(value, kind), kind).value == value


def test_every_member_has_a_kind_that_the_reader_knows() -> None:
    kinds = {m.kind for noun in vars(nouns).values() if isinstance(noun, type) and noun.__module__ == nouns.__name__
             for m in members(noun)}  # fmt: skip
    assert kinds == {
        "quantity", "quantities", "whole", "flag", "choice", "name", "names", "text", "part", "keyed", "listed",
        "words", "moves",
    }  # fmt: skip


def unchecked(written: str) -> nouns.Requirements | None:
    """What a text says, whether or not it makes sense."""
    reader = Reader()
    found = reader.requirements(tree(written, "system.yaml"))
    assert reader.faults == []
    return found
