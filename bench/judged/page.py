"""docs/accuracy.md, made of the judgements that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from bench.judged.judgement import Found, Judgement, Repository, Round
from bench.judged.score import Figures, by, figures

HEAD = """\
# Accuracy

How much of what a review says at default confidence is true, and worth a change. There were several rounds, each over
repositories that nobody had looked at before, and that were chosen before anybody saw what a review says of them; in
between, the rules were mended by what the round before had shown. Of all findings some were drawn by a seed, the commit
of the datakeel that found them, so many of a repository and of a rule at most. Readers who saw the code and the report,
and nothing else, judged each: whether it is *true* (what the message says can happen), and whether it is *worth a
change* to its author. What is disputed counts as false.

This page is made from the judgements in `bench/judged/` by `make references`; [how they are made and scored
again](../bench/README.md#accuracy).
"""
NOTHING = "\nNothing has been judged yet.\n"


def page(
    rounds: Sequence[Round], repositories: Sequence[Repository], judged: Sequence[Judgement], undrawn: Sequence[Found]
) -> str:
    if not judged:
        return HEAD + NOTHING
    parts = (
        *(_round(one, repositories, judged) for one in rounds),
        _places(repositories, judged, undrawn),
        _rules(rounds, repositories, judged),
        _false(judged),
    )
    return "\n".join([HEAD, *chain.from_iterable(parts)])


def _round(one: Round, repositories: Sequence[Repository], judged: Sequence[Judgement]) -> Iterator[str]:
    names = {r.name for r in repositories if r.round == one.number}
    yield f"## Round {one.number}: {len(names)} repositories\n"
    yield f"At most {one.at_most} findings, {one.of_a_repository} of a repository and {one.of_a_rule} of a rule.\n"
    yield from _whole([j for j in judged if j.repository in names])


def _whole(judged: Sequence[Judgement]) -> Iterator[str]:
    yield "| | findings | true | 95 % interval | worth a change |"
    yield "| --- | --- | --- | --- | --- |"
    yield _line("all that were drawn", judged)
    for confidence in ("high", "medium"):
        yield _line(f"at {confidence} confidence", [one for one in judged if one.confidence == confidence])
    speaking = [one for one in judged if not one.silent]
    if len(speaking) < len(judged):
        yield _line(f"without those that are silent since ({len(judged) - len(speaking)})", speaking)
    yield ""


def _line(name: str, judged: Sequence[Judgement]) -> str:
    part = figures(judged)
    low, high = part.interval
    shares = f"{_share(part.precision)} | {low:.1%} to {high:.1%} | {_share(part.worth_share)}"
    return f"| {name} | {part.findings} | {shares} |"


def _places(repositories: Sequence[Repository], judged: Sequence[Judgement], undrawn: Sequence[Found]) -> Iterator[str]:
    parts = by(judged, lambda one: one.repository)
    yield "## Repositories\n"
    yield "| round | repository | kind | commit | lines | findings | in 1,000 lines | judged | true | worth a change |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for one in repositories:
        part = parts.get(one.name, Figures(0, 0, 0))
        findings = part.findings + sum(other.repository == one.name for other in undrawn)
        yield (
            f"| {one.round} | {one.name} | {one.kind} | `{one.commit[:10]}` | {one.lines:,} | {findings} | "
            f"{1000 * findings / one.lines:.1f} | {_counts(part)} |"
        )
    yield ""


def _rules(rounds: Sequence[Round], repositories: Sequence[Repository], judged: Sequence[Judgement]) -> Iterator[str]:
    """All rounds together, and how many of those of each were true."""
    numbers = {one.name: one.round for one in repositories}
    parts = [by([j for j in judged if numbers[j.repository] == one.number], lambda j: j.rule) for one in rounds]
    yield "## Rules\n"
    yield f"| rule | judged | true | worth a change | {' | '.join(f'round {one.number}' for one in rounds)} |"
    yield f"| --- | --- | --- | --- |{' --- |' * len(rounds)}"
    for name, whole in by(judged, lambda one: one.rule).items():
        shares = " | ".join(f"{p[name].true} of {p[name].findings}" if name in p else "" for p in parts)
        yield f"| `{name}` | {_counts(whole)} | {shares} |"
    yield ""


def _false(judged: Iterable[Judgement]) -> Iterator[str]:
    wrong = [one for one in judged if not one.true]
    if not wrong:
        return
    yield "## What was not true\n"
    yield "| rule | place | | why |"
    yield "| --- | --- | --- | --- |"
    for one in sorted(wrong, key=lambda one: (one.rule, one.repository, one.path, one.line)):
        state = f"{one.verdict}{', silent since' if one.silent else ''}"
        reason = one.reason.replace("|", "\\|")
        yield f"| `{one.rule}` | {one.repository} {one.path}:{one.line} | {state} | {reason} |"
    yield ""


def _counts(part: Figures) -> str:
    return f"{part.findings} | {part.true} | {part.worth}"


def _share(part: float | None) -> str:
    return "" if part is None else f"{part:.1%}"
