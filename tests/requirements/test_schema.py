"""The published JSON Schema is current, accepts what the reader accepts, and refuses what it refuses by shape; the page
about the language is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from datakeel.mistake import Mistake
from datakeel.requirements import nouns, read, schema, text
from datakeel.requirements.shape import members
from tests.requirements.strategies import REQUIREMENTS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "system.md").read_text("utf-8")
VALIDATOR = Draft202012Validator(schema.schema())
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
HEAD = "datakeel: 1\nname: shop\n"


def whole(block: str) -> str:
    return block if block.startswith("datakeel:") else HEAD + block


def accepted(written: str) -> bool:
    return VALIDATOR.is_valid(YAML(typ="safe", pure=True).load(written))


def test_the_published_schema_is_current_and_valid() -> None:
    assert (DOCS / "system.schema.json").read_text("utf-8") == schema.text(), "run scripts/schema"
    Draft202012Validator.check_schema(schema.schema())


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_examples_of_the_page_are_read_and_written_back(block: str) -> None:
    found = read(whole(block), "system.yaml")
    assert read(text(found), "system.yaml") == found
    assert accepted(whole(block))


def test_the_page_shows_how_faults_are_told() -> None:
    ((wrong, said),) = re.findall(r"^```yaml refused\n(.*?)^```\n\n```text\n(.*?)\n```$", PAGE, re.M | re.S)
    with pytest.raises(Mistake) as caught:
        read(wrong, "system.yaml")
    assert str(caught.value) == said
    assert not accepted(wrong)


def test_the_page_names_every_key_and_every_type() -> None:
    nouns_ = [n for n in vars(nouns).values() if isinstance(n, type) and n.__module__ == nouns.__name__]
    keys = {member.name for noun in nouns_ for member in members(noun)}
    shown = set(re.findall(r"[\w-]+", PAGE))
    assert keys - shown - {"values", "references", "minimum", "limit", "moves", "kind"} == set()
    assert set(get_args(nouns.FieldType)) <= shown


@given(REQUIREMENTS)
@settings(max_examples=40, deadline=None)
def test_what_is_written_fits_the_schema(requirements: nouns.Requirements) -> None:
    assert accepted(text(requirements))


@pytest.mark.parametrize(
    "added",
    [
        "workload: {writes: 500}",
        "workload: {writes: -3/s}",
        "workload: {record: 5 gb}",
        "workload: {users: 1.5}",
        "workload: [1]",
        "workload:\n  writs: 5/s",
        "freshness: 15 minits",
        "availability: {regions: 0}",
        "availability: {offline: maybe}",
        "profile: embeded",
        "latency: {read: p99}",
        "  views: {s: {sources: Room, kind: serch}}",
        "  views: {s: {kind: search}}",
        "  views: {s: {sources: Room, kind: analytics, measures: [total name]}}",
        "  documents: {a/b: {}}",
        "  documents: {../x: {}}",
        "  documents: {x: {fields: {a: txt}}}",
        "  documents: {x: {fields: [a]}}",
        "  documents: {x: {access: [{bye: a}]}}",
        "  aggregates: {Order: {}}",
        "  aggregates: {Order: {events: {A: {affter: x}}}}",
        "  sagas: {s: {steps: [a]}}",
        "  services: {s: internal}",
        "  tables: {R: {fields: {a: text}, invariants: [{uniqe: a}]}}",
        "  tables: {R: {fields: {a: text}, invariants: [{at-most: many per a}]}}",
        "  tables: {R: {fields: {a: text}, invariants: [{transitions: {a: [b to c]}}]}}",
    ],
)
def test_what_the_reader_refuses_by_shape_fails_the_schema(added: str) -> None:
    written = f"{HEAD}domain:\n  series: {{s: {{key: k, values: {{v: decimal}}}}}}\n{added}\n"
    assert accepted(written.replace(added, ""))
    assert not accepted(written)
    with pytest.raises(Mistake):
        read(written, "system.yaml")


@pytest.mark.parametrize("path", sorted((DOCS.parent / "examples").glob("generate/*/system.yaml")), ids=str)
def test_every_example_is_read_and_fits_the_schema(path: Path) -> None:
    written = path.read_text("utf-8")
    read(written, path.name)
    assert accepted(written)
