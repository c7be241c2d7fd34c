"""The Python of a project is as ruff has it, wherever and in whichever environment it is written."""

import tempfile
from pathlib import Path

import pytest

from datakeel.mistake import Mistake
from datakeel.write import formatting
from datakeel.write.formatting import formatted
from datakeel.write.project import File
from tests.write.clean import assert_laid_out_and_clean

PYPROJECT = File(
    "pyproject.toml",
    '[tool.ruff]\nline-length = 100\ntarget-version = "py311"\n\n[tool.ruff.lint]\nselect = ["E", "F", "I"]\n',
)
LONG = "a" * 60
MESSY = f"""from shop.orders import {LONG}
from shop.orders import other
import json
from collections import Counter



x = {LONG}( other,'{LONG}' )
y = json
"""
CLEAN = f"""import json

from shop.orders import {LONG}, other

x = {LONG}(
    other, "{LONG}"
)
y = json
"""


def of(text: str, path: str = "src/shop/start.py") -> str:
    """A module of a project as it is laid out."""
    return next(f.text for f in formatted([PYPROJECT, File(path, text)]) if f.path == path)


def test_imports_are_in_order_and_lines_broken() -> None:
    assert of(MESSY) == CLEAN


def test_an_import_of_which_little_is_left_stands_on_one_line() -> None:
    names = ", ".join(f"name_{number}" for number in range(30))
    assert of(f"from shop.orders import {names}\n\nx = name_7\n") == "from shop.orders import name_7\n\nx = name_7\n"


@pytest.mark.parametrize("folder", ["build", "dist", "venv", "node_modules"])
def test_no_name_of_a_folder_leaves_a_module_out(folder: str) -> None:
    assert of(MESSY, f"src/{folder}/start.py") == CLEAN


def test_nothing_round_it_has_a_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "ruff.toml").write_text('line-length = 40\nexclude = ["*"]\n')
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("RUFF_CONFIG", "line-length = 40")
    monkeypatch.setenv("RUFF_OUTPUT_FORMAT", "no such format")
    assert of(MESSY) == CLEAN
    assert not list(tmp_path.glob("datakeel-*"))


def test_what_stays_too_long_is_marked_and_clean(tmp_path: Path) -> None:
    made = of(f'ONE = "{LONG}{LONG}"\nWIDE = "{"語" * 50}"\nSHORT = "é"\n')
    assert [line.endswith("  # noqa: E501") for line in made.splitlines()] == [True, True, False]
    for file in (PYPROJECT, File("start.py", made)):
        (tmp_path / file.path).write_text(file.text, encoding="utf-8")
    assert_laid_out_and_clean(tmp_path)


def test_the_other_files_stay_as_they_are() -> None:
    others = (File("run.sh", "x  =  1 \n", True), File("docs/a.md", "# a  \n"), PYPROJECT)
    assert formatted(others) == others


def test_without_ruff_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("could not find the ruff binary in any of the following locations")

    monkeypatch.setattr(formatting, "find_ruff_bin", nowhere)
    with pytest.raises(Mistake, match=r"ruff is missing.*pip install --force-reinstall datakeel"):
        of(MESSY)


def test_without_a_temporary_folder_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(Mistake, match=r"gone.*Set TMPDIR"):
        of(MESSY)


def test_what_ruff_cannot_read_is_told_with_its_place() -> None:
    with pytest.raises(Mistake, match=r"(?s)ruff cannot lay out.*start\.py.*Install datakeel anew"):
        of("def f(:\n")
