"""The requests under examples/generate, and the projects that they become."""

from __future__ import annotations

from pathlib import Path

from datakeel import generator
from datakeel.decision import Design
from datakeel.write.project import Project

EXAMPLES = Path(__file__).parent.parent / "examples" / "generate"
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir())
SEEDS = ("orders", "readings", "payment-and-inventory")


def wanted(name: str) -> str:
    """What is asked for: a sentence, or a system.yaml by its path."""
    sentence = EXAMPLES / name / "request.txt"
    return sentence.read_text(encoding="utf-8").strip() if sentence.is_file() else str(EXAMPLES / name / "system.yaml")


def generated(name: str) -> tuple[Design, Project]:
    return generator.generated(generator.understood(wanted(name)))
