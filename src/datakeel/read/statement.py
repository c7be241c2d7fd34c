"""SQL and CQL text → what the statement does: its table, rows, values, locks; with no link to any program."""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from datakeel.model.effect import Selection
from datakeel.read.schema import Change
from datakeel.read.sql.text import HOLE

__all__ = ["HOLE", "Assigned", "Output", "Statement", "placeholders", "read_statement", "unparsed"]


class Assigned(Struct, frozen=True, gc=False):
    """One column that a statement sets.

    `how` is as in the model's Assignment: ``value`` (given by the caller: `operands` are the placeholders in it),
    ``atomic`` (computed by the store from what the column holds), ``derived`` (from other columns; either way `columns`
    are read), ``constant``, ``default`` (DEFAULT, ``now()``, a sequence), ``unknown`` (a hole). `value` is canonical
    (see Statement), `operands` and `columns` are in order of appearance; an own column is bare, another table's is
    ``table.column``. Where the column gets a moment to come, `ahead` is how far that lies ahead, and in which `unit`.
    """

    column: str
    how: str = "value"
    value: str = ""
    operands: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    ahead: str = ""
    unit: str = ""


class Output(Struct, frozen=True, gc=False):
    """One column of a result: its name and value: ``column:t.c``, ``count``, ``sum(total)``, canonical or empty."""

    name: str
    value: str = ""


class Statement(Struct, frozen=True, gc=False, kw_only=True):
    """One statement.

    `verb`: select, insert, update, delete, upsert (an insert that updates on conflict, or REPLACE), merge,
    truncate, copy, lock, unlock, begin, prepare, commit, rollback, savepoint, release, rollback-to, set-isolation, set,
    call, notify, listen, explain, fetch, do, refresh, create-table and other words of DDL (``alter-table``,
    ``create-index`` …), other; empty when nothing was understood.

    A value is canonical text: ``const:`` and a Python literal (``const:'new'``, ``const:5``, ``const:None``,
    ``const:True``, ``const:('a', 'b')``), ``?N`` (the N-th positional placeholder, from 1), ``:name``,
    ``column:table.column``, ``expr:`` and an expression in lower case in which placeholders stand as themselves
    (`placeholders` finds them), or empty: not known.

    `table` is the one acted on (for a select the first of its FROM; empty when a hole stands there),
    `selection.joins` the others. A predicate on another table than `table` names its column ``table.column``.

    `assigned`: what an update sets, or an upsert on conflict. For an insert `columns` are those named, `rows` the
    values of each row in that order, `many` says that the number of rows is not known (``INSERT … SELECT``, a hole,
    ``VALUES %s``). `conflict`: empty, ignore, update (also REPLACE); `target` its columns, `target_name` its
    constraint, `target_predicate` its condition. `parts`: subqueries and CTEs as statements of their own; those
    that write happen in the same unit. `then`: further statements of the text. `name`: a savepoint, routine, lock,
    channel or setting. `scope` of an advisory lock: transaction or session; `key` its value; `trying` it does not
    wait. `options` hold the rest, by name: ``ttl``, ``timestamp``, ``if`` (``not exists``, ``exists``,
    ``condition``), ``allow-filtering``, ``batch``, ``mode``, ``direction``, ``value``.
    """

    verb: str = ""
    table: str = ""
    selection: Selection = Selection()
    assigned: tuple[Assigned, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Assigned, ...], ...] = ()
    many: bool = False
    conflict: str = ""
    target: tuple[str, ...] = ()
    target_name: str = ""
    target_predicate: str = ""
    returning: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    group: tuple[str, ...] = ()
    name: str = ""
    scope: str = ""
    key: str = ""
    trying: bool = False
    isolation: str = ""
    read_only: bool = False
    options: tuple[tuple[str, str], ...] = ()
    changes: tuple[Change, ...] = ()
    parts: tuple[Statement, ...] = ()
    then: tuple[Statement, ...] = ()
    parameters: tuple[str, ...] = ()
    line: int = 1
    dialect: str = "postgres"
    complete: bool = True
    note: str = ""

    def option(self, name: str) -> str | None:
        return next((value for key, value in self.options if key == name), None)

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table of the statement, the one acted on first."""
        inner = [t for part in self.parts for t in part.tables]
        return tuple(dict.fromkeys(t for t in (self.table, *self.selection.joins, *inner) if t))


_IN_EXPRESSION = re.compile(r"'(?:[^']|'')*'|(\?\d+)|(?<![:\w]):([A-Za-z_]\w*)")


def placeholders(value: str) -> tuple[str, ...]:
    """The placeholders in a canonical value.

    >>> placeholders("expr:(?1, ':x', :name)"), placeholders("const:'?1'")
    (('?1', ':name'), ())
    """
    if value.startswith(("const:", "column:")):
        return ()
    found = (m.group() for m in _IN_EXPRESSION.finditer(value.removeprefix("expr:")))
    return tuple(text for text in found if not text.startswith("'"))


def unparsed(statement: Statement, begin: str = "") -> str:
    """What a report says of a statement that was not parsed; `begin` is how it begins, where the place hides it."""
    what = f'the SQL "{begin}"' if begin else "this SQL"
    known = "only its verb and table are known" if statement.verb else "what it does is not known"
    return f"datakeel cannot parse {what} ({statement.note}): {known}"


@lru_cache(maxsize=16384)
def read_statement(text: str, dialect: str = "postgres") -> Statement:
    """Read one text, which may hold several statements (the others are in `then`). It never raises.

    >>> s = read_statement("UPDATE accounts SET balance = balance - %s WHERE id = %s")
    >>> s.verb, s.table, s.assigned[0].how, s.assigned[0].operands
    ('update', 'accounts', 'atomic', ('?1',))
    >>> s.selection.predicates
    (Predicate(column='id', operator='=', value='?2', sources=()),)
    """
    from datakeel.read.sql.tree import read  # noqa: PLC0415  (sqlglot costs 80 ms: only when there is SQL)

    return read(text, dialect)
