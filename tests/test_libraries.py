"""Every library model has an example, and its marked effects are those that the reader sees."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from datakeel.cache import Cache
from datakeel.read import libraries
from datakeel.read.libraries import Table, kept, shipped
from tests.pages import Case, read_system, wrong_effects

TABLES = shipped("python")


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.library)
def test_the_examples_effects_are_seen(table: Table, tmp_path: Path) -> None:
    assert table.example, f"{table.library} has no example"
    for number, example in enumerate(table.example):
        case = Case(f"{table.library} {number}", {"shop/code.py": example.code})
        assert wrong_effects(case, read_system(case.files, tmp_path / str(number))) == []


def test_what_a_review_leaves_of_the_tables_is_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Cache.open(tmp_path, tmp_path / "cache")
    kept("python", blobs)
    blobs.save()
    monkeypatch.setattr(libraries, "shipped", lambda language: pytest.fail("the texts are read again"))
    assert kept("python", Cache.open(tmp_path, tmp_path / "cache")) == TABLES


def test_tables_that_were_changed_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Cache.open(tmp_path, tmp_path / "cache")
    kept("python", blobs)
    monkeypatch.setattr(libraries, "texts", lambda language: {"new.toml": 'library = "new"'})
    monkeypatch.setattr(libraries, "shipped", lambda language: (Table(library="new"),))
    assert [t.library for t in kept("python", blobs)] == ["new"]


def takes(dotted: str, option: str) -> bool | None:
    """Whether a function takes an option, as far as it can be asked; None where it cannot."""
    module, _, name = dotted.rpartition(".")
    try:
        parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters.values()
    except (ImportError, AttributeError, TypeError, ValueError):
        return None
    return any(p.name == option or p.kind == p.VAR_KEYWORD for p in parameters)


def test_a_time_out_is_only_said_of_calls_that_take_one() -> None:
    """The edit of a missing time-out puts it among the arguments of the call."""
    rows = [(n, r) for t in TABLES for n, r in t.calls.items() if "timeout" in r.options]
    asked = {n: takes(n, "timeout") for n, r in rows if r.words.get("timeout") != "outer-timeout"}
    assert [name for name, answer in asked.items() if answer is False] == []
    assert sum(answer is True for answer in asked.values()) > 10
