"""What every written project is held to."""

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
