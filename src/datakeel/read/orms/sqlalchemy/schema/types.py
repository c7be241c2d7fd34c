"""A column's type in SQLAlchemy, or the annotation that stands for it → SQL's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.literals import Literals
from datakeel.read.program import Attribute, Call, Collection, Const, Derive, Expression, Global, Item
from datakeel.read.sql.column import normal_type
from datakeel.read.symbols import ClassInfo, Constant, External, Module

if TYPE_CHECKING:
    from datakeel.read.world import World

TYPES = {
    "Integer": "integer",
    "BigInteger": "bigint",
    "SmallInteger": "smallint",
    "String": "varchar",
    "Unicode": "varchar",
    "AutoString": "varchar",
    "Text": "text",
    "UnicodeText": "text",
    "Boolean": "boolean",
    "DateTime": "timestamp",
    "Date": "date",
    "Time": "time",
    "Interval": "interval",
    "Float": "double precision",
    "Double": "double precision",
    "DOUBLE_PRECISION": "double precision",
    "FLOAT": "double precision",
    "Numeric": "numeric",
    "LargeBinary": "bytea",
    "PickleType": "bytea",
    "Uuid": "uuid",
    # sqlalchemy-utils
    "UUIDType": "uuid",
    "TSVectorType": "tsvector",
    "EmailType": "varchar(255)",
    "URLType": "text",
    "JSONType": "json",
    "ArrowType": "timestamp",
    "IPAddressType": "varchar(50)",
    "CountryType": "varchar(2)",
    "LtreeType": "ltree",
    "ScalarListType": "text",
    "TimezoneType": "varchar(50)",
    "PhoneNumberType": "varchar(20)",
}
PYTHON = {
    "builtins.int": "integer",
    "builtins.str": "varchar",
    "builtins.bool": "boolean",
    "builtins.float": "double precision",
    "builtins.bytes": "bytea",
    "datetime.datetime": "timestamp",
    "datetime.date": "date",
    "datetime.time": "time",
    "datetime.timedelta": "interval",
    "decimal.Decimal": "numeric",
    "uuid.UUID": "uuid",
    "pydantic.EmailStr": "varchar",
    "pydantic.networks.EmailStr": "varchar",
}
_DEPTH = 6


class Types:
    def __init__(self, world: World, literals: Literals) -> None:
        self.world = world
        self.names = world.names
        self.literals = literals

    def is_type(self, module: Module, expression: Expression) -> bool:
        """Whether an expression is a column's type: a class of types, or a call of one."""
        function = expression.function if isinstance(expression, Call) else expression
        dotted = dotted_of(function)
        if isinstance(function, Attribute) and function.name in ("with_variant", "as_mutable"):
            return True
        if dotted is None:
            return False
        symbol = self.names.resolve(module, dotted)
        if isinstance(symbol, ClassInfo):
            return "impl" in symbol.fields or symbol.field("impl") is not None or self.derived(symbol) is not None
        last = dotted.rpartition(".")[2]
        return last in TYPES or last == "Enum" or last.isupper() or last.endswith("Type")

    def type(self, module: Module, expression: Expression, depth: int = _DEPTH) -> str:
        """The type's words; empty where it is not known."""
        if depth <= 0:
            return ""
        call = expression if isinstance(expression, Call) else None
        function = expression.function if isinstance(expression, Call) else expression
        if isinstance(function, Attribute) and function.name == "with_variant":
            return self.type(module, function.base, depth - 1)
        if isinstance(function, Attribute) and function.name == "as_mutable" and call is not None and call.arguments:
            return self.type(module, call.arguments[0], depth - 1)
        dotted = dotted_of(function)
        if dotted is None:
            return ""
        symbol = self.names.resolve(module, dotted)
        match symbol:
            case ClassInfo():
                return self.decorated(symbol, call, module, depth)
            case Constant():
                return self.type(symbol.module, symbol.value, depth - 1)
            case External(name):
                return self.library_type(name.rpartition(".")[2], module, call, depth)
        return ""

    def decorated(self, cls: ClassInfo, call: Call | None, module: Module, depth: int) -> str:
        """A type of the project: what it is made of (``impl``), or the type that it is derived from."""
        found = cls.field("impl")
        if found is not None:
            value = getattr(found[1], "value", None)
            inner = self.type(found[0].module, value, depth - 1) if value is not None else ""
            if inner == "varchar" and call is not None:
                return self.library_type("String", module, call, depth)
            return inner
        base = self.derived(cls)
        return self.library_type(base, module, call, depth) if base else ""

    def derived(self, cls: ClassInfo) -> str | None:
        lasts = (b.rpartition(".")[2] for b in cls.externals())
        return next((b for b in lasts if b in TYPES or (b.isupper() and b != "ABC")), None)

    def library_type(self, last: str, module: Module, call: Call | None, depth: int) -> str:
        keywords = dict(call.keywords) if call is not None else {}
        arguments = call.arguments if call is not None else ()
        if last == "ARRAY":
            inner = arguments[0] if arguments else keywords.get("item_type")
            return f"{self.type(module, inner, depth - 1)}[]" if inner is not None else "[]"
        if last in ("Enum", "ENUM"):
            return self.enum(module, arguments, keywords)
        if last in ("DateTime", "TIMESTAMP", "Time", "TIME"):
            zoned = self.literals.value(module, keywords.get("timezone") or (arguments[0] if arguments else None))
            plain = "time" if last.lower() == "time" else "timestamp"
            return f"{plain}tz" if zoned is True else plain
        if last in ("MutableDict", "MutableList"):
            return ""
        base = TYPES.get(last) or (normal_type(last.replace("_", " ")) if last.isupper() else "")
        return base + self.sizes(base, module, arguments, keywords)

    def sizes(
        self, base: str, module: Module, arguments: tuple[Expression, ...], keywords: dict[str, Expression]
    ) -> str:
        if base in ("varchar", "char", "nvarchar", "varbit", "bit"):
            length = self.literals.value(module, keywords.get("length") or (arguments[0] if arguments else None))
            return f"({length})" if isinstance(length, int) else ""
        if base == "numeric":
            given = [keywords.get("precision"), keywords.get("scale")]
            given = [g or a for g, a in zip(given, [*arguments, None, None], strict=False)]
            sizes = [self.literals.value(module, g) for g in given]
            known = [str(s) for s in sizes if isinstance(s, int)]
            return f"({','.join(known)})" if known else ""
        return ""

    def enum(self, module: Module, arguments: tuple[Expression, ...], keywords: dict[str, Expression]) -> str:
        """A native enumeration's type has its name; one that is not native is a text."""
        if self.literals.value(module, keywords.get("native_enum")) is False:
            return "varchar"
        name = self.literals.text(module, keywords.get("name"))
        if name is None and arguments:
            last = (dotted_of(arguments[0]) or "").rpartition(".")[2]
            name = last.lower() or None
        return name or "enum"

    # Annotations ------------------------------------------------------------------------------------------------------

    def annotated(self, module: Module, annotation: Expression | None, mapped: bool) -> Annotated:
        """What ``Mapped[…]`` (or, in SQLModel, a plain annotation) says of a column."""
        found = Annotated()
        if annotation is None:
            return found
        if mapped:
            if not isinstance(annotation, Item) or last_of(annotation.base) not in ("Mapped", "WriteOnlyMapped"):
                return found
            annotation = annotation.key
        found.given = True
        self.read(module, annotation, found, _DEPTH)
        return found

    def read(self, module: Module, expression: Expression, found: Annotated, depth: int) -> None:
        if depth <= 0:
            return
        match expression:
            case Const(None):
                found.nullable = True
            case Const(text) if isinstance(text, str):
                if " | None" in text or text.startswith("Optional["):
                    found.nullable = True
                found.text = text.removesuffix(" | None").removeprefix("Optional[").removesuffix("]")
            case Derive("|" | "or", operands):
                for one in operands:
                    self.read(module, one, found, depth - 1)
            case Item(base, key):
                self.generic(module, last_of(base), key, found, depth)
            case Global() | Attribute():
                self.named(module, expression, found, depth)

    def generic(self, module: Module, last: str, key: Expression, found: Annotated, depth: int) -> None:
        parts = key.items if isinstance(key, Collection) else (key,)
        if last == "Optional":
            found.nullable = True
        if last in ("Optional", "Union"):
            for part in parts:
                self.read(module, part, found, depth - 1)
        elif last == "Annotated":
            self.read(module, parts[0], found, depth - 1)
            found.calls += [(module, p) for p in parts[1:] if isinstance(p, Call)]
        else:
            found.python = last.lower()

    def named(self, module: Module, expression: Expression, found: Annotated, depth: int) -> None:
        dotted = dotted_of(expression) or ""
        symbol = self.names.resolve(module, dotted)
        found.keys.append(dotted)
        match symbol:
            case External(name):
                found.python = name
            case ClassInfo():
                found.python = symbol.name
                if any(b.rpartition(".")[2].endswith(("Enum", "Flag")) for b in symbol.externals()):
                    found.enum = symbol.facts.name.lower()
            case Constant():
                self.read(symbol.module, symbol.value, found, depth - 1)


class Annotated:
    """What an annotation says: the Python type, whether it may be None, columns that stand in it."""

    def __init__(self) -> None:
        self.given = False
        self.python = ""
        self.enum = ""
        self.text = ""
        self.nullable = False
        self.calls: list[tuple[Module, Call]] = []
        self.keys: list[str] = []  # the names that led to it, as they stand in the text


def last_of(expression: Expression) -> str:
    if isinstance(expression, Attribute):
        return expression.name
    return (dotted_of(expression) or "").rpartition(".")[2]
