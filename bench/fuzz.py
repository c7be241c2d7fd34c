"""Damaged real files through the reader, or through whole reviews, for a number of minutes.

    python bench/fuzz.py MINUTES [--from FOLDER …] [--review] [--seed N] [--keep FOLDER]

The files come from the running Python's own library, or from the given folders. Each is cut, doubled, moved, spliced
and flipped; what crashes, hangs, or gives facts that cannot be decoded is kept, with the seed that makes it again. Each
file is read in a process of its own, so that a crash of the parser itself is found, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from hashlib import blake2b
from io import StringIO
from pathlib import Path

from datakeel.cli import main as datakeel
from datakeel.read.facts import New, lowered
from datakeel.read.program import body, decode
from datakeel.read.workers import Failure, spread

BATCH = 400
PROJECT = 20  # files
PATIENCE = 30.0  # seconds of a processor
WORDS = (
    *(
        b"def f(",
        b"class C:",
        b"async ",
        b"await ",
        b"yield ",
        b"lambda x: ",
        b"match x:\n case ",
        b"type X = ",
        b"f'{",
    ),
    *(
        b"'''",
        b'"',
        b"\\",
        b"\n",
        b"\t",
        b"    ",
        b"(",
        b")",
        b"[",
        b"]",
        b"{",
        b"}",
        b"=",
        b":=",
        b"*",
        b"**",
        b",",
        b"@",
    ),
    *(
        b"#",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\r",
        b"\x0c",
        b"# coding: utf-16\n",
        b"\xed\xa0\x80",
        b"0x",
        b"1e999",
        b"!r}",
    ),
    *(
        b"global x\n",
        b"nonlocal x\n",
        b"except* E:\n",
        b"del ",
        b"print 'x'",
        b"exec x in y",
        b"not ",
        b"-",
        b"else:\n",
    ),
)


def mutant(files: Sequence[Path], seed: int) -> bytes:
    """One damaged file; the same for the same seed and files."""
    chance = random.Random(seed)
    data = bytearray(read(chance.choice(files)))
    other = read(chance.choice(files))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        chance.choice(MUTATIONS)(data, other, chance)
    return bytes(data)


def read(path: Path) -> bytes:
    return path.read_bytes()[:200_000]


def part(data: Sequence[object], chance: random.Random) -> slice:
    start = chance.randrange(len(data) + 1)
    return slice(start, min(len(data), start + int(chance.expovariate(1 / chance.choice((3, 60, 2000))))))


def cut(data: bytearray, _: bytes, chance: random.Random) -> None:
    del data[part(data, chance)]


def end(data: bytearray, _: bytes, chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def double(data: bytearray, _: bytes, chance: random.Random) -> None:
    where = part(data, chance)
    data[where] = bytes(data[where]) * chance.choice((2, 2, 3, 50))


def move(data: bytearray, _: bytes, chance: random.Random) -> None:
    where = part(data, chance)
    taken = bytes(data[where])
    del data[where]
    to = chance.randrange(len(data) + 1)
    data[to:to] = taken


def flip(data: bytearray, _: bytes, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def noise(data: bytearray, _: bytes, chance: random.Random) -> None:
    data[part(data, chance)] = chance.randbytes(chance.randrange(20))


def splice(data: bytearray, other: bytes, chance: random.Random) -> None:
    data[part(data, chance)] = bytes(other[part(other, chance)])


def word(data: bytearray, _: bytes, chance: random.Random) -> None:
    to = chance.randrange(len(data) + 1)
    data[to:to] = chance.choice(WORDS) * chance.choice((1, 1, 1, 3, 300))


def indent(data: bytearray, _: bytes, chance: random.Random) -> None:
    lines = data.split(b"\n")
    for number in range(*part(lines, chance).indices(len(lines))):
        lines[number] = bytearray(b" " if chance.random() < 0.5 else b"") + lines[number].lstrip(b" ")
    data[:] = b"\n".join(lines)


MUTATIONS: tuple[Callable[[bytearray, bytes, random.Random], None], ...] = (
    *(cut, end, double, move, flip, noise, splice, word, indent),
)


def lower(data: bytes) -> None:
    """Reads one file as a review does, and decodes all of it."""
    facts = lowered(New("python", ["file.py"], data, blake2b(data, digest_size=16).digest(), b""))
    file = decode(facts)
    for code in file.bodies:
        body(code)
    assert len(file.bodies) == len(file.functions) + 1, "bodies do not answer to functions"
    assert all(name.encode() is not None for name in file.exports)


def readings(files: Sequence[Path], first: int, until: float) -> Iterator[tuple[int, str]]:
    """The seeds whose file is not read as it should be, and what went wrong; ends with the time."""
    for seed, wrong in tried(lambda seed: lower(mutant(files, seed)), first, until):
        yield from [(seed, wrong)] if wrong else ()
        print(f"\r{seed - first + 1:,} files", end="", file=sys.stderr, flush=True)


def reviews(files: Sequence[Path], first: int, until: float) -> Iterator[tuple[int, str]]:
    """Whole reviews of small projects made of damaged files; a seed stands for a project."""
    for done, (seed, wrong) in enumerate(tried(lambda seed: reviewed(project(files, seed)), first, until), 1):
        yield from [(seed, wrong)] if wrong else ()
        print(f"\r{done * PROJECT:,} files in {done:,} projects", end="", file=sys.stderr, flush=True)


def tried(attempt: Callable[[int], None], first: int, until: float) -> Iterator[tuple[int, str]]:
    """Each seed from the first on, in processes of their own, and what went wrong with it. A seed may take so much of
    a processor's time, however busy the machine is."""

    def work(number: int) -> bytes:
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
        attempt(start + number)
        return b""

    start = first
    while True:
        for number, result in spread(work, [1] * BATCH, os.cpu_count() or 1, PATIENCE * 20):
            yield start + number, result.text if isinstance(result, Failure) else ""
            if time.monotonic() > until:
                return
        start += BATCH


def project(files: Sequence[Path], seed: int) -> dict[str, bytes]:
    return {f"m{n}.py": mutant(files, seed * PROJECT + n) for n in range(PROJECT)}


def reviewed(files: dict[str, bytes]) -> None:
    """Reviews a folder with these files, as the command line does, and looks at what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        os.environ["XDG_CACHE_HOME"] = folder + "/.cache"
        with redirect_stdout(StringIO()) as printed, redirect_stderr(StringIO()) as said:
            status = datakeel(["review", "--jobs", "1", "--format", "json", "--debug", folder])
        if status not in (0, 1):
            raise AssertionError(f"status {status}: {said.getvalue()[-280:]}")
        unread = [r for r in json.loads(printed.getvalue())["summary"]["remarks"] if "Error" in r]
        if unread:
            raise AssertionError("; ".join(unread))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--from", dest="folders", nargs="+", default=[sysconfig.get_paths()["stdlib"]])
    parser.add_argument("--review", action="store_true", help="whole reviews, not the reading alone")
    parser.add_argument("--seed", type=int, default=0, help="where to begin; with 0 minutes: show this seed's failure")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="where what fails is kept")
    options = parser.parse_args()
    files = sorted(path for folder in options.folders for path in Path(folder).rglob("*.py") if path.is_file())
    if not options.minutes:
        reviewed(project(files, options.seed)) if options.review else lower(mutant(files, options.seed))
        return 0
    failed = 0
    until = time.monotonic() + options.minutes * 60
    look = reviews if options.review else readings
    for seed, text in look(files, options.seed, until):
        failed += 1
        print(f"\nseed {seed}: {text}", flush=True)
        options.keep.mkdir(parents=True, exist_ok=True)
        kept = project(files, seed) if options.review else {".py": mutant(files, seed)}
        for name, data in kept.items():
            (options.keep / f"{seed}{name}").write_bytes(data)
    print(f"\n{failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
