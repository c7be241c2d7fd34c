"""Trees of any statement → Statements: dispatch, and what writes."""

from __future__ import annotations

from sqlglot import exp

from datakeel.model.effect import Cardinality, Predicate, Selection
from datakeel.read.sql.selects import Selects
from datakeel.read.sql.values import bare
from datakeel.read.statement import Assigned, Output, Statement

UNITS = {"millisecond": "ms", "second": "s", "minute": "min"}


class Reader(Selects):
    """Reads one statement's tree."""

    def statement(self, tree: exp.Expr) -> Statement:
        while isinstance(tree, exp.Subquery | exp.Paren) and isinstance(tree.this, exp.Expr):
            tree = tree.this
        self.with_queries(tree)
        if isinstance(tree, exp.Select):
            return self.select(tree)
        if isinstance(tree, exp.SetOperation):
            return self.union(tree)
        if isinstance(tree, exp.Insert):
            return self.insert(tree)
        if isinstance(tree, exp.Update):
            return self.update(tree)
        if isinstance(tree, exp.Delete):
            return self.delete(tree)
        if isinstance(tree, exp.Merge):
            return self.merge(tree)
        if isinstance(tree, exp.Values):
            return Statement(verb="select", selection=Selection(columns=()))
        return Statement(selection=Selection(complete=False), complete=False, note="no statement that is known")

    def returning(self, tree: exp.Expr) -> tuple[tuple[str, ...], tuple[Output, ...]]:
        clause = tree.args.get("returning")
        if clause is None:
            return (), ()
        outputs = tuple(self.output(e) for e in clause.expressions)
        return tuple(o.name for o in outputs), outputs

    def enter_main(self, node: exp.Expr | None) -> list[Predicate]:
        joins = node.args.get("joins") if isinstance(node, exp.Table) else None
        if joins and isinstance(node, exp.Table):
            node = node.copy()
            node.set("joins", None)
        self.main = self.source(node)
        return self.joined(joins)

    def written_rows(self, tree: exp.Expr, predicates: list[Predicate]) -> Selection:
        where = tree.args.get("where")
        predicates = predicates + self.predicates(where.this if where else None)
        limit = self.limit(tree)
        return Selection(
            predicates=tuple(predicates),
            cardinality=Cardinality.AT_MOST if limit is not None else Cardinality.UNKNOWN,
            columns=(),
            order=self.order(tree),
            limit=limit,
            joins=tuple(self.joins),
            complete=self.complete,
        )

    def others(self, nodes: list[exp.Expr]) -> None:
        for node in nodes:
            table = self.source(node)
            known = self.queries.get(table)
            table = known.table if known is not None and known.table else table
            if table and table not in self.joins:
                self.joins.append(table)

    def update(self, tree: exp.Update) -> Statement:
        predicates = self.enter_main(tree.args.get("this"))
        source = tree.args.get("from_")
        if source is not None:
            self.others([source.this])
            predicates += self.joined(source.this.args.get("joins") if isinstance(source.this, exp.Subquery) else None)
        assigned = self.assignments(tree.expressions)
        selection = self.written_rows(tree, predicates)
        returning, outputs = self.returning(tree)
        return Statement(
            verb="update",
            table=self.main,
            selection=selection,
            assigned=assigned,
            returning=returning,
            outputs=outputs,
            parts=tuple(self.parts),
            complete=self.complete and bool(self.main),
        )

    def delete(self, tree: exp.Delete) -> Statement:
        predicates = self.enter_main(tree.args.get("this"))
        named = tree.args.get("tables")
        if named:
            alias = self.name(named[0].this) if isinstance(named[0], exp.Table) else ""
            chosen = self.tables.get(alias, self.main)
            if chosen != self.main:
                self.joins = [t for t in (self.main, *self.joins) if t != chosen]
                self.main = chosen
        using = tree.args.get("using")
        self.others(using if isinstance(using, list) else [])
        selection = self.written_rows(tree, predicates)
        returning, outputs = self.returning(tree)
        return Statement(
            verb="delete",
            table=self.main,
            selection=selection,
            returning=returning,
            outputs=outputs,
            parts=tuple(self.parts),
            complete=self.complete and bool(self.main),
        )

    def insert(self, tree: exp.Insert) -> Statement:
        target = tree.this
        named: list[exp.Expr] = []
        if isinstance(target, exp.Schema):
            named, target = target.expressions, target.this
        self.main = self.source(target)
        columns = tuple(self.column_name(c) for c in named)
        if not all(columns):
            self.complete = False
            columns = tuple(c for c in columns if c)
        body = tree.args.get("expression")
        rows, many = self.inserted_rows(body, columns if len(columns) == len(named) else ())
        if rows:
            self.inserted = {a.column: a for a in rows[0] if a.column}
        if isinstance(body, exp.Values) and body.args.get("alias"):
            self.inserted_names.add(self.name(body.args["alias"].this))
        conflict, target_columns, constraint, condition, sets = self.conflict(tree)
        returning, outputs = self.returning(tree)
        one = len(rows) == 1 and not many
        return Statement(
            verb="upsert" if conflict == "update" else "insert",
            table=self.main,
            selection=Selection(
                cardinality=Cardinality.ONE if one else Cardinality.MANY,
                columns=(),
                joins=tuple(self.joins),
                complete=self.complete,
            ),
            assigned=sets,
            columns=columns,
            rows=tuple(rows),
            many=many,
            conflict=conflict,
            target=target_columns,
            target_name=constraint,
            target_predicate=condition,
            returning=returning,
            outputs=outputs,
            parts=tuple(self.parts),
            complete=self.complete and bool(self.main),
        )

    def inserted_rows(self, body: exp.Expr | None, columns: tuple[str, ...]) -> tuple[list[tuple[Assigned, ...]], bool]:
        """The rows of VALUES, or of a select's list, and whether there may be others."""
        if body is None:
            return [()], False  # DEFAULT VALUES
        if isinstance(body, exp.Values):
            rows: list[tuple[Assigned, ...]] = []
            for row in body.expressions:
                cells = row.expressions if isinstance(row, exp.Tuple) else [row]
                if len(cells) == 1 and len(columns) != 1 and (self.placeholder(cells[0]) or self.holed(cells[0])):
                    return rows, True  # VALUES %s, filled with many rows
                if len(cells) == 1 and self.holed(cells[0]) and not isinstance(bare(cells[0]), exp.Literal):
                    self.complete = False
                rows.append(self.row(cells, columns))
            return rows, False
        inner = self.part(body)
        for table in inner.tables:
            if table not in self.joins:
                self.joins.append(table)
        select = body.unnest() if isinstance(body, exp.Query) else None
        if isinstance(select, exp.Select) and select.args.get("from_") is None:
            return [self.row([e.this if isinstance(e, exp.Alias) else e for e in select.expressions], columns)], False
        return [], True

    def row(self, cells: list[exp.Expr], columns: tuple[str, ...]) -> tuple[Assigned, ...]:
        names = columns if len(columns) == len(cells) else ("",) * len(cells)
        return tuple(self.assigned(name, cell, own=False) for name, cell in zip(names, cells, strict=True))

    def conflict(self, tree: exp.Insert) -> tuple[str, tuple[str, ...], str, str, tuple[Assigned, ...]]:
        """What happens on a duplicate: the word, the target's columns, constraint and condition, and what is set."""
        clause = tree.args.get("conflict")
        alternative = str(tree.args.get("alternative") or "").lower()
        if not isinstance(clause, exp.OnConflict):
            ignore = tree.args.get("ignore") or alternative == "ignore"
            word = "ignore" if ignore else "update" if alternative == "replace" or tree.args.get("overwrite") else ""
            return word, (), "", "", ()
        keys = clause.args.get("conflict_keys") or []
        target = tuple(c for k in keys if (c := self.side(k.this if isinstance(k, exp.Ordered) else k)))
        condition = clause.args.get("index_predicate")
        word = "update" if clause.expressions else "ignore"
        return (
            word,
            target,
            self.name(clause.args.get("constraint")),
            self.text(condition.this) if condition is not None else "",
            self.assignments(clause.expressions),
        )

    def assignments(self, nodes: list[exp.Expr]) -> tuple[Assigned, ...]:
        found: list[Assigned] = []
        for node in nodes:
            if not isinstance(node, exp.EQ):
                self.complete = False
            elif isinstance(node.this, exp.Tuple):
                cells = node.expression.expressions if isinstance(node.expression, exp.Tuple) else []
                for at, name in enumerate(node.this.expressions):
                    cell = cells[at] if len(cells) == len(node.this.expressions) else node.expression
                    found.append(self.assigned(self.column_name(name), cell))
            else:
                name = self.column_name(node.this)
                if isinstance(node.this, exp.Bracket | exp.Dot):
                    inner = node.this.find(exp.Column)
                    name = self.column_name(inner) if inner is not None else ""
                if not name:
                    self.complete = False
                found.append(self.assigned(name, node.expression))
        return tuple(found)

    def assigned(self, column: str, node: exp.Expr, own: bool = True) -> Assigned:
        """One value that a column gets; `own`: columns in it are the stored row's."""
        inner = bare(node)
        placed = self.placeholder(inner)
        if placed:
            return Assigned(column, "value", placed, (placed,))
        replaced = self.proposed(inner)
        if replaced is not None:
            return Assigned(column, replaced.how, replaced.value, replaced.operands, replaced.columns)
        queried = [self.part(query) for query in self.queries_in(inner)]
        word = str(inner.name).lower() if isinstance(inner, exp.Var | exp.Column) else ""
        if word == "default" and not (isinstance(inner, exp.Column) and inner.args.get("table")):
            return Assigned(column, "default")
        value = self.value(inner)
        operands = self.operands(inner)
        if value.startswith("const:"):
            return Assigned(column, "constant", value)
        columns, given = self.columns_read(inner, own)
        for part in queried:
            columns += tuple(c if "." in c else f"{part.table}.{c}" for c in part.selection.columns or ())
        operands = tuple(dict.fromkeys((*operands, *given)))
        ahead, unit = self.ahead(inner)
        if ahead:
            return Assigned(column, "value" if operands else "default", value, operands, (), ahead, unit)
        if columns or inner.find(exp.Query):
            return Assigned(column, "atomic" if column in columns else "derived", value, operands, columns)
        if operands:
            return Assigned(column, "value", value, operands)
        if self.holed(inner):
            return Assigned(column, "unknown")
        if value == "" or isinstance(inner, exp.Func):
            return Assigned(column, "default", value)
        return Assigned(column, "constant" if value else "unknown", value)

    def ahead(self, node: exp.Expr) -> tuple[str, str]:
        """How far ahead of now a moment lies, canonically, and in which unit: ``now() + interval '5 minutes'``, ``now()
        + :seconds * interval '1 second'``, ``now() + make_interval(secs => :seconds)``; empty where it is none."""
        if not isinstance(node, exp.Add) or not isinstance(node.this, exp.CurrentTimestamp):
            return "", ""
        span = bare(node.expression)
        times: exp.Expr | None = None
        if isinstance(span, exp.Mul):
            times, span = bare(span.this), bare(span.expression)
            if isinstance(times, exp.Interval):
                times, span = span, times
        if isinstance(span, exp.MakeInterval) and times is None and span.args.get("second") is not None:
            second = span.args["second"]
            value = self.value(bare(second.expression if isinstance(second, exp.Kwarg) else second))
            return value, "s"
        unit = (
            UNITS.get(str(span.args.get("unit") or "").lower().rstrip("s")) if isinstance(span, exp.Interval) else None
        )
        number = str(span.this.name) if unit and isinstance(span.this, exp.Literal) else ""
        if not unit or not number.isdigit():
            return "", ""
        if times is None:
            return f"const:{number}", unit
        return (self.value(times), unit) if number == "1" else ("", "")

    def proposed(self, node: exp.Expr) -> Assigned | None:
        """What ``excluded.x`` (or MySQL's ``VALUES(x)``) stands for: the row that was to be inserted."""
        name = ""
        if isinstance(node, exp.Column) and self.name(node.args.get("table")) in self.inserted_names:
            if self.name(node.args.get("table")) not in self.tables:
                name = self.name(node.this)
        elif isinstance(node, exp.Anonymous) and str(node.name).lower() == "values" and len(node.expressions) == 1:
            name = self.column_name(node.expressions[0]) or self.name(node.expressions[0])
        if not name:
            return None
        return self.inserted.get(name, Assigned(name, "value"))

    def columns_read(self, node: exp.Expr, own: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The stored columns that an expression reads, and the placeholders behind the proposed row's columns."""
        columns: list[str] = []
        given: list[str] = []
        for column in self.columns_of(node):
            if column.find_ancestor(exp.Query, exp.Update, exp.Insert) is not node.find_ancestor(
                exp.Query, exp.Update, exp.Insert
            ):
                continue  # a subquery's
            proposed = self.proposed(column)
            if proposed is not None:
                given += proposed.operands
            elif own or column.args.get("table"):
                columns.append(self.column(column))
        for call in node.find_all(exp.Anonymous):
            proposed = self.proposed(call)
            if proposed is not None:
                given += proposed.operands
        return tuple(dict.fromkeys(columns)), tuple(given)

    def merge(self, tree: exp.Merge) -> Statement:
        self.main = self.source(tree.this)
        self.others([tree.args["using"]])
        predicates = self.predicates(tree.args.get("on"))
        assigned: tuple[Assigned, ...] = ()
        columns: tuple[str, ...] = ()
        whens = tree.args.get("whens")
        for when in whens.expressions if whens is not None else ():
            then = when.args.get("then")
            if isinstance(then, exp.Update):
                assigned += self.assignments(then.expressions)
            elif isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple):
                columns = tuple(self.column_name(c) for c in then.this.expressions)
        selection = Selection(predicates=tuple(predicates), joins=tuple(self.joins), complete=self.complete)
        return Statement(
            verb="merge",
            table=self.main,
            selection=selection,
            assigned=assigned,
            columns=columns,
            many=True,
            conflict="update" if assigned else "",
            target=tuple(p.column for p in predicates if p.operator == "="),
            parts=tuple(self.parts),
            complete=self.complete and bool(self.main),
        )
