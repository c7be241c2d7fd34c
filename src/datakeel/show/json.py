"""The review as JSON: the documented, stable contract (docs/json.md)."""

from __future__ import annotations

from inspect import cleandoc
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from datakeel.finding import Edit, Finding, Fix, Review, Severity, Standing, Step, Strength
from datakeel.show.sources import Sources

VERSION: Final = "1.0"

Line = Annotated[int, Meta(ge=0, description="counted from 1; 0 where there is no place")]
Column = Annotated[int, Meta(ge=1, description="in characters, counted from 1")]
Path = Annotated[str, Meta(description="relative to the working directory, with forward slashes")]


class EvidenceEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of the story: what happens, and where."""

    path: Path
    line: Line
    message: str


class EditEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Replace the text from `line`, `column` up to, not including, `end_line`, `end_column`; an empty stretch
    inserts."""

    path: Path
    line: Line
    column: Column
    end_line: Line
    end_column: Column
    text: str


class FixEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """The suggested change. `safe`: the edits change nothing but the fault. `text`: the code to write, in the user's
    names."""

    title: str
    safe: bool
    edits: tuple[EditEntry, ...]
    text: str


class FindingEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One finding, in the order of the report: severity, confidence, path, line, rule."""

    rule: str
    category: str
    severity: Literal["critical", "major", "minor", "suggestion"]
    confidence: Literal["high", "medium", "low"]
    pillar: Literal["reliability", "scalability", "maintainability"]
    path: Path
    line: Line
    end_line: Line
    symbol: Annotated[str, Meta(description="the function's qualified name in its file")]
    message: str
    why: str
    pattern: Annotated[str, Meta(description="the pattern to apply")]
    evidence: tuple[EvidenceEntry, ...]
    reached_from: Annotated[tuple[str, ...], Meta(description="the entry points that lead here")]
    related: Annotated[tuple[str, ...], Meta(description="rules that would have spoken of the same places")]
    fix: FixEntry | None
    fingerprint: Annotated[str, Meta(description="stays the same while the code around the finding moves")]


class StrengthEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A pattern that is correctly applied, what carries most of the system first."""

    name: Annotated[str, Meta(description="`datakeel explain NAME` shows its page")]
    pattern: str
    category: str
    pillar: Literal["reliability", "scalability", "maintainability"]
    message: Annotated[str, Meta(description="what is done")]
    why: Annotated[str, Meta(description="what it is good for")]
    places: Annotated[int, Meta(ge=0, description="in how many places it is seen")]
    of: Annotated[int, Meta(ge=0, description="in how many it could be")]
    evidence: Annotated[tuple[EvidenceEntry, ...], Meta(description="some of the places, the most telling first")]


class SeverityCounts(Struct, frozen=True, forbid_unknown_fields=True):
    critical: int
    major: int
    minor: int
    suggestion: int


class BaselineEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """How the review stands to the baseline that it was given."""

    size: Annotated[int, Meta(ge=0, description="findings that the file holds, after a change that was asked for")]
    matched: Annotated[int, Meta(ge=0, description="findings that it knows; they are not in this document")]
    gone: Annotated[int, Meta(ge=0, description="findings of the file that were not found any more")]
    reopened: Annotated[int, Meta(ge=0, description="findings that it knew, whose functions have changed since")]
    added: Annotated[int, Meta(ge=0, description="findings that were written into it")]


class SummaryEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """What was reviewed. `skipped_*` was found and not judged (tests, generated, vendored); `remarks` say what was
    not analysed."""

    text: str
    files: int
    lines: int
    skipped_files: int
    skipped_lines: int
    unreadable: int
    functions: int
    stores: tuple[str, ...]
    by_severity: SeverityCounts
    hidden: Annotated[int, Meta(description="findings of lower confidence than was asked for")]
    suppressed: Annotated[int, Meta(description="findings that a comment in the code answers for")]
    migrations: Annotated[int, Meta(description="migrations that were not judged, for they were not named themselves")]
    baseline: BaselineEntry | None
    remarks: tuple[str, ...]


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """A review. Within version 1 keys may be added; none is removed or changes its meaning."""

    schema_version: Literal["1.0"]
    findings: tuple[FindingEntry, ...]
    low_confidence: Annotated[
        tuple[FindingEntry, ...], Meta(description="findings of low confidence, where they were asked for")
    ]
    strengths: tuple[StrengthEntry, ...]
    summary: SummaryEntry


def render(review: Review, sources: Sources) -> str:
    """The same review gives the same bytes: no time, no absolute path."""
    document = Document(
        schema_version=VERSION,
        findings=tuple(finding_entry(finding, sources) for finding in review.findings),
        low_confidence=tuple(finding_entry(finding, sources) for finding in review.doubtful),
        strengths=tuple(strength_entry(strength, sources) for strength in review.strengths),
        summary=summary_entry(review, sources),
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def schema() -> str:
    """The JSON Schema of the document, made from the types above."""
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"datakeel review {VERSION}",
        **dedented(msgspec.json.schema(Document)),
    }
    return msgspec.json.format(msgspec.json.encode(whole, order="sorted"), indent=2).decode() + "\n"


def dedented(part: Any) -> Any:
    """A schema whose descriptions are the same whatever Python and msgspec make of a docstring's indentation."""
    match part:
        case dict():
            return {
                k: cleandoc(v) if k == "description" and isinstance(v, str) else dedented(v) for k, v in part.items()
            }
        case list():
            return [dedented(v) for v in part]
    return part


def finding_entry(finding: Finding, sources: Sources) -> FindingEntry:
    place = finding.place
    return FindingEntry(
        rule=finding.rule,
        category=finding.category,
        severity=finding.severity.word,  # type: ignore[arg-type]
        confidence=finding.confidence.word,  # type: ignore[arg-type]
        pillar=finding.pillar.value,
        path=sources.name(place.path),
        line=place.line,
        end_line=max(place.end_line, place.line),
        symbol=finding.symbol,
        message=finding.message,
        why=finding.why,
        pattern=finding.pattern,
        evidence=evidence(finding.story, sources),
        reached_from=finding.reached_from,
        related=finding.related,
        fix=None if finding.fix is None else fix_entry(finding.fix, sources),
        fingerprint=finding.fingerprint,
    )


def evidence(story: tuple[Step, ...], sources: Sources) -> tuple[EvidenceEntry, ...]:
    return tuple(EvidenceEntry(sources.name(step.place.path), step.place.line, step.message) for step in story)


def fix_entry(fix: Fix, sources: Sources) -> FixEntry:
    return FixEntry(fix.title, fix.safe, tuple(edit_entry(edit, sources) for edit in fix.edits), fix.text)


def edit_entry(edit: Edit, sources: Sources) -> EditEntry:
    place = edit.place
    return EditEntry(
        path=sources.name(place.path),
        line=place.line,
        column=place.column + 1,
        end_line=place.end_line,
        end_column=place.end_column + 1,
        text=edit.text,
    )


def strength_entry(strength: Strength, sources: Sources) -> StrengthEntry:
    return StrengthEntry(
        name=strength.name,
        pattern=strength.pattern,
        category=strength.category,
        pillar=strength.pillar.value,
        message=strength.message,
        why=strength.why,
        places=strength.places,
        of=strength.of,
        evidence=evidence(strength.evidence, sources),
    )


def summary_entry(review: Review, sources: Sources) -> SummaryEntry:
    summary = review.summary
    counts = {s.word: sum(f.severity == s for f in review.findings) for s in Severity}
    return SummaryEntry(
        text=summary.text,
        files=summary.files,
        lines=summary.lines,
        skipped_files=summary.skipped_files,
        skipped_lines=summary.skipped_lines,
        unreadable=summary.unreadable,
        functions=summary.functions,
        stores=summary.stores,
        by_severity=SeverityCounts(**counts),
        hidden=summary.hidden,
        suppressed=summary.suppressed,
        migrations=summary.migrations,
        baseline=None if review.baseline is None else baseline_entry(review.baseline),
        remarks=tuple(map(sources.remark, summary.remarks)),
    )


def baseline_entry(now: Standing) -> BaselineEntry:
    return BaselineEntry(now.size, now.matched, now.gone, now.reopened, now.added)
