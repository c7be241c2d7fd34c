"""Takes one protection after the other out of well-built modules, and tells whether a review names what is wrong.

    python -m bench.mutation [MODULE…] [--match WORD] [--missed]

It fails where anything at all is said of a module as it stands, where the rule is named of fewer than 90 of 100 mutants
that its page covers, or where a table says of a mutant that it is not named, and it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from bench.mutants.mutant import Stale
from bench.mutation.module import Trial, by_rule, names, original, share, trials
from datakeel.rules.rule import rules

NAMED = 0.90


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="all where none is named")
    parser.add_argument("--match", default="", help="only the mutants with this word in their name or rule")
    parser.add_argument("--missed", action="store_true", help="show only what is not named")
    options = parser.parse_args()
    chosen = options.modules or names()
    try:
        quiet = all([untouched(name) for name in chosen])
        done = [told(trial, options.missed) for name in chosen for trial in trials(name, options.match)]
    except Stale as stale:
        print(stale, file=sys.stderr)
        return 2
    if not (options.modules or options.match):
        table(done)
    known = all(trial.expected for trial in done)
    return 0 if sufficient(done) and quiet and known else 1


def untouched(name: str) -> bool:
    """Whether nothing is said of a module as it stands."""
    said = original(name)
    for finding in said:
        print(f"{name:<20} {finding.place.path}:{finding.place.line}  {finding.rule}: {finding.message}", flush=True)
    return not said


def told(trial: Trial, missed: bool) -> Trial:
    beside = f"  (and {', '.join(trial.beside)})" if trial.beside else ""
    if not (missed and trial.named and trial.expected):
        print(f"{trial.module:<20} {trial.mutant.rule:<30} {trial.mutant.name}: {outcome(trial)}{beside}", flush=True)
    return trial


def outcome(trial: Trial) -> str:
    why = trial.mutant.silent or trial.mutant.missed
    if trial.named:
        return f"named, AND ITS TABLE SAYS THAT IT IS NOT: {why}" if why else "named"
    how = "at low confidence" if trial.mutant.rule in trial.hidden else "not named"
    return f"{'beyond its page, ' if trial.mutant.silent else ''}{how.upper() if trial.within else how}: {why or 'NEW'}"


def table(done: list[Trial]) -> None:
    print(f"\n{'rule':<42} mutants covered  named")
    for rule, of, within, named in by_rule(done):
        print(f"{rule:<42} {of:>7} {within:>7} {named:>6}")
    without = sorted({rule.name for rule in rules()} - {trial.mutant.rule for trial in done})
    print(f"\nNo mutant: {', '.join(without)}\n")


def sufficient(done: Iterable[Trial]) -> bool:
    done = list(done)
    within, named = sum(trial.within for trial in done), sum(trial.named for trial in done)
    low = sum(not trial.named and trial.mutant.rule in trial.hidden for trial in done)
    print(
        f"{named} of {within} that their rule's page covers are named by it ({share(done):.1%}, the aim is {NAMED:.0%})"
    )
    print(f"{named} of all {len(done)} ({named / max(len(done), 1):.1%}); {low} more at low confidence")
    return share(done) >= NAMED


if __name__ == "__main__":
    sys.exit(main())
