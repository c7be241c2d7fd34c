"""Whatever stands in a repository, every file is read or said not to be, and nothing fails, hangs or is left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from datakeel.model.operation import Role
from datakeel.read import facts, reader
from datakeel.read.facts import Facts, read
from datakeel.read.source import Sources, discover
from datakeel.read.workers import Failure, spread

GOOD = "def pay(order):\n    return order.total\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "good.py").write_text(GOOD)
    return root


def reviewed(root: Path) -> Facts:
    """The facts of a repository; the good file among the bad ones must always be read."""
    found = read(discover([root]), jobs=2)
    if (root / "good.py").exists():
        assert [function.name for function in found.files["good.py"].functions] == ["pay"]
    return found


def spent() -> float:
    """Seconds of a processor, of this process and of those that it has ended: no other program's load counts."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def said(found: Facts, path: str) -> str:
    return " · ".join(remark.text for remark in found.remarks() if remark.path == path)


# What stands in files ------------------------------------------------------------------------------------------------

TEXTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", ""),
    "blank": (b"\n\n \n", ""),
    "without a last newline": (b"x = 1", ""),
    "DOS lines": (b"x = 1\r\nif x:\r\n    y = 2\r\n", ""),
    "old Mac lines": (b"x = 1\ry = 2\r", ""),
    "form feeds": (b"\x0cx = 1\n\x0c\ndef f():\n    return x\n", ""),
    "a BOM": (b"\xef\xbb\xbfx = 1\n", ""),
    "a declared encoding": ("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"), ""),
    "an encoding declared in the second line": ("#!/bin/python\n# coding: cp1252\nx = '€'\n".encode("cp1252"), ""),
    "UTF-16": ("x = 'é'\n".encode("utf-16"), ""),
    "Latin-1 that says nothing": ("x = 'é'\n".encode("latin-1"), "not UTF-8: read as Latin-1"),
    "an unknown encoding": (b"# coding: klingon\nx = 1\n", "unknown encoding klingon"),
    "an encoding that is none": (b"# coding: hex\nx = 1\n", "unknown encoding hex"),
    "an encoding that does not fit": (b"# coding: utf-16\nx = 1\n", ""),
    "a NUL byte": (b"x = 1\0\n", "binary"),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40, "binary"),
    "compiled code": (b"\xa7\r\r\n" + bytes(12) + b"\xe3\0\0\0", "binary"),
    "noise without NUL": (bytes(range(1, 256)) * 30, ""),
    "surrogates": (b"x = '\\ud800'\ny = {'\\udfff': 1}\n", ""),
    "Python 2": (b"exec code in scope\ntry:\n    pass\nexcept IOError, e:\n    raise E, 'no'\n", "Python 2"),
    "a missing bracket": (b"def pay(order:\n    return (1\n\ndef ship():\n    pass\n", ""),
    "tabs and spaces": (b"def f():\n\tx = 1\n        y = 2\n", ""),
    "a merge conflict": (b"<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n", ""),
    "a template": (b"from {{ cookiecutter.name }} import app\n{% if x %}\ny = 1\n{% endif %}\n", ""),
    "an unfinished string": (b'x = """never\nended\n' * 3, ""),
    "deep brackets": (b"x = " + b"[" * 5000 + b"]" * 5000 + b"\n", ""),
    "deep unfinished brackets": (b"x = " + b"(" * 100_000, ""),
    "deep calls": (b"x = " + b"f(" * 2000 + b")" * 2000 + b"\n", ""),
    "deep blocks": (b"".join(b" " * n + b"if x:\n" for n in range(99)) + b" " * 99 + b"pass\n", ""),
    "deeper blocks than Python takes": (b"".join(b" " * n + b"if x:\n" for n in range(3000)), ""),
    "a long chain of calls": (b"x = a" + b".b()" * 20_000 + b"\n", ""),
    "a long sum": (b"x = " + b" + ".join([b"1"] * 50_000) + b"\n", ""),
    "a long chain of else-if": (b"if x:\n    pass\n" + b"elif x:\n    pass\n" * 5000, ""),
    "deep nots": (b"x = " + b"not " * 20_000 + b"y\n", ""),
    "deep lambdas": (b"x = " + b"lambda: " * 20_000 + b"y\n", ""),
    "one long line": (b"x = [" + b"1," * 300_000 + b"]\n", ""),
    "a huge number": (b"x = " + b"9" * 10_000 + b"\n", ""),
    "many functions": (b"def f(): pass\n" * 20_000, ""),
    "PEP 695": (b"def first[T](items: list[T]) -> T: ...\nclass Box[T]: ...\ntype Pair = tuple[int, int]\n", ""),
    "PEP 701": (b"x = f\"{'a' + f'{\"b\"}'}\"\n", ""),
    "PEP 758": (b"try:\n    pass\nexcept A, B:\n    pass\n", ""),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_with(name: str, repository: Path) -> None:
    text, remark = TEXTS[name]
    (repository / "strange.py").write_bytes(text)
    begun = spent()
    found = reviewed(repository)
    assert spent() - begun < 15
    assert "strange.py" in found.files or said(found, "strange.py")
    assert remark in said(found, "strange.py")
    assert "Error" not in said(found, "strange.py"), "a reader's own failure is no way to refuse a file"


def test_a_file_of_fifty_megabytes_is_said_and_not_read(repository: Path) -> None:
    with (repository / "data.py").open("wb") as file:
        file.truncate(50_000_000)
    begun = spent()
    found = reviewed(repository)
    assert spent() - begun < 2
    assert "too large" in said(found, "data.py")
    assert found.counts.unreadable == 1


def test_modules_that_import_each_other(repository: Path) -> None:
    (repository / "a.py").write_text("from b import *\nimport c\n")
    (repository / "b.py").write_text("from a import *\n")
    (repository / "c.py").write_text("import c\nfrom c import c\n")
    modules = reviewed(repository).modules()
    assert [modules.name(path) for path in ("a.py", "b.py", "c.py")] == ["a", "b", "c"]


# What stands in folders ----------------------------------------------------------------------------------------------


def test_an_empty_repository(tmp_path: Path) -> None:
    found = reviewed(tmp_path)
    assert (list(found.files), found.remarks(), found.counts.lowered) == ([], (), 0)


def test_links_that_go_round_or_out_or_nowhere(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(GOOD)
    (repository / "sub").mkdir()
    os.symlink("..", repository / "sub" / "up")
    os.symlink(".", repository / "here")
    os.symlink("loop.py", repository / "loop.py")
    os.symlink("absent", repository / "dangling.py")
    os.symlink(tmp_path / "outside.py", repository / "outside.py")
    os.symlink("/", repository / "everything")
    found = reviewed(repository)
    assert list(found.files) == ["good.py"]
    assert {remark.path for remark in found.remarks()} == {"dangling.py", "loop.py", "outside.py"}


def test_pipes_sockets_and_folders_named_like_code(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(repository / "pipe.py")
    (repository / "folder.py").mkdir()
    monkeypatch.chdir(repository)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.py")
        found = reviewed(repository)
    assert list(found.files) == ["good.py"]
    assert {remark.path for remark in found.remarks()} == {"pipe.py", "socket.py"}


def test_a_pipe_that_is_asked_for_by_name(repository: Path) -> None:
    os.mkfifo(repository / "pipe.py")
    found = read(discover([repository / "pipe.py"]))
    assert "not a regular file" in said(found, "pipe.py")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_and_folders_without_permission(repository: Path) -> None:
    (repository / "secret.py").write_text(GOOD)
    (repository / "secret.py").chmod(0)
    (repository / "locked").mkdir(mode=0)
    found = reviewed(repository)
    (repository / "locked").chmod(0o700)
    assert "Permission denied" in said(found, "secret.py")
    assert "Permission denied" in said(found, "locked")


def test_names_that_are_not_utf8_or_hold_odd_characters(repository: Path) -> None:
    try:
        (repository / os.fsdecode(b"caf\xe9.py")).write_text(GOOD)
    except OSError:
        pytest.skip("this file system takes no such name")
    (repository / "with space\n[red].py").write_text(GOOD)
    found = reviewed(repository)
    assert said(found, "caf\\xe9.py") == "its name is not UTF-8: not read"
    assert "with space\n[red].py" in found.files


def test_folders_as_deep_as_the_system_allows(repository: Path) -> None:
    deep = repository
    for _ in range(300):
        deep = deep / "sub"
    deep.mkdir(parents=True)
    (deep / "bottom.py").write_text(GOOD)
    assert len(reviewed(repository).files) == 2


def test_a_gitignore_that_is_a_folder_or_noise(repository: Path) -> None:
    (repository / "a").mkdir()
    (repository / "a" / ".gitignore").mkdir()
    (repository / ".gitignore").write_bytes(b"\xff\xfe[\n!\n/\n\\\n[z-a]\n[[a]\n" + b"*/" * 300 + b"x\n")
    reviewed(repository)


# What changes meanwhile ----------------------------------------------------------------------------------------------


def after(discovered: Callable[[Path], None], root: Path) -> Facts:
    sources = discover([root])
    discovered(root)
    return read(sources, jobs=2)


def test_a_file_that_vanishes_between_the_walk_and_the_reading(repository: Path) -> None:
    (repository / "gone.py").write_text(GOOD)
    found = after(lambda root: (root / "gone.py").unlink(), repository)
    assert list(found.files) == ["good.py"]
    assert said(found, "gone.py") == "gone since it was found"


def test_a_file_that_becomes_something_else(repository: Path) -> None:
    for name in ("pipe.py", "link.py", "folder.py"):
        (repository / name).write_text(GOOD)

    def change(root: Path) -> None:
        for name in ("pipe.py", "link.py", "folder.py"):
            (root / name).unlink()
        os.mkfifo(root / "pipe.py")
        os.symlink("/etc/passwd", root / "link.py")
        (root / "folder.py").mkdir()

    found = after(change, repository)
    assert list(found.files) == ["good.py"]
    assert {remark.path for remark in found.remarks()} == {"pipe.py", "link.py", "folder.py"}


# Workers -------------------------------------------------------------------------------------------------------------


def results(work: Callable[[int], bytes], count: int, seconds: float = 20.0) -> dict[int, bytes | Failure]:
    found = dict(spread(work, [1 + n % 7 for n in range(count)], 2, seconds))
    assert sorted(found) == list(range(count))
    return found


def lost(found: dict[int, bytes | Failure]) -> dict[int, str]:
    return {number: result.text for number, result in found.items() if isinstance(result, Failure)}


@pytest.mark.parametrize("count", [1, 99, 1000, 20_000])
def test_every_task_has_its_result(count: int) -> None:
    found = results(lambda n: str(n).encode() * (n % 50), count)
    assert all(found[n] == str(n).encode() * (n % 50) for n in range(count))


def test_large_results_arrive_whole() -> None:
    found = results(lambda n: bytes([n]) * 5_000_000, 5)
    assert all(found[n] == bytes([n]) * 5_000_000 for n in range(5))


def test_a_worker_that_dies_loses_one_task() -> None:
    def work(n: int) -> bytes:
        if n == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if n == 400:
            os._exit(3)
        return b"done"

    found = results(work, 500)
    assert lost(found) == {13: "its reader was ended by SIGKILL", 400: "its reader was ended by an exit"}


def test_workers_that_all_die_end_the_work() -> None:
    found = results(lambda n: os._exit(1), 120)
    assert len(lost(found)) == 120


def test_a_task_that_takes_too_long_is_given_up() -> None:
    def work(n: int) -> bytes:
        if n == 7:
            time.sleep(60)
        return b"done"

    assert lost(results(work, 200, seconds=1.0)) == {7: "took longer than 1 s"}


def test_a_task_that_raises_is_lost_alone() -> None:
    def work(n: int) -> bytes:
        if n % 50 == 0:
            raise MemoryError("no room")
        return b"done"

    assert lost(results(work, 101)) == {
        0: "MemoryError: no room",
        50: "MemoryError: no room",
        100: "MemoryError: no room",
    }


def test_without_a_process_to_be_had_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    assert lost(results(lambda n: b"done", 150)) == {}


def test_a_reader_that_crashes_is_a_remark(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "bad.py").write_text("crash = 1\n")
    true = facts.lowered

    def lowered(new: facts.New) -> bytes:
        if b"crash" in new.data:
            os.kill(os.getpid(), signal.SIGKILL)
        return true(new)

    monkeypatch.setattr(facts, "lowered", lowered)
    found = reviewed(repository)
    assert "SIGKILL" in said(found, "bad.py")
    assert (found.counts.unreadable, found.counts.lowered) == (1, 2)


def test_whoever_stops_asking_leaves_no_process() -> None:
    before = children()
    asking = spread(lambda n: bytes(100_000), [1] * 500, 2)
    next(iter(asking))
    assert children() > before
    del asking
    assert children() == before


def children() -> set[int]:
    return {
        int(pid)
        for pid in os.listdir("/proc")
        if pid.isdigit() and stat_of(pid).rpartition(")")[2].split()[1:2] == [str(os.getpid())]
    }


def stat_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ")"


INTERRUPTED = """
import os, sys, time
from datakeel.read.workers import spread
def work(n):
    if n == 0:
        print(os.getpid(), flush=True)
    time.sleep(0.05)
    return b""
try:
    for _ in spread(work, [1] * 1000, 2): pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_review_leaves_no_process(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        worker = int(process.stdout.readline())
        if number is signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        rest, errors = process.communicate(timeout=120)
    assert ("interrupted" in rest) == (number is signal.SIGINT)
    assert errors == ""
    until = time.monotonic() + 120
    while os.path.exists(f"/proc/{worker}") and stat_of(str(worker)).rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until, "a worker outlives its review"
        time.sleep(0.05)


# The whole -----------------------------------------------------------------------------------------------------------


def test_tests_and_vendored_code_are_counted_and_not_read(repository: Path) -> None:
    for name in ("tests/test_pay.py", "vendor/six/six.py"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("import pytest\nx = 1\n")
    found = reviewed(repository)
    assert (found.counts.lowered, found.counts.tests, found.counts.vendored) == (2, 2, 2)
    assert list(found.files) == ["good.py"]
    everything = read(discover([repository]), tests=True)
    assert list(everything.files) == ["good.py", "tests/test_pay.py"]


def test_nothing_is_written_in_the_repository(repository: Path) -> None:
    before = sorted(repository.rglob("*"))
    reviewed(repository)
    assert sorted(repository.rglob("*")) == before


def test_the_facts_do_not_depend_on_the_number_of_processes(repository: Path) -> None:
    for number in range(150):
        (repository / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")
    sources: Sources = discover([repository])
    one, two = read(sources, jobs=1), read(sources, jobs=2)
    assert dict(one.files) == dict(two.files)
    assert all(source.role is Role.PRODUCT for source in two.sources.files)


def test_functions_that_call_one_another_in_ever_more_ways(repository: Path) -> None:
    """Each has the effects of all below it twice: sixty of them, and no number could count them."""
    calls = "".join(f"def f{n}(cursor):\n    f{n + 1}(cursor)\n    f{n + 1}(cursor)\n\n\n" for n in range(70))
    last = "def f70(cursor):\n    cursor.execute('UPDATE accounts SET balance = 0')\n"
    (repository / "deep.py").write_text(calls + last)
    system = reader.system(reviewed(repository))
    assert [o.complete for o in system.operations if o.symbol in ("f0", "f60", "f70")] == [False, True, True]
    assert all(e.number < 2**63 for o in system.operations for e in o.effects)


def test_what_git_reads_may_be_a_pipe(repository: Path) -> None:
    """Nobody writes into them: who opened one would wait for ever."""
    os.mkfifo(repository / ".gitignore")
    (repository / ".git" / "info").mkdir()
    for name in ("info/exclude", "index", "commondir"):
        os.mkfifo(repository / ".git" / name)
    reviewed(repository)


def test_a_checkout_whose_git_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".git")
    (tmp_path / "good.py").write_text(GOOD)
    reviewed(tmp_path)
