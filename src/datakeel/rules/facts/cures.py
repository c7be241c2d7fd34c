"""The concrete change for a fault of transactions, in the words of the library that the code uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import replace

from datakeel.finding import Change, Fix
from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # between the words of a class's name


def model_name(effect: Effect, system: System) -> str:
    """The class that maps an effect's dataset, or the dataset's own name: ``Account``, ``accounts``."""
    dataset = system.dataset_of(effect)
    if dataset is not None and dataset.model:
        return dataset.model.rpartition(".")[2]
    return effect.dataset.rpartition(".")[2] or "the row"


def variable(effect: Effect, system: System) -> str:
    """What the code calls the row, as far as it is known."""
    if effect.rows is not None and effect.rows.root.startswith("parameter:"):
        return ".".join((effect.rows.root.partition(":")[2], *effect.rows.path))
    name = model_name(effect, system)
    return CAMEL.sub("_", name).lower() if name[:1].isupper() else "row"


NUMBERS = ("int", "serial", "numeric", "decimal", "number", "float", "double", "real", "money", "counter")


def is_number(write: Effect, column: str, system: System) -> bool:
    """Whether a column is one that a store can count in; a column of no known type may be."""
    dataset = system.dataset_of(write)
    found = dataset.column(column) if dataset is not None else None
    kind = found.type.lower() if found is not None else ""
    return not kind or any(word in kind for word in NUMBERS)


def locked(operation: Operation, read: Effect | None, write: Effect) -> tuple[Change, ...]:
    """The read that decides takes its row's lock: where the transaction that writes it is in view, and open by then."""
    if read is None or read.kind != Kind.READ or read.chain or read.store != StoreKind.RELATIONAL:
        return ()
    transaction = operation.transaction_of(write)
    if transaction is None or transaction.number <= 0 or not operation.same_transaction(read, write):
        return ()
    if family(read) == "django" and transaction.kind != "atomic":
        return ()
    return (Change("lock", read.place, family(read)),) if family(read) in LOCKING else ()


def owner_locked(operation: Operation, read: Effect, write: Effect, system: System) -> tuple[Change, ...]:
    """The row that a set of rows belongs to takes its lock, where it is read before the set: by then another run with
    the same owner waits. What only shares a column with it may be of another owner's set, too."""
    for asked in read.predicates:
        for source in asked.sources if asked.operator == "=" else ():
            owner = operation.effect(source.number) if source.kind == "read" else None
            if owner is None or owner.number >= read.number or owner.selection is None:
                continue
            table = system.dataset_of(owner)
            key = table.schema.primary_key() if table is not None else ()
            whole = source.path in ((), ("id",), ("pk",)) or source.path == key
            if whole and owner.dataset != read.dataset and owner.selection.cardinality == Cardinality.ONE:
                return locked(operation, owner, write)
    return ()


# whose queries lock rows by a method, or by a word at their end; SQLite knows no such word
LOCKING = ("django", "sqlalchemy", "postgresql", "mysql")


def computed(
    operation: Operation, read: Effect | None, write: Effect, column: str, system: System
) -> tuple[Change, ...]:
    """The store computes the column; where others see the row in between, or a test decides, its row is locked."""
    held = locked(operation, read, write)
    if held or write.chain or family(write) not in ("django", "sqlalchemy"):
        return held
    if not is_number(write, column, system) or any(s.path[-1:] == (column,) for g in write.guards for s in g.sources):
        return ()
    return (Change("atomic", write.place, family(write), column, model_name(write, system)),)


def atomic_update(operation: Operation, read: Effect | None, write: Effect, column: str, system: System) -> Fix:
    """Let the store compute the new value from the one that it holds; what is no number is read under a lock."""
    if not is_number(write, column, system):
        return replace(lock_first(write, column, system), changes=locked(operation, read, write))
    model, row = model_name(write, system), variable(write, system)
    texts = {
        "django": f'{model}.objects.filter(pk={row}.pk).update({column}=F("{column}") + change)\n'
        f"# or: {model}.objects.select_for_update().get(pk={row}.pk), inside transaction.atomic(), "
        f"before {column} is read",
        "sqlalchemy": f"session.execute(update({model}).where({model}.id == {row}.id)"
        f".values({column}={model}.{column} + change))\n"
        f"# or: session.get({model}, {row}.id, with_for_update=True), before {column} is read",
        "mongodb": f'{write.dataset}.update_one({{"_id": …}}, {{"$inc": {{"{column}": change}}}})',
    }
    table = write.dataset or "…"
    sql = (
        f"UPDATE {table} SET {column} = {column} + :change WHERE …\n"
        f"-- or: SELECT {column} FROM {table} WHERE … FOR UPDATE, in the transaction that updates it"
    )
    return Fix(
        title=f"let the database compute {column}, or lock the row before it is read",
        text=texts.get(family(write), sql),
        changes=computed(operation, read, write, column, system),
    )


def if_enough(write: Effect, column: str, system: System) -> Fix:
    """The statement that takes an amount asks whether there is enough, and its row count is looked at."""
    model, row = model_name(write, system), variable(write, system)
    texts = {
        "django": f"taken = {model}.objects.filter(pk={row}.pk, {column}__gte=amount)"
        f'.update({column}=F("{column}") - amount)',
        "sqlalchemy": f"enough = ({model}.id == {row}.id, {model}.{column} >= amount)\n"
        f"less = update({model}).where(*enough).values({column}={model}.{column} - amount)\n"
        "taken = session.execute(less).rowcount",
        "mongodb": f'taken = {write.dataset or "…"}.update_one({{"_id": …, "{column}": {{"$gte": amount}}}}, '
        f'{{"$inc": {{"{column}": -amount}}}}).modified_count',
    }
    table = write.dataset or "…"
    sql = f"UPDATE {table} SET {column} = {column} - :amount WHERE … AND {column} >= :amount"
    told = "-- no row: somebody was faster" if family(write) not in texts else "# 0: somebody was faster"
    return Fix(
        title=f"let the statement ask once more, and look at its row count; a CHECK ({column} >= 0) keeps the rest out",
        text=f"{texts.get(family(write), sql)}\n{told}",
    )


def only_unchanged(write: Effect) -> Fix:
    """A whole document is put back only where it still is what was read."""
    texts = {
        "dynamodb": "table.put_item(\n    Item=…,  # with version = seen + 1\n"
        '    ConditionExpression="version = :seen",\n    ExpressionAttributeValues={":seen": seen},\n)',
    }
    mongo = (
        f'done = {write.dataset or "…"}.replace_one({{"_id": …, "version": seen}}, …)  # with version = seen + 1\n'
        '# read it again where done.modified_count is 0; or change one field: update_one(…, {"$set": …})'
    )
    return Fix(
        title="put it back only where it still has the version that was read, or change one field by one update",
        text=texts.get(write.technology, mongo),
    )


def lock_first(write: Effect, what: str, system: System) -> Fix:
    """Take a lock on the row that decides, before it is read, and keep it to the commit."""
    model, row = model_name(write, system), variable(write, system)
    texts = {
        "django": f"with transaction.atomic():\n    {row} = {model}.objects.select_for_update().get(pk={row}.pk)\n"
        f"    # test and write {what} here",
        "sqlalchemy": f"{row} = session.get({model}, {row}.id, with_for_update=True)\n# test and "
        f"write {what}, then commit",
    }
    sql = (
        f"SELECT … FROM {write.dataset or '…'} WHERE … FOR UPDATE  -- then test and write {what}, "
        "in the same transaction"
    )
    return Fix(
        title=f"lock the row before {what} is read, and keep the lock to the commit", text=texts.get(family(write), sql)
    )


def save_only(operation: Operation, write: Effect, columns: tuple[str, ...], system: System) -> Fix:
    row = variable(write, system)
    dataset = system.dataset_of(write)
    known = dataset is not None and dataset.columns_complete and bool(columns) and not write.chain
    read_here = write.rows is not None and write.rows.root.startswith("read:")
    renewed = tuple(c.name for c in dataset.schema.columns if c.renewed) if dataset is not None else ()
    saved = tuple(dict.fromkeys((*columns, *renewed)))
    change = Change("columns", write.place, "django", ",".join(saved))
    named = ", ".join(f'"{c}"' for c in columns) or '"…"'
    return Fix(
        title="save the columns that were changed, or read the row again under a lock",
        text=f"{row}.save(update_fields=[{named}])",
        changes=(change,)
        if known and read_here and family(write) == "django" and all(map(str.isidentifier, saved))
        else (),
    )


def conditional_update(
    write: Effect, column: str, old: str, new: str, system: System, changes: tuple[Change, ...] = ()
) -> Fix:
    """Test and set in one statement, and look at how many rows it changed. `changes`: a lock does as well."""
    model, row = model_name(write, system), variable(write, system)
    before, after = old or "expected", new or "new"
    texts = {
        "django": f"changed = {model}.objects.filter(pk={row}.pk, {column}={before}).update({column}={after})\n"
        "if not changed:\n    …  # another run was faster",
        "sqlalchemy": f"result = session.execute(update({model}).where({model}.id == {row}.id, "
        f"{model}.{column} == {before}).values({column}={after}))\n"
        "if result.rowcount == 0:\n    …  # another run was faster",
    }
    sql = (
        f"UPDATE {write.dataset or '…'} SET {column} = {after} WHERE … AND {column} = {before}  -- "
        "then look at the row count"
    )
    return Fix(
        title=f"change {column} only where it still is what was tested",
        text=texts.get(family(write), sql),
        changes=changes,
    )


def insert_once(
    write: Effect, columns: tuple[str, ...], system: System, among: Mapping[str, str] = MappingProxyType({})
) -> Fix:
    """Insert, and let a unique key decide who was first; `among` which rows it does, where others may repeat the
    key."""
    key = [c for c in columns if c not in among]
    if among and key:
        return insert_once_among(write, key, among, system)
    model = model_name(write, system)
    names = ", ".join(columns)
    pairs = ", ".join(f"{c}={c}" for c in columns)
    texts = {
        "django": f"{model}.objects.get_or_create({pairs}, defaults={{…}})\n# with UniqueConstraint(fields=["
        + ", ".join(f'"{c}"' for c in columns)
        + f"]) on {model}",
        "sqlalchemy": f"session.execute(insert({model}).values(…).on_conflict_do_nothing(index_elements=["
        + ", ".join(f'"{c}"' for c in columns)
        + f"]))\n# with UniqueConstraint({names}) on {write.dataset}",
        "mongodb": f'{write.dataset}.update_one({{{names}}}, {{"$setOnInsert": {{…}}}}, upsert=True)  '
        "# and a unique index",
    }
    sql = (
        f"ALTER TABLE {write.dataset} ADD UNIQUE ({names});\nINSERT INTO {write.dataset} … ON "
        f"CONFLICT ({names}) DO NOTHING"
    )
    return Fix(
        title=f"insert with a unique key on {names}, and take the row that is there", text=texts.get(family(write), sql)
    )


def insert_once_among(write: Effect, key: list[str], among: Mapping[str, str], system: System) -> Fix:
    """A unique key over the rows of one state alone: when a row has left it, another of the same key may come."""
    names = ", ".join(key)
    state = " AND ".join(f"{column} = {value.lower()}" for column, value in among.items())
    fields = ", ".join(f'"{c}"' for c in key)
    condition = ", ".join(f"{column}={value}" for column, value in among.items())
    texts = {
        "django": f"UniqueConstraint(fields=[{fields}], condition=Q({condition}), name=…)  # on "
        f"{model_name(write, system)}\n# and take the row that is there when the insert raises IntegrityError",
        "mongodb": f"{write.dataset}.create_index([{fields}], unique=True, partialFilterExpression={{…}})",
    }
    sql = (
        f"CREATE UNIQUE INDEX … ON {write.dataset} ({names}) WHERE {state};\n"
        f"INSERT INTO {write.dataset} … ON CONFLICT ({names}) WHERE {state} DO NOTHING"
    )
    return Fix(
        title=f"insert with a unique key on {names} among the rows where {state}, and take the row that is there",
        text=texts.get(family(write), sql),
    )


def serialise_set(read: Effect, write: Effect, system: System) -> Fix:
    """Make the two runs meet on one thing: the row that owns the set, a lock of that name, or a constraint."""
    key = next((p.column for p in read.predicates if p.operator == "="), "")
    owner = key.removesuffix("_id") or "owner"
    texts = {
        "django": "with transaction.atomic():\n    "
        f"{owner.capitalize()}.objects.select_for_update().get(pk=…)  # before "
        f"{read.dataset} is read\n    …",
        "sqlalchemy": f"session.execute(select(func.pg_advisory_xact_lock(…)))  # one number for each {owner}, before "
        f"{read.dataset} is read",
    }
    sql = (
        f"SELECT 1 FROM {owner} WHERE … FOR UPDATE  -- before {read.dataset} is read, in the transaction that writes it"
    )
    return Fix(
        title=f"lock the row that owns the set before {read.dataset} is read, or run both under "
        "SERIALIZABLE with a retry",
        text=texts.get(family(write), sql),
    )


def lock_picked(read: Effect, write: Effect, system: System) -> Fix:
    """Lock the row that is picked, so that another run goes past it."""
    model = model_name(read, system)
    row = model[:1].lower() + model[1:]
    texts = {
        "django": f"with transaction.atomic():\n    {row} = {model}.objects.select_for_update(skip_locked=True)"
        f".filter(pk__in=…).first()\n    …  # then the insert into {write.dataset}",
    }
    sql = f"SELECT … FROM {read.dataset} WHERE NOT EXISTS (…) LIMIT 1 FOR UPDATE SKIP LOCKED  -- then insert"
    return Fix(
        title=f"lock the row of {read.dataset} when it is picked, and keep the lock to the commit",
        text=texts.get(family(write), sql),
    )


def one_transaction(write: Effect, datasets: tuple[str, ...]) -> Fix:
    """Let several writes commit together."""
    texts = {
        "django": "with transaction.atomic():",
        "sqlalchemy": "with session.begin():",
        "psycopg": "with connection.transaction():",
        "psycopg2": "with connection:",
        "asyncpg": "async with connection.transaction():",
        "mongodb": "with client.start_session() as session, session.start_transaction():",
    }
    names = " and ".join(datasets) or "both"
    head = texts.get(family(write), "BEGIN;  -- … COMMIT;")
    return Fix(
        title=f"write {names} in one transaction", text=f"{head}\n    …  # {names}" if head.endswith(":") else head
    )


def family(effect: Effect) -> str:
    """The library that a change is to be written for."""
    name = effect.technology.lower()
    if name in ("pymongo", "motor"):
        return "mongodb"
    return name
