"""What every written project is held to."""

import os
import subprocess
import sys
from pathlib import Path


def assert_laid_out_and_clean(folder: Path) -> None:
    """The code below a folder is as `ruff format` would write it, and `ruff check` finds nothing."""
    for arguments in (["format", "--diff"], ["check"]):
        answer = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "."], cwd=folder, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stdout


def assert_passes(folder: Path, *tests: str, seconds: int) -> None:
    """A project passes tests of its own that need nothing but this Python."""
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout[-4000:]
