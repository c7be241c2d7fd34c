"""An outbox for one message: the table, its migration, the write in the transaction of the rows, and the relay."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from datakeel.finding import Finding
from datakeel.mend import layout
from datakeel.mend.parts import Parts, atomic, block_of, called, held, indent_more, indented, session_of
from datakeel.mend.patch import Files, Patch
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.system import System
from datakeel.patterns import part
from datakeel.read.languages.python.draft import Draft, Refused

RULES = ("publish-before-commit", "publish-after-commit", "dual-write")
MODEL = "OutboxMessage"


class Message(Struct, frozen=True):
    """One message as its statement sends it, in Python: what goes into the outbox, and how the relay sends it."""

    call: ast.Call
    topic: str
    key: str
    payload: str
    sender: str  # the part that sends
    producer: str = ""
    key_sent: str = "message.key or None"
    value_sent: str = "message.payload"


def patch(finding: Finding, system: System, files: Files) -> Patch:
    """Raises Mistake where the statement, or the place of a part, is not plain."""
    publish, record = found(finding, system)
    table = system.dataset_of(record)
    path = publish.place.path
    text = files.text(path)
    if table is None or text is None or table.place is None:
        raise Mistake(f"{finding.place}: the table of the rows that the message tells of is not known")
    try:
        site = Draft(text, path)
        message = sent(site, publish)
        if record.technology == "django":
            return for_django(site, message, record, table, files)
        if record.technology == "sqlalchemy":
            return for_sqlalchemy(site, message, record, table, files)
    except Refused:
        raise Mistake(f"{publish.place}: the message, or its place, is not plain enough for a patch") from None
    raise Mistake(f"there is an outbox for Django and for SQLAlchemy, and none for {record.technology or 'this'}")


def only_a_job(finding: Finding, system: System) -> bool:
    """Whether what leaves is a job, which may as well leave after the commit."""
    try:
        return found(finding, system)[0].verb == "task"
    except Mistake:
        return False


def found(finding: Finding, system: System) -> tuple[Effect, Effect]:
    """The message that a function's own text sends, and the write of the rows that it tells of."""
    places = {step.place for step in finding.story} | {finding.place}
    holders = [o for o in system.operations if o.symbol == finding.symbol and o.place.path == finding.place.path]
    for operation in holders:
        published = (e for e in operation.of(Kind.PUBLISH) if not e.chain and e.place in places)
        publish = next(published, None)
        writes = [e for e in operation.of(Kind.WRITE) if e.dataset in finding.datasets and not e.chain]
        records = [e for e in writes if e.store == StoreKind.RELATIONAL]
        if publish is not None and records:
            return publish, next((e for e in records if e.place in places), records[0])
    if not any(e.kind == Kind.PUBLISH and e.place in places for o in holders for e in o.effects):
        raise Mistake(f"{finding.place}: what leaves is no message, and an outbox holds messages")
    raise Mistake(f"{finding.place}: the message and its rows are not written in one function: no patch can be made")


# The message ----------------------------------------------------------------------------------------------------------


def sent(site: Draft, publish: Effect) -> Message:
    """What a statement sends. Raises Refused."""
    call = site.find(publish.place, ast.Call)
    if not isinstance(site.parents[call], ast.Expr) or not isinstance(call.func, ast.Attribute):
        raise Refused
    if isinstance(site.function(call), ast.AsyncFunctionDef):
        raise Refused
    given = {k.arg: k.value for k in call.keywords if k.arg}
    if len(given) < len(call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
        raise Refused
    match call.func.attr:
        case "delay":
            return job(site, call, publish, [site.source(a) for a in call.args], given)
        case "apply_async" if set(given) <= {"args", "kwargs"}:
            return job_of(site, call, publish, given)
        case "produce" | "send":
            return record_of(site, call, given)
    raise Refused


def job(site: Draft, call: ast.Call, publish: Effect, arguments: list[str], given: dict[str, ast.expr]) -> Message:
    named = ", ".join(f'"{name}": {site.source(value)}' for name, value in given.items())
    payload = f'{{"args": [{", ".join(arguments)}], "kwargs": {{{named}}}}}'
    return Message(call, f'"{publish.dataset}"', '""', payload, "send_celery", key_sent="id")


def job_of(site: Draft, call: ast.Call, publish: Effect, given: dict[str, ast.expr]) -> Message:
    positional = [*call.args, *([given["args"]] if "args" in given else [])]
    if len(positional) > 1:
        raise Refused
    arguments = site.source(positional[0]) if positional else "[]"
    if positional and not isinstance(positional[0], ast.List):
        arguments = f"list({arguments})"
    named = site.source(given["kwargs"]) if "kwargs" in given else "{}"
    payload = f'{{"args": {arguments}, "kwargs": {named}}}'
    return Message(call, f'"{publish.dataset}"', '""', payload, "send_celery", key_sent="id")


def record_of(site: Draft, call: ast.Call, given: dict[str, ast.expr]) -> Message:
    """``producer.produce("orders", key=…, value=json.dumps(…))``."""
    assert isinstance(call.func, ast.Attribute)
    producer = call.func.value
    named = dict(zip(("topic", "value", "key"), call.args, strict=False)) | given
    if not isinstance(producer, ast.Name) or set(named) - {"topic", "value", "key", "callback", "on_delivery"}:
        raise Refused
    if len(list(site.binders(site.tree, producer.id))) != 1 or site.bound_inside(producer.id, call):
        raise Refused  # the relay must be able to import it
    if "topic" not in named or "value" not in named:
        raise Refused
    payload, value = carried(site, named["value"])
    key, key_sent = keyed(site, named.get("key"))
    kind = "send_confluent" if call.func.attr == "produce" else "send_kafka"
    return Message(call, site.source(named["topic"]), key, payload, kind, producer.id, key_sent, value)


def carried(site: Draft, value: ast.expr) -> tuple[str, str]:
    """What a message carries, as JSON holds it, and how that is sent."""
    encoded = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "encode"
    inner = value.func.value if encoded else value  # type: ignore[attr-defined]
    if isinstance(inner, ast.Call) and site.source(inner.func) in ("json.dumps", "dumps"):
        if len(inner.args) != 1 or inner.keywords:
            raise Refused
        return site.source(inner.args[0]), "json.dumps(message.payload)" + (".encode()" if encoded else "")
    if encoded or not isinstance(inner, ast.Dict):
        raise Refused
    return site.source(inner), "message.payload"


def keyed(site: Draft, key: ast.expr | None) -> tuple[str, str]:
    if key is None or (isinstance(key, ast.Constant) and key.value is None):
        return '""', "None"
    encoded = isinstance(key, ast.Call) and isinstance(key.func, ast.Attribute) and key.func.attr == "encode"
    inner = key.func.value if encoded else key  # type: ignore[attr-defined]
    text = site.source(inner)
    plain = isinstance(inner, ast.JoinedStr) or (isinstance(inner, ast.Call) and site.source(inner.func) == "str")
    return (text if plain or isinstance(inner, ast.Constant) else f"str({text})"), (
        "message.key.encode()" if encoded else "message.key"
    )


# The write ------------------------------------------------------------------------------------------------------------


def written(site: Draft, message: Message, record: Effect, line: str, opened: str) -> None:
    """Puts the write of the outbox into the transaction of the rows: where the message left inside it, in its place;
    else at the end of the block that commits, before the commit, or both into a block of their own."""
    statement = site.statement(message.call)
    rows = site.statement(site.find(record.place, ast.AST))
    body = block_of(site, statement)
    holder = next((n for n in (rows, *site.above(rows)) if n in body), None)
    if held(site, statement):
        return site.replace(site.start(statement), site.end(statement), indented(site, statement, line))
    if holder is None:
        raise Refused
    between = body[body.index(holder) + 1 : body.index(statement)]
    if isinstance(holder, ast.With) and not between and atomic(site, holder):
        behind = site.behind(holder.body[-1])
        site.insert(behind, f"{site.indent(holder.body[0])}{indented(site, holder.body[0], line)}\n")
        return site.replace(site.behind(holder), site.behind(statement), "")
    commits = [n for n in between if called(n) == "commit"]
    if len(commits) == 1 and between[-1] is commits[0]:
        indent = site.indent(commits[0])
        numbered = any(called(n) == "flush" for n in between)  # until then a new row has no key
        first = "" if numbered else f"{site.source(commits[0]).removesuffix('commit()')}flush()\n{indent}"
        site.insert(site.start(commits[0]), f"{first}{indented(site, commits[0], line)}\n{indent}")
        return site.replace(site.behind(commits[0]), site.behind(statement), "")
    if not opened or commits:
        raise Refused
    return wrapped(site, [holder, *between, statement], message, line, opened)


def wrapped(site: Draft, statements: list[ast.stmt], message: Message, line: str, opened: str) -> None:
    indent = site.indent(statements[0])
    site.insert(site.starts[statements[0].lineno - 1], f"{indent}{opened}:\n")
    last = statements[-1]
    indent_more(site, statements[:-1], 4)
    begin = site.starts[last.lineno - 1]
    site.replace(begin, site.end(last), f"{indent}    {line}".replace("\n", f"\n{indent}    "))


def statement_of(head: str, message: Message, tail: str = ")") -> str:
    return f"{head}topic={message.topic}, key={message.key}, payload={message.payload}{tail}"


# Django ---------------------------------------------------------------------------------------------------------------


def for_django(site: Draft, message: Message, record: Effect, table: Dataset, files: Files) -> Patch:
    app = layout.app_of(table)
    parts = Parts(files)
    own = site.path == app.within("models.py")
    name = MODEL if own else site.name(f"{app.module}.models", MODEL, message.call)
    opened = f"with {site.name('django.db', 'transaction', message.call)}.atomic()"
    written(site, message, record, statement_of(f"{name}.objects.create(", message), opened)
    parts.draft(site)
    parts.models(app, MODEL, part("outbox/django/model.py", label=app.label))
    parts.migration(app, "outboxmessage", "outbox/django/migration.py")
    parts.new(app.within("outbox.py"), relay("django", message, site, app.module, table))
    for folder in ("management", "management/commands"):
        if files.text(app.within(f"{folder}/__init__.py")) is None:
            parts.new(app.within(f"{folder}/__init__.py"), "")
    parts.new(app.within("management/commands/relay_outbox.py"), part("outbox/django/command.py", module=app.module))
    return parts.patch("write the message into an outbox with its rows, and let a relay send it")


def relay(kind: str, message: Message, site: Draft, package: str, table: Dataset) -> str:
    send = part(
        f"outbox/{message.sender}.py",
        producer=message.producer,
        key=message.key_sent,
        value=message.value_sent,
    )
    return part(
        f"outbox/{kind}/relay.py", send=send.rstrip("\n"), imports=list(imports(kind, message, site, package, table))
    )


def imports(kind: str, message: Message, site: Draft, package: str, table: Dataset) -> Iterator[str]:
    standard = ["import json"] if "json." in message.value_sent else []
    if kind == "sqlalchemy":
        standard += ["import time", "from collections.abc import Callable", "from datetime import datetime, timezone"]
    yield from standard
    yield from [""] if standard else []
    yield from ["from celery import current_app"] if message.sender == "send_celery" else []
    if kind == "django":
        yield from ("from django.db import transaction", "from django.utils import timezone", "")
        yield f"from {package}.models import {MODEL}"
    else:
        yield from ("from sqlalchemy import select", "from sqlalchemy.orm import Session", "")
        yield f"from {table.model.rpartition('.')[0]} import {MODEL}"
    if message.producer:
        yield f"from {module_of(site.path, table)} import {message.producer}"


def module_of(path: str, table: Dataset) -> str:
    """The dotted name of a file, seen from where the table's model is imported."""
    model, _, _ = table.model.rpartition(".")
    assert table.place is not None
    root = table.place.path.removesuffix("/__init__.py").removesuffix(".py").removesuffix(model.replace(".", "/"))
    return path.removeprefix(root).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


# SQLAlchemy -----------------------------------------------------------------------------------------------------------


def for_sqlalchemy(site: Draft, message: Message, record: Effect, table: Dataset, files: Files) -> Patch:
    assert table.place is not None
    parts = Parts(files)
    models = table.place.path
    module = table.model.rpartition(".")[0]
    session = session_of(site, message.call)
    name = site.name(module, MODEL, message.call) if models != site.path else MODEL
    written(site, message, record, f"{session}.add({statement_of(f'{name}(', message)})", "")
    parts.draft(site)
    needed = ("BigInteger", "DateTime", "Integer", "JSON", "String", "func")
    parts.mapped(table, MODEL, "outbox/sqlalchemy/model.py", needed)
    parts.alembic("outbox", "outbox/sqlalchemy/migration.py")
    package = models.rpartition("/")[0]
    package = package.rpartition("/")[0] if package.endswith("/models") else package
    parts.new(f"{package}/outbox.py" if package else "outbox.py", relay("sqlalchemy", message, site, "", table))
    return parts.patch("write the message into an outbox with its rows, and let a relay send it")
