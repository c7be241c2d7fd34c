"""How fast a review is, and how much memory it takes: every figure of bench/README.md.

    python bench/bench.py CHECKOUT [--rules FOLDER --semgrep PROGRAM] [--only floor,first,memory,…] [--rounds 5]

The checkout is copied; nothing is written in it. `--read` measures the reading stage alone instead of whole reviews.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from edits import edits
from measure import Run, interleaved, median, run

HERE = Path(__file__).parent
PYTHON = sys.executable
STAGES = str(HERE / "stages.py")
FAILED = 2  # a review's status when it could not be made


class Bench:
    """One checkout under measurement: its copy, the caches, and the files in it."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.caches = folder / "caches"
        self.tree = folder / "tree"
        copied(Path(options.checkout), self.tree)
        self.facts = json.loads(self.stage("read", str(self.tree)).output)
        self.lowered = [Path(path) for path in self.facts["lowered"]]
        self.all = [Path(path) for path in self.facts["python"]]
        self.results: dict[str, object] = {}

    def stage(self, *arguments: str) -> Run:
        done = run([PYTHON, STAGES, *arguments], {"XDG_CACHE_HOME": str(self.caches)})
        if done.status:
            sys.exit(done.errors)
        return done

    def review(self, path: Path, memory: bool = False) -> Run:
        """One review, or one reading if that is what is measured."""
        command = [PYTHON, "-m", "datakeel", "review", str(path), "--format", "json"]
        if self.options.read:
            command = [PYTHON, STAGES, "read", str(path)]
        done = run(command, {"XDG_CACHE_HOME": str(self.caches)}, memory)
        if done.status >= FAILED or done.status < 0 or (self.options.read and done.status):
            sys.exit(f"{' '.join(command)} ended with status {done.status}:\n{done.errors[-2000:]}")
        return done

    def first(self, path: Path, memory: bool = False) -> Run:
        shutil.rmtree(self.caches, ignore_errors=True)
        return self.review(path, memory)

    def floor(self, files: list[Path]) -> float:
        listing = self.folder / "listing"
        listing.write_text("\0".join(map(str, files)))
        return float(json.loads(self.stage("floor", str(listing)).output)["seconds"])

    def say(self, name: str, value: str, note: str = "") -> None:
        self.results[name] = value
        print(f"| {name} | {value} | {note} |", flush=True)


# What is measured ----------------------------------------------------------------------------------------------------


def lines(bench: Bench) -> None:
    counts = bench.facts["counts"]
    bench.say("lines lowered", f"{counts['lowered']:,}", f"{len(bench.lowered):,} files")
    bench.say("lines of tests: found, not judged", f"{counts['tests']:,}")
    bench.say("lines of vendored and other code: found, not read", f"{counts['vendored'] + counts['other']:,}")
    bench.say("files that could not be read", f"{counts['unreadable']:,}", "; ".join(bench.facts["remarks"][:3]))


def first(bench: Bench) -> None:
    """The first review against the floor, interleaved."""
    floor_all, floor_lowered, reviews = interleaved(
        bench.options.rounds,
        lambda: bench.floor(bench.all),
        lambda: bench.floor(bench.lowered),
        lambda: bench.first(bench.tree).seconds,
    )
    whole, part, review = median(floor_all), median(floor_lowered), median(reviews)
    bench.say("floor: ast.parse of all Python files", f"{whole:.2f} s", f"{len(bench.all):,} files, one core, gc off")
    bench.say("floor: ast.parse of the lowered files", f"{part:.2f} s")
    bench.say("first review", f"{review:.2f} s", spread_of(reviews))
    bench.say("first review ÷ floor of all files", f"{review / whole:.2f}")
    bench.say("first review ÷ floor of the lowered files", f"{review / part:.2f}")


def memory(bench: Bench) -> None:
    done = bench.first(bench.tree, memory=True)
    bench.say("peak memory, summed over processes", f"{done.peak / 2**20:.0f} MiB", "pages shared by two count twice")
    bench.say("the same, shared pages counted once", f"{done.proportional / 2**20:.0f} MiB")


def second(bench: Bench) -> None:
    """The review after one edit, and whether it says what a first one says."""
    bench.first(bench.tree)
    primed = bench.folder / "primed"
    shutil.copytree(bench.caches, primed, dirs_exist_ok=True)

    def again() -> float:
        shutil.rmtree(bench.caches, ignore_errors=True)
        shutil.copytree(primed, bench.caches)
        return bench.review(bench.tree).seconds

    bench.say("second review, nothing changed", f"{median([again() for _ in range(bench.options.rounds)]):.2f} s")
    for edit in edits(product(bench)):
        edit.apply()
        times = [again() for _ in range(bench.options.rounds)]
        warm = comparable(bench.review(bench.tree).output)
        cold = comparable(bench.first(bench.tree).output)
        edit.revert()
        same = "as a first review" if warm == cold else "NOT as a first review"
        bench.say(f"second review after {edit.name}", f"{median(times):.2f} s", f"{edit.where}; {same}")


def growth(bench: Bench) -> None:
    """First and second reviews of samples of the checkout."""
    for size in (10_000, 100_000, 800_000):
        with sample(bench, size) as (tree, counted):
            cold = median([bench.first(tree).seconds for _ in range(3)])
            warm = median([bench.review(tree).seconds for _ in range(3)])
        bench.say(
            f"{counted:,} lines", f"{cold:.2f} s", f"second {warm:.2f} s; {cold / counted * 1e6:.2f} µs a line at first"
        )
        if counted < size * 0.9:
            return


def start(bench: Bench) -> None:
    version = [run([PYTHON, "-m", "datakeel", "--version"]).seconds for _ in range(bench.options.rounds)]
    bench.say("--version", f"{median(version):.2f} s")
    with tempfile.TemporaryDirectory() as lone:
        file = Path(lone) / "orders.py"
        file.write_text("import requests\n\n\ndef pay(order):\n    requests.post(order.url, timeout=3)\n")
        times = [bench.first(file).seconds for _ in range(bench.options.rounds)]
        bench.say("one small file outside a repository", f"{median(times):.2f} s")


def semgrep(bench: Bench) -> None:
    """Semgrep with the given rules over exactly the lowered files, against first reviews of the whole checkout."""
    if not bench.options.rules:
        return
    same = bench.folder / "same"
    empty = bench.folder / "empty"
    empty.mkdir(exist_ok=True)
    (empty / "one.py").write_text("x = 1\n")
    for path in bench.lowered:
        copy = same / path.relative_to(bench.tree)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    begin, whole, reviews = interleaved(
        bench.options.semgrep_rounds,
        lambda: scan(bench, empty),
        lambda: scan(bench, same),
        lambda: bench.first(bench.tree).seconds,
    )
    net = median(whole) - median(begin)
    bench.say("Semgrep, its start-up not counted", f"{net:.1f} s", f"start-up {median(begin):.1f} s")
    bench.say("Semgrep ÷ first review", f"{net / median(reviews):.0f}")


MEASURES: dict[str, Callable[[Bench], None]] = {
    "lines": lines,
    "first": first,
    "memory": memory,
    "second": second,
    "growth": growth,
    "start": start,
    "semgrep": semgrep,
}

# How -----------------------------------------------------------------------------------------------------------------


def scan(bench: Bench, folder: Path) -> float:
    command = [bench.options.semgrep, "scan", "--config", bench.options.rules, "--metrics", "off", "--quiet"]
    command += ["--disable-version-check", "--no-git-ignore", "--jobs", str(bench.options.jobs), "--json"]
    done = run([*command, "--output", str(bench.folder / "semgrep.json"), str(folder)])
    if done.status not in (0, 1):
        sys.exit(f"semgrep ended with status {done.status}:\n{done.errors[-2000:]}")
    scanned = len(json.loads((bench.folder / "semgrep.json").read_text())["paths"]["scanned"])
    print(f"\rSemgrep: {scanned} files in {done.seconds:.1f} s", file=sys.stderr)
    return done.seconds


def comparable(output: str) -> object:
    """What a review says, without what differs from run to run (the steps' times, in the reading stage's output)."""
    said = json.loads(output)
    if isinstance(said, dict):
        said.pop("steps", None)
        if isinstance(said.get("counts"), dict):
            said["counts"].pop("cached", None)
    return said


def product(bench: Bench) -> list[Path]:
    outside = {"migrations", "scripts", "docs", "examples"}
    return [path for path in bench.lowered if outside.isdisjoint(path.relative_to(bench.tree).parts)]


@contextmanager
def sample(bench: Bench, size: int) -> Iterator[tuple[Path, int]]:
    """A tree with about so many lines of the checkout, chosen by the digest of each path: the same mix at every
    size."""
    chosen, counted = [], 0
    for path in sorted(bench.all, key=lambda p: blake2b(str(p.relative_to(bench.tree)).encode()).digest()):
        if counted >= size:
            break
        chosen.append(path)
        counted += path.read_bytes().count(b"\n")
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        tree = Path(folder)
        (tree / ".git").mkdir()
        for path in chosen:
            copy = tree / path.relative_to(bench.tree)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        yield tree, counted


def copied(checkout: Path, tree: Path) -> None:
    """A copy of a checkout's files, with a `.git` that marks its root and knows which files are tracked."""
    shutil.copytree(checkout, tree, symlinks=True, ignore=shutil.ignore_patterns(".git", "node_modules", ".venv"))
    (tree / ".git").mkdir(exist_ok=True)
    if (checkout / ".git" / "index").is_file():
        shutil.copyfile(checkout / ".git" / "index", tree / ".git" / "index")


def spread_of(times: list[float]) -> str:
    return f"{min(times):.2f} to {max(times):.2f} s in {len(times)} runs"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout")
    parser.add_argument("--rules", help="a folder of Semgrep rules; without it Semgrep is not measured")
    parser.add_argument("--semgrep", default="semgrep", help="the program")
    parser.add_argument("--semgrep-rounds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="processors to use")
    parser.add_argument("--only", default=",".join(MEASURES), help="which measures: %(default)s")
    parser.add_argument("--read", action="store_true", help="measure the reading stage, not whole reviews")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.jobs])
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        print(f"| {Path(options.checkout).name}, {options.jobs} processors, Python {sys.version.split()[0]} | | |")
        print("| --- | --- | --- |")
        for name in options.only.split(","):
            MEASURES[name](bench)


if __name__ == "__main__":
    main()
