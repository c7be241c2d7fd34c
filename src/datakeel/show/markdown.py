"""The review as Markdown: Summary, Strengths, Issues Found, Recommendations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Finding, Review, Severity, Step, Strength
from datakeel.show.sources import Sources
from datakeel.show.words import DOUBT, beyond, counted, flat, joined, size, tally, unseen

LANGUAGES = {".py": "python", ".pyi": "python", ".sql": "sql", ".cql": "sql"}
PILLARS = {"reliability": "Reliability", "scalability": "Scalability", "maintainability": "Maintainability"}
REMARKS = 10  # named in the summary; the others are counted
PLACES = 6  # named in one recommendation


def render(review: Review, sources: Sources) -> str:
    parts = (
        ("Summary", summary(review, sources)),
        ("Strengths", strengths(review, sources)),
        ("Issues Found", issues(review, sources)),
        ("Recommendations", recommendations(review, sources)),
    )
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts) + "\n"


def summary(review: Review, sources: Sources) -> str:
    """One paragraph: what the system is, how it stands, how much of it was seen, and what was not analysed."""
    sentences = [flat(review.summary.text), f"Reviewed: {size(review)}: {tally(review.findings)}.", *assessed(review)]
    sentences += [f"{text[0].upper()}{text[1:]}." for text in unseen(review)]
    remarks = review.summary.remarks
    if remarks:
        named = [flat(sources.remark(remark)).rstrip(".") for remark in remarks[:REMARKS]]
        more = [f"{len(remarks) - REMARKS:,} more"] if len(remarks) > REMARKS else []
        sentences.append(f"Not analysed, or to be looked at: {'; '.join(named + more)}.")
    return safe(" ".join(sentence for sentence in sentences if sentence))


def assessed(review: Review) -> Iterator[str]:
    """The overall assessment, where the reviewer wrote none."""
    if review.summary.text:
        return
    worst = min((finding.severity for finding in review.findings), default=None)
    if worst is None:
        yield "Nothing that loses, duplicates or corrupts data was found in what could be read."
    elif worst is Severity.CRITICAL:
        yield "Data can be lost, duplicated or corrupted as the code stands."
    else:
        yield "No path to lost or corrupted data was found; what follows concerns faults, load and growth."


def strengths(review: Review, sources: Sources) -> str:
    if not review.strengths:
        return "No pattern was recognised as a strength in what could be read."
    return "\n".join(praised(strength, sources) for strength in review.strengths)


def praised(strength: Strength, sources: Sources) -> str:
    """What is done well, what that is good for, and where it is seen."""
    name = f"**{safe(flat(strength.pattern))}**" + (f" (`{strength.name}`)" if strength.name else "")
    why = f" {PILLARS[strength.pillar]}: {safe(flat(strength.why))}" if strength.why else ""
    spots = [
        f"  - {place(step, sources)}" + (f": {safe(flat(step.message))}" if step.message else "")
        for step in strength.evidence
        if step.place.path
    ]
    more = beyond(strength)
    return "\n".join([f"- {name}: {safe(flat(strength.message))}{why}", *spots, *([f"  - {more}"] if more else [])])


def issues(review: Review, sources: Sources) -> str:
    found = [issue(number, finding, sources) for number, finding in enumerate(review.findings, 1)]
    return "\n\n".join([*(found or ["None."]), *doubtful(review, sources)])


def doubtful(review: Review, sources: Sources) -> Iterator[str]:
    """What is of low confidence, in a section of its own behind the issues; its numbers go on from theirs."""
    if review.doubtful:
        yield f"### Low confidence\n\n{DOUBT}"
        first = len(review.findings) + 1
        yield from (issue(number, finding, sources) for number, finding in enumerate(review.doubtful, first))


def issue(number: int, finding: Finding, sources: Sources) -> str:
    spot = f"{sources.name(finding.place.path)}:{finding.place.line}"
    function = f" in `{finding.symbol}`" if finding.symbol else ""
    lines = [
        f"### {number}. {finding.rule}: `{spot}`",
        "",
        f"Severity **{finding.severity.word}**, confidence {finding.confidence.word}, at `{spot}`{function}.",
        "",
        f"- **What**: {safe(flat(finding.message))}",
        *steps(finding, sources),
        *reached(finding),
        f"- **Why it matters**: {PILLARS[finding.pillar]}. {safe(flat(finding.why))}",
        f"- **Pattern to apply**: {safe(flat(finding.pattern))}{also(finding)}",
        "- **Suggested fix**: " + "\n".join(fix(finding)),
    ]
    return "\n".join(lines)


def steps(finding: Finding, sources: Sources) -> Iterator[str]:
    if finding.story:
        yield ""
    for number, step in enumerate(finding.story, 1):
        spot = f" ({place(step, sources)})" if step.place.path else ""
        yield f"  {number}. {safe(flat(step.message))}{spot}"
    if finding.story:
        yield ""


def reached(finding: Finding) -> Iterator[str]:
    if finding.reached_from:
        yield f"  Reached from {joined([f'`{entry}`' for entry in finding.reached_from])}."
        yield ""


def also(finding: Finding) -> str:
    return f" (this also answers {joined(finding.related)})" if finding.related else ""


def fix(finding: Finding) -> Iterator[str]:
    if finding.fix is None:
        yield "apply the pattern above."
        return
    yield safe(flat(finding.fix.title))
    text = finding.fix.text.strip("\n")
    if text:
        suffix = finding.place.path[finding.place.path.rfind(".") :]
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
        yield ""
        yield f"  {fence}{LANGUAGES.get(suffix, '')}"
        yield from (f"  {line}".rstrip() for line in text.split("\n"))
        yield f"  {fence}"


def recommendations(review: Review, sources: Sources) -> str:
    """One entry a pattern: what it cures together stands together, the most severe and the most frequent first."""
    if not review.findings:
        return "None: keep what is written under Strengths."
    groups: dict[str, list[Finding]] = {}
    for finding in review.findings:
        groups.setdefault(flat(finding.pattern), []).append(finding)
    ordered = sorted(groups.items(), key=lambda g: (min(f.severity for f in g[1]), -len(g[1]), g[0]))
    return "\n".join(f"{n}. {recommendation(pattern, cured, sources)}" for n, (pattern, cured) in enumerate(ordered, 1))


def recommendation(pattern: str, findings: list[Finding], sources: Sources) -> str:
    worst = min(finding.severity for finding in findings)
    rules = joined(list(dict.fromkeys(finding.rule for finding in findings)))
    spots = list(dict.fromkeys(f"`{sources.name(f.place.path)}:{f.place.line}`" for f in findings))
    named = spots if len(spots) <= PLACES else [*spots[:PLACES], f"{len(spots) - PLACES} more places"]
    number = f"{counted(len(findings), 'finding')} of " if len(findings) > 1 else ""
    return f"**{worst.word}**: {safe(pattern)} ({number}{rules}): {joined(named)}."


def place(step: Step, sources: Sources) -> str:
    return f"`{sources.name(step.place.path)}:{step.place.line}`"


def safe(text: str) -> str:
    """Text in which nothing outside of backticks is taken for an HTML tag.

    >>> safe("`<module>` reads <b>")
    '`<module>` reads &lt;b>'
    """
    parts = text.split("`")
    return "`".join(part if n % 2 else part.replace("<", "&lt;") for n, part in enumerate(parts))
