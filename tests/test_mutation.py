"""A review says nothing of well-built modules, and names what is wrong with their mutants, as far as it is known to."""

from __future__ import annotations

from functools import cache

import pytest

from bench.mutants.mutant import mutated
from bench.mutation.module import Trial, module, mutants, names, original, share, trials
from datakeel.rules.rule import rules

REACHED = 0.9  # of the mutants that their rule's page covers: it may only grow
ASKED = 0.9  # the same, with what such rules say at low confidence


@cache
def tried(name: str) -> tuple[Trial, ...]:
    return tuple(trials(name))


@pytest.mark.parametrize("name", names())
def test_nothing_is_said_of_a_module_as_it_stands(name: str) -> None:
    assert [f"{f.place.path}:{f.place.line} {f.rule}" for f in original(name)] == []


@pytest.mark.parametrize("name", names())
def test_every_mutant_changes_its_module_and_names_a_rule_that_exists(name: str) -> None:
    listed, known = mutants(name), {rule.name for rule in rules()}
    assert len({mutant.name for mutant in listed}) == len(listed) >= 3
    for mutant in listed:
        assert mutated(module(name), mutant) != module(name)
        assert mutant.rule in known
        assert not (mutant.silent and mutant.missed)


@pytest.mark.parametrize("name", names())
def test_a_mutant_is_named_by_its_rule_unless_its_table_says_why_not(name: str) -> None:
    """One that its table calls missed or silent, and that is named by now, is to be taken out of the table."""
    lost = [str(trial) for trial in tried(name) if not trial.expected and not trial.named]
    found = [str(trial) for trial in tried(name) if not trial.expected and trial.named]
    assert lost == [], "not named any more"
    assert found == [], "named by now: take `silent` or `missed` out of the table"


def test_the_share_of_mutants_that_are_named_does_not_shrink() -> None:
    done = [trial for name in names() for trial in tried(name)]
    assert len(done) >= 250
    assert share(done) >= REACHED
    lowered = {rule.name for rule in rules() if rule.record is not None}
    asked = [t.named or (t.mutant.rule in lowered and t.mutant.rule in t.hidden) for t in done if t.within]
    assert sum(asked) / len(asked) >= ASKED
