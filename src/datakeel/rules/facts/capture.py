"""What a change data capture connector is set up to do, and what it loses."""

from __future__ import annotations

from datakeel.model.effect import Effect

NONE = ("never", "no_data", "schema_only", "schema_only_recovery", "recovery")
HEARTBEAT = "heartbeat.interval.ms"


def connector(call: Effect) -> dict[str, str]:
    """The settings of a change data capture connector that a call sets up: each name with its constant."""
    found = {a.column.removeprefix("config."): a.text.removeprefix("const:").strip("'\"") for a in call.assigned}
    return found if found.get("connector.class", "").startswith("io.debezium.") else {}


def fault_of(settings: dict[str, str]) -> tuple[str, str, str] | None:
    """The setting that loses data, what it does to the copy, and what to set instead."""
    mode = settings.get("snapshot.mode", "")
    if mode in NONE:
        return (
            f"snapshot.mode is {mode}",
            "rows that do not change from now on never reach the copy",
            '"snapshot.mode": "initial"',
        )
    if settings.get("transforms.unwrap.delete.handling.mode") == "drop" or "d" in settings.get(
        "skipped.operations", ""
    ).split(","):
        return "deletes are dropped", "rows that are deleted stay in the copy for ever", '"skipped.operations": "none"'
    postgres = settings.get("connector.class", "").endswith("PostgresConnector")
    if postgres and settings.get(HEARTBEAT, "0") == "0" and settings.get("table.include.list"):
        return (
            "there is no heartbeat",
            "while its tables are quiet the slot holds back the log, until the database's disk is full",
            f'"{HEARTBEAT}": "10000"',
        )
    return None
