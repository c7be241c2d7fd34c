"""A dedup table for one consumer: the table, its migration, and each message noted in the transaction of its effect."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from datakeel.finding import Finding
from datakeel.mend import layout
from datakeel.mend.delivery import Sites, Spot, changes, innermost, once_a_message, spot_at
from datakeel.mend.parts import Parts, atomic, block_of, held, indent_more, place_of, session_of, spoken_before
from datakeel.mend.patch import Files, Patch
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.patterns import part
from datakeel.read.languages.python.draft import Draft, Refused, call_text

RULES = ("non-idempotent-consumer",)
MODEL, TABLE = "ProcessedMessage", "processed_messages"
TITLE = "note each message in the transaction of its effect, and skip what is known"
ASKED = ("execute", "add", "add_all", "scalar", "scalars", "merge", "delete", "flush", "get", "query", "executemany")
ENDS = ("commit", "rollback", "close")


def patch(finding: Finding, system: System, files: Files) -> Patch:
    """Raises Mistake where the effect, the message's identity or the place of a part is not plain."""
    operation, effect = found(finding, system)
    table = system.dataset_of(effect)
    text = files.text(operation.place.path)
    if table is None or table.place is None or text is None:
        raise Mistake(f"{finding.place}: the table that a message changes is not known")
    if effect.technology not in WRITERS:
        raise Mistake(
            "there is a dedup table for Django, for SQLAlchemy and for PostgreSQL's drivers, and none for "
            f"{effect.technology or 'this'}"
        )
    why = f"{finding.place}: the effect, or its place, is not plain enough for a patch"
    for depth in range(len(effect.chain) + 1):  # in the consumer; else in the function that it calls for it
        try:
            sites = Sites(files)
            spot = spot_at(depth, operation, effect, system, sites)
            parts = Parts(files)
            note(spot, sites, table, system, parts)
            return parts.patch(TITLE)
        except Refused:
            continue
    raise Mistake(why)


def found(finding: Finding, system: System) -> tuple[Operation, Effect]:
    """The consumer, and the effect that happens again."""
    for operation in system.operations:
        if operation.symbol != finding.symbol or operation.place.path != finding.place.path:
            continue
        effects = [e for e in operation.effects if place_of(e) == finding.place]
        effect = next((e for e in effects if e.kind in (Kind.WRITE, Kind.CALL)), None)
        if effect is not None and effect.kind == Kind.CALL:
            raise Mistake(
                f"{finding.place}: what is done again is outside of the database, and no table can undo it: give the "
                "call an idempotency key that is made of the message's id"
            )
        if effect is not None and effect.store == StoreKind.RELATIONAL:
            return operation, effect
    raise Mistake(f"{finding.place}: what a message changes is in no relational table: no patch can be made")


def known_model(system: System) -> str:
    """The module of the table of messages that the project has already."""
    models = (d.model.rpartition(".") for d in system.datasets)
    return next((module for module, _, name in models if name == MODEL), "")


# What is noted --------------------------------------------------------------------------------------------------------
def effects_of(spot: Spot) -> list[ast.stmt]:
    """The statements from the first to the last that changes rows, in the block of the effect; with those that read
    the same rows before, where they may stand under a condition too. Raises Refused."""
    site, operation, effect = spot.site, spot.operation, spot.effect
    block = block_of(site, once_a_message(site, operation, innermost(site, offset_of(site, effect))))
    writes = [e for e in operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL and place_of(e).path == site.path]
    reads = [e for e in operation.of(Kind.READ) if any(e.dataset == w.dataset for w in writes)]
    narrow = stretch(site, block, [offset_of(site, e) for e in writes])
    wide = stretch(site, block, [offset_of(site, e) for e in (*writes, *reads) if place_of(e).path == site.path])
    for chosen in (wide, narrow):
        if chosen and plain(site, operation, chosen) and together(spot, chosen):
            return chosen
    raise Refused


def offset_of(site: Draft, effect: Effect) -> int:
    return site.offset(place_of(effect).line, place_of(effect).column)


def stretch(site: Draft, block: list[ast.stmt], offsets: list[int]) -> list[ast.stmt]:
    """The statements of a block from the first to the last in which one of the effects stands."""
    touched = [n for n, s in enumerate(block) if any(site.start(s) <= o < site.end(s) for o in offsets)]
    return block[touched[0] : touched[-1] + 1] if touched else []


def plain(site: Draft, operation: Operation, statements: list[ast.stmt]) -> bool:
    """Whether statements may stand under a condition: what they make is not used further on, they do not leave with a
    value, and they do not tell the broker."""
    nodes = [n for s in statements for n in ast.walk(s)]
    if any(isinstance(n, ast.Return | ast.Yield | ast.YieldFrom) for n in nodes):
        return False
    begin, end = site.start(statements[0]), site.end(statements[-1])
    acks = [offset_of(site, e) for e in operation.of(Kind.ACK) if place_of(e).path == site.path]
    if any(begin <= a < end for a in acks):
        return False
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    later = (n for n in ast.walk(site.function(statements[0])) if isinstance(n, ast.Name) and site.start(n) >= end)
    return not any(n.id in bound and isinstance(n.ctx, ast.Load) for n in later)


def together(spot: Spot, statements: list[ast.stmt]) -> bool:
    """Whether all that a message changes is in the statements, and commits once, behind them: the note is there if, and
    only if, its effect is."""
    site, operation, effect = spot.site, spot.operation, spot.effect
    begin, end = site.start(statements[0]), site.end(statements[-1])

    def inside(one: Effect) -> bool:
        return place_of(one).path == site.path and begin <= offset_of(site, one) < end

    writes = changes(operation, effect)
    nodes = (n for s in statements for n in ast.walk(s) if isinstance(n, ast.Call))
    ended = any(isinstance(n.func, ast.Attribute) and n.func.attr in ENDS for n in nodes)
    if ended or not all(map(inside, writes)):
        return False
    if effect.technology == "django":
        return all(e.connection in ("", effect.connection) for e in writes)  # what opens its own joins the transaction
    last = max(e.number for e in writes)
    loops = {s.number for e in writes for s in e.scopes if s.kind == "loop"} - outer(site, effect, begin)
    commits = [e for e in operation.of(Kind.COMMIT, Kind.ROLLBACK) if inside(e)]
    return len({e.transaction for e in writes}) == 1 and all(
        e.number > last and not loops & {s.number for s in e.scopes} for e in commits
    )


def outer(site: Draft, effect: Effect, begin: int) -> set[int]:
    """The loops that go from one message to the next: those that begin before what is noted."""
    placed = ((s.number, s.place) for s in effect.scopes if s.kind == "loop" and s.place is not None)
    return {n for n, p in placed if p.path == site.path and site.offset(p.line, p.column) < begin}


def connection_of(spot: Spot, statements: list[ast.stmt]) -> str:
    """The session, connection or cursor that the statements write with. Raises Refused where it is not one, or is made
    in between."""
    site = spot.site
    asked = set()
    for call in (n for s in statements for n in ast.walk(s) if isinstance(n, ast.Call)):
        match call.func:
            case ast.Attribute(value=ast.Name() | ast.Attribute() as named, attr=method) if method in ASKED:
                if speaks_sql(spot, call):
                    asked.add(site.source(named))
    if len(asked) > 1:
        raise Refused
    name = asked.pop() if asked else session_of(site, statements[0])
    made = {n.id for s in statements for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if name.partition(".")[0] in made:
        raise Refused
    undone(spot, statements[0], name)
    if spot.effect.chain:  # a helper that is not handed it has one of its own
        call = site.find(spot.effect.chain[0], ast.Call)
        given = [site.source(a) for a in (*call.args, *(k.value for k in call.keywords))]
        if name not in given and not (name.startswith("self.") and site.source(call.func).startswith("self.")):
            raise Refused
    return name


def undone(spot: Spot, at: ast.stmt, name: str) -> None:
    """Raises Refused where a failure is caught, and the transaction goes on: the note would be kept, and its effect
    would not."""
    first = name.partition(".")[0]
    spots: list[tuple[Draft, ast.AST]] = [(spot.site, at)]
    holder = spot.site.function(at)
    if any(isinstance(n, ast.arg) for n in spot.site.binders(holder, first)):
        spots += spot.calls  # it is the callers' transaction
    for site, node in spots:
        below = node
        for above in site.above(node):
            if isinstance(above, ast.With | ast.AsyncWith) and (opens(site, above, first) or atomic(site, above)):
                break
            if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
                break
            if isinstance(above, ast.Try) and below in above.body and not all(map(gives_up, above.handlers)):
                raise Refused
            below = above


def opens(site: Draft, block: ast.With | ast.AsyncWith, name: str) -> bool:
    """Whether a block makes a connection, or ends its transaction."""
    return any(
        re.search(rf"\b{re.escape(name)}\b", site.source(part))
        for item in block.items
        for part in (item.context_expr, item.optional_vars)
        if part is not None
    )


def gives_up(handler: ast.ExceptHandler) -> bool:
    """Whether a handler ends the transaction, or lets others do it."""
    calls = (n.func.attr for n in ast.walk(handler) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    return isinstance(handler.body[-1], ast.Raise) or "rollback" in calls


def speaks_sql(spot: Spot, call: ast.Call) -> bool:
    """Whether the model has seen a call ask a relational store."""
    site = spot.site
    begin, end = site.start(call), site.end(call)
    known = (e for e in spot.operation.effects if e.store == StoreKind.RELATIONAL and place_of(e).path == site.path)
    return any(begin <= offset_of(site, e) < end or offset_of(site, e) == begin for e in known)


def awaits(site: Draft, at: ast.AST) -> str:
    return "await " if isinstance(site.function(at), ast.AsyncFunctionDef) else ""


def values_of(spot: Spot) -> list[str]:
    """Who handles the message, and what tells it from all others."""
    return [spot.site.string(spot.operation.name), spot.site.quoted(spot.message)]


def put(site: Draft, statements: list[ast.stmt], note: str, test: str) -> None:
    """Puts a note before statements, and them under the test that it is new."""
    indent = site.indent(statements[0])
    site.insert(site.starts[statements[0].lineno - 1], f"{indent}{note}\n{indent}if {test}:\n")
    indent_more(site, statements, 4)


def note(spot: Spot, sites: Sites, table: Dataset, system: System, parts: Parts) -> None:
    """Raises Refused, or Mistake, where a message cannot be noted there."""
    finish = WRITERS[spot.effect.technology](spot, effects_of(spot), table, system)
    for draft in sites.drafts.values():
        if draft.pieces:
            parts.draft(draft)
    finish(parts)


Finish = Callable[[Parts], None]


# Django ---------------------------------------------------------------------------------------------------------------


def for_django(spot: Spot, statements: list[ast.stmt], table: Dataset, system: System) -> Finish:
    site, at, known = spot.site, statements[0], known_model(system)
    if isinstance(site.function(at), ast.AsyncFunctionDef):
        raise Refused
    app = layout.app_of(table)
    own = site.path == app.within("models.py") and not known
    model = MODEL if own else site.name(known or f"{app.module}.models", MODEL, at)
    indent = site.indent(at)
    inner = indent if held(site, at) else f"{indent}    "
    if inner == indent:
        undone(spot, at, "transaction")
    unused = "_note" if spoken_before(site, "_") else "_"
    given = [f"{name}={value}" for name, value in zip(("consumer", "message_id"), values_of(spot), strict=True)]
    note = call_text(f"{unused}, is_new = {model}.objects.get_or_create", given, inner, site.width)
    opened = "" if inner == indent else f"{indent}with {site.name('django.db', 'transaction', at)}.atomic():\n"
    site.insert(site.starts[at.lineno - 1], f"{opened}{inner}{note}\n{inner}if is_new:\n")
    indent_more(site, statements, len(inner) - len(indent) + 4)

    def finish(parts: Parts) -> None:
        if not known:
            parts.models(app, MODEL, part("inbox/django/model.py", label=app.label))
            parts.migration(app, "processedmessage", "inbox/django/migration.py")

    return finish


# SQLAlchemy -----------------------------------------------------------------------------------------------------------


def for_sqlalchemy(spot: Spot, statements: list[ast.stmt], table: Dataset, system: System) -> Finish:
    if table.technology not in ("", "postgresql"):
        raise Mistake(f"the insert that goes past a known message is PostgreSQL's, and {table.name} is elsewhere")
    site, at, known = spot.site, statements[0], known_model(system)
    if spot.effect.transaction is None:
        raise Refused  # each statement commits by itself
    assert table.place is not None
    session = connection_of(spot, statements)
    own = site.path == table.place.path and not known
    model = MODEL if own else site.name(known or table.model.rpartition(".")[0], MODEL, at)
    insert = f"{site.name('sqlalchemy.dialects', 'postgresql', at)}.insert({model})"
    indent = site.indent(at)
    given = [f"{name}={value}" for name, value in zip(("consumer", "message_id"), values_of(spot), strict=True)]
    values = call_text(".values", given, f"{indent}    ", site.width)
    note = (
        f"noted = {awaits(site, at)}{session}.scalar(\n{indent}    {insert}\n{indent}    {values}\n"
        f"{indent}    .on_conflict_do_nothing()\n{indent}    .returning({model}.message_id)\n{indent})"
    )
    put(site, statements, note, "noted is not None")

    def finish(parts: Parts) -> None:
        if not known:
            parts.mapped(table, MODEL, "inbox/sqlalchemy/model.py", ("DateTime", "String", "func"))
            if not parts.alembic(TABLE, "inbox/sqlalchemy/migration.py"):
                made = layout.sql_of(table, parts.files)
                parts.sql(made, TABLE, "inbox/sql/table.sql") if made else None

    return finish


# PostgreSQL's drivers -------------------------------------------------------------------------------------------------


def for_driver(spot: Spot, statements: list[ast.stmt], table: Dataset, system: System) -> Finish:
    """The insert in the words of psycopg, psycopg2 or asyncpg, on the connection of the effect; the table goes beside
    the others' SQL."""
    assert table.place is not None
    if not table.place.path.endswith(".sql"):
        raise Mistake(f"{table.place}: the dedup table goes where others are made, and this is no file of SQL")
    if not spot.effect.transaction:
        raise Refused  # it may be that each statement commits by itself
    site, at = spot.site, statements[0]
    connection = connection_of(spot, statements)
    indent = site.indent(at)
    insert = f"INSERT INTO {TABLE} (consumer, message_id) VALUES ({{}}, {{}}) ON CONFLICT DO NOTHING"
    given = values_of(spot)
    if driver(site) == "asyncpg":
        text = site.string(insert.format("$1", "$2") + " RETURNING message_id")
        head, test = f"noted = await {connection}.fetchval", "noted is not None"
        items = [text, *given]
    else:
        items = [site.string(insert.format("%s", "%s")), f"({', '.join(given)})"]
        cursor = is_cursor(site, at, connection)
        head = f"{'' if cursor else 'noted = '}{awaits(site, at)}{connection}.execute"
        test = f"{connection if cursor else 'noted'}.rowcount"
        if not cursor and driver(site) != "psycopg":
            raise Refused
    put(site, statements, call_text(head, items, indent, site.width), test)
    path = table.place.path

    def finish(parts: Parts) -> None:
        if system.dataset(TABLE) is None:
            parts.sql(path, TABLE, "inbox/sql/table.sql")

    return finish


def driver(site: Draft) -> str:
    """The driver that a file imports. Raises Refused where it is none, or several."""
    names = {
        name.partition(".")[0]
        for one in site.tree.body
        if isinstance(one, ast.Import | ast.ImportFrom)
        for name in ([a.name for a in one.names] if isinstance(one, ast.Import) else [one.module or ""])
    } & {"psycopg", "psycopg2", "asyncpg"}
    if len(names) != 1:
        raise Refused
    return names.pop()


def is_cursor(site: Draft, at: ast.AST, name: str) -> bool:
    """Whether a name is that of a cursor, as far as the function shows."""
    for node in ast.walk(site.function(at)):
        match node:
            case ast.withitem(
                context_expr=ast.Call(func=ast.Attribute(attr="cursor")), optional_vars=ast.Name(id=found)
            ):
                if found == name:
                    return True
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Call(func=ast.Attribute(attr="cursor"))):
                if found == name:
                    return True
    return "cursor" in name.lower() or name in ("cur", "curs")


WRITERS: dict[str, Callable[[Spot, list[ast.stmt], Dataset, System], Finish]] = {
    "django": for_django,
    "sqlalchemy": for_sqlalchemy,
    "postgresql": for_driver,
}
