"""What a review reads from a generated project is what was designed."""

from pathlib import Path

import pytest

from datakeel.read import facts, reader
from datakeel.read.source import discover
from datakeel.write import disk
from tests.outline import designed, read_back
from tests.projects import NAMES, generated


@pytest.mark.parametrize("name", NAMES)
def test_the_outline_read_back_is_the_one_that_was_designed(name: str, tmp_path: Path) -> None:
    design, project = generated(name)
    folder = tmp_path / name
    disk.put(project, folder)
    wanted = designed(design)
    assert wanted.tables or wanted.derived
    assert read_back(reader.system(facts.read(discover([folder]), jobs=1)), wanted) == wanted
