"""The words that the intake knows: ``vocabulary.toml`` and ``units.toml`` beside this file."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@cache
def lexicon(name: str) -> frozenset[str]:
    """A set of words, by its name in vocabulary.toml."""
    return frozenset(_vocabulary()[name].split())


@cache
def pairs(name: str) -> dict[str, str]:
    """A table of vocabulary.toml."""
    return dict(_vocabulary()[name])


@cache
def units(name: str) -> dict[str, float]:
    """A table of units.toml: what each unit comes to."""
    return dict(_units()[name])


@cache
def _vocabulary() -> dict[str, Any]:
    return tomllib.loads((HERE / "vocabulary.toml").read_text("utf-8"))


@cache
def _units() -> dict[str, dict[str, float]]:
    return tomllib.loads((HERE / "units.toml").read_text("utf-8"))
