"""What one review leaves for the next: blobs under keys, one data file and one index for a repository.

The index names its data file and carries a checksum for each entry, so a reader is right whatever another process does
at the same time: it finds the bytes that the index speaks of, or nothing. Writers take turns by a lock; one that
cannot have it in time does not save. What fails is reported once and costs only time.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec
from msgspec import Struct

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
PATIENCE = 1.0  # seconds to wait for another writer
SMALL = 1 << 20  # dead bytes that are not worth a compaction

Slot = tuple[int, int, int]  # offset, length, checksum


class Index(Struct, frozen=True, array_like=True):
    """The index file: the data file that it speaks of, and where in it each key's blob stands."""

    format: int
    root: bytes
    data: str
    size: int  # of the data file when this index was written
    slots: dict[bytes, Slot]


class Cache:
    """The cache of one repository. Made by `Cache.open`; `Cache.none` keeps nothing."""

    def __init__(self, folder: Path | None, root: bytes) -> None:
        self.folder = folder
        self.root = root
        self.index = Index(FORMAT, root, "", 0, {})
        self.view = memoryview(b"")
        self.new: dict[bytes, bytes] = {}
        self.used: set[bytes] = set()
        self.damaged: set[bytes] = set()
        self.trouble = ""  # in words for the report, or empty

    @classmethod
    def open(cls, root: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> Cache:
        """The cache of the repository at `root`, empty where there is none or it cannot be read. `folder` is where all
        caches stand; by default the user's cache directory."""
        where = Path(folder) if folder is not None else user_folder()
        name = blake2b(os.fsencode(root), digest_size=10).hexdigest()
        cache = cls(where / name if where else None, os.fsencode(root))
        cache.load()
        return cache

    @classmethod
    def none(cls) -> Cache:
        return cls(None, b"")

    def get(self, key: bytes) -> memoryview | bytes | None:
        """The blob under a key; None when there is none, or it is damaged."""
        fresh = self.new.get(key)
        if fresh is not None:
            return fresh
        slot = self.index.slots.get(key)
        if slot is None:
            return None
        offset, length, checksum = slot
        blob = self.view[offset : offset + length]
        if len(blob) != length or crc32(blob) != checksum:
            self.damaged.add(key)
            return None
        self.used.add(key)
        return blob

    def put(self, key: bytes, blob: bytes) -> None:
        """Keeps a blob; it reaches the disk with `save`."""
        self.new[key] = blob

    def save(self) -> None:
        """Writes what is new. Where that fails, the old cache stays as it is, and `trouble` says why."""
        if self.folder is None or not self.new:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(self.folder / "lock") as free:
                if free:
                    self.write(self.folder)
        except FileNotFoundError:
            pass  # another review has tidied up meanwhile: what is new here is found again by the next one
        except OSError as reason:
            self.trouble = (
                f"the cache in {self.folder} cannot be written ({reason.strerror or reason}): the next review is slower"
            )

    def load(self) -> None:
        if self.folder is None:
            return
        for _ in range(3):  # another process may replace both files between the two reads
            try:
                index = read_index(self.folder / "index", self.root)
                if index is None:
                    return
                self.view = mapped(self.folder / index.data, index.size)
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as reason:
                self.trouble = (
                    f"the cache in {self.folder} cannot be read ({getattr(reason, 'strerror', '') or reason})"
                )
                return
            self.index = index
            return

    def write(self, folder: Path) -> None:
        """Adds to the data file that the newest index names, or begins another when more than half of it is dead."""
        newest = newest_index(folder, self.root)
        known = newest.slots if newest else {}
        fresh = {k: blob for k, blob in self.new.items() if k in self.damaged or known.get(k, ())[1:] != mark(blob)}
        live = sum(known[key][1] for key in self.used if key in known) + sum(map(len, self.new.values()))
        total = (newest.size if newest else 0) + sum(map(len, fresh.values()))
        if newest is None or total - live > max(live, SMALL):
            self.begin(folder)
        elif fresh:
            self.append(folder, newest, fresh)

    def append(self, folder: Path, newest: Index, fresh: dict[bytes, bytes]) -> None:
        data = folder / newest.data
        with data.open("r+b") as file:
            start = file.seek(0, os.SEEK_END)
            try:
                slots = written(file, fresh)
                size = file.tell()
            except BaseException:  # also when the review is told to end
                with contextlib.suppress(OSError):
                    file.truncate(start)
                raise
        write_index(folder, Index(FORMAT, self.root, newest.data, size, {**newest.slots, **slots}))

    def begin(self, folder: Path) -> None:
        """Writes what this review used and found into a new data file, and then removes the others."""
        kept = {key: bytes(blob) for key in sorted(self.used) if (blob := self.get(key)) is not None} | self.new
        name = f"data-{os.getpid():x}-{time.time_ns():x}"
        data = folder / name
        try:
            with data.open("xb") as file:
                slots = written(file, kept)
                size = file.tell()
            write_index(folder, Index(FORMAT, self.root, name, size, slots))
        except BaseException:
            data.unlink(missing_ok=True)
            raise
        remove_others(folder, name)
        remove_orphans(folder.parent)


def user_folder() -> Path | None:
    """Where this user's programs keep what can be made again; None where there is no such place."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "datakeel"


def mark(blob: bytes) -> tuple[int, int]:
    return len(blob), crc32(blob)


def read_index(file: Path, root: bytes) -> Index | None:
    """The index, or None where there is none that this version can read."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) < 4 or crc32(data[4:]) != int.from_bytes(data[:4], "little"):
        raise ValueError("its index is damaged")
    try:
        index = msgspec.msgpack.decode(memoryview(data)[4:], type=Index)
    except msgspec.DecodeError:
        return None
    return index if index.format == FORMAT and index.root == root else None


def newest_index(folder: Path, root: bytes) -> Index | None:
    """The index as it is now, if its data file is whole."""
    try:
        index = read_index(folder / "index", root)
        return index if index and (folder / index.data).stat().st_size >= index.size else None
    except (OSError, ValueError):
        return None


def write_index(folder: Path, index: Index) -> None:
    data = msgspec.msgpack.encode(index)
    fresh = folder / f"index-{os.getpid():x}"
    try:
        fresh.write_bytes(crc32(data).to_bytes(4, "little") + data)
        os.replace(fresh, folder / "index")
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def written(file: BinaryIO, blobs: dict[bytes, bytes]) -> dict[bytes, Slot]:
    slots = {}
    offset = file.tell()
    for key, blob in blobs.items():
        file.write(blob)
        slots[key] = (offset, *mark(blob))
        offset += len(blob)
    file.flush()
    return slots


def mapped(file: Path, size: int) -> memoryview:
    """The data file's first `size` bytes, mapped and not read."""
    with file.open("rb") as data:
        if os.fstat(data.fileno()).st_size < size:
            raise ValueError("its data file is cut short")
        return memoryview(mmap.mmap(data.fileno(), size, access=mmap.ACCESS_READ) if size else b"")


@contextlib.contextmanager
def locked(file: Path) -> Iterator[bool]:
    """Keeps other writers out; False when another stays in for too long. Where the file system knows no locks, two
    writers at once are still right (the index is replaced whole), and one of them saves in vain."""
    with file.open("ab") as handle:
        yield fcntl is None or taken(handle)


def taken(handle: BinaryIO) -> bool:
    """Whether the lock could be had; it goes with the file."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        except OSError:
            return True


def remove_others(folder: Path, kept: str) -> None:
    """Removes older data files and what a writer that died left behind."""
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            stale = file.name.startswith("index-") and time.time() - file.stat().st_mtime > 3600
            if stale or (file.name.startswith("data-") and file.name != kept):
                file.unlink(missing_ok=True)


def remove_orphans(caches: Path) -> None:
    """Removes the caches of repositories that are gone."""
    with contextlib.suppress(OSError):
        for folder in caches.iterdir():
            with contextlib.suppress(OSError, ValueError):
                data = (folder / "index").read_bytes()[4:]
                if not os.path.isdir(msgspec.msgpack.decode(data, type=Index).root):
                    for name in ("index", *(f.name for f in folder.iterdir())):
                        (folder / name).unlink(missing_ok=True)
                    folder.rmdir()
