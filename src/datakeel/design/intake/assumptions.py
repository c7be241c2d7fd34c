"""What was not said of the workload, assumed: each value says from what."""

from __future__ import annotations

from datakeel.design.intake.figures import PEAK_FACTOR, RECORD, Figures
from datakeel.design.intake.quantities import DAY
from datakeel.requirements import Workload
from datakeel.technologies import value

TEAM = 10_000  # users: as many as one employer or school has; more are the public
SERVED_BY_DAY = 20  # records that one user writes a day, where nothing is said: one every half hour of a working day
BY_HAND = 1000  # writes a second: more of an unknown system are not made by hand, nor read by people ten times
READS_PER_WRITE = 10  # business systems read about ten times as often as they write
FEW_RECORDS = 1000  # fewer of anything make no difference to a database


def complete(found: Figures, main: Workload, what: str, named: set[str]) -> None:
    """Assumes what was not said of the workload: from the users if they are known, else what `main`, the first domain,
    usually has. `named` are the words of what is kept."""
    record = main.record or RECORD
    _total(found, found.values.get("workload.record", record), named)
    found.assume("workload.record", record, f"usual for {what}")
    _reads_and_writes(found, main, what)
    found.assume("workload.peak", main.peak or PEAK_FACTOR, "the busiest hour against the mean of a day")
    if main.retention:
        why = f"usual for {what}: it comes all the time, so it must go some day"
        found.assume("workload.retention", main.retention, why)
    found.assume("availability.regions", 1, "no other region was spoken of")
    if found.values["availability.regions"] > 1:
        found.assume("availability.writes_in", "one region", "nothing was said of writes in every region")


def _reads_and_writes(found: Figures, main: Workload, what: str) -> None:
    """What machines write is not read in proportion: there only the usual figures are taken."""
    ratio, said = found.values.pop("ratio", None), found.reasons.pop("ratio", "")
    by_machines = main.reads is not None and main.writes is not None and main.reads < main.writes
    usual = main.reads / main.writes if main.reads and main.writes else READS_PER_WRITE
    if main.reads is None and (found.values.get("workload.writes") or 0) > BY_HAND:
        usual = 1.0
    per = ratio or (None if by_machines else usual)
    reading = "1 read" if usual == 1 else f"{usual:g} reads"
    how = said.removeprefix("said: ") if ratio else f"{reading} for each write, usual for {what}"
    reads, users = found.values.get("workload.reads"), found.values.get("workload.users")
    if reads is not None and per:
        found.assume("workload.writes", reads / per, how)
    elif users and not by_machines:
        active = _active(found, users)
        said = f"{active:,.0f} of {users:,} users on a day × {SERVED_BY_DAY} writes each"
        found.assume("workload.writes", active * SERVED_BY_DAY / DAY, said)
    usually = main.writes or value("workload", "writes")
    found.assume("workload.writes", usually, f"usual for {what}; nothing was said of how much is written")
    if per:
        found.assume("workload.reads", found.values["workload.writes"] * per, how)
    found.assume("workload.reads", main.reads or READS_PER_WRITE, f"usual for {what}")


def _active(found: Figures, users: int) -> float:
    """How many of the users come on one day: all of a team, and of the public one in ten."""
    of = set(found.users.of) if found.users is not None else set()
    daily = {"dau", "active", "concurrent", "daily", "online"} & of and not {"weekly", "monthly"} & of
    return users if daily or users <= TEAM else users / 10


def _total(found: Figures, record: float, named: set[str]) -> None:
    """``5 TB`` and ``2 million products``: how many records there are, by the largest number."""
    sizes = [q for q in found.records if q.kind == "size"]
    counts = sorted((q for q in found.records if q.kind == "count"), key=lambda q: -q.value)
    kept = [q for q in counts if q.value >= FEW_RECORDS or set(q.of) & named][:1]
    for q in sizes[:1]:
        how = f"“{found.quote(q)}” in records of {record:,.0f} B"
        found.put("workload.records", float(round(q.value / record)), how, "inferred")
    for q in kept:
        found.put("workload.records", q.value, q)
    found.unread += [found.quote(q) for q in (*counts, *sizes) if q not in (*kept, *sizes[:1], *found.multiplied)]
