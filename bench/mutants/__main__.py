"""Takes one protection after the other out of generated projects, and tells who notices: the project's own tests, and a
review.

    python -m bench.mutants [SEED…] [--only tests|review] [--match WORD] [--jobs 2]

It fails where the tests notice fewer than 95 of 100, or a review names the rule of fewer than 90 of 100 that have one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.mutants.mutant import Mutant, Stale, mutants, mutated
from bench.mutants.trial import named, noticed_by
from datakeel.write.project import Project
from tests.projects import SEEDS, generated

NOTICED, NAMED = 0.95, 0.90  # of all; of those that a rule is about


@dataclass
class Trial:
    seed: str
    mutant: Mutant
    project: Project
    noticed: str = ""
    named: frozenset[str] = frozenset()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="*", metavar="SEED", help=f"of {', '.join(SEEDS)}; all where none is named")
    parser.add_argument("--only", choices=("tests", "review"))
    parser.add_argument("--match", default="", help="only the mutants with this word in their name")
    parser.add_argument("--jobs", type=int, default=1, help="so many mutants are tested at a time")
    options = parser.parse_args()
    try:
        trials = [t for seed in options.seeds or SEEDS for t in made(seed) if options.match in t.mutant.name]
    except Stale as stale:
        print(stale, file=sys.stderr)
        return 2
    held = True
    if options.only != "tests":
        held &= reviewed(trials)
    if options.only != "review":
        held &= tested(trials, options.jobs)
    return 0 if held else 1


def made(seed: str) -> list[Trial]:
    _, project = generated(seed)
    return [Trial(seed, mutant, mutated(project, mutant)) for mutant in mutants(seed)]


def reviewed(trials: Iterable[Trial]) -> bool:
    """Of all that a rule is about, those of which its page leaves out the case among them."""
    ruled = [trial for trial in trials if trial.mutant.rule]
    for trial in ruled:
        trial.named = frozenset(named(trial.project))
        why = trial.mutant.silent or trial.mutant.missed
        said = "named" if trial.mutant.rule in trial.named else f"NOT NAMED  {why}"
        tell(trial, f"{trial.mutant.rule}: {said}")
    count = sum(trial.mutant.rule in trial.named for trial in ruled)
    return sufficient(count, len(ruled), NAMED, "named by a review")


def tested(trials: list[Trial], jobs: int) -> bool:
    with ThreadPoolExecutor(jobs) as threads:
        for trial, noticed in zip(trials, threads.map(lambda t: noticed_by(t.project, t.mutant), trials), strict=True):
            trial.noticed = noticed
            tell(trial, f"killed  {noticed}" if noticed else "SURVIVED")
    return sufficient(sum(bool(trial.noticed) for trial in trials), len(trials), NOTICED, "killed by the tests")


def tell(trial: Trial, outcome: str) -> None:
    print(f"{trial.seed:<22} {trial.mutant.name:<64} {outcome}", flush=True)


def sufficient(count: int, of: int, share: float, what: str) -> bool:
    if not of:
        return True
    print(f"{count} of {of} {what} ({count / of:.0%}, the aim is {share:.0%})\n", flush=True)
    return count >= share * of


if __name__ == "__main__":
    sys.exit(main())
