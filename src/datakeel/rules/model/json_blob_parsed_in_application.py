"""`json-blob-parsed-in-application`: rows are loaded, and picked by what stands inside one of their documents."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Guard, Kind, Scope, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.turns import loops_over_rows, many, within
from datakeel.rules.rule import Hit, Record, rule

PARSED = ("json.loads", "orjson.loads", "ujson.loads", "simplejson.loads")
COMPARED = ("==", "!=", "<", "<=", ">", ">=", "in")
STRUCTURED = ("json", "jsonb")


@rule(Severity.MINOR, Record(0, 4))
def json_blob_parsed_in_application(operation: Operation, system: System) -> Iterator[Hit]:
    """Rows are loaded, their document is parsed, and a test of what stands in it throws most of them away."""
    told: set[int] = set()
    for done in operation.of(Kind.WRITE, Kind.READ, Kind.PUBLISH, Kind.CALL):
        if not done.guards:
            continue
        for loop, rows in loops_over_rows(operation, done):
            if loop.number in told or rows.store != StoreKind.RELATIONAL or not many(rows):
                continue
            if not operation.meet_here(rows, done):
                continue
            found = next(((g, c) for g in within(done, loop) if (c := picked_by(g, rows, system))), None)
            if found is not None and nothing_else(operation, loop, rows, found[0]):
                told.add(loop.number)
                yield hit(loop, rows, *found, few=of_another(rows, system))


def picked_by(guard: Guard, rows: Effect, system: System) -> str:
    """The column inside which a condition looks, where it compares nothing else than that with a constant."""
    if guard.test not in COMPARED or not guard.sources:
        return ""
    paths = {s.path for s in guard.sources if rows.gave(s) and len(s.path) > 1}
    parsed = any(s.kind == "decoding" and s.name in PARSED for s in guard.sources)
    if len(paths) != 1 or any(
        s.kind not in ("read", "decoding") or s.number not in (rows.number, -1) for s in guard.sources
    ):
        return ""
    column = next(iter(paths))[0]
    dataset = system.dataset_of(rows)
    known = dataset.column(column) if dataset is not None else None
    return column if known is not None and (parsed or known.type in STRUCTURED) else ""


def nothing_else(operation: Operation, loop: Scope, rows: Effect, guard: Guard) -> bool:
    """Whether a row that fails the test was loaded for nothing."""
    return all(guard in e.guards for e in operation.effects if loop in e.scopes and e.kind != Kind.LOG)


def of_another(rows: Effect, system: System) -> bool:
    """Whether only those rows are loaded that hang on others, which are at hand: they are no search of the table."""
    dataset = system.dataset_of(rows)
    found = (dataset.column(p.column) for p in rows.predicates if p.operator == "=" and dataset is not None)
    return any(c is not None and bool(c.references) for c in found)


def hit(loop: Scope, rows: Effect, guard: Guard, column: str, *, few: bool) -> Hit:
    name = f"{rows.dataset}.{column}"
    place = guard.place or rows.place
    return Hit(
        place=loop.place or rows.place,
        message=f"every row of {rows.dataset} is loaded to look inside {column}, and most are thrown away: the "
        "database could pick them by an index",
        story=(
            Step(rows.place, f"rows of {rows.dataset} are loaded, with the whole of {column}"),
            Step(place, f"what stands inside {name} is tested here, row by row"),
            Step(place, "the longer the table, the more of what is sent and parsed is thrown away"),
        ),
        rests_on=(rows,),
        doubts=2 if few else 1,
        datasets=(rows.dataset,),
        fix=Fix(
            title="let the database pick them, by an index on what is asked for",
            text=f"CREATE INDEX CONCURRENTLY ON {rows.dataset} (({column}->>'…'));  -- and WHERE {column}->>'…' = …",
        ),
    )
