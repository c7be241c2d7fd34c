"""Gathers what is done well: each pattern with the places that show it, and none that a finding contradicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from datakeel.finding import Confidence, Finding, Step, Strength
from datakeel.model.system import System
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Pattern, Seen, strengths

SHOWN = 5  # places that one strength names; the others are counted
Runs = Callable[[str], bool]


def praise(system: System, findings: Sequence[Finding], runs: Runs = lambda rule: True) -> tuple[Strength, ...]:
    """Every strength, what carries most of the system first. One whose opposite was not looked for is not claimed:
    `runs` tells which rules were."""
    return praised(looked(system, runs), findings)


def looked(system: System, runs: Runs = lambda rule: True) -> list[list[Seen] | None]:
    """The places of each strength, before anybody has asked whether a finding denies one; None of what is not looked
    for."""
    survey = Survey(system)
    due = (all(runs(rule) for rule in pattern.unless) for pattern in strengths())
    return [list(p.look(survey)) if wanted else None for p, wanted in zip(strengths(), due, strict=True)]


def praised(places: Sequence[list[Seen] | None], findings: Sequence[Finding]) -> tuple[Strength, ...]:
    """The strengths that the places show, and no finding denies."""
    spoken = [f for f in findings if f.confidence <= Confidence.MEDIUM]
    found = (judged(p, seen, spoken) for p, seen in zip(strengths(), places, strict=True) if seen is not None)
    return tuple(s for s in found if s is not None)


def judged(pattern: Pattern, places: list[Seen], findings: Sequence[Finding]) -> Strength | None:
    """What is to be said of a pattern; None where it is no strength of this system."""
    if pattern.everywhere and (not all(s.holds for s in places) or any(f.rule in pattern.unless for f in findings)):
        return None
    good = distinct(s for s in places if s.holds and not contradicted(pattern, s, findings))
    if len(good) < pattern.fewest:
        return None
    lines = {(s.place.path, s.place.line) for s in good}
    lacking = {(s.place.path, s.place.line) for s in places if not s.holds} - lines
    page = pattern.page
    return Strength(
        name=pattern.name,
        pattern=page.pattern,
        category=pattern.category,
        pillar=page.pillar,
        message=pattern.says,
        why=page.why,
        evidence=tuple(Step(s.place, s.message) for s in good),
        places=len(good),
        of=len(good) + len(lacking),
    )


def contradicted(pattern: Pattern, place: Seen, findings: Iterable[Finding]) -> bool:
    """Whether a finding says the opposite of what is seen there: one of the rules that do, of the same function or
    dataset; or any at all of the very line."""
    for finding in findings:
        same_file = finding.place.path == place.place.path
        if same_file and finding.place.line == place.place.line:
            return True
        if finding.rule not in pattern.unless:
            continue
        if set(finding.datasets) & set(place.datasets) or (same_file and finding.symbol == place.symbol):
            return True
    return False


def distinct(places: Iterable[Seen]) -> list[Seen]:
    """One for each line; what something is known to start stands first, and a function's first place before its
    others."""
    by_line: dict[tuple[str, int], Seen] = {}
    for place in sorted(places, key=lambda s: (not s.entered, s.place, s.message)):
        by_line.setdefault((place.place.path, place.place.line), place)
    told: set[tuple[str, str]] = set()
    first: list[Seen] = []
    others: list[Seen] = []
    for place in by_line.values():
        function = (place.place.path, place.symbol)
        (others if function in told else first).append(place)
        told.add(function)
    return first + others
