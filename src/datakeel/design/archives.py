"""Archive jobs that nobody asked for: one server does not hold what comes, and old rows of tables may leave it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from datakeel.design.amounts import DAY
from datakeel.design.estimate import Estimate
from datakeel.requirements import Batch, Requirements, Table

MONTH = 2_629_800.0
SHARE = 0.8  # of what one server holds: a job that is late for weeks is no outage


def with_archives(requirements: Requirements, estimate: Estimate, chosen: Mapping[str, str]) -> Requirements:
    """The requirements with a job for each table whose old rows leave by what was chosen."""
    added = archives(requirements, estimate, chosen.get("storage-engine", ""))
    if not added:
        return requirements
    domain = requirements.domain
    return replace(requirements, domain=replace(domain, batches=(*domain.batches, *added)))


def archives(requirements: Requirements, estimate: Estimate, engine: str) -> tuple[Batch, ...]:
    """A job for each table whose old rows may leave and can, where the engine is one that they have to leave."""
    if engine != "archived-postgresql":
        return ()
    leaving = {load.name for load in estimate.loads if load.leaves}
    age = estimate.hot * SHARE // DAY * DAY
    tables = [t for t in requirements.domain.tables if t.name in leaving and _can_leave(t, requirements)]
    return tuple(
        Batch(name=f"archive of {t.name}", source=t.name, every=MONTH, kind="archive", older_than=age) for t in tables
    )


def _can_leave(table: Table, requirements: Requirements) -> bool:
    """Its rows have a time, and none of another table refers to them."""
    dated = any(field.type == "timestamp" and not field.optional for field in table.fields)
    others = (other for other in requirements.domain.tables if other is not table)
    return dated and not any(field.references == table.name for other in others for field in other.fields)
