"""The page about library models is true: its example is read and judged as it says, and it names every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct

from datakeel.config import load
from datakeel.read import facts, libraries, reader
from datakeel.read.libraries import read_table
from datakeel.read.source import discover
from datakeel.rules.judge import judge
from datakeel.rules.rule import rules
from tests.pages import Case, expected, read_system, said, wrong_effects

PAGE = Path(__file__).parents[1] / "docs" / "library-models.md"
FENCE = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.M | re.S)
TEXT = PAGE.read_text(encoding="utf-8")
FILES = {match.group(1): match.group(2) for match in FENCE.finditer(TEXT)}
ROWS = (
    libraries.Table,
    libraries.CallRow,
    libraries.TypeRow,
    libraries.ClassRow,
    libraries.Opens,
    libraries.Runs,
    libraries.Entry,
    libraries.Retries,
    libraries.Through,
    libraries.Function,
    libraries.Setting,
    libraries.Schedule,
)


def test_a_team_adds_its_own_library(tmp_path: Path) -> None:
    for path, text in FILES.items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    config = load([tmp_path], {rule.name: rule.category for rule in rules()}, root=tmp_path)
    system = reader.system(facts.read(discover([tmp_path]), jobs=1), config.libraries)
    case = Case("a team's own library", {k: v for k, v in FILES.items() if k.endswith(".py")})
    assert said(tuple(f for f in judge(system) if f.confidence.word != "low")) == expected(case)


def test_the_example_inside_the_table_is_true(tmp_path: Path) -> None:
    table = read_table(FILES["our_bus.toml"], "our_bus.toml")
    for example in table.example:
        case = Case("our_bus", {"shop/code.py": example.code})
        files = {**case.files, "datakeel.toml": FILES["datakeel.toml"], "our_bus.toml": FILES["our_bus.toml"]}
        read_system(files, tmp_path)
        config = load([tmp_path], {}, root=tmp_path)
        system = reader.system(facts.read(discover([tmp_path]), jobs=1), config.libraries)
        assert wrong_effects(case, system) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_the_page_names_every_key(row: type[Struct]) -> None:
    named = set(re.findall(r"`([a-z_]+)`", TEXT))
    assert {name.rstrip("_") for name in row.__struct_fields__} <= named
