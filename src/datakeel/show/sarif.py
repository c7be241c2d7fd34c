"""The review as SARIF 2.1.0, for code hosts and editors."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from urllib.parse import quote

import msgspec
from msgspec import Struct

from datakeel import __version__
from datakeel.finding import Confidence, Edit, Finding, Review, Severity, Step
from datakeel.model.place import Place
from datakeel.model.system import Remark
from datakeel.show.words import first_sentence

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "SRCROOT"
LEVELS = {
    Severity.CRITICAL: "error",
    Severity.MAJOR: "warning",
    Severity.MINOR: "note",
    Severity.SUGGESTION: "note",
}
RANKS = {Severity.CRITICAL: 95.0, Severity.MAJOR: 70.0, Severity.MINOR: 40.0, Severity.SUGGESTION: 10.0}
PRECISIONS = {"high": "very-high", "medium": "high", "low": "medium"}

Node = dict[str, object]


class Help(Struct, frozen=True):
    """What a rule's page says, as far as SARIF carries it."""

    why: str
    pattern: str
    text: str


def render(review: Review, help_of: Callable[[str, str], Help]) -> str:
    """`help_of` gives the page of a rule, by category and name. The paths are those of the reviewed root, as code
    hosts expect."""
    findings = (*review.findings, *review.doubtful, *review.suppressed, *review.baselined)
    known = frozenset(finding.fingerprint for finding in review.baselined)
    names = sorted({(finding.rule, finding.category) for finding in findings})
    indexes = {rule: number for number, (rule, _) in enumerate(names)}
    driver = {
        "name": "datakeel",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [descriptor(rule, category, help_of(category, rule)) for rule, category in names],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the reviewed repository."}}},
        "invocations": [invocation(review)],
        "results": [result(finding, indexes[finding.rule], known) for finding in findings],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def descriptor(rule: str, category: str, page: Help) -> Node:
    return {
        "id": rule,
        "name": "".join(part.capitalize() for part in rule.split("-")),
        "shortDescription": {"text": first_sentence(page.why)},
        "fullDescription": {"text": page.why},
        "help": {"text": f"{page.why}\n\nPattern to apply: {page.pattern}", "markdown": page.text},
        "properties": {"tags": ["data", category], "pattern": page.pattern},
    }


def invocation(review: Review) -> Node:
    """The run went well; what could not be analysed goes along as notifications."""
    notes = [notification(remark) for remark in review.summary.remarks]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}


def notification(remark: Remark) -> Node:
    node: Node = {"level": "note", "message": {"text": remark.text}}
    if remark.path:
        node["locations"] = [location(Place(remark.path, remark.line))]
    return node


def result(finding: Finding, index: int, known: Collection[str] = ()) -> Node:
    """A finding of low confidence is one to look at (`review`), which has no level: it fails nothing."""
    sure = finding.confidence is not Confidence.LOW
    node: Node = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "kind": "fail" if sure else "review",
        "level": LEVELS[finding.severity] if sure else "none",
        "rank": RANKS[finding.severity],
        "message": {"text": finding.message},
        "locations": [location(finding.place, symbol=finding.symbol)],
        "partialFingerprints": {"datakeel/v1": finding.fingerprint},
        "suppressions": suppressions(finding, known),
        "properties": properties(finding),
    }
    if finding.story:
        node["codeFlows"] = [{"threadFlows": [{"locations": [flow(step) for step in finding.story]}]}]
    if finding.fix and finding.fix.edits:
        node["fixes"] = [{"description": {"text": finding.fix.title}, "artifactChanges": changes(finding.fix.edits)}]
    return node


def suppressions(finding: Finding, known: Collection[str] = ()) -> list[Node]:
    """Who answers for a finding: a comment beside it, or the baseline. Empty means not suppressed: within a run, either
    all results say so or none."""
    if finding.suppressed is None:
        outside: Node = {"kind": "external", "status": "accepted", "justification": "the baseline knows it"}
        return [outside] if finding.fingerprint in known else []
    node: Node = {"kind": "inSource", "status": "accepted"}
    if finding.suppressed:
        node["justification"] = finding.suppressed
    return [node]


def properties(finding: Finding) -> Node:
    node: Node = {
        "severity": finding.severity.word,
        "confidence": finding.confidence.word,
        "precision": PRECISIONS[finding.confidence.word],
        "pillar": finding.pillar.value,
        "why": finding.why,
        "pattern": finding.pattern,
        "reachedFrom": list(finding.reached_from),
        "related": list(finding.related),
    }
    if finding.fix:
        node["fix"] = {"title": finding.fix.title, "safe": finding.fix.safe, "text": finding.fix.text}
    return node


def flow(step: Step) -> Node:
    """A step of the story. A step without a place is told at none."""
    where: Node = location(step.place) if step.place.path else {}
    return {"location": {**where, "message": {"text": step.message}}}


def location(place: Place, *, symbol: str = "") -> Node:
    physical: Node = {"artifactLocation": artifact(place.path)}
    if place.line:
        physical["region"] = region(place)
    node: Node = {"physicalLocation": physical}
    if symbol:
        node["logicalLocations"] = [{"fullyQualifiedName": symbol, "kind": "function"}]
    return node


def artifact(path: str) -> Node:
    return {"uri": quote(os.fsencode(path)), "uriBaseId": ROOT}


def region(place: Place) -> Node:
    """Lines and columns from 1, the end column exclusive; a place without an end is its line."""
    node: Node = {"startLine": place.line}
    if place.end_line >= place.line and (place.end_line, place.end_column) != (place.line, place.column):
        node |= {"startColumn": place.column + 1, "endLine": place.end_line, "endColumn": place.end_column + 1}
    elif place.column:
        node["startColumn"] = place.column + 1
    return node


def changes(edits: tuple[Edit, ...]) -> list[Node]:
    paths = dict.fromkeys(edit.place.path for edit in edits)
    return [
        {"artifactLocation": artifact(path), "replacements": [replacement(e) for e in edits if e.place.path == path]}
        for path in paths
    ]


def replacement(edit: Edit) -> Node:
    place = edit.place
    deleted = {
        "startLine": place.line,
        "startColumn": place.column + 1,
        "endLine": max(place.end_line, place.line),
        "endColumn": place.end_column + 1,
    }
    return {"deletedRegion": deleted, "insertedContent": {"text": edit.text}}
