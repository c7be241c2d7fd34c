"""What became of one mutant: whether the project's own tests notice it, and what a review says of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import datakeel
from bench.mutants.mutant import Mutant
from datakeel.config import Config
from datakeel.finding import Confidence, Review
from datakeel.write import disk
from datakeel.write.project import Project

FAST = ("tests/unit", "tests/contract", "tests/concurrency")
SLOW = ("tests/faults",)
LONGEST = 400.0  # seconds, for tests that have to end: one that waits for what never comes has noticed
GRACE = 60.0  # seconds, to take down what they have started
PASSED, NOTHING_COLLECTED = 0, 5  # pytest's status


def named(project: Project) -> set[str]:
    """The rules that a review of the project names."""
    return {finding.rule for finding in reviewed(project).findings}


def reviewed(project: Project, config: Config | None = None) -> Review:
    """A review of the project; what is at low confidence stands apart, as `doubtful`."""
    with tempfile.TemporaryDirectory(prefix="datakeel-mutant-") as folder:
        disk.put(project, Path(folder) / "project")
        return datakeel.review(Path(folder) / "project", config=config, confidence=Confidence.LOW)


def noticed_by(project: Project, mutant: Mutant) -> str:
    """The test that fails first, or how else the tests did not pass; empty where all do: those that the mutant names
    come first, then the fast ones, then the slow ones."""
    with tempfile.TemporaryDirectory(prefix="datakeel-mutant-") as folder:
        disk.put(project, Path(folder) / "project")
        for tests in (mutant.killed_by, FAST, SLOW):
            failure = _failure(Path(folder) / "project", tests)
            if failure:
                return failure
    return ""


def _failure(project: Path, tests: Sequence[str]) -> str:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]
    process = subprocess.Popen(
        command,
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"no end after {LONGEST:.0f} s"
    if process.returncode in (PASSED, NOTHING_COLLECTED):
        return ""
    failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" - ")[0] if failed else said[-300:]


def _end(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C does, so that fixtures take down what they have put up; by force in the end."""
    deadline = time.monotonic() + GRACE
    while process.poll() is None and time.monotonic() < deadline:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=5)
    servers = _servers(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for folder in servers:
        with suppress(OSError, ValueError):
            os.kill(int((folder / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
        shutil.rmtree(folder.parent, ignore_errors=True)


def _servers(pid: int) -> list[Path]:
    """The folders of the PostgreSQL servers that a process owns: it holds a lock on a file in each."""
    with suppress(OSError):
        held = [Path(os.readlink(link)) for link in Path(f"/proc/{pid}/fd").iterdir()]
        return [file.parent for file in held if file.name == "owner"]
    return []
