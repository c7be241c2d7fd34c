"""Proves every project of examples/generate in full: generated, reviewed, linted, type-checked, and its own tests run
with all their faults, one project after the other, on one environment that is built here from what projects ask for.

    python -m bench.prove [NAME…]

It prints one line for each project, below it what its fault tests counted, and fails where anything fails.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import datakeel
from datakeel.write import disk
from tests.projects import NAMES, generated

ENVIRONMENT = Path(__file__).parent.parent / ".venv-projects"
CHECKS = {
    "format": ("ruff", "format", "--check", "."),
    "lint": ("ruff", "check", "."),
    "types": ("mypy",),
    "tests": ("pytest", "-q"),
}
LONGEST = 3600.0  # seconds, for one check
COUNTED = " · "  # in what a fault test tells


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of examples/generate; all where none is named")
    failed = [name for name in parser.parse_args().names or NAMES if not proved(name)]
    print(f"failed: {', '.join(failed)}" if failed else "all hold")
    return 1 if failed else 0


def prepared(project: Path) -> Path:
    """An interpreter with what a project asks for in its pyproject.toml, and what those before it asked for."""
    python, installed = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "installed"
    if not installed.is_file():
        venv.create(ENVIRONMENT, with_pip=True)
        installed.touch()
    asked = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    there = set(installed.read_text().splitlines())
    wanted = {*asked["dependencies"], *chain.from_iterable(asked["optional-dependencies"].values())} - there
    if wanted:
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, *sorted(wanted)], check=True)
        installed.write_text("\n".join(sorted(there | wanted)))
    return python


def proved(name: str) -> bool:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="datakeel-prove-") as folder:
        project = Path(folder) / name
        disk.put(generated(name)[1], project)
        python = prepared(project)
        findings = datakeel.review(project).findings
        said = {check: ran(project, python, command) for check, command in CHECKS.items()}
    failures = [check for check, (holds, _) in said.items() if not holds] + ["review"] * bool(findings)
    tests = re.findall(r"\d+ (?:passed|failed|errors?)(?=[,\w ]* in \d)", said["tests"][1])
    seconds = time.monotonic() - started
    print(f"{name:<24}{', '.join(failures) or 'holds':<24}{', '.join(tests):<24}{seconds:6.0f} s", flush=True)
    for line in counts(said["tests"][1]):
        print(f"    {line}", flush=True)
    for check in failures:
        print(said[check][1][-3000:] if check in said else [str(f.place) for f in findings], file=sys.stderr)
    return not failures


def ran(project: Path, python: Path, command: tuple[str, ...]) -> tuple[bool, str]:
    """Whether a check holds, and what it says."""
    known = os.environ | {"PYTHONPATH": str(project / "src"), "MYPYPATH": "src:tests"}
    done = subprocess.run(
        [python, "-m", *command], cwd=project, env=known, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    return done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def counts(said: str) -> Iterator[str]:
    """The lines of what was proved."""
    return (line for line in said.splitlines() if COUNTED in line)


if __name__ == "__main__":
    sys.exit(main())
