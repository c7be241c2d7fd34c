"""Conditions of a tree → predicates."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from datakeel.model.effect import Predicate
from datakeel.read.sql.values import UNKNOWN, Values, bare, constant, quantified, quantifier
from datakeel.read.statement import Statement

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "=",
    exp.NullSafeNEQ: "!=",
    exp.Like: "like",
    exp.ILike: "like",
    exp.SimilarTo: "like",
    exp.RegexpLike: "like",
    exp.RegexpILike: "like",
    exp.Glob: "like",
    exp.ArrayContainsAll: "contains",
    exp.ArrayContainedBy: "contains",
    exp.ArrayOverlaps: "contains",
    exp.JSONBContains: "contains",
    exp.JSONBContainsTopKey: "contains",
    exp.JSONBContainsAllTopKeys: "contains",
    exp.JSONBContainsAnyTopKeys: "contains",
    exp.MatchAgainst: "search",
}
_PLAIN = (exp.Column, exp.Literal, exp.Null)  # no query stands in these
_SWAPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_NEGATED = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">": "<=",
    "<=": ">",
    ">=": "<",
    "is-null": "not-null",
    "not-null": "is-null",
}


class Conditions(Values):
    """What a condition says of the rows; a subclass reads the subqueries in it."""

    def predicates(self, node: exp.Expr | None) -> list[Predicate]:
        """The conjuncts of a condition; one that is not understood makes the statement's selection incomplete."""
        found: list[Predicate] = []
        left = [node] if node is not None else []
        while left:
            one = left.pop()
            while isinstance(one, exp.Paren):
                one = one.this
            if isinstance(one, exp.And):
                left += [one.expression, one.this]
                continue
            if not (
                isinstance(one, exp.Binary) and isinstance(one.this, _PLAIN) and isinstance(one.expression, _PLAIN)
            ):
                for query in self.queries_in(one):
                    self.part(query)
            found += self.conjunct(one)
        return found

    def conjunct(self, node: exp.Expr) -> list[Predicate]:
        if isinstance(node, exp.Not):
            return self.negated(node.this)
        if isinstance(node, exp.Or):
            return self.either(node)
        if isinstance(node, exp.Is):
            return self.null(node)
        if isinstance(node, exp.In):
            return self.inside(node)
        if isinstance(node, exp.Between):
            column = self.side(node.this)
            bounds = self.values([node.args["low"], node.args["high"]])
            return [Predicate(column, "between", bounds)] if column else self.missed()
        operator = _OPERATORS.get(type(node))
        if operator:
            return self.compared(node, operator)
        if isinstance(node, exp.Column) and not self.placeholder(node) and not self.holed(node):
            return [Predicate(self.column(node), "=", "const:True")]
        return [] if constant(node) is True else self.missed()

    def missed(self) -> list[Predicate]:
        self.complete = False
        return []

    def negated(self, node: exp.Expr) -> list[Predicate]:
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.Column) and not self.placeholder(node) and not self.holed(node):
            return [Predicate(self.column(node), "=", "const:False")]
        if isinstance(node, exp.In):
            return [Predicate(p.column, "!=", p.value) for p in self.inside(node)]
        if isinstance(node, exp.Is | exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE):
            return [
                Predicate(p.column, _NEGATED[p.operator], p.value)
                for p in self.conjunct(node)
                if p.operator in _NEGATED
            ]
        return self.missed()

    def either(self, node: exp.Or) -> list[Predicate]:
        """``a = 1 OR a = 2`` is ``a in (1, 2)``; ``? = '' OR a @@ ?`` searches, where it is asked to. Any other
        alternative is not understood."""
        sides = [s.unnest() if isinstance(s, exp.Paren) else s for s in node.flatten()]
        over_columns = [s for s in sides if any(not self.placeholder(c) for c in self.columns_of(s))]
        if len(over_columns) == 1 and isinstance(over_columns[0], exp.MatchAgainst):
            self.complete = False
            return self.conjunct(over_columns[0])
        if all(isinstance(s, exp.EQ) for s in sides):
            pairs = [(self.side(s.this), s.expression) for s in sides]
            if len({c for c, _ in pairs}) == 1 and pairs[0][0]:
                return [Predicate(pairs[0][0], "in", self.values([v for _, v in pairs]))]
        return self.missed()

    def null(self, node: exp.Is) -> list[Predicate]:
        column = self.side(node.this)
        negated = bool(node.args.get("negate"))
        known = constant(node.expression)
        if column and known is None:
            return [Predicate(column, "not-null" if negated else "is-null")]
        if column and isinstance(known, bool):
            return [Predicate(column, "!=" if negated else "=", f"const:{known}")]
        return self.missed()

    def inside(self, node: exp.In) -> list[Predicate]:
        listed = node.expressions or [f for f in (node.args.get("field"), node.args.get("unnest")) if f]
        if isinstance(node.this, exp.Tuple):
            return [Predicate(c, "in") for n in node.this.expressions if (c := self.side(n))]
        column = self.side(node.this)
        if not column:
            return self.missed()
        return [Predicate(column, "in", self.values(listed) if listed else "")]

    def compared(self, node: exp.Expr, operator: str) -> list[Predicate]:
        left = node.this
        right = node.expression or next(iter(node.expressions), None)
        if not isinstance(left, exp.Expr) or not isinstance(right, exp.Expr):
            return self.missed()
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            return self.rows_compared(left, right, operator)
        if quantifier(right):
            column = self.side(left)
            fits = (operator, quantifier(right)) in (("=", "any"), ("!=", "all"))
            operator = {"=": "in"}.get(operator, operator)
            return [Predicate(column, operator, self.value(quantified(right)))] if column and fits else self.missed()
        column = self.side(left)
        other = self.side(right)
        if column and other:
            if "." in column and "." not in other and isinstance(bare(right), exp.Column):
                left, right, column = right, left, other
                operator = _SWAPPED.get(operator, operator)
        elif other:
            left, right, column = right, left, other
            operator = _SWAPPED.get(operator, operator)
        if not column and operator == "=" and constant(left) is not UNKNOWN and constant(left) == constant(right):
            return []  # 1 = 1
        if not column or isinstance(left, exp.Query):
            return self.missed()
        return [Predicate(column, operator, self.value(right))]

    def rows_compared(self, left: exp.Tuple, right: exp.Tuple, operator: str) -> list[Predicate]:
        """``(a, b) = (1, 2)`` compares each; ``(a, b) > (1, 2)`` orders by the first."""
        if operator == "=" and len(left.expressions) == len(right.expressions):
            pairs = zip(left.expressions, right.expressions, strict=True)
            return [Predicate(c, "=", self.value(v)) for n, v in pairs if (c := self.side(n))]
        column = self.side(left.expressions[0]) if left.expressions else ""
        value = self.value(right.expressions[0]) if right.expressions else ""
        return [Predicate(column, {"<": "<=", ">": ">="}.get(operator, operator), value)] if column else self.missed()

    def side(self, node: exp.Expr) -> str:
        """The column, or expression over columns, that a comparison is about; empty where there is no column."""
        if isinstance(node, exp.Query):
            return ""
        node = bare(node)
        if isinstance(node, exp.Column):
            return "" if self.placeholder(node) or self.holed(node) else self.column(node)
        if next(self.columns_of(node), None) is None or node.find(exp.Query):
            return ""
        return self.text(node)

    # Subqueries

    def queries_in(self, node: exp.Expr) -> Iterator[exp.Query]:
        """The outermost queries in an expression."""
        left: list[exp.Expr] = [node]
        while left:
            one = left.pop()
            if isinstance(one, exp.Subquery | exp.Select | exp.SetOperation):
                inner = one.unnest()
                if isinstance(inner, exp.Query):
                    yield inner
                continue
            left += reversed(list(one.iter_expressions()))

    def statement(self, tree: exp.Expr) -> Statement:
        raise NotImplementedError

    def part(self, query: exp.Expr) -> Statement:
        inner = type(self)(self.parameters, self.dialect, self)
        statement = inner.statement(query)
        self.parts.append(statement)
        return statement

    def with_queries(self, tree: exp.Expr) -> None:
        clause = tree.args.get("with_")
        for cte in clause.expressions if isinstance(clause, exp.With) else ():
            if isinstance(cte, exp.CTE) and isinstance(cte.this, exp.Expr):
                name = self.name(cte.args["alias"].this) if cte.args.get("alias") else ""
                self.queries[name] = self.part(cte.this)
