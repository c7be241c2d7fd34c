"""What a review says of the examples, to the line: each planted fault, and silence on what is right."""

from __future__ import annotations

import shutil
from pathlib import Path

from datakeel.read import facts, reader
from datakeel.read.source import discover
from datakeel.rules.judge import judge

SHOP = Path(__file__).parent.parent / "examples" / "review" / "shop"
PLANTED = {
    ("shop/catalogue.py", 20, "dual-write"),
    ("shop/catalogue.py", 26, "cache-update-race"),
    ("shop/checkout.py", 21, "publish-before-commit"),
    ("shop/feed.py", 9, "unbounded-buffer"),
    ("shop/sales.py", 32, "non-idempotent-consumer"),
    ("shop/sales.py", 12, "ack-before-processing"),
}
CATEGORIES = ("derive", "process", "encode", "partition", "store", "replicate")


def test_the_shop_has_its_planted_faults_and_no_others(tmp_path: Path) -> None:
    shop = shutil.copytree(SHOP, tmp_path / "shop")  # alone: inside a repository the whole of it is read
    system = reader.system(facts.read(discover([shop]), jobs=1))
    found = judge(system, lambda _, category: category in CATEGORIES)
    assert {(f.place.path, f.place.line, f.rule) for f in found if f.confidence.word != "low"} == PLANTED
