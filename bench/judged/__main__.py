"""How much of what a review says is true, and worth a change.

    python -m bench.judged draw CHECKOUTS INTO          what is to be judged, as packets for those who judge
    python -m bench.judged keep INTO VERDICTS…          what they said, kept
    python -m bench.judged score CHECKOUTS              reviews the same code again, and says what became of it
    python -m bench.judged page --output docs/accuracy.md

CHECKOUTS has a folder for each repository of a round (`--round`; the last one of `bench/judged/repositories.toml`), at
its commit. INTO holds the reviews (those that stand there are taken), the sample and the packets; VERDICTS are files
with a line of JSON for each finding.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.judged import judgement, page
from bench.judged.checkout import Unfit, document, found, reviewer
from bench.judged.judgement import (
    Found,
    Judgement,
    Repository,
    Said,
    joined,
    judgements,
    lines,
    put,
    repositories,
    rounds,
    undrawn,
)
from bench.judged.packet import packet
from bench.judged.sample import draw, shared_out
from bench.judged.score import Figures, Scored, by, figures, scored
from datakeel.show.json import FindingEntry

TRUE, AT_LEAST, HIGH, WORTH = 0.90, 0.86, 0.95, 0.75  # the aims


def main() -> int:
    options = parsed()
    try:
        return int(options.do(options))
    except (Unfit, ValueError) as trouble:
        print(trouble, file=sys.stderr)
        return 2


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    orders = parser.add_subparsers(required=True, metavar="ORDER")
    order = orders.add_parser("draw")
    order.set_defaults(do=drawn)
    order.add_argument("checkouts", type=Path)
    order.add_argument("into", type=Path)
    order.add_argument("--seed", help="a commit of datakeel; that of this one where none is given")
    order.add_argument("--packets", type=int, default=4)
    order.add_argument("--round", type=int, default=len(rounds()))
    order = orders.add_parser("keep")
    order.set_defaults(do=kept)
    order.add_argument("into", type=Path)
    order.add_argument("verdicts", type=Path, nargs="+")
    order = orders.add_parser("score")
    order.set_defaults(do=score)
    order.add_argument("checkouts", type=Path)
    order.add_argument("--reviews", type=Path, help="a folder: reviews that stand there are taken, others put there")
    order.add_argument("--round", type=int, default=len(rounds()))
    order.add_argument("--mark", action="store_true", help="notes in the judgements what is silent now")
    order = orders.add_parser("page")
    order.set_defaults(do=written)
    order.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def drawn(options: argparse.Namespace) -> int:
    seed = options.seed or reviewer()
    limits = next((one for one in rounds() if one.number == options.round), None)
    if limits is None:
        raise Unfit(f"bench/judged/repositories.toml has no [[round]] of number {options.round}")
    among = of_round(options.round)
    pairs = list(reported(among, options.checkouts, options.into / "reviews", seed))
    entries = {id(one): entry for one, entry in pairs}
    everything = [one for one, _ in pairs]
    sample = draw(everything, seed, limits)
    chosen = {id(one) for one in sample}
    put(options.into / "sample.jsonl", sample)
    put(options.into / "undrawn.jsonl", [one for one in everything if id(one) not in chosen])
    numbered = {number: (one, entries[id(one)]) for number, one in enumerate(sample, 1)}
    folder = options.into / "packets"
    folder.mkdir(parents=True, exist_ok=True)
    for number, names in enumerate(shared_out(sample, options.packets), 1):
        part = [one for one in among if one.name in names]
        (folder / f"{number}.md").write_text(packet(part, options.checkouts, numbered), encoding="utf-8")
        print(f"{folder / f'{number}.md'}: {sum(one.repository in names for one in sample)} findings")
    print(f"{len(sample)} of {len(everything)} findings, seed {seed}")
    return 0


def of_round(number: int) -> list[Repository]:
    return [one for one in repositories() if one.round == number]


def reported(
    among: Sequence[Repository], checkouts: Path, reviews: Path | None, commit: str
) -> Iterator[tuple[Found, FindingEntry]]:
    """The findings of repositories, one repository after the other, each as it is kept and as it is reported."""
    for repository in among:
        told = document(repository, checkouts, reviews)
        print(f"{repository.name}: {len(told.findings)} findings in {told.summary.lines} lines", flush=True)
        yield from zip(found(repository, told.findings, commit), told.findings, strict=True)


def kept(options: argparse.Namespace) -> int:
    sample = lines(options.into / "sample.jsonl", Found)
    said = [one for file in options.verdicts for one in lines(file, Said)]
    drawn, rest = joined(sample, said), lines(options.into / "undrawn.jsonl", Found)
    again = {one.repository for one in (*drawn, *rest)}
    put(judgement.HERE / "judgements.jsonl", [*(j for j in judgements() if j.repository not in again), *drawn])
    put(judgement.HERE / "undrawn.jsonl", [*(f for f in undrawn() if f.repository not in again), *rest])
    tell("as drawn", figures(drawn))
    return 0


def score(options: argparse.Namespace) -> int:
    among, commit = of_round(options.round), reviewer()
    names = {one.name for one in among}
    judged = [one for one in judgements() if one.repository in names]
    now = [one for one, _ in reported(among, options.checkouts, options.reviews, commit)]
    outcome = scored(judged, [one for one in undrawn() if one.repository in names], now)
    told(judged, outcome)
    if options.mark:
        others = [one for one in judgements() if one.repository not in names]
        put(judgement.HERE / "judgements.jsonl", [*others, *marked(judged, outcome, commit)])
    return 0 if holds(outcome.speaking) else 1


def marked(judged: Sequence[Judgement], outcome: Scored, commit: str) -> Iterator[Judgement]:
    """The judgements, each silent one with the commit since which it is."""
    silent = {id(one) for one in (*outcome.mended, *outcome.lost)}
    for one in judged:
        yield msgspec.structs.replace(one, silent=(one.silent or commit) if id(one) in silent else "")


def told(judged: Sequence[Judgement], outcome: Scored) -> None:
    """Prints the figures, then each finding that became another, and those that are new."""
    print()
    tell("as drawn", figures(judged))
    tell("as it speaks now", figures(outcome.speaking))
    tell("at high confidence", figures(one for one in outcome.speaking if one.confidence == "high"))
    print(f"\n{'rule':<44}findings  true  precision  worth")
    for rule, part in by(outcome.speaking, lambda one: one.rule).items():
        print(f"{rule:<44}{part.findings:>8}{part.true:>6}{part.precision or 0:>11.0%}{part.worth_share or 0:>7.0%}")
    print(f"\nfalse, and silent now: {len(outcome.mended)}; true, and lost: {len(outcome.lost)}; ", end="")
    print(f"not drawn: {len(outcome.unjudged)}; new, and not judged: {len(outcome.new)}")
    for what, rows in (("mended", outcome.mended), ("lost", outcome.lost), ("new", outcome.new)):
        for one in rows:
            print(f"  {what:<8}{one.rule:<40}{one.repository} {one.path}:{one.line}")


def tell(what: str, part: Figures) -> None:
    low, high = part.interval
    print(f"{what}: {part.true} of {part.findings} true", end="")
    if part.findings:
        print(f", {part.precision:.1%} ({low:.1%} to {high:.1%}); worth a change {part.worth_share:.1%}", end="")
    print(flush=True)


def holds(speaking: Sequence[Judgement]) -> bool:
    """Whether the aims are met by what a review says now."""
    part, high = figures(speaking), figures(one for one in speaking if one.confidence == "high")
    return (
        (part.precision or 0) >= TRUE
        and part.interval[0] >= AT_LEAST
        and (part.worth_share or 0) >= WORTH
        and (high.precision or 0) >= HIGH
    )


def written(options: argparse.Namespace) -> int:
    options.output.write_text(page.page(rounds(), repositories(), judgements(), undrawn()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
