"""A dedup table for one consumer: the table, its migration, and each message noted in the transaction of its effect."""

from __future__ import annotations

import ast

from datakeel.finding import Finding
from datakeel.mend import layout
from datakeel.mend.parts import Parts, block_of, held, indent_more, place_of, session_of, spoken_before
from datakeel.mend.patch import Files, Patch
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.patterns import part
from datakeel.read.languages.python.draft import Draft, Refused, call_text

RULES = ("non-idempotent-consumer",)
MODEL = "ProcessedMessage"
TITLE = "note each message in the transaction of its effect, and skip what is known"


def patch(finding: Finding, system: System, files: Files) -> Patch:
    """Raises Mistake where the effect, the message's identity or the place of a part is not plain."""
    operation, effect = found(finding, system)
    table = system.dataset_of(effect)
    text = files.text(operation.place.path)
    if table is None or table.place is None or text is None:
        raise Mistake(f"{finding.place}: the table that a message changes is not known")
    if effect.technology not in ("django", "sqlalchemy"):
        raise Mistake(
            f"there is a dedup table for Django and for SQLAlchemy, and none for {effect.technology or 'this'}"
        )
    site = Draft(text, operation.place.path)
    parts = Parts(files)
    try:
        write = for_django if effect.technology == "django" else for_sqlalchemy
        write(site, operation, effect, table, known_model(system), parts)
    except Refused:
        raise Mistake(f"{finding.place}: the effect, or its place, is not plain enough for a patch") from None
    return parts.patch(TITLE)


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


def identity(site: Draft, operation: Operation, function: ast.AST) -> str:
    """What tells a message from all others, also when it comes again. Raises Mistake."""
    consume = next((e for e in operation.of(Kind.CONSUME) if not e.chain), None)
    name = message_of(site, consume) if consume is not None else ""
    if name:
        if site.known("confluent_kafka", "Consumer", site.tree.body[-1]) is not None:
            return f'f"{{{name}.topic()}}/{{{name}.partition()}}/{{{name}.offset()}}"'
        if site.known("kafka", "KafkaConsumer", site.tree.body[-1]) is not None:
            return f'f"{{{name}.topic}}/{{{name}.partition}}/{{{name}.offset}}"'
    if isinstance(function, ast.FunctionDef) and any(e.kind == "task" for e in operation.entries):
        first = function.args.args[0].arg if function.args.args else ""
        bound = any(k.arg == "bind" for d in function.decorator_list if isinstance(d, ast.Call) for k in d.keywords)
        return f"{first if bound else site.name('celery', 'current_task', function.body[0])}.request.id"
    if isinstance(function, ast.FunctionDef) and any(e.kind == "consumer" for e in operation.entries):
        given = [a.arg for a in function.args.args]
        if len(given) - (given[:1] == ["self"]) == len(("channel", "method", "properties", "body")):
            return f"{given[-2]}.message_id"
    raise Mistake(f"{operation.symbol}: what tells one message from another is not known here: no patch can be made")


def message_of(site: Draft, consume: Effect) -> str:
    """The variable that a message is kept in; empty where it is handed over, or comes among others."""
    begin = site.offset(consume.place.line, consume.place.column)
    for node in ast.walk(site.tree):
        target: ast.expr | None = None
        if isinstance(node, ast.Assign) and site.start(node) <= begin < site.end(node) and gives_one(site, node.value):
            target = node.targets[0]
        elif isinstance(node, ast.For) and site.start(node) <= begin < site.end(node.iter):
            target = node.target
        if isinstance(target, ast.Name):
            return target.id
    return ""


def gives_one(site: Draft, value: ast.expr) -> bool:
    """Whether a call gives one message: Confluent's ``poll``, or ``next(consumer)``. kafka-python's gives many."""
    if not isinstance(value, ast.Call):
        return False
    if isinstance(value.func, ast.Name):
        return value.func.id == "next"
    confluent = site.known("confluent_kafka", "Consumer", site.tree.body[-1]) is not None
    return confluent and isinstance(value.func, ast.Attribute) and value.func.attr == "poll"


def effects_of(site: Draft, operation: Operation, effect: Effect) -> list[ast.stmt]:
    """The statements from the first to the last that changes rows, in the block of the effect; with those that read
    the same rows before, where they may stand under a condition too. Raises Refused."""
    begin = offset_of(site, effect)
    statements = [n for n in ast.walk(site.tree) if isinstance(n, ast.stmt) and site.start(n) <= begin < site.end(n)]
    block = block_of(site, once_a_message(site, operation, max(statements, key=site.start)))
    writes = [e for e in operation.of(Kind.WRITE) if e.store == StoreKind.RELATIONAL and place_of(e).path == site.path]
    reads = [e for e in operation.of(Kind.READ) if any(e.dataset == w.dataset for w in writes)]
    narrow = stretch(site, block, [offset_of(site, e) for e in writes])
    wide = stretch(site, block, [offset_of(site, e) for e in (*writes, *reads) if place_of(e).path == site.path])
    for chosen in (wide, narrow):
        if chosen and plain(site, operation, chosen):
            return chosen
    raise Refused


def once_a_message(site: Draft, operation: Operation, statement: ast.stmt) -> ast.stmt:
    """A statement with the loops round it that one message goes through: it is noted once, not for each line of it."""
    consumed = [site.offset(e.place.line, e.place.column) for e in operation.of(Kind.CONSUME) if not e.chain]
    found = statement
    for node in site.above(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            break
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            if any(site.start(node) <= at < site.end(node) for at in consumed):
                break
            found = node
    return found


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


# Django ---------------------------------------------------------------------------------------------------------------


def for_django(site: Draft, operation: Operation, effect: Effect, table: Dataset, known: str, parts: Parts) -> None:
    statements = effects_of(site, operation, effect)
    function = site.function(statements[0])
    if isinstance(function, ast.AsyncFunctionDef):
        raise Refused
    app = layout.app_of(table)
    at = statements[0]
    own = site.path == app.within("models.py") and not known
    model = MODEL if own else site.name(known or f"{app.module}.models", MODEL, at)
    indent = site.indent(at)
    inner = indent if held(site, at) else f"{indent}    "
    unused = "_note" if spoken_before(site, "_") else "_"
    given = [
        f"consumer={site.string(operation.name)}",
        f"message_id={site.quoted(identity(site, operation, function))}",
    ]
    note = call_text(f"{unused}, is_new = {model}.objects.get_or_create", given, inner, site.width)
    opened = "" if inner == indent else f"{indent}with {site.name('django.db', 'transaction', at)}.atomic():\n"
    site.insert(site.starts[at.lineno - 1], f"{opened}{inner}{note}\n{inner}if is_new:\n")
    indent_more(site, statements, len(inner) - len(indent) + 4)
    parts.draft(site)
    if not known:
        parts.models(app, MODEL, part("inbox/django/model.py", label=app.label))
        parts.migration(app, "processedmessage", "inbox/django/migration.py")


# SQLAlchemy -----------------------------------------------------------------------------------------------------------


def for_sqlalchemy(site: Draft, operation: Operation, effect: Effect, table: Dataset, known: str, parts: Parts) -> None:
    if table.technology not in ("", "postgresql"):
        raise Mistake(f"the insert that goes past a known message is PostgreSQL's, and {table.name} is elsewhere")
    statements = effects_of(site, operation, effect)
    function = site.function(statements[0])
    at = statements[0]
    assert table.place is not None
    own = site.path == table.place.path and not known
    model = MODEL if own else site.name(known or table.model.rpartition(".")[0], MODEL, at)
    insert = f"{site.name('sqlalchemy.dialects', 'postgresql', at)}.insert({model})"
    session = session_of(site, at)
    indent = site.indent(at)
    given = [
        f"consumer={site.string(operation.name)}",
        f"message_id={site.quoted(identity(site, operation, function))}",
    ]
    values = call_text(".values", given, f"{indent}    ", site.width)
    waited = "await " if isinstance(function, ast.AsyncFunctionDef) else ""
    note = (
        f"noted = {waited}{session}.scalar(\n{indent}    {insert}\n{indent}    {values}\n"
        f"{indent}    .on_conflict_do_nothing()\n{indent}    .returning({model}.message_id)\n{indent})"
    )
    site.insert(site.starts[at.lineno - 1], f"{indent}{note}\n{indent}if noted is not None:\n")
    indent_more(site, statements, 4)
    parts.draft(site)
    if not known:
        parts.mapped(table, MODEL, "inbox/sqlalchemy/model.py", ("DateTime", "String", "func"))
        parts.alembic("processed_messages", "inbox/sqlalchemy/migration.py")
