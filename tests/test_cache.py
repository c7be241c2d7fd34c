"""The cache gives back what was put in, whatever happens to its files, and never stands in a review's way."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from datakeel.cache import SMALL, Cache, locked, user_folder

KEY = b"k" * 25


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    return root


@pytest.fixture
def caches(tmp_path: Path) -> Path:
    return tmp_path / "caches"


def keep(root: Path, caches: Path, **blobs: bytes) -> Cache:
    cache = Cache.open(root, caches)
    for key, blob in blobs.items():
        cache.put(key.encode(), blob)
    cache.save()
    return cache


def value(cache: Cache, key: str) -> bytes | None:
    found = cache.get(key.encode())
    return None if found is None else bytes(found)


def test_what_is_put_is_there_the_next_time(root: Path, caches: Path) -> None:
    keep(root, caches, a=b"one", empty=b"")
    again = Cache.open(root, caches)
    assert value(again, "a") == b"one"
    assert value(again, "empty") == b""
    assert value(again, "b") is None


def test_what_is_put_is_there_at_once_and_nothing_is_written_before_save(root: Path, caches: Path) -> None:
    cache = Cache.open(root, caches)
    cache.put(KEY, b"one")
    assert cache.get(KEY) == b"one"
    assert not caches.exists()


def test_a_second_save_appends(root: Path, caches: Path) -> None:
    keep(root, caches, a=b"one")
    keep(root, caches, b=b"two")
    again = Cache.open(root, caches)
    assert (value(again, "a"), value(again, "b")) == (b"one", b"two")
    assert len(list(next(caches.iterdir()).glob("data-*"))) == 1


def test_what_is_put_under_a_known_key_takes_its_place(root: Path, caches: Path) -> None:
    keep(root, caches, a=b"one")
    keep(root, caches, a=b"two")
    assert value(Cache.open(root, caches), "a") == b"two"


def test_a_run_that_finds_everything_writes_nothing(root: Path, caches: Path) -> None:
    keep(root, caches, a=b"one")
    before = {file: file.stat().st_mtime_ns for file in caches.rglob("*")}
    again = Cache.open(root, caches)
    assert value(again, "a") == b"one"
    again.save()
    assert {file: file.stat().st_mtime_ns for file in caches.rglob("*")} == before


def test_repositories_do_not_share(root: Path, caches: Path, tmp_path: Path) -> None:
    keep(root, caches, a=b"one")
    assert value(Cache.open(tmp_path, caches), "a") is None


def test_without_a_cache_everything_works() -> None:
    cache = Cache.none()
    cache.put(KEY, b"one")
    assert cache.get(KEY) == b"one"
    cache.save()
    assert cache.trouble == ""


def test_dead_blobs_are_dropped_when_they_outweigh_the_living(root: Path, caches: Path) -> None:
    keep(root, caches, old=b"x" * (SMALL + 10), kept=b"y" * 100)
    again = Cache.open(root, caches)
    assert value(again, "kept") == b"y" * 100
    again.put(b"new", b"z")
    again.save()
    assert sum(file.stat().st_size for file in caches.rglob("data-*")) < 1000
    last = Cache.open(root, caches)
    assert (value(last, "old"), value(last, "kept"), value(last, "new")) == (None, b"y" * 100, b"z")


def test_a_reader_keeps_its_view_while_another_compacts(root: Path, caches: Path) -> None:
    keep(root, caches, old=b"x" * (SMALL + 10), kept=b"y")
    reader = Cache.open(root, caches)
    keep(root, caches, new=b"z")
    assert value(reader, "old") == b"x" * (SMALL + 10)


def test_caches_of_repositories_that_are_gone_are_removed(root: Path, caches: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    keep(gone, caches, a=b"one")
    gone.rmdir()
    keep(root, caches, a=b"one")
    assert len(list(caches.iterdir())) == 1


# Damage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["index", "data-*"])
@pytest.mark.parametrize("change", ["cut", "empty", "flip", "noise", "gone"])
def test_a_damaged_cache_is_passed_over_and_mended(root: Path, caches: Path, kind: str, change: str) -> None:
    keep(root, caches, a=b"one" * 100, b=b"two" * 100)
    file = next(caches.rglob(kind))
    data = file.read_bytes()
    if change == "gone":
        file.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        file.write_bytes({"cut": data[:middle], "empty": b"", "flip": flipped, "noise": os.urandom(len(data))}[change])
    again = Cache.open(root, caches)
    for key, blob in (("a", b"one" * 100), ("b", b"two" * 100)):
        assert value(again, key) in (None, blob)
        again.put(key.encode(), blob)
    again.save()
    last = Cache.open(root, caches)
    assert (last.trouble, value(last, "a"), value(last, "b")) == ("", b"one" * 100, b"two" * 100)


def test_a_place_that_cannot_be_written_is_said_once(root: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache = keep(root, blocked, a=b"one")
    assert "cannot be" in cache.trouble
    assert value(cache, "a") == b"one"


def test_a_full_disk_leaves_the_old_cache_as_it_was(root: Path, caches: Path) -> None:
    keep(root, caches, a=b"one")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limit[1]))  # what does not fit fails as on a full disk
    try:
        cache = keep(root, caches, b=b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "cannot be written" in cache.trouble
    again = Cache.open(root, caches)
    assert (again.trouble, value(again, "a"), value(again, "b")) == ("", b"one", None)
    keep(root, caches, c=b"three")
    assert value(Cache.open(root, caches), "c") == b"three"


def test_the_users_cache_folder_is_where_the_system_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "datakeel"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", "/home/ada")
    assert user_folder() == Path("/home/ada/.cache/datakeel")


# Several at once -----------------------------------------------------------------------------------------------------

WRITER = """
import sys
from datakeel.cache import Cache
root, caches, name = sys.argv[1:]
for turn in range(30):
    cache = Cache.open(root, caches)
    for other in ("one", "two"):
        for number in range(turn):
            found = cache.get(f"{other}{number}".encode())
            assert found is None or bytes(found) == f"{other}{number}".encode() * 5000, (other, number)
    cache.put(f"{name}{turn}".encode(), f"{name}{turn}".encode() * 5000)
    cache.save()
    assert cache.trouble == "", cache.trouble
"""


@pytest.mark.parametrize("locks", [True, False])
def test_two_reviews_at_once_are_both_right(root: Path, caches: Path, locks: bool) -> None:
    code = WRITER if locks else WRITER.replace("root,", "import datakeel.cache; datakeel.cache.fcntl = None\nroot,", 1)
    both = [subprocess.Popen([sys.executable, "-c", code, str(root), str(caches), name]) for name in ("one", "two")]
    assert [process.wait(60) for process in both] == [0, 0]
    last = Cache.open(root, caches)
    assert last.trouble == ""
    found = [value(last, f"{name}{turn}") for name in ("one", "two") for turn in range(30)]
    assert found.count(None) < len(found)
    for name in ("one", "two"):
        for turn in range(30):
            assert value(last, f"{name}{turn}") in (None, f"{name}{turn}".encode() * 5000)


def test_a_writer_that_waits_too_long_does_not_save(root: Path, caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(root, caches, a=b"one")
    monkeypatch.setattr("datakeel.cache.PATIENCE", 0.05)
    with locked(next(caches.iterdir()) / "lock") as free:
        assert free
        assert keep(root, caches, b=b"two").trouble == ""
    assert value(Cache.open(root, caches), "b") is None
