"""Events a second into the event store of a generated project, one a transaction and a hundred, with 1, 4 and 16
writers that are processes, side by side with two others on one PostgreSQL that syncs each commit:

- `bare`: the same SQL statements in the same transactions by psycopg alone, on one connection a writer: BEGIN, the
  INSERT of the generated project, prepared as psycopg does by itself, and COMMIT; its parameters are ready but for the
  two random ids. What is above it is the pool, the retry, the encoding and the correlation id.
- `eventsourcing`: that library's event store with its recorder on PostgreSQL, where one is given.

    python -m bench.append [--python PYTHON] [--eventsourcing PYTHON] [--rounds 5] [--seconds 1.5]

`--python` is an interpreter with what a generated project needs (its pyproject.toml); `--eventsourcing` one with the
package `eventsourcing[postgres]`. Rounds are interleaved, in turns from the front and from the back. A writer is a
process; what it counts is committed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.measure import DURABLE, Asked, generated
from datakeel.requirements import read
from tests.postgres import running

HERE = Path(__file__).parent
SYSTEM = """
datakeel: 1
name: shop orders
domain:
  aggregates:
    Order:
      events:
        OrderPlaced: {fields: {customer: text, items: text many, total: money at least 0, address: text}}
        OrderCancelled: {fields: {reason: text}, after: placed}
"""
SHAPES = ((1, 1), (4, 1), (16, 1), (1, 100))  # writers, events in a transaction
Found = dict[str, list[tuple[float, float]]]  # of each: events a second, and seconds of processor time of an event


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="one that has what a generated project needs")
    parser.add_argument("--eventsourcing", help="a Python interpreter that has eventsourcing[postgres]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(generated(read(SYSTEM, "system.yaml")))
        dsn = stack.enter_context(running(settings=DURABLE))
        ours = stack.enter_context(Asked(options.python, HERE / "append_ours.py", dsn, "ours", source=folder / "src"))
        asked = {"generated": ours, "bare": ours}
        if options.eventsourcing:
            theirs = Asked(options.eventsourcing, HERE / "append_eventsourcing.py", dsn, "theirs")
            asked["eventsourcing"] = stack.enter_context(theirs)
        for writers, events in SHAPES:
            report(writers, events, measured(asked, f"{writers} {events} {options.seconds}", options.rounds))
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def measured(asked: dict[str, Asked], what: str, rounds: int) -> Found:
    found: Found = {name: [] for name in asked}
    for number in range(rounds):
        for name in found if number % 2 == 0 else reversed(found):
            rate, spent = asked[name].ask(f"{name} {what}").split()
            found[name].append((float(rate), float(spent)))
    return found


def report(writers: int, events: int, found: Found) -> None:
    rates = {name: [rate for rate, _ in pairs] for name, pairs in found.items()}
    spent = {name: statistics.median(spent for _, spent in pairs) for name, pairs in found.items()}
    print(f"{writers} writers, {events} a transaction")
    for name, own in rates.items():
        print(
            f"  {name}: median {statistics.median(own):,.0f} events/s ({min(own):,.0f} to {max(own):,.0f}), "
            f"{spent[name] * 1e6:,.0f} µs of the writer's processor time an event"
        )
    for name in [name for name in rates if name != "generated"]:
        ratios = [ours / other for ours, other in zip(rates["generated"], rates[name], strict=True)]
        of_medians = statistics.median(rates["generated"]) / statistics.median(rates[name])
        print(f"  generated ÷ {name}: {of_medians:.2f} (in a round {min(ratios):.2f} to {max(ratios):.2f})", flush=True)


if __name__ == "__main__":
    main()
