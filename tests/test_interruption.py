"""A review that is told to end does so in every phase: one line, a status, nothing left behind, nothing spoilt. What
a worker was at when it died is said, and the rest is reviewed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import datakeel
from datakeel.finding import Review
from datakeel.read import facts, link, workers
from datakeel.read.facts import New
from datakeel.read.link import Link
from datakeel.read.symbols import Module

FILES = 12

BOOKING = """from django.db import models


class Account{number}(models.Model):
    number = models.CharField(max_length=20, unique=True)
    balance = models.IntegerField()


def book(number, amount):
    account = Account{number}.objects.get(number=number)
    account.balance = account.balance + amount
    account.save()
"""

# The program, with `reach(module, name, when)` to end it where a function is reached: `when` says at which call.
PROGRAM = """
import importlib, os, signal, sys, time
from datakeel import __main__
from datakeel.read import link, workers
link.WORTHWHILE = workers.MANY = 0
NUMBER, PARENT = int(sys.argv.pop(1)), os.getpid()

def reach(module, name, when=lambda *given: True):
    holder = importlib.import_module(module)
    *outer, name = name.split(".")
    for part in outer:
        holder = getattr(holder, part)
    true = getattr(holder, name)
    def reached(*given, **named):
        if when(*given):
            if NUMBER == signal.SIGINT:
                os.killpg(os.getpgrp(), NUMBER)  # as a terminal does
            else:
                os.kill(PARENT, NUMBER)
            if os.getpid() != PARENT:
                time.sleep(60)  # the parent ends it
        return true(*given, **named)
    setattr(holder, name, reached)

{phase}
sys.exit(__main__.main())
"""

PHASES = {
    "loading": "import datakeel.cli; reach('datakeel.cli', 'main')",
    "discovery": "reach('datakeel.read.source', 'Walk.folder')",
    "reading": "reach('datakeel.read.facts', 'lowered', lambda new: new.paths == ['m7.py'])",
    "linking": "reach('datakeel.read.link', 'Link.part', lambda self, module: module.path == 'm7.py')",
    "putting the schema together": "reach('datakeel.read.link', 'Link.schema')",
    "flowing": "reach('datakeel.read.link', 'Link.flow')",
    "judging": "import datakeel.reviewer; reach('datakeel.reviewer', 'judge')",
    "saving the data": "reach('datakeel.cache', 'mark')",
    "saving the index": "reach('datakeel.cache', 'write_index')",
    "rendering": "import datakeel.show.json; reach('datakeel.show.json', 'render')",
    "writing the report": "reach('os', 'fsync')",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = tmp_path / "shop"
    project.mkdir()
    (project / "pyproject.toml").touch()
    for number in range(FILES):
        (project / f"m{number}.py").write_text(BOOKING.replace("{number}", str(number)))
    return project


TERMINATED = ("reading", "linking", "saving the index", "writing the report")


@pytest.mark.parametrize(
    ("phase", "number"),
    [*((phase, signal.SIGINT) for phase in PHASES), *((phase, signal.SIGTERM) for phase in TERMINATED)],
)
def test_a_review_that_is_told_to_end(phase: str, number: signal.Signals, shop: Path) -> None:
    report = shop.parent / "report.json"
    report.write_text("the last report")
    words = [str(int(number)), "review", "--format", "json", "--output", str(report), "--jobs", "2", str(shop)]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("{phase}", PHASES[phase]), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        cwd=shop.parent,
    ) as process:
        out, errors = process.communicate(timeout=300)
    said = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}[number]
    assert (process.returncode, out, errors) == (128 + number, "", f"datakeel: {said}\n")
    assert alive(process.pid) == []
    assert report.read_text() == "the last report"
    assert sorted(path.name for path in shop.parent.iterdir() if path.name != "cache") == ["report.json", "shop"]
    assert_right(datakeel.review([shop]))
    assert sorted(leftovers(shop.parent / "cache")) == ["data", "index", "lock"]


def assert_right(review: Review) -> None:
    assert len(review.findings) == FILES
    assert review.summary.remarks == ()


def leftovers(cache: Path) -> list[str]:
    return [path.name.partition("-")[0] for path in cache.rglob("*") if path.is_file()]


def alive(group: int) -> list[str]:
    """The processes of a group that still run."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, _, its_group = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            found.append(pid)
    return found


def test_a_second_signal_changes_nothing(shop: Path) -> None:
    """Who presses Ctrl-C again while it ends sees no traceback, and no worker stays."""
    phase = (
        "from datakeel.read.workers import Worker\n"
        + PHASES["reading"]
        + "\ntrue_end = Worker.end\ndef end(self):\n    os.kill(PARENT, NUMBER)\n    return true_end(self)\n"
        + "Worker.end = end"
    )
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("{phase}", phase), str(int(signal.SIGINT)), "review", "-j2", str(shop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        out, errors = process.communicate(timeout=300)
    assert (process.returncode, out, errors) == (130, "", "datakeel: interrupted\n")
    assert alive(process.pid) == []


# Workers that die -----------------------------------------------------------------------------------------------------


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def test_a_worker_that_dies_reading_is_said_and_its_file_read_by_the_next_review(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = facts.lowered

    def lowered(new: New) -> bytes:
        if new.paths == ["m7.py"]:
            killed()
        return true(new)

    with monkeypatch.context() as patch:
        patch.setattr(workers, "MANY", 0)
        patch.setattr(facts, "lowered", lowered)
        review = datakeel.review([shop])
    assert [(r.path, r.text) for r in review.summary.remarks] == [
        ("m7.py", "not read: its reader was ended by SIGKILL")
    ]
    assert len(review.findings) == FILES - 1
    assert_right(datakeel.review([shop]))


@pytest.mark.parametrize("schema", [False, True])
def test_a_worker_that_dies_linking_is_said_and_the_next_review_is_whole(
    schema: bool, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def part(self: Link, module: Module) -> str:
        if module.path == "m7.py":
            killed()
        return true_part(self, module)

    def dying(self: Link) -> str:
        killed()
        return ""

    true_part = Link.part
    with monkeypatch.context() as patch:
        patch.setattr(workers, "MANY", 0)
        patch.setattr(link, "WORTHWHILE", 0)
        patch.setattr(Link, "schema" if schema else "part", dying if schema else part)
        review = datakeel.review([shop])
    (remark,) = review.summary.remarks
    assert "SIGKILL" in remark.text
    assert remark.path == ("" if schema else "m7.py")
    assert len(review.findings) >= FILES - 1
    assert_right(datakeel.review([shop]))
