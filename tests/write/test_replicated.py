"""Records with several writers as they are written."""

from pathlib import Path

from datakeel import reviewer
from datakeel.write.disk import put
from datakeel.write.targets.replicated.write import kinds
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.replicated import NOTES


def test_whole_numbers_are_counters_lists_are_sets_and_all_else_registers() -> None:
    note = kinds(NOTES.requirements)[0]
    assert [c.name for c in note.counters] == ["likes"]
    assert [c.name for c in note.sets] == ["tags"]
    assert [c.name for c in note.registers] == ["title", "body", "status", "due", "price", "value_"]
    assert note.effects[-4:] == ["AddToLikes", "PutIntoTags", "TakeFromTags", "Delete"]


def test_each_rule_of_merging_has_its_own_fold() -> None:
    made = write(NOTES)
    assert "def fold(changes: Iterable[Change]) -> Note:" in made.text("src/field_notes/domain/note.py")
    assert "def fold(changes: Iterable[Change]) -> list[Task]:" in made.text("src/field_notes/domain/task.py")
    assert "def merge(one: Visit, other: Visit) -> Visit:" in made.text("src/field_notes/domain/visit.py")


def test_the_code_is_laid_out_and_clean_and_its_review_finds_nothing(tmp_path: Path) -> None:
    put(write(NOTES), tmp_path / "made")
    assert_laid_out_and_clean(tmp_path / "made")
    assert [str(f.place) for f in reviewer.review(tmp_path / "made").findings] == []


def test_the_same_design_gives_the_same_bytes() -> None:
    assert write(NOTES) == write(NOTES)
