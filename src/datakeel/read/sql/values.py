"""Names, columns and values of a tree, in the canonical text in which Statements hold them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError

from datakeel.read.sql.parse import engine, parse
from datakeel.read.sql.text import folded, is_hole, marked, parameter, qualified, unmarked
from datakeel.read.statement import Assigned, Statement

_FILLED_NAMES = """
    now current_timestamp current_date current_time localtimestamp localtime clock_timestamp statement_timestamp
    transaction_timestamp gen_random_uuid uuid_generate_v4 uuid_generate_v1 uuid uuidv7 uuidv4 newid nextval
    random rand sysdate utc_timestamp unix_timestamp getdate last_insert_id currval lastval sysdatetime now_utc
    timeuuid totimestamp current_user session_user user txid_current pg_current_xact_id datetime strftime
    current_setting
    """
FILLED = frozenset(_FILLED_NAMES.split())  # what the store makes up itself: never the same twice
FILLED_NODES = (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.CurrentDatetime, exp.Rand, exp.Uuid)


def call_name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else ""


def bare(node: exp.Expr) -> exp.Expr:
    """A node without brackets and casts."""
    while isinstance(node, exp.Paren | exp.Cast | exp.Collate) and isinstance(node.this, exp.Expr):
        node = node.this
    return node


def quantifier(node: exp.Expr) -> str:
    """``any`` or ``all``, where a comparison is with the elements of an array."""
    if isinstance(node, exp.Any):
        return "any"
    if isinstance(node, exp.All):
        return "all"
    name = str(node.name).lower() if isinstance(node, exp.Anonymous) and len(node.expressions) == 1 else ""
    return {"any": "any", "some": "any", "all": "all"}.get(name, "")


def quantified(node: exp.Expr) -> exp.Expr:
    inner = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
    return inner if isinstance(inner, exp.Expr) else exp.Null()


UNKNOWN = object()


def constant(node: exp.Expr) -> object:
    """A literal's Python value, or UNKNOWN."""
    node = bare(node)
    if isinstance(node, exp.Literal):
        return str(node.this) if node.is_string else _number(str(node.this))
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Neg):
        inner = constant(node.this)
        return -inner if isinstance(inner, int | float) else UNKNOWN
    if isinstance(node, exp.National | exp.RawString | exp.ByteString):
        return str(node.this)
    return UNKNOWN


def _number(text: str) -> object:
    try:
        value = ast.literal_eval(text.lstrip("0") or "0") if text.isdigit() else float(text)
    except (ValueError, SyntaxError):
        return UNKNOWN
    return value


class Values:
    """One statement's tree. `tables` maps aliases to tables; `main` is the table that bare columns belong to."""

    def __init__(self, parameters: tuple[str, ...], dialect: str, outer: Values | None = None) -> None:
        self.parameters = parameters
        self.dialect = dialect
        self.outer = outer
        self.tables: dict[str, str] = dict(outer.tables) if outer else {}
        self.queries: dict[str, Statement] = dict(outer.queries) if outer else {}  # CTEs by name
        self.main = ""
        self.joins: list[str] = []
        self.parts: list[Statement] = []
        self.complete = True
        self.inserted: dict[str, Assigned] = {}  # what `excluded.x` stands for
        self.inserted_names = {"excluded", "new"}
        self.holes: bool = outer.holes if outer else True  # False: the text has none

    # Names

    def name(self, node: exp.Expr | None) -> str:
        if isinstance(node, exp.Identifier):
            return folded(str(node.this), bool(node.args.get("quoted")), self.dialect)
        return "" if node is None else str(node.name).lower()

    def column_name(self, node: exp.Expr) -> str:
        """A column's own name, without its table."""
        inner = node.this if isinstance(node, exp.Column | exp.Ordered | exp.Alias) else node
        if isinstance(inner, exp.Column):
            inner = inner.this
        name = self.name(inner) if isinstance(inner, exp.Identifier) else ""
        return "" if is_hole(name) or parameter(name, self.parameters) else name

    def table_name(self, node: exp.Expr | None) -> str:
        if not isinstance(node, exp.Table):
            return ""
        parts = [self.name(p) for p in node.parts if isinstance(p, exp.Identifier)]
        return qualified(parts)

    def column(self, node: exp.Column) -> str:
        """``c`` of the main table, ``table.c`` of another."""
        name = self.name(node.this) if isinstance(node.this, exp.Identifier) else "*"
        qualifier = self.name(node.args.get("table"))
        if not qualifier or is_hole(qualifier):
            return name
        table = self.tables.get(qualifier, qualifier)
        return name if table == self.main else f"{table}.{name}"

    def full_column(self, node: exp.Column) -> str:
        name = self.column(node)
        return name if "." in name or not self.main else f"{self.main}.{name}"

    # Values

    def placeholder(self, node: exp.Expr) -> str:
        node = bare(node)
        if isinstance(node, exp.Column) and not node.args.get("table"):
            return parameter(str(node.name), self.parameters)
        return ""

    def holed(self, node: exp.Expr) -> bool:
        return self.holes and any(is_hole(str(i.this)) for i in node.find_all(exp.Identifier, exp.Literal))

    def columns_of(self, node: exp.Expr) -> Iterator[exp.Column]:
        """The real columns in an expression, those of its subqueries too."""
        for column in node.find_all(exp.Column):
            name = str(column.name)
            if not parameter(name, self.parameters) and not is_hole(name):
                yield column

    def operands(self, node: exp.Expr) -> tuple[str, ...]:
        found = [parameter(str(i.this), self.parameters) for i in node.find_all(exp.Identifier)]
        return tuple(dict.fromkeys(p for p in found if p))

    def value(self, node: exp.Expr) -> str:
        """A value in canonical text; empty where it is not known, or never the same twice."""
        node = bare(node)
        placed = self.placeholder(node)
        if placed:
            return placed
        known = constant(node)
        if known is not UNKNOWN:
            return self.literal(known)
        if isinstance(node, exp.Column):
            return "" if self.holed(node) else f"column:{self.full_column(node)}"
        if isinstance(node, exp.Tuple | exp.Array):
            return self.values(node.expressions)
        if quantifier(node):
            return self.value(quantified(node))
        if self.volatile(node):
            return ""
        return f"expr:{self.text(node)}"

    def literal(self, known: object) -> str:
        if isinstance(known, str) and "dk_" in known:
            return "" if is_hole(known) else f"expr:'{unmarked(known, self.parameters)}'"
        return f"const:{known!r}"

    def values(self, nodes: list[exp.Expr]) -> str:
        """A list of values; one placeholder alone stands for the list."""
        if len(nodes) == 1 and self.placeholder(nodes[0]):
            return self.placeholder(nodes[0])
        constants = [constant(n) for n in nodes]
        if nodes and UNKNOWN not in constants:
            return self.literal(tuple(constants)) if not any("dk_" in str(c) for c in constants) else ""
        parts = [self.value(n) for n in nodes]
        if not all(parts):
            return ""
        return "expr:(" + ", ".join(p.removeprefix("expr:").removeprefix("const:") for p in parts) + ")"

    def volatile(self, node: exp.Expr) -> bool:
        return bool(
            node.find(exp.Query, *FILLED_NODES)
            or self.holed(node)
            or any(call_name(f) in FILLED for f in node.find_all(exp.Anonymous, exp.Func))
        )

    def text(self, node: exp.Expr) -> str:
        """An expression as text in lower case, its own columns bare, its placeholders as themselves."""
        try:
            written = node.sql(dialect=engine(self.dialect))
        except (SqlglotError, ValueError, TypeError, AttributeError, KeyError):
            return ""
        own = [a for a, t in self.tables.items() if t == self.main]
        if own and "." in written:
            written = re.sub(rf"\b(?:{'|'.join(map(re.escape, own))})\.", "", written, flags=re.I)
        return canonical(unmarked(written, self.parameters))


_STRINGS = re.compile(r"('(?:[^']|'')*')")


def canonical(text: str) -> str:
    """Expression text as it is compared: lower case outside strings, one space, no space inside brackets.

    >>> canonical("LOWER( Email )")
    'lower(email)'
    """
    parts = _STRINGS.split(text)
    for at in range(0, len(parts), 2):
        part = re.sub(r"\s+", " ", parts[at].lower().replace('"', "").replace("`", ""))
        part = re.sub(r"\s*,\s*", ", ", part)
        parts[at] = part.replace("( ", "(").replace(" )", ")")
    return "".join(parts).strip()


def canonical_expression(text: str, dialect: str) -> str:
    """The text of an index's expression, or several in one text, or of a condition, in the form in which predicates
    name it."""
    mark = marked(text, dialect)
    tree = parse(f"SELECT {mark.text}", dialect)
    if not isinstance(tree, exp.Select) or not tree.expressions:
        return canonical(text)
    values = Values(mark.parameters, dialect)
    found = [values.text(unwrapped(node)) for node in tree.expressions]
    return ", ".join(found) if all(found) else canonical(text)


def unwrapped(node: exp.Expr) -> exp.Expr:
    """An expression without the brackets round it."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node
