"""Runs a program and tells how long it took and how much memory it and its children held; or keeps it and asks it for
one measurement after the other. Puts down what is generated, to be measured."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from datakeel.design.designer import design
from datakeel.requirements import Requirements
from datakeel.write.writer import write

PAGE = os.sysconf("SC_PAGE_SIZE")

# Settings of a PostgreSQL that loses nothing that it has committed.
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
}


@contextmanager
def generated(of: Requirements) -> Iterator[Path]:
    """The folder of the project that requirements lead to; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="datakeel-bench-") as folder:
        for file in write(design(of)).files:
            path = Path(folder) / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text)
        yield Path(folder)


class Asked:
    """A program that answers each line with a line, for as long as it is asked; what it complains of is shown."""

    def __init__(self, *command: str | Path, source: Path | None = None) -> None:
        environment = os.environ | ({"PYTHONPATH": str(source)} if source else {})
        self.command = [str(part) for part in command]
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Asked:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate()

    def ask(self, line: str) -> str:
        assert self.process.stdin and self.process.stdout
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{' '.join(self.command)} ended with {self.process.wait()}")
        return answer


@dataclass(frozen=True)
class Run:
    seconds: float
    status: int
    output: str
    errors: str
    peak: int = 0  # bytes resident, summed over the process and its descendants: pages shared by two count twice
    proportional: int = 0  # the same with shared pages counted once


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, memory: bool = False) -> Run:
    """One run, from the start of the process to its end, with byte code as every installed program has it. Sampling
    memory slows it: take its time from a run without."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**inherited, **(environment or {})},
    )
    watch = Watch(process.pid) if memory else None
    output, errors = process.communicate()
    seconds = time.perf_counter() - begun
    peak, proportional = watch.end() if watch else (0, 0)
    return Run(seconds, process.returncode, output, errors, peak, proportional)


class Watch:
    """Samples the memory of a process and all below it, until it is told to stop."""

    def __init__(self, pid: int, every: float = 0.01) -> None:
        self.pid = pid
        self.every = every
        self.peak = 0
        self.proportional = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def sample(self) -> None:
        while not self.over.wait(self.every):
            family = descendants(self.pid)
            self.peak = max(self.peak, sum(resident(pid) for pid in family))
            self.proportional = max(self.proportional, sum(share(pid) for pid in family))

    def end(self) -> tuple[int, int]:
        self.over.set()
        self.thread.join()
        return self.peak, self.proportional


def descendants(pid: int) -> list[int]:
    found, at = [pid], 0
    while at < len(found):
        found.extend(int(child) for child in text(f"/proc/{found[at]}/task/{found[at]}/children").split())
        at += 1
    return found


def resident(pid: int) -> int:
    fields = text(f"/proc/{pid}/statm").split()
    return int(fields[1]) * PAGE if fields else 0


def share(pid: int) -> int:
    for line in text(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def median(times: Sequence[float]) -> float:
    return statistics.median(times)


def interleaved(rounds: int, *things: Callable[[], float]) -> list[list[float]]:
    """Each thing once per round, in turn, so that a slow minute of the machine hits all of them alike."""
    times: list[list[float]] = [[] for _ in things]
    for number in range(rounds):
        for thing, kept in zip(things, times, strict=True):
            kept.append(thing())
            print(f"\r{number + 1}/{rounds}", end="", file=sys.stderr, flush=True)
    print("\r", end="", file=sys.stderr)
    return times
