"""Measurements a second into the database, from the spool of a generated project, side by side with bare ``COPY`` of
the same lines into the same partitioned table, in transactions of the same size, on one PostgreSQL that syncs each
commit.

    python -m bench.series [--python PYTHON] [--rows 500000] [--rounds 5]

`--python` is an interpreter with what a generated project needs (its pyproject.toml). Rounds are interleaved; each has
a table of its own and rows of its own. Ours counts from the reading of the spool to the last commit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from bench.measure import DURABLE, generated
from datakeel.requirements import read
from tests.postgres import running

OURS = Path(__file__).parent / "series_ours.py"
SYSTEM = """
datakeel: 1
name: sensor readings
workload: {writes: 20k/s, retention: 30d}
domain:
  series:
    reading: {key: sensor, values: {temperature: decimal, humidity: decimal}, rollups: [1 min]}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="one that has what a generated project needs")
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with generated(read(SYSTEM, "system.yaml")) as folder, running(settings=DURABLE) as dsn:
        report(measured(options, folder, dsn))


def measured(options: argparse.Namespace, folder: Path, dsn: str) -> dict[str, list[float]]:
    """Rows a second of each round, of each."""
    rates: dict[str, list[float]] = {"bare COPY": [], "datakeel": [], "spool": []}
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    for number in range(options.rounds):
        command = [options.python, str(OURS), dsn, str(folder / "spool"), str(options.rows), str(number)]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if answer.returncode:
            sys.exit(answer.stderr[-3000:])
        for name, rate in json.loads(answer.stdout.splitlines()[-1]).items():
            rates[name].append(rate)
            print(f"round {number + 1}: {name} {rate:,.0f} rows/s", flush=True)
    return rates


def report(rates: dict[str, list[float]]) -> None:
    for name, found in rates.items():
        print(f"{name}: median {statistics.median(found):,.0f} rows/s ({min(found):,.0f} to {max(found):,.0f})")
    part = statistics.median(rates["datakeel"]) / statistics.median(rates["bare COPY"])
    print(f"{part:.0%} of bare COPY")


if __name__ == "__main__":
    main()
