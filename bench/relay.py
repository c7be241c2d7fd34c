"""Events on their way from the event store of a generated project, through the relay and the log, to a search view with
dedup for each event, on one PostgreSQL that syncs each commit:

- how many a second go through when `--events` become visible at once, two for each order, with one worker of the view
  and with two: from the commit of the events to the last commit of the view;
- how late a row is when `--rate` events a second are committed for `--seconds`, one for each order, twenty a
  transaction: from the commit of the event to the commit of the row.

    python -m bench.relay [--python PYTHON] [--rounds 5] [--events 30000] [--rate 2000] [--seconds 5]

`--python` is an interpreter with what a generated project needs (its pyproject.toml). The relay and each worker are the
processes that run in production, with the settings that they have there. Each measurement has a database of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.measure import DURABLE, Asked, generated
from datakeel.requirements import read
from tests.postgres import running

OURS = Path(__file__).parent / "relay_ours.py"
SYSTEM = """
datakeel: 1
name: shop orders
domain:
  aggregates:
    Order:
      events:
        OrderPlaced: {fields: {customer: text, items: text many, total: money at least 0, address: text}}
        OrderShipped: {fields: {carrier: text, tracking_code: text}, after: placed}
  views:
    order search: {sources: Order, kind: search, fields: [customer, items, address, tracking_code]}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="one that has what a generated project needs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--rate", type=int, default=2_000, help="events a second that are offered")
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    asked = {
        "events/s, one worker": f"drain {options.events} 1",
        "events/s, two workers": f"drain {options.events} 2",
        "lag": f"lag {options.rate} {options.seconds}",
    }
    with ExitStack() as stack:
        folder = stack.enter_context(generated(read(SYSTEM, "system.yaml")))
        dsn = stack.enter_context(running(settings=DURABLE | {"track_commit_timestamp": "on"}))
        project = stack.enter_context(Asked(options.python, OURS, dsn, source=folder / "src"))
        found: dict[str, list[float]] = {}
        for number in range(options.rounds):
            for name, line in asked.items():
                for key, value in json.loads(project.ask(line)).items():
                    found.setdefault(f"{name}: {key}", []).append(value)
                    print(f"round {number + 1}: {name}: {key} {value:,.0f}", flush=True)
    report(found)


def report(found: dict[str, list[float]]) -> None:
    for name, values in found.items():
        print(f"{name}: median {statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
