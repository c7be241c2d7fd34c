"""Entries of ``Meta.indexes`` and ``Meta.constraints``, and what AddIndex and AddConstraint are given → keys."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.dataset import Constraint, Index
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.literals import Literals
from datakeel.read.orms.django.schema.expressions import Expressions
from datakeel.read.orms.django.schema.naming import index_name
from datakeel.read.program import Attribute, Call, Collection, Expression
from datakeel.read.symbols import ClassInfo, External, Module, place_of

METHODS = {
    "Index": "btree",
    "BTreeIndex": "btree",
    "GinIndex": "gin",
    "GistIndex": "gist",
    "BrinIndex": "brin",
    "HashIndex": "hash",
    "SpGistIndex": "spgist",
    "BloomIndex": "bloom",
}
RANGES = {"EQUAL": "=", "NOT_EQUAL": "<>", "OVERLAPS": "&&", "CONTAINS": "@>", "CONTAINED_BY": "<@"}


class Owner(Struct, frozen=True):
    """The model that a key is of: its table, its columns by fields, and what its abstract ancestor's names become."""

    table: str
    columns: Callable[[str], str]
    label: str = ""
    name: str = ""

    def named(self, name: str) -> str:
        return name.replace("%(app_label)s", self.label).replace("%(class)s", self.name)


class Keys:
    """Reads keys; None stands for one that was not understood."""

    def __init__(self, literals: Literals, expressions: Expressions) -> None:
        self.literals = literals
        self.expressions = expressions

    def key(self, module: Module, expression: Expression, owner: Owner) -> Index | Constraint | None:
        if not isinstance(expression, Call):
            module, expression = self.literals.followed(module, expression)
        if not isinstance(expression, Call):
            return None
        kind = self.kind(module, expression)
        place = place_of(module.path, expression.at)
        found = self.of_kind(kind, module, expression, owner)
        return replace(found, place=place) if found is not None else None

    def of_kind(self, kind: str, module: Module, call: Call, owner: Owner) -> Index | Constraint | None:
        match kind:
            case "UniqueConstraint":
                return self.unique(module, call, owner)
            case "CheckConstraint":
                return self.check(module, call, owner)
            case "ExclusionConstraint":
                return self.exclusion(module, call, owner)
        return self.index(module, call, owner, METHODS[kind]) if kind in METHODS else None

    def kind(self, module: Module, call: Call) -> str:
        """The class of Django's that a key's class is, or is derived from."""
        dotted = dotted_of(call.function)
        symbol = self.literals.names.resolve(module, dotted) if dotted is not None else None
        names = symbol.externals() if isinstance(symbol, ClassInfo) else ()
        if isinstance(symbol, External):
            names = (symbol.dotted,)
        lasts = (n.rpartition(".")[2] for n in names)
        return next((n for n in lasts if n in METHODS or n.endswith("Constraint")), "")

    def name(self, module: Module, call: Call, owner: Owner) -> str:
        return owner.named(self.literals.text(module, dict(call.keywords).get("name")) or "")

    def index(self, module: Module, call: Call, owner: Owner, method: str) -> Index | None:
        keywords = dict(call.keywords)
        columns = self.columns(module, call, owner)
        predicate = self.expressions.condition(module, keywords.get("condition"), owner.columns)
        if columns is None:
            return None
        name = self.name(module, call, owner)
        if not name and not call.arguments:
            fields = self.literals.texts(module, keywords.get("fields")) or []
            ordered = [(owner.columns(f.removeprefix("-")), f.startswith("-")) for f in fields]
            name = index_name(owner.table, ordered) if ordered else ""
        if "condition" in keywords and not predicate:
            predicate = "?"
        operators = self.literals.texts(module, keywords.get("opclasses")) or ()
        carried = self.literals.texts(module, keywords.get("include")) or ()
        return Index(
            columns,
            name=name,
            method=method,
            predicate=predicate,
            sorting=tuple(operators),
            carried=tuple(owner.columns(c) for c in carried),
        )

    def unique(self, module: Module, call: Call, owner: Owner) -> Index | None:
        keywords = dict(call.keywords)
        columns = self.columns(module, call, owner)
        if columns is None:
            return None
        predicate = self.expressions.condition(module, keywords.get("condition"), owner.columns)
        if "condition" in keywords and not predicate:
            predicate = "?"  # it holds of some rows: which, is not known
        distinct = self.literals.value(module, keywords.get("nulls_distinct")) is not False
        indexed = bool(predicate) or bool(call.arguments) or "opclasses" in keywords or "include" in keywords
        return Index(
            columns,
            name=self.name(module, call, owner),
            unique=True,
            predicate=predicate,
            nulls_distinct=distinct,
            method="btree" if indexed else "",
        )

    def columns(self, module: Module, call: Call, owner: Owner) -> tuple[str, ...] | None:
        """The columns and expressions of a key; None where one was not understood."""
        fields = dict(call.keywords).get("fields")
        if fields is not None:
            names = self.literals.texts(module, fields)
            return tuple(owner.columns(n.removeprefix("-")) for n in names) if names else None
        found = tuple(self.expressions.key(module, a, owner.columns) for a in call.arguments)
        return found if found and all(found) else None

    def check(self, module: Module, call: Call, owner: Owner) -> Constraint | None:
        keywords = dict(call.keywords)
        given = keywords.get("condition") or keywords.get("check")
        text = self.expressions.condition(module, given, owner.columns)
        return Constraint("check", text, self.name(module, call, owner))

    def exclusion(self, module: Module, call: Call, owner: Owner) -> Constraint:
        keywords = dict(call.keywords)
        method = self.literals.text(module, keywords.get("index_type")) or "gist"
        parts = []
        for where, item in self.literals.items(module, keywords.get("expressions"))[0]:
            if isinstance(item, Collection) and len(item.items) == 2:
                term = self.expressions.key(where, item.items[0], owner.columns)
                parts.append(f"{term} with {self.operator(where, item.items[1])}")
        condition = self.expressions.condition(module, keywords.get("condition"), owner.columns)
        where_text = f" where ({condition})" if condition else ""
        text = f"using {method.lower()} ({', '.join(parts)}){where_text}"
        return Constraint("exclude", text, self.name(module, call, owner))

    def operator(self, module: Module, expression: Expression) -> str:
        if isinstance(expression, Attribute) and expression.name in RANGES:
            return RANGES[expression.name]
        return self.literals.text(module, expression) or "?"


def names_of(value: object) -> tuple[tuple[str, ...], ...]:
    """``unique_together`` as it may be written: one tuple of names, or several.

    >>> names_of(("a", "b")), names_of([["a", "b"], ("c", "d")])
    ((('a', 'b'),), (('a', 'b'), ('c', 'd')))
    """
    if not isinstance(value, list | tuple | set):
        return ()
    if value and all(isinstance(v, str) for v in value):
        return (tuple(str(v) for v in value),)
    return tuple(tuple(str(n) for n in v) for v in value if isinstance(v, list | tuple | set) and v)
