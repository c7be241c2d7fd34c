"""After edits of all kinds, piled one on the other, a review with its cache says what one without says."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from bench.again import EDITS, Project

SHOP = Path(__file__).parents[1] / "examples" / "review" / "shop"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_review_after_edits_says_what_one_with_an_empty_cache_says(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    tree = tmp_path / "shop"
    shutil.copytree(SHOP, tree)
    project = Project(tree, sorted(tree.glob("shop/**/*.py")), random.Random(seed))
    project.review(cached=True)
    for kind in sorted(EDITS):
        path, _ = project.edit(kind)
        assert project.differences() == [], f"{kind} in {path}"
