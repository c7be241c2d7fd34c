"""Files → facts: reads each file once, takes what is known from a shelf, and has worker processes lower the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache as once
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct

from datakeel.model.operation import Role
from datakeel.model.system import Remark
from datakeel.read.contents import contents
from datakeel.read.elsewhere import names_elsewhere
from datakeel.read.languages.python.lower import lower
from datakeel.read.modules import Modules, modules
from datakeel.read.program import File, Head, Note, encode
from datakeel.read.role import role_by_text
from datakeel.read.source import Source, Sources
from datakeel.read.text import decoded
from datakeel.read.workers import Failure, spread

if TYPE_CHECKING:
    from datakeel.read.formats.sql import SqlFacts

AT_ONCE = 64_000_000  # bytes of new files held in memory
SECONDS = 20.0  # for one file

T = TypeVar("T")
Blob = bytes | memoryview
Kinds = dict[str, dict[str, Blob]]  # by kind and path
Progress = Callable[[int, int], None]  # files done, files to do


class Shelf(Protocol):
    """Where facts are kept between two runs: blobs under keys. `datakeel.cache.Cache` is one."""

    def get(self, key: bytes) -> Blob | None: ...

    def put(self, key: bytes, blob: bytes) -> None: ...


class Bare:
    """A shelf that keeps nothing."""

    def get(self, key: bytes) -> None:
        return None

    def put(self, key: bytes, blob: bytes) -> None:
        pass


class Counts(Struct, frozen=True):
    """Of the files that were asked for: how many lines were read into facts, how many were only counted (by why), and
    how many files could not be read."""

    lowered: int = 0
    tests: int = 0
    vendored: int = 0
    other: int = 0  # of kinds that nothing reads yet
    unreadable: int = 0  # files
    cached: int = 0  # files whose facts were known


class Decoded(Mapping[str, T], Generic[T]):
    """Facts by path, each decoded when it is first asked for."""

    def __init__(self, blobs: dict[str, Blob], decode: Callable[[Blob], T]) -> None:
        self.blobs = dict(sorted(blobs.items()))
        self.decode = decode
        self.known: dict[str, T] = {}

    def __getitem__(self, path: str) -> T:
        known = self.known.get(path)
        if known is None:
            known = self.known[path] = self.decode(self.blobs[path])
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self.blobs)

    def __len__(self) -> int:
        return len(self.blobs)


class Facts:
    """What is known of each file of a project. `files` are the Python files that were read, `heads` the little of them
    that every report asks for, `sql` those of SQL; `sources` has every file, its role told by its text as well; `keys`
    says under which key each file's facts are on the shelf: equal keys are equal facts; `elsewhere` are the names that
    files use which are no code."""

    def __init__(
        self,
        sources: Sources,
        blobs: Kinds,
        keys: dict[str, bytes],
        remarks: list[Remark],
        counts: Counts,
        elsewhere: frozenset[str] = frozenset(),
    ) -> None:
        self.sources = sources
        self.blobs = blobs
        self.keys = keys
        self.files = self.of("python", File)
        self.heads = self.of("python", Head)
        self.sql = self.sql_files()
        self.counts = counts
        self.unread = remarks
        self.elsewhere = elsewhere

    def of(self, kind: str, type: type[T]) -> Mapping[str, T]:
        """The facts of all files of one kind, as its reader wrote them."""
        return Decoded(self.blobs.get(kind, {}), msgspec.msgpack.Decoder(type).decode)

    def sql_files(self) -> Mapping[str, SqlFacts]:
        if "sql" not in self.blobs:
            return {}
        from datakeel.read.formats.sql import SqlFacts  # noqa: PLC0415

        return self.of("sql", SqlFacts)

    def remarks(self) -> tuple[Remark, ...]:
        """What could not be read, and why: whole files, and places in files."""
        notes = [(path, head.notes) for path, head in self.heads.items()]
        notes += [(path, file.notes) for path, file in self.sql.items()]
        places = [Remark(path, note.line, note.text) for path, found in notes for note in found]
        return tuple(sorted({*self.sources.remarks, *self.unread, *places}))

    def modules(self) -> Modules:
        """The names of the project's modules, settled by what its files import."""
        return modules(self.sources, {path: tuple(imported(file)) for path, file in self.files.items()})


def imported(file: File) -> Iterator[str]:
    """The absolute dotted names that a file imports."""
    for dotted in (*(entry.dotted for entry in file.imports), *file.stars):
        if not dotted.startswith((".", "~", "?", "builtins.")):
            yield dotted


class Reader(Struct, frozen=True):
    """How one kind of file becomes facts: from its text alone, and, where it says `by_path`, from its path. `version`
    changes whenever the same text may give other facts."""

    read: Callable[[str, str, str, str], bytes]  # text, path, digest, what was wrong with its encoding
    version: Callable[[], bytes]
    by_path: bool = False


class New(Struct, frozen=True):
    """A file whose facts are not known yet; `paths` are all files with this very text."""

    kind: str
    paths: list[str]
    data: bytes
    digest: bytes
    key: bytes


def read(
    sources: Sources,
    shelf: Shelf | None = None,
    jobs: int = 0,
    progress: Progress | None = None,
    tests: bool = False,
) -> Facts:
    """The facts of every file that is read: product, scripts, migrations and generated code, and tests if asked for.

    `jobs` is the number of processes; 0: one for each core that this process may use. The shelf is not saved here.
    """
    reading = Reading(sources, Bare() if shelf is None else shelf, jobs or cores(), progress, tests)
    for source in sources.files:
        reading.take(source)
    reading.lower()
    return reading.facts()


class Reading:
    """One run over the files; collects what it finds."""

    def __init__(self, sources: Sources, shelf: Shelf, jobs: int, progress: Progress | None, tests: bool) -> None:
        self.sources = sources
        self.shelf = shelf
        self.jobs = jobs
        self.progress = progress
        self.tests = tests
        self.files: list[Source] = []
        self.blobs: Kinds = {}
        self.keys: dict[str, bytes] = {}
        self.remarks: list[Remark] = []
        self.new: dict[bytes, New] = {}
        self.waiting = 0
        self.lines = {"lowered": 0, "tests": 0, "vendored": 0, "other": 0}
        self.named = {source.path for source in sources.files if source.named}
        self.unreadable = 0
        self.cached = 0

    def take(self, source: Source) -> None:
        """Reads one file; what is new waits to be lowered."""
        here = self.sources.texts.get(source.path)
        data = here if here is not None else contents(self.sources.location(source))
        if isinstance(data, str):
            self.remarks.append(Remark(source.path, 0, data))
            self.unreadable += source.named
            self.files.append(source)
            return
        role = role_by_text(source.role, source.path, data, source.others)
        if role is not source.role:
            source = msgspec.structs.replace(source, role=role)
        self.files.append(source)
        fate = self.fate(source)
        if source.named:
            self.lines[fate] += data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
        if fate == "lowered":
            self.look_up(source, data)

    def fate(self, source: Source) -> str:
        if source.foreign:
            return "vendored"
        if source.role is Role.TEST and not self.tests:
            return "tests"
        return "lowered" if source.kind in READERS else "other"

    def look_up(self, source: Source, data: bytes) -> None:
        digest = blake2b(data, digest_size=16).digest()
        key = digest + distinction(source) + READERS[source.kind].version()
        blob = self.shelf.get(key)
        self.keys[source.path] = key
        if blob is not None:
            self.blobs.setdefault(source.kind, {})[source.path] = blob
            self.cached += 1
        elif key in self.new:
            self.new[key].paths.append(source.path)
        else:
            self.new[key] = New(source.kind, [source.path], data, digest, key)
            self.waiting += len(data)
            if self.waiting > AT_ONCE:
                self.lower()

    def lower(self) -> None:
        """Lowers what waits, in other processes, and keeps it."""
        new = list(self.new.values())
        self.new, self.waiting = {}, 0
        results = spread(lambda n: lowered(new[n]), [len(file.data) + 200 for file in new], self.jobs, SECONDS)
        for done, (number, result) in enumerate(results, 1):
            file = new[number]
            if isinstance(result, Failure):
                self.remarks.extend(Remark(path, 0, f"not read: {result.text}") for path in file.paths)
                for path in file.paths:
                    del self.keys[path]  # what is judged without a file must not be taken for what is judged with it
                asked = sum(path in self.named for path in file.paths)
                self.unreadable += asked
                self.lines["lowered"] -= asked * len(file.data.splitlines())
            else:
                self.shelf.put(file.key, result)
                self.blobs.setdefault(file.kind, {}).update(dict.fromkeys(file.paths, result))
            if self.progress:
                self.progress(done, len(new))

    def facts(self) -> Facts:
        sources = msgspec.structs.replace(self.sources, files=tuple(self.files))
        counts = Counts(**self.lines, unreadable=self.unreadable, cached=self.cached)
        elsewhere = names_elsewhere(sources, self.shelf)
        return Facts(sources, self.blobs, self.keys, self.remarks, counts, elsewhere)


def distinction(source: Source) -> bytes:
    """What, beside a file's text, its facts follow from."""
    if READERS[source.kind].by_path:
        return blake2b(source.path.encode(), digest_size=8).digest()
    return b"P" if is_package(source.path) else b"p"


def lowered(new: New) -> bytes:
    """The facts of one file as bytes: what they follow from is in its key, so they can be kept under it."""
    text, wrong = decoded(new.data)
    return READERS[new.kind].read(text, new.paths[0], new.digest.hex(), wrong)


def read_python(text: str, path: str, digest: str, wrong: str) -> bytes:
    file = lower(text, digest, is_package(path))
    if wrong:
        file = msgspec.structs.replace(file, notes=(Note(1, wrong), *file.notes))
    return encode(file)


def read_sql_file(text: str, path: str, digest: str, wrong: str) -> bytes:
    from datakeel.read.formats.sql import read_sql  # noqa: PLC0415  (most projects have no such file)

    facts = read_sql(text, path)
    if wrong:
        facts = msgspec.structs.replace(facts, notes=(Note(1, wrong), *facts.notes))
    return msgspec.msgpack.encode(facts)


def is_package(path: str) -> bool:
    return path.endswith("__init__.py")


@once
def python_version() -> bytes:
    """What the facts of a Python file depend on beside its text: the code that makes them, and the Python that runs
    it."""
    here = Path(__file__).parent
    return version(*sorted((here / "languages" / "python").glob("*.py")), here / "program.py", here / "text.py")


def version(*code: Path) -> bytes:
    digest = blake2b(repr((sys.implementation.name, sys.version_info[:3])).encode(), digest_size=8)
    for file in code:
        digest.update(file.read_bytes())
    return digest.digest()


@once
def sql_version() -> bytes:
    here = Path(__file__).parent
    parser = find_spec("sqlglot")
    code = [*(here / "sql").glob("*.py"), *(here / "formats").glob("*.py"), here / "change.py", here / "statement.py"]
    if parser is not None and parser.origin:
        code.append(Path(parser.origin).with_name("_version.py"))
    return version(*sorted(file for file in code if file.is_file()))


READERS = {"python": Reader(read_python, python_version), "sql": Reader(read_sql_file, sql_version, by_path=True)}


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
