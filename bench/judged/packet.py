"""What a reader is given: the report of each finding and where the code stands, and nothing of how the rule thinks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bench.judged.judgement import Found, Repository
from datakeel.show.json import FindingEntry

HEAD = """\
# Findings to be judged

Judge each from its report and the code, as the author of that code would who is asked to change it.

- `verdict`: **true** where what the message says happens can happen in this code as it is used; **false** where it
  cannot, or where the message tells of something that is not there; **disputed** where good reasons stand against it.
- `worth`: **yes** where the author should change the code for it in a pull request; **no** where it is not worth that.
- `reason`: one sentence, with the place that decides.

One line of JSON for each finding:

    {"number": 1, "verdict": "true", "worth": "yes", "reason": "…"}
"""


def packet(
    repositories: Iterable[Repository], checkouts: Path, numbered: Mapping[int, tuple[Found, FindingEntry]]
) -> str:
    """The text for one reader: the findings in these repositories, under their numbers in the sample."""
    return "\n".join([HEAD, *(line for one in repositories for line in _part(one, checkouts, numbered))])


def _part(repository: Repository, checkouts: Path, numbered: Mapping[int, tuple[Found, FindingEntry]]) -> Iterator[str]:
    yield f"# {repository.name} ({repository.kind})\n"
    yield f"Checkout: {(checkouts / repository.folder).absolute()}, commit {repository.commit}\n"
    for number, (found, entry) in numbered.items():
        if found.repository == repository.name:
            yield from _finding(number, entry)


def _finding(number: int, entry: FindingEntry) -> Iterator[str]:
    yield f"## {number}. {entry.rule}: {entry.path}:{entry.line}\n"
    yield f"in `{entry.symbol or 'the module'}`, {entry.severity}, {entry.confidence} confidence\n"
    yield f"**{entry.message}**\n"
    yield f"Why: {entry.why}\n"
    for place, step in enumerate(entry.evidence, 1):
        yield f"{place}. {step.message}" + (f" ({step.path}:{step.line})" if step.path else "")
    if entry.reached_from:
        yield f"\nReached from: {', '.join(entry.reached_from)}"
    yield f"\nPattern: {entry.pattern}"
    if entry.fix:
        yield f"\nFix: {entry.fix.title}\n"
        yield from (f"    {line}" for line in entry.fix.text.splitlines())
    yield ""
