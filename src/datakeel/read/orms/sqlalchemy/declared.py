"""What a class body or a table's call declares: columns, keys, relationships; read from the text alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.program import Assign, Attribute, Call, Collection, Const, Expression, Item, Return, Statement
from datakeel.read.symbols import ClassInfo, FunctionInfo

Text = Callable[[FunctionInfo], tuple[Statement, ...]]  # gives a function's statements

COLUMN_CALLS = frozenset(("Column", "mapped_column", "column_property", "deferred", "query_expression"))
RELATION_CALLS = frozenset(("relationship", "Relationship", "relation", "dynamic_loader"))
OTHER_CALLS = frozenset(("association_proxy", "synonym", "composite", "hybrid_property", "Computed"))
DYNAMIC = {"DynamicMapped": "dynamic", "WriteOnlyMapped": "write_only"}
MAPPED = frozenset(("Mapped", *DYNAMIC))
LISTS = frozenset(("list", "List", "Sequence", "set", "Set", "Iterable", "Collection", "dict", "Dict"))


WORDLESS: dict[object, str] = {False: "joined", None: "noload"}  # values of `lazy` that are no words


class Field(Struct, frozen=True):
    """One attribute of a mapped class, as its declaration says. `kind` is column, relation or ``call`` (some other
    function's value); `references` the column (``orders.id``) that a foreign key names."""

    kind: str
    column: str = ""
    primary: bool = False
    unique: bool = False
    references: str = ""
    target: Expression | None = None
    many: bool | None = None
    lazy: str = ""
    secondary: str = ""
    backref: str = ""
    back_lazy: str = ""  # how the other class loads what `backref` gives it
    foreign: tuple[str, ...] = ()  # the columns that a relation says it follows


def field_of(name: str, statement: Assign) -> Field | None:
    """What an assignment of a class body declares; None when it is no part of the mapping."""
    outer = last_name(statement.annotation.base) if isinstance(statement.annotation, Item) else ""
    if isinstance(statement.value, Call):
        called = last_name(statement.value.function)
        if called in RELATION_CALLS or outer in DYNAMIC:
            return relation_field(statement.value, statement.annotation, DYNAMIC.get(outer, ""))
        if called in COLUMN_CALLS:
            return column_field(name, statement.value)
        if called in OTHER_CALLS:
            return None
        if outer not in MAPPED:
            return Field("call", name)
    if outer in DYNAMIC:
        return Field("relation", target=inner_type(statement.annotation), many=True, lazy=DYNAMIC[outer])
    return Field("column", name) if outer in MAPPED else None


def column_field(name: str, call: Call) -> Field:
    inner = call.arguments[0] if call.arguments else None
    if isinstance(inner, Call) and last_name(inner.function) in ("Column", "mapped_column"):
        return column_field(name, inner)  # deferred(Column(…))
    label = inner.value if isinstance(inner, Const) and isinstance(inner.value, str) else name
    given = keyword(call, "name")
    if isinstance(given, Const) and isinstance(given.value, str):
        label = given.value
    return Field(
        "column",
        label,
        primary=flag(call, "primary_key"),
        unique=flag(call, "unique"),
        references=foreign_key(call),
    )


def relation_field(call: Call, annotation: Expression | None, loads: str = "") -> Field:
    target = call.arguments[0] if call.arguments else keyword(call, "argument")
    inner = inner_type(annotation) if isinstance(annotation, Item) else None
    many: bool | None = None
    if isinstance(inner, Item) and last_name(inner.base) in LISTS:
        many, inner = True, inner.key
    elif inner is not None:
        many = False
    uselist = keyword(call, "uselist")
    if isinstance(uselist, Const) and isinstance(uselist.value, bool):
        many = uselist.value
    lazy = loads or ("dynamic" if last_name(call.function) == "dynamic_loader" else lazy_of(call))
    secondary, backref = keyword(call, "secondary"), keyword(call, "backref")
    return Field(
        "relation",
        target=target if target is not None else inner,
        many=True if secondary is not None and many is None else many,
        lazy=lazy,
        secondary=(text(secondary) or last_name(secondary)) if secondary is not None else "",
        backref=backref_of(backref),
        back_lazy=lazy_of(backref) if isinstance(backref, Call) else "",
        foreign=column_names(keyword(call, "foreign_keys")),
    )


def sqlmodel_field(name: str, statement: Assign) -> Field | None:
    """A field of an SQLModel table: its annotation makes it a column."""
    if isinstance(statement.value, Call):
        called = last_name(statement.value.function)
        if called in RELATION_CALLS:
            found = relation_field(statement.value, None)
            annotation = statement.annotation
            many = isinstance(annotation, Item) and last_name(annotation.base) in LISTS
            target = found.target if found.target is not None else annotation
            return Field("relation", target=target, many=many, lazy=found.lazy, secondary=found.secondary)
        if called == "Field":
            references = text(keyword(statement.value, "foreign_key"))
            inner = keyword(statement.value, "sa_column")
            if isinstance(inner, Call):
                return column_field(name, inner)
            primary, unique = flag(statement.value, "primary_key"), flag(statement.value, "unique")
            return Field("column", name, primary, unique, references)
    return Field("column", name) if statement.annotation is not None else None


def declared_methods(cls: ClassInfo, text: Text) -> Iterator[tuple[str, Assign]]:
    """``@declared_attr`` methods whose body returns a declaration, as if it were assigned."""
    for name, info in cls.methods.items():
        value = declared_value(info, text)
        if value is not None:
            yield name, Assign((), value, info.signature.returns, info.signature.at)


def declared_value(info: FunctionInfo, text: Text) -> Expression | None:
    if not any((dotted_of(d) or "").find("declared_attr") >= 0 for d in info.signature.decorators):
        return None
    for statement in text(info):
        if isinstance(statement, Return) and isinstance(statement.value, Call):
            return statement.value
    return None


def table_keys(arguments: Iterable[Expression]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """``primary`` or ``unique`` with its columns, of each such constraint among a table's arguments."""
    for one in arguments:
        if not isinstance(one, Call):
            continue
        called = last_name(one.function)
        names = [text(a) or last_name(a) for a in one.arguments]
        if called == "Index":
            names = names[1:] if flag(one, "unique") and keyword(one, "postgresql_where") is None else []
        elif called not in ("UniqueConstraint", "PrimaryKeyConstraint"):
            continue
        if names and all(names):
            yield "primary" if called == "PrimaryKeyConstraint" else "unique", tuple(names)


def foreign_key(call: Call) -> str:
    """The column that a foreign key among a column's arguments names: ``orders.id``, or ``Order.id`` by its class."""
    for one in call.arguments:
        if isinstance(one, Call) and last_name(one.function) == "ForeignKey" and one.arguments:
            named = text(one.arguments[0])
            if named:
                return ".".join(named.split(".")[-2:])
            return "@" + (dotted_of(one.arguments[0]) or "")
    return ""


def inner_type(annotation: Expression | None) -> Expression | None:
    """What stands in the brackets, without ``Optional``."""
    found = annotation.key if isinstance(annotation, Item) else None
    if isinstance(found, Item) and last_name(found.base) == "Optional":
        return found.key
    return found


def keyword(call: Call, name: str) -> Expression | None:
    return next((value for key, value in call.keywords if key == name), None)


def flag(call: Call, name: str) -> bool:
    found = keyword(call, name)
    return isinstance(found, Const) and found.value is True


def text(expression: Expression | None) -> str:
    if isinstance(expression, Const) and isinstance(expression.value, str):
        return expression.value
    return ""


def lazy_of(call: Call) -> str:
    """How a relation's rows are loaded, by ``lazy=…``; empty where it does not say."""
    given = keyword(call, "lazy")
    if isinstance(given, Const) and given.value in WORDLESS:
        return WORDLESS[given.value]
    return text(given)


def backref_of(expression: Expression | None) -> str:
    """The name in ``backref="order"`` or ``backref=backref("order", …)``."""
    if isinstance(expression, Call) and expression.arguments:
        return text(expression.arguments[0])
    return text(expression)


def column_names(expression: Expression | None) -> tuple[str, ...]:
    """The columns in ``foreign_keys=[owner_id]``, ``foreign_keys="Order.owner_id"``."""
    parts = items_of(expression) or ((expression,) if expression is not None else ())
    names = (text(part).strip("[] ").rpartition(".")[2] or last_name(part) for part in parts)
    return tuple(n for n in names if n)


def last_name(expression: Expression | None) -> str:
    if isinstance(expression, Attribute):
        return expression.name
    return (dotted_of(expression) or "").rpartition(".")[2] if expression is not None else ""


def items_of(expression: Expression | None) -> tuple[Expression, ...]:
    return expression.items if isinstance(expression, Collection) else ()


def snake(name: str) -> str:
    """``OrderLine`` → ``order_line``, as the libraries that name tables by themselves do.

    >>> snake("OrderLine"), snake("SSOUser")
    ('order_line', 'sso_user')
    """
    name = name.rpartition(".")[2]
    out = ""
    for index, letter in enumerate(name):
        ends = index + 1 < len(name) and name[index + 1].islower()
        if letter.isupper() and index and (not name[index - 1].isupper() or ends):
            out += "_"
        out += letter.lower()
    return out.replace("__", "_")
