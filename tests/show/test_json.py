"""The report as JSON: the contract, its schema and its page."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from datakeel.finding import Review
from datakeel.show.json import render, schema
from datakeel.show.sources import Sources
from tests.show.sample import review

DOCS = Path(__file__).parents[2] / "docs"

FINDING = [
    "rule", "category", "severity", "confidence", "pillar", "path", "line", "end_line", "symbol", "message", "why",
    "pattern", "evidence", "reached_from", "related", "fix", "fingerprint",
]  # fmt: skip


def document(given: Review) -> Any:
    return json.loads(render(given, Sources("/repo", "/repo/shop")))


def test_the_document_has_the_promised_keys() -> None:
    got = document(review())
    assert list(got) == ["schema_version", "findings", "low_confidence", "strengths", "summary"]
    assert got["schema_version"] == "1.0"
    assert [list(finding) for finding in got["findings"]] == [FINDING] * 3
    first = got["findings"][0]
    assert (first["severity"], first["confidence"], first["pillar"]) == ("critical", "high", "reliability")
    assert first["evidence"][0] == {"path": "accounts.py", "line": 6, "message": "A reads balance"}
    assert list(first["fix"]) == ["title", "safe", "edits", "text"]
    edit = first["fix"]["edits"][0]
    assert (edit["path"], edit["line"], edit["column"], edit["end_column"]) == ("accounts.py", 9, 13, 27)
    assert got["findings"][1]["fix"] is None


def test_the_document_is_valid_by_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema()))
    jsonschema.Draft202012Validator.check_schema(json.loads(schema()))
    validator.validate(document(review()))
    validator.validate(document(Review()))
    broken = document(review())
    broken["findings"][0]["severity"] = "bad"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(broken)


def test_the_schema_in_the_documentation_is_the_one_of_the_code() -> None:
    assert (DOCS / "review-1.0.schema.json").read_text("utf-8") == schema()


def test_the_page_names_every_key() -> None:
    page = (DOCS / "json.md").read_text("utf-8")
    definitions = json.loads(schema())["$defs"].values()
    keys = {key for definition in definitions for key in definition.get("properties", {})}
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


def test_the_same_review_gives_the_same_bytes_and_no_place_of_this_machine(tmp_path: Path) -> None:
    texts = {render(review(folder), Sources(folder, folder)) for folder in (tmp_path / "a", tmp_path / "b")}
    assert len(texts) == 1
    assert "1.25" not in texts.pop()
