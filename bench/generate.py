"""How long `datakeel generate` takes, for the requests under examples/generate, and what takes its time.

    python -m bench.generate [--rounds 5] [orders readings …]

Each time is that of a whole process, from its start to its end, into a folder that is new; rounds are interleaved. The
parts are processor time in other processes, the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Run, run

EXAMPLES = Path(__file__).parents[1] / "examples" / "generate"
STAGES = str(Path(__file__).parent / "stages.py")
SEEDS = ("orders", "readings", "payment-and-inventory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", nargs="*", default=SEEDS, help="folders of examples/generate")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    wall: dict[str, list[float]] = {name: [] for name in options.examples}
    spent: dict[str, list[float]] = {name: [] for name in options.examples}
    parts: dict[str, list[dict[str, float]]] = {name: [] for name in options.examples}
    for _ in range(options.rounds):
        for name in options.examples:
            seconds, processor = generated(name)
            wall[name].append(seconds)
            spent[name].append(processor)
            with empty() as folder:
                parts[name].append(json.loads(done([STAGES, "generate", wanted(name), folder]).output))
    for name in options.examples:
        report(name, wall[name], spent[name], parts[name])
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def wanted(name: str) -> str:
    """What is asked for: a sentence, or a system.yaml by its path."""
    sentence = EXAMPLES / name / "request.txt"
    return sentence.read_text(encoding="utf-8").strip() if sentence.is_file() else str(EXAMPLES / name / "system.yaml")


def generated(name: str) -> tuple[float, float]:
    """Seconds that the command took, and those of processor time."""
    before = processor_time()
    with empty() as folder:
        seconds = done(["-m", "datakeel", "generate", wanted(name), "-o", folder]).seconds
    return seconds, processor_time() - before


def processor_time() -> float:
    """Of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def empty() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="datakeel-bench-") as folder:
        yield f"{folder}/project"


def done(command: Sequence[str]) -> Run:
    ran = run([sys.executable, *command])
    if ran.status:
        sys.exit(ran.errors)
    return ran


def report(name: str, wall: list[float], spent: list[float], parts: list[dict[str, float]]) -> None:
    print(
        f"{name}: median {statistics.median(wall):.2f} s ({min(wall):.2f} to {max(wall):.2f}), "
        f"{statistics.median(spent):.2f} s of processor time ({min(spent):.2f} to {max(spent):.2f})"
    )
    for part in parts[0]:
        print(f"    {part:<16} {statistics.median(one[part] for one in parts):.2f} s")


if __name__ == "__main__":
    main()
