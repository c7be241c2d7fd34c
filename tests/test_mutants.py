"""The mutants of bench/mutants stay true to what is generated; of each seed, its own tests kill one here."""

import pytest

from bench.mutants.mutant import Edit, Mutant, Stale, mutants, mutated
from bench.mutants.trial import noticed_by
from datakeel.rules.rule import rules
from datakeel.write.project import File, Project
from tests.projects import SEEDS, generated

KILLED = {
    "orders": "an event that comes again has its effect again",
    "readings": "half of a record is taken for a record",
    "payment-and-inventory": "a message counts without a note that it came",
}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_mutant_changes_what_is_generated_and_names_tests_and_rules_that_exist(seed: str) -> None:
    _, project = generated(seed)
    known, paths = {rule.name for rule in rules()}, {file.path for file in project.files}
    listed = mutants(seed)
    assert len({mutant.name for mutant in listed}) == len(listed) >= 20
    for mutant in listed:
        assert mutated(project, mutant) != project
        assert mutant.killed_by
        assert set(mutant.killed_by) <= paths
        assert mutant.rule in known if mutant.rule else mutant.silent


@pytest.mark.parametrize("seed", SEEDS)
def test_a_projects_own_tests_kill_a_mutant(seed: str) -> None:
    (mutant,) = [m for m in mutants(seed) if m.name == KILLED[seed]]
    assert noticed_by(mutated(generated(seed)[1], mutant), mutant).startswith(f"FAILED {mutant.killed_by[0]}")


@pytest.mark.parametrize("text", ["y = 2", "x"], ids=["nowhere", "twice"])
def test_a_mutant_whose_text_does_not_stand_there_once_is_stale(text: str) -> None:
    project = Project((File("a.py", "x = 1\nx += 1\n"),))
    with pytest.raises(Stale):
        mutated(project, Mutant("changes nothing", (Edit("*.py", text, "z"),), ("tests",)))
