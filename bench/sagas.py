"""Saga steps a second, side by side with DBOS Transact: the same workflow of two steps that do nothing, fifty in
flight, each step durable before the next, on one PostgreSQL that syncs each commit.

    python -m bench.sagas --dbos PYTHON [--python PYTHON] [--sagas 500] [--rounds 5]

`--dbos` is an interpreter with the package `dbos`; `--python` one with what a generated project needs (its
pyproject.toml). Rounds are interleaved: ours, theirs, ours, theirs. What is counted is committed: the clock stops when
the last saga has ended in the database.
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
from datakeel.requirements import Domain, Requirements, Saga, Step
from tests.postgres import running

HERE = Path(__file__).parent
OURS = HERE / "saga_ours.py"
THEIRS = HERE / "saga_dbos.py"

TWO_STEPS = Requirements(
    name="pairs",
    domain=Domain(
        sagas=(
            Saga(
                name="pair",
                steps=(
                    Step(name="first", service="one", compensation="undo first"),
                    Step(name="second", service="two", compensation="undo second"),
                ),
            ),
        )
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dbos", required=True, help="a Python interpreter that has dbos")
    parser.add_argument("--python", default=sys.executable, help="one that has what a generated project needs")
    parser.add_argument("--sagas", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with generated(TWO_STEPS) as folder, running(settings=DURABLE) as dsn:
        report(measured(options, folder, dsn))


def measured(options: argparse.Namespace, folder: Path, dsn: str) -> dict[str, list[float]]:
    """Steps a second of each round, of each."""
    rates: dict[str, list[float]] = {"datakeel": [], "dbos": []}
    for number in range(options.rounds):
        for name, python, script in (("datakeel", options.python, OURS), ("dbos", options.dbos, THEIRS)):
            environment = os.environ | {"PYTHONPATH": str(folder / "src")}
            command = [python, str(script), dsn, f"{name}_{number}", str(options.sagas)]
            answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if answer.returncode:
                sys.exit(answer.stderr[-3000:])
            rates[name].append(json.loads(answer.stdout.splitlines()[-1])["steps_per_second"])
            print(f"round {number + 1}: {name} {rates[name][-1]:,.0f} steps/s", flush=True)
    return rates


def report(rates: dict[str, list[float]]) -> None:
    for name, found in rates.items():
        print(f"{name}: median {statistics.median(found):,.0f} steps/s ({min(found):,.0f} to {max(found):,.0f})")
    print(f"{statistics.median(rates['datakeel']) / statistics.median(rates['dbos']):.1f} times")


if __name__ == "__main__":
    main()
