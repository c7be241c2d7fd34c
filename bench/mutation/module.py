"""The modules, and what a review says of each and of its mutants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.mutants.mutant import Mutant, mutated, tabled
from bench.mutants.trial import reviewed
from datakeel.config import Config
from datakeel.finding import Finding
from datakeel.write.project import File, Project

HERE = Path(__file__).parent
MODULES = HERE / "modules"
ALONE = Config(cache=False, jobs=1)  # nothing is known of an earlier review, and nothing of the project around it


@dataclass(frozen=True)
class Trial:
    """A mutant of a module: the rules that speak of it at default confidence, and those that do only when they are
    asked (`hidden`). The rule that should speak may be known not to: its page leaves the case out, or something else
    protects still (`mutant.silent`); or it does not see it (`mutant.missed`)."""

    module: str
    mutant: Mutant
    said: frozenset[str]
    hidden: frozenset[str]

    @property
    def named(self) -> bool:
        return self.mutant.rule in self.said

    @property
    def within(self) -> bool:
        """Whether the rule's page covers it: then it counts."""
        return not self.mutant.silent

    @property
    def expected(self) -> bool:
        """Whether it is named exactly where nothing says why it is not."""
        return self.named != bool(self.mutant.silent or self.mutant.missed)

    @property
    def beside(self) -> list[str]:
        """What else is said of it, which the removed protection may well have kept away too."""
        return sorted(self.said - {self.mutant.rule})

    def __str__(self) -> str:
        return f"{self.module}: {self.mutant.name} ({self.mutant.rule})"


def names() -> list[str]:
    return sorted(path.name for path in MODULES.iterdir() if path.is_dir())


def module(name: str) -> Project:
    """A module as it stands, well built."""
    folder = MODULES / name
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return Project(tuple(File(path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")) for path in paths))


def mutants(name: str) -> list[Mutant]:
    return tabled(HERE / f"{name}.toml")


def original(name: str) -> tuple[Finding, ...]:
    """What a review says of a module as it stands, at default confidence."""
    return reviewed(module(name), ALONE).findings


def trials(name: str, word: str = "") -> Iterator[Trial]:
    """Each mutant of a module in turn; with a word, only those that have it in their name or their rule."""
    whole = module(name)
    for mutant in mutants(name):
        if word in mutant.name or word in mutant.rule:
            review = reviewed(mutated(whole, mutant), ALONE)
            yield Trial(name, mutant, rules_of(review.findings), rules_of(review.doubtful))


def rules_of(findings: Iterable[Finding]) -> frozenset[str]:
    return frozenset(finding.rule for finding in findings)


def by_rule(done: Iterable[Trial]) -> list[tuple[str, int, int, int]]:
    """Each rule, how many mutants it has, how many of them its page covers, and how many it names."""
    done = list(done)
    of = Counter(trial.mutant.rule for trial in done)
    within = Counter(trial.mutant.rule for trial in done if trial.within)
    named = Counter(trial.mutant.rule for trial in done if trial.named)
    return [(rule, of[rule], within[rule], named[rule]) for rule in sorted(of)]


def share(done: Iterable[Trial]) -> float:
    """Of the mutants that a rule's page covers, how many it names."""
    named = [trial.named for trial in done if trial.within]
    return sum(named) / len(named) if named else 1.0
