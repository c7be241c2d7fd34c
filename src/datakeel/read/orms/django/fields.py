"""Fields: what a model's class body declares of its columns and relations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from datakeel.model.place import Place
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.program import Assign, Call, Const, Expression
from datakeel.read.symbols import ClassInfo, place_of

MANY = frozenset(("ManyToManyField", "ParentalManyToManyField", "SortedManyToManyField"))
GENERIC = frozenset(("GenericRelation",))
ENDINGS = ("Field", "ForeignKey", "ParentalKey", "Key", "GenericRelation")
ONE = ("ForeignKey", "ForeignKeyField", "OneToOneField", "ParentalKey")
FILES = ("FileField", "ImageField")
FILE = "django.db.models.FieldFile"
TYPES = {
    "DateTimeField": "datetime.datetime",
    "DecimalField": "decimal.Decimal",
    "JSONField": "builtins.dict",
    "BooleanField": "builtins.bool",
    "IntegerField": "builtins.int",
    "CharField": "builtins.str",
    "TextField": "builtins.str",
}


class Field(Struct, frozen=True):
    """One field of a model. `relation` is the related model's dotted name; `many` a many-to-many, whose rows stand in
    the table `link` (of the model `through` where one is declared)."""

    name: str
    kind: str
    column: str
    relation: str = ""
    related_name: str = ""
    many: bool = False
    keywords: dict[str, Any] = {}
    place: Place | None = None
    link: str = ""
    through: str = ""
    written: tuple[str, str] = ("", "")  # where its text stands: its file, and its name there

    @property
    def one_to_one(self) -> bool:
        return self.kind.endswith("OneToOneField")

    @property
    def generic(self) -> bool:
        return self.kind in GENERIC

    @property
    def type(self) -> str:
        return FILE if self.kind.endswith(FILES) else TYPES.get(self.kind, "")

    @property
    def primary(self) -> bool:
        return self.keywords.get("primary_key") is True or self.keywords.get("pk") is True

    @property
    def unique(self) -> bool:
        return self.one_to_one or self.keywords.get("unique") is True or self.primary


class Declared(Struct, frozen=True):
    """A field as its text says, its relations still expressions of the class's module."""

    field: Field
    target: Expression | None
    through: Expression | None


def declared(owner: ClassInfo, name: str, statement: object, stands_for: Callable[[str], str]) -> Declared | None:
    """The field that an assignment of a class body makes, or None when it makes none. `stands_for` gives the library's
    class behind a name of the project's own."""
    if not isinstance(statement, Assign) or not isinstance(statement.value, Call):
        return None
    call = statement.value
    dotted = dotted_of(call.function) or ""
    kind = dotted.rpartition(".")[2]
    if kind[:1].isupper() and not kind.endswith((*ONE, *MANY, *GENERIC)) and kind not in TYPES:
        kind = stands_for(dotted) or kind
    if not (kind.endswith(ENDINGS) and kind[:1].isupper()) or kind == "GenericForeignKey":
        return None
    given = dict(call.keywords)
    keywords = {k: v.value for k, v in given.items() if isinstance(v, Const)}
    related = keywords.get("related_name")
    many = kind in MANY
    relates = many or kind.endswith((*ONE, *GENERIC))
    named = given.get("to") or given.get("model_name")
    target = (call.arguments[0] if call.arguments else named) if relates else None
    column = name if many or not kind.endswith(ONE) else f"{name}_id"
    field = Field(
        name,
        kind,
        str(keywords.get("db_column") or keywords.get("source_field") or column),
        related_name=related if isinstance(related, str) else "",
        many=many,
        keywords=keywords,
        place=place_of(owner.module.path, statement.at),
        written=owner.written(name),
    )
    return Declared(field, target, given.get("through"))
