"""A mistyped key or word of a library model is told with its place, and the tables that are shipped have none."""

import tomllib
from importlib import resources
from pathlib import Path

import pytest

import datakeel
from datakeel.mistake import Mistake
from datakeel.read.proofread import faults_in

FOLDER = resources.files("datakeel.read.languages.python") / "libraries"
FILES = sorted(file.name for file in FOLDER.iterdir() if file.name.endswith(".toml"))


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_tables_have_no_unknown_word(name: str) -> None:
    assert list(faults_in(tomllib.loads((FOLDER / name).read_text("utf-8")))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[calls."our.emit"]\nefect = "publish"', 'unknown key "efect"; did you mean "effect"? (in calls."our.emit")'),
        ('[calls."our.emit"]\neffect = "publsh"', 'unknown effect "publsh"; did you mean "publish"?'),
        ('[calls."our.emit"]\nstore = "que"', 'unknown store "que"; did you mean "queue"?'),
        ('[call."our.emit"]\neffect = "publish"', 'unknown key "call"; did you mean "calls"?'),
        ('[calls.emit]\nentry = { kind = "tsk" }', 'unknown kind "tsk"; did you mean "task"? (in calls.emit.entry)'),
        ('[calls.emit]\nruns = [{ callable = "f", whn = "now" }]', 'unknown key "whn"; did you mean "when"?'),
        ("[types.Bus]\nresource = 3", "Expected `str`, got `int`"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    (tmp_path / "datakeel.toml").write_text('libraries = ["our.toml"]\n')
    (tmp_path / "our.toml").write_text(f'library = "our"\n{text}\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake) as caught:
        datakeel.review(tmp_path)
    assert str(caught.value).startswith("our.toml: ")
    assert said in str(caught.value)
