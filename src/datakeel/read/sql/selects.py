"""Trees of selects → Statements."""

from __future__ import annotations

import msgspec
from sqlglot import exp

from datakeel.model.effect import Cardinality, Predicate, Selection
from datakeel.read.sql import words
from datakeel.read.sql.conditions import Conditions
from datakeel.read.sql.text import is_hole
from datakeel.read.sql.values import FILLED, UNKNOWN, bare, call_name, constant
from datakeel.read.statement import Output, Statement

AGGREGATES: dict[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.Sum: "sum",
    exp.Max: "max",
    exp.Min: "min",
    exp.Avg: "avg",
    exp.Exists: "exists",
}


_BUILT_IN = frozenset(
    ("set_config", "setval", "version", "to_regclass", "has_table_privilege", "inet_server_addr", "sleep", "row_count")
)


HINTS = {"UPDLOCK": "update", "XLOCK": "update", "TABLOCKX": "update", "HOLDLOCK": "share", "SERIALIZABLE": "share"}


class Selects(Conditions):
    """What stands in FROM, and a select's clauses."""

    def source(self, node: exp.Expr | None) -> str:
        """Enter what stands in FROM, USING or JOIN; the name of its table."""
        if isinstance(node, exp.From):
            node = node.this
        if isinstance(node, exp.Lateral):
            node = node.this
        if isinstance(node, exp.Subquery | exp.Query):
            alias = self.name(node.args["alias"].this) if node.args.get("alias") else ""
            joins = node.args.get("joins")
            inner = self.part(node.this if isinstance(node, exp.Subquery) else node)
            self.queries[alias] = inner
            self.tables[alias] = inner.table or alias
            self.joined(joins)
            return alias
        if not isinstance(node, exp.Table):
            if node is not None and self.holed(node):
                self.complete = False
            return ""
        if isinstance(node.this, exp.Func | exp.Anonymous):
            return ""
        table = self.table_name(node)
        alias = self.name(node.args["alias"].this) if node.args.get("alias") else ""
        if is_hole(alias):
            self.complete = False
        if not table:
            self.complete = False
        known = self.queries.get(table)
        if known is not None:
            self.tables[alias or table] = known.table or table
            return table
        self.tables[alias or table.rsplit(".", 1)[-1]] = table
        if not alias:
            self.tables[table] = table
        self.joined(node.args.get("joins"))
        return table

    def joined(self, joins: list[exp.Expr] | None) -> list[Predicate]:
        """Enter joined tables; the conditions of inner joins are predicates, those of outer joins drop no row."""
        found: list[Predicate] = []
        for join in joins or ():
            table = self.source(join.this)
            inner = self.queries.get(table)
            if inner is not None and inner.table:
                table = inner.table
            if table and table not in self.joins:
                self.joins.append(table)
            condition = join.args.get("on")
            if condition is not None and not join.args.get("side"):
                found += self.predicates(condition)
        return found

    def select(self, tree: exp.Select) -> Statement:
        first = tree.args.get("from_")
        if first is None:
            return self.without_table(tree)
        # Names first: a condition may speak of a table that is joined after it.
        table = self.source(first)
        known = self.queries.get(table)
        self.main = known.table if known is not None else table
        predicates = list(known.selection.predicates) if known is not None else []
        if known is not None:
            self.complete = self.complete and known.selection.complete
            self.joins += known.selection.joins
        predicates += self.joined(tree.args.get("joins"))
        where = tree.args.get("where")
        predicates += self.predicates(where.this if where else None)
        for clause in (*tree.expressions, tree.args.get("having")):
            for query in self.queries_in(clause) if clause is not None else ():
                self.part(query)
        group = tree.args.get("group")
        lock, skip, nowait = self.lock(tree.args.get("locks") or [])
        if not lock:
            lock, skip, nowait = hinted(first.this)
        if known is not None and not lock:
            lock, skip, nowait = known.selection.lock, known.selection.skip_locked, known.selection.nowait
        limit = self.limit(tree)
        order = self.order(tree)
        if known is not None and limit is None and not tree.args.get("joins"):
            limit, order = known.selection.limit, order or known.selection.order
        selection = Selection(
            predicates=tuple(predicates),
            cardinality=Cardinality.AT_MOST if limit is not None else Cardinality.UNKNOWN,
            columns=self.read_columns(tree.expressions),
            lock=lock,
            order=order,
            limit=limit,
            aggregate=self.aggregate(tree.expressions),
            skip_locked=skip,
            nowait=nowait,
            offset=tree.args.get("offset") is not None,
            joins=tuple(self.joins),
            complete=self.complete,
            grouped=group is not None or tree.args.get("distinct") is not None,
        )
        return Statement(
            verb="select",
            table=self.main,
            selection=selection,
            outputs=tuple(self.output(e) for e in tree.expressions),
            group=tuple(self.side(e) for e in group.expressions) if group is not None else (),
            parts=tuple(self.parts),
            complete=self.complete and bool(self.main),
        )

    def without_table(self, tree: exp.Select) -> Statement:
        """``SELECT EXISTS (…)``, ``SELECT func()``, and locks: a select that names no table itself."""
        only = bare(tree.expressions[0]) if tree.expressions else None
        if isinstance(only, exp.Alias):
            only = bare(only.this)
        if isinstance(only, exp.Not):
            only = bare(only.this)
        if isinstance(only, exp.Exists):
            inner = self.part(only.this)
            selection = msgspec.structs.replace(inner.selection, aggregate="exists", columns=())
            return msgspec.structs.replace(inner, selection=selection, parts=inner.parts)
        where = tree.args.get("where")
        predicates = self.predicates(where.this if where else None)
        for clause in tree.expressions:
            for query in self.queries_in(clause):
                self.part(query)
        called = self.call(only) if only is not None else None
        if called is not None:
            return msgspec.structs.replace(called, parts=tuple(self.parts))
        selection = Selection(predicates=tuple(predicates), columns=(), complete=self.complete)
        outputs = tuple(self.output(e) for e in tree.expressions)
        return Statement(verb="select", selection=selection, outputs=outputs, parts=tuple(self.parts))

    def call(self, node: exp.Expr) -> Statement | None:
        """A stored routine, an advisory lock, or a notification."""
        if not isinstance(node, exp.Anonymous | exp.Func | exp.Dot):
            return None
        inner = node.expression if isinstance(node, exp.Dot) else node
        name = call_name(inner)
        arguments = list(inner.expressions) if isinstance(inner, exp.Anonymous) else []
        given = arguments[:1] if name == "get_lock" else arguments
        key = self.value(given[0]) if len(given) == 1 else self.values(given)
        lock = words.advisory(name, key)
        if lock is not None:
            return lock
        if name == "pg_notify":
            channel = self.value(arguments[0]) if arguments else ""
            return Statement(verb="notify", name=channel.removeprefix("const:").strip("'"), key=channel)
        if not isinstance(inner, exp.Anonymous) or name in FILLED or name in _BUILT_IN or name.startswith("pg_"):
            return None
        return Statement(verb="call", name=name, key=key)

    def union(self, tree: exp.SetOperation) -> Statement:
        left = self.part(tree.this)
        right = self.part(tree.expression)
        joins = tuple(dict.fromkeys(t for t in (*left.selection.joins, *right.tables) if t and t != left.table))
        selection = msgspec.structs.replace(
            left.selection, joins=joins, complete=False, limit=self.limit(tree), order=self.order(tree)
        )
        return msgspec.structs.replace(left, selection=selection, parts=tuple(self.parts), complete=False)

    # Clauses

    def lock(self, locks: list[exp.Expr]) -> tuple[str, bool, bool]:
        """Lock mode, SKIP LOCKED, NOWAIT. A lock OF other tables does not hold the main one."""
        for lock in locks:
            of = [self.tables.get(self.name(t.this), self.name(t.this)) for t in lock.expressions]
            if not of or self.main in of:
                wait = lock.args.get("wait")
                return "update" if lock.args.get("update") else "share", wait is False, wait is True
        return "", False, False

    def limit(self, tree: exp.Expr) -> int | None:
        clause = tree.args.get("limit")
        if clause is None:
            return None
        count = clause.args.get("count") if isinstance(clause, exp.Fetch) else clause.expression
        number = constant(count) if isinstance(count, exp.Expr) else 1 if isinstance(clause, exp.Fetch) else 0
        if number is None:
            return None
        return number if isinstance(number, int) and number > 0 else 0

    def order(self, tree: exp.Expr) -> tuple[str, ...]:
        clause = tree.args.get("order")
        found = [self.side(o.this if isinstance(o, exp.Ordered) else o) for o in (clause.expressions if clause else ())]
        return tuple(c for c in found if c)

    def read_columns(self, expressions: list[exp.Expr]) -> tuple[str, ...] | None:
        """The columns that a list of expressions reads; None: all of the main table's."""
        found: list[str] = []
        for e in expressions:
            inner = e.this if isinstance(e, exp.Alias) else e
            if isinstance(inner, exp.Star) or (self.holed(e) and not isinstance(inner, exp.Func)):
                return None
            for column in self.columns_of(inner):
                name = self.column(column)
                if name.endswith("*"):
                    if name == "*":
                        return None
                    continue
                found.append(name)
        return tuple(dict.fromkeys(found))

    def aggregate(self, expressions: list[exp.Expr]) -> str:
        if len(expressions) >= 1 and all(
            constant(e.this if isinstance(e, exp.Alias) else e) is not UNKNOWN for e in expressions
        ):
            return "exists"
        for e in expressions:
            if isinstance(e, exp.Window) or e.find(exp.Window):
                continue
            for kind, word in AGGREGATES.items():
                if isinstance(e, kind) or e.find(kind):
                    return word
        return ""

    def output(self, node: exp.Expr) -> Output:
        alias = self.name(node.args.get("alias")) if isinstance(node, exp.Alias) else ""
        inner = bare(node.this if isinstance(node, exp.Alias) else node)
        if isinstance(inner, exp.Star):
            return Output("*", f"column:{self.main}.*")
        if isinstance(inner, exp.Column) and not self.placeholder(inner):
            full = self.full_column(inner)
            name = full.rsplit(".", 1)[-1]
            return Output("", "") if is_hole(full) else Output(alias or name, f"column:{full}")
        if isinstance(inner, exp.AggFunc):
            word = AGGREGATES.get(type(inner), call_name(inner))
            column = next(self.columns_of(inner), None)
            return Output(alias or word, f"{word}({self.column(column)})" if column is not None else word)
        return Output(alias or call_name(inner), self.value(inner))


def hinted(table: exp.Expr) -> tuple[str, bool, bool]:
    """The same as `Selects.lock`, as SQL Server says it of a table: ``items WITH (UPDLOCK, READPAST)``."""
    said = {e.name.upper() for hint in table.args.get("hints") or () for e in hint.expressions}
    modes = [HINTS[word] for word in said if word in HINTS]
    return max(modes, default=""), "READPAST" in said, "NOWAIT" in said
