"""A field's call in a model or a migration → what it is in the database: its columns, keys and relation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.dataset import Column
from datakeel.model.place import Place
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.literals import UNKNOWN, Literals
from datakeel.read.orms.django.schema.expressions import Expressions
from datakeel.read.orms.django.schema.kinds import (
    AUTO,
    FURTHER_COLUMNS,
    KNOWN,
    LENGTHS,
    LIBRARIES,
    ONE,
    POSITIVE,
    TYPES,
    VERSIONS,
    VIRTUAL,
)
from datakeel.read.orms.django.schema.labels import Labels
from datakeel.read.orms.django.schema.labels import constant as class_constant
from datakeel.read.program import (
    Assign,
    Attribute,
    Call,
    Collection,
    Const,
    Evaluate,
    Expression,
    Item,
    Local,
    Return,
    Span,
    Statement,
    body,
)
from datakeel.read.symbols import ClassInfo, Constant, External, FunctionInfo, Module, place_of

if TYPE_CHECKING:
    from datakeel.read.world import World

POSITIONS = {
    **dict.fromkeys((*ONE, "ManyToManyField"), ("to",)),
    "ArrayField": ("base_field",),
    "GeneratedField": ("expression", "output_field"),
}
Keywords = dict[str, tuple[Module, Expression]]
Key = tuple[str, str]  # a model: its app's label, its name in lower case


class Relation(Struct, frozen=True):
    """What a field points at: `target`. `many`: by a link table of its own, or, with `through`, by one that is a model.
    `parent`: it makes a row part of the target's."""

    target: Key | None
    one: bool = False
    many: bool = False
    through: bool = False
    table: str = ""
    to_field: str = ""
    constraint: bool = True
    parent: bool = False


class Field(Struct, frozen=True):
    """One field as the database sees it. `columns` are its own (none for a virtual one); the type of a relation's is
    that of the column it points at. `complete` False: what it brings is not wholly known."""

    name: str
    kind: str
    columns: tuple[Column, ...] = ()
    unique: bool = False
    primary: bool = False
    index: bool = False
    check: bool = False
    relation: Relation | None = None
    version: bool = False
    together: tuple[str, ...] = ()  # the fields of a composite primary key
    complete: bool = True
    place: Place | None = None

    @property
    def column(self) -> str:
        return self.columns[0].name if self.columns else ""

    def named(self, name: str) -> Field:
        """The field under another name (and so, as a rule, another column)."""
        old = f"{self.name}_id" if self.kind in ONE else self.name
        new = f"{name}_id" if self.kind in ONE else name
        columns = tuple(replace(c, name=new if c.name == old else c.name) for c in self.columns)
        return replace(self, name=name, columns=columns)


ENDINGS = ("Field", "Key")  # of the names of what makes a field


class Fields:
    """Reads the calls that make fields."""

    def __init__(self, world: World, literals: Literals) -> None:
        self.names = world.names
        self.literals = literals
        self.expressions = Expressions(literals)
        self.world = world
        self.labels = Labels(world)
        self._kinds: dict[str, Found | None] = {}

    def field(self, module: Module, name: str, expression: Expression, own: Key) -> Field | None:
        """The field that an expression makes; None where it makes none. `own` is the model that it stands in."""
        if not isinstance(expression, Call):
            module, expression = self.literals.followed(module, expression)
        if not isinstance(expression, Call):
            return None
        found = self.kind(module, expression)
        if found is None:
            return None
        if found.kind == "CompositePrimaryKey":
            names = (self.literals.text(module, a) for a in expression.arguments)
            found = replace(found, together=tuple(n for n in names if n))
        keywords, complete = self.keywords(module, expression, found)
        return Reading(self, name, found, keywords, complete and found.complete, own).field(
            place_of(module.path, expression.at)
        )

    def made(self, module: Module, name: str, kind: str, options: dict[str, object], own: Key) -> Field:
        """A field that no text makes: one that a library's base class brings."""
        given: Keywords = {k: (module, constant(v)) for k, v in options.items()}
        return Reading(self, name, Found(kind), given, True, own).field(None)

    def key(self, cls: ClassInfo) -> Key:
        """A model's class as migrations name it."""
        meta = self.names.class_of(cls.module, f"{cls.facts.name}.Meta")
        label = class_constant(meta, "app_label") if meta is not None else None
        return label if isinstance(label, str) else self.labels.label(cls.module.path), cls.facts.name.lower()

    def setting(self, expression: Expression) -> object:
        """``settings.NAME``, as the project's settings have it."""
        head, _, name = (dotted_of(expression) or "").rpartition(".")
        if head != "django.conf.settings":
            return UNKNOWN
        value = self.world.setting(name)
        return value.const if value.known else UNKNOWN

    # Kinds ------------------------------------------------------------------------------------------------------------

    def kind(self, module: Module, call: Call) -> Found | None:
        dotted = dotted_of(call.function)
        if dotted is None:
            return None
        symbol = self.names.resolve(module, dotted)
        match symbol:
            case External(name):
                return library_kind(name)
            case ClassInfo():
                if symbol.name not in self._kinds:
                    self._kinds[symbol.name] = self.class_kind(symbol)
                return self._kinds[symbol.name]
            case Constant():
                return self.aliased(symbol)
            case FunctionInfo():
                return self.function_kind(symbol)
        return None

    def class_kind(self, cls: ClassInfo) -> Found | None:
        """A class of the project: the first known kind in its lineage."""
        found = next((k for b in cls.externals() if (k := library_kind(b)) is not None and k.kind in KNOWN), None)
        if found is None:
            return Found("", complete=False) if any(looks_like_field(b) for b in cls.externals()) else None
        type_ = None
        method = cls.method("db_type")
        if method is not None:
            returned = [s.value for s in body(method.code) if isinstance(s, Return)]
            type_ = self.literals.text(method.module, returned[0]) if len(returned) == 1 else None
            type_ = type_ or "?"
        return replace(found, given=found.given, classes=cls.ancestors(), type=type_)

    def aliased(self, symbol: Constant) -> Found | None:
        """``Money = models.DecimalField``, ``Money = partial(models.DecimalField, max_digits=12)``."""
        if isinstance(symbol.value, Call):
            last = (dotted_of(symbol.value.function) or "").rpartition(".")[2]
            if last == "import_string" and symbol.value.arguments:
                return self.named_kind(symbol.module, symbol.value.arguments[0])
            if last != "partial" or not symbol.value.arguments:
                return None
            inner = self.kind(symbol.module, replace(symbol.value, function=symbol.value.arguments[0]))
            return replace(inner, partial=(symbol.module, symbol.value)) if inner is not None else None
        dotted = dotted_of(symbol.value)
        if dotted is None or dotted.lstrip(".") == symbol.name:
            return None
        return self.kind(symbol.module, Call(symbol.value, (), (), Span(0, 0, 0, 0)))

    def named_kind(self, module: Module, expression: Expression) -> Found | None:
        """The class that a text, or a setting, names."""
        text = self.literals.text(module, expression)
        if text is None and isinstance(expression, Attribute):
            text = self.world.setting(expression.name).text
        return library_kind(text or "django.db.models.AutoField")

    def function_kind(self, info: FunctionInfo) -> Found | None:
        """A function of the project that gives a field back."""
        if info.owner is not None or not any(n.endswith(ENDINGS) for n in info.code.names):
            return None
        returned = [s.value for s in body(info.code) if isinstance(s, Return)]
        if len(returned) != 1 or not isinstance(returned[0], Call):
            return None
        inner = self.kind(info.module, returned[0])
        if inner is None:
            return None
        bound = {p.name: p.default for p in info.signature.parameters if p.default is not None}
        keywords = tuple((k, self.literals.followed(info.module, v, bound)[1]) for k, v in returned[0].keywords)
        return replace(inner, partial=(info.module, replace(returned[0], keywords=keywords)), called=True)

    # Keywords ---------------------------------------------------------------------------------------------------------

    def keywords(self, module: Module, call: Call, found: Found) -> tuple[Keywords, bool]:
        """The keywords of a call with those of its class and alias; and whether all are known."""
        merged: Keywords = {}
        complete = True
        for where, one in (found.partial, (module, call)) if found.partial is not None else ((module, call),):
            if found.called and one is call:
                continue
            own, whole = self.spread(where, one)
            merged |= own
            complete = complete and whole
        positional = call if not found.called else found.partial[1] if found.partial is not None else call
        merged |= self.positions(module, positional, found.kind)
        for cls in found.classes:
            self.customised(cls, merged)
        for name, value in found.given.items():
            merged.setdefault(name, (module, constant(value)))
        return merged, complete

    def spread(self, module: Module, call: Call) -> tuple[Keywords, bool]:
        found: Keywords = {}
        complete = True
        for name, value in call.keywords:
            if name:
                found[name] = (module, value)
                continue
            where, options = self.literals.followed(module, value)
            if isinstance(options, Collection) and options.kind == "dict":
                for key, item in zip(options.keys, options.items, strict=False):
                    if isinstance(key, Const):
                        found[str(key.value)] = (where, item)
            elif isinstance(options, Call) and dotted_of(options.function) == "builtins.dict":
                found |= {k: (where, v) for k, v in options.keywords if k}
            else:
                complete = False
        return found, complete

    def positions(self, module: Module, call: Call, kind: str) -> Keywords:
        names = POSITIONS.get(kind, ())
        return {n: (module, a) for n, a in zip(names, call.arguments, strict=False)}

    def customised(self, cls: ClassInfo, keywords: Keywords) -> None:
        """What a field class of the project passes on by itself."""
        info = cls.methods.get("__init__")
        if info is None:
            return
        for parameter in info.signature.parameters:
            if parameter.kind != "options" and parameter.default is not None and parameter.name not in keywords:
                keywords[parameter.name] = (info.module, parameter.default)
        options = next((p.name for p in info.signature.parameters if p.kind == "options"), "kwargs")
        for statement in body(info.code):
            for name, value, forced in passed_on(statement, options):
                if isinstance(value, Local):
                    continue
                if forced or name not in keywords:
                    keywords[name] = (info.module, value)


class Found(Struct, frozen=True):
    """What a call's function is: the kind of field, and what its class or alias adds."""

    kind: str
    given: dict[str, object] = {}
    further: tuple[str, str] = ("", "")  # a second column: its name (``{}_currency``), its type
    classes: tuple[ClassInfo, ...] = ()
    partial: tuple[Module, Call] | None = None
    called: bool = False  # `partial` is the whole call
    type: str | None = None  # as the class says; ``?``: computed
    version: bool = False
    together: tuple[str, ...] = ()
    complete: bool = True


RENEWED = ("ModificationDateTimeField", "AutoLastModifiedField")  # of packages that many use


class Reading:
    """One field's keywords → the field."""

    def __init__(self, fields: Fields, name: str, found: Found, keywords: Keywords, complete: bool, own: Key) -> None:
        self.fields = fields
        self.name = name
        self.found = found
        self.keywords = keywords
        self.complete = complete
        self.own = own

    def value(self, name: str) -> object:
        """A keyword's value; None where it is not given."""
        given = self.keywords.get(name)
        if given is None:
            return None
        found = self.fields.literals.value(*given)
        return self.fields.setting(given[1]) if found is UNKNOWN else found

    def flag(self, name: str, default: bool = False) -> bool:
        found = self.value(name)
        if found is UNKNOWN:
            self.complete = False
        return found if isinstance(found, bool) else default

    def text(self, name: str) -> str:
        found = self.value(name)
        return found if isinstance(found, str) else ""

    def field(self, place: Place | None) -> Field:
        kind = self.found.kind
        if kind in VIRTUAL or (not kind and self.found.complete):
            return Field(self.name, kind, together=self.found.together, complete=self.complete, place=place)
        primary = self.flag("primary_key")
        unique = self.flag("unique") or kind == "OneToOneField"
        relation = self.relation() if kind in ONE or kind == "ManyToManyField" else None
        many = kind == "ManyToManyField"
        index = self.flag("db_index", default=kind in ("ForeignKey", "SlugField"))
        columns = () if many else tuple(self.columns(primary, place))
        return Field(
            self.name,
            kind,
            columns,
            unique=unique and not primary and not many,
            primary=primary and not many,
            index=index and not unique and not primary and not many,
            check=kind in POSITIVE,
            relation=relation,
            version=self.found.version,
            complete=self.complete,
            place=place,
        )

    def columns(self, primary: bool, place: Place | None) -> Iterator[Column]:
        kind = self.found.kind
        name = self.text("db_column") or (f"{self.name}_id" if kind in ONE else self.name)
        nullable = self.flag("null", default=kind in ("NullBooleanField", "GeneratedField")) and not primary
        renewed = self.flag("auto_now") or kind in RENEWED
        yield Column(
            name,
            self.type(),
            nullable,
            self.default(),
            place=place,
            renewed=renewed,
            filled_by=self.filled_by(),
            initial=self.initial(),
        )
        if self.found.further[0]:
            further, type_ = self.found.further
            yield Column(further.format(name), type_, nullable, place=place)

    def type(self) -> str:
        """The column's type; empty for a relation's, and where it is not known."""
        kind = self.found.kind
        if self.found.type is not None:
            return "" if self.found.type == "?" else self.found.type.lower()
        if kind == "ArrayField":
            return self.inner("base_field", "[]")
        if kind == "GeneratedField":
            return self.inner("output_field", "")
        template = TYPES.get(kind, "")
        if "{" not in template:
            return template
        length = self.value("max_length") or LENGTHS.get(kind)
        values = {"max_length": length, "max_digits": self.value("max_digits")}
        values["decimal_places"] = self.value("decimal_places")
        needed = [k for k in values if f"{{{k}}}" in template]
        if any(values[k] in (None, UNKNOWN) for k in needed):
            return template.partition("(")[0]
        return template.format(**values)

    def inner(self, keyword: str, suffix: str) -> str:
        """The type of the field that another is made of."""
        given = self.keywords.get(keyword)
        found = self.fields.field(given[0], "inner", given[1], self.own) if given is not None else None
        return f"{found.columns[0].type}{suffix}" if found is not None and found.columns else ""

    def default(self) -> str | None:
        """What the store fills in; a plain ``default`` is the application's."""
        if self.found.kind in AUTO:
            return "identity"
        if self.found.kind == "GeneratedField":
            return "generated"
        given = self.keywords.get("db_default")
        if given is None:
            return None
        text = self.fields.expressions.constant(*given)
        return text or self.fields.expressions.term(*given, columns=str) or "?"

    def filled_by(self) -> str:
        """The last name of the function that is the application's default."""
        given = self.keywords.get("default")
        return (dotted_of(given[1]) or "").rpartition(".")[2] if given is not None else ""

    def initial(self) -> str:
        """The constant that is the application's default."""
        found = self.value("default") if "default" in self.keywords else UNKNOWN
        return f"const:{found!r}" if isinstance(found, (bool, int, float, str)) or found is None else ""

    def relation(self) -> Relation:
        target = self.target()
        kind = self.found.kind
        return Relation(
            target,
            one=kind == "OneToOneField",
            many=kind == "ManyToManyField",
            through="through" in self.keywords,
            table=self.text("db_table"),
            to_field=self.text("to_field"),
            constraint=self.flag("db_constraint", default=True),
            parent=self.flag("parent_link"),
        )

    def target(self) -> Key | None:
        given = self.keywords.get("to")
        if given is None:
            return None
        module, expression = given
        dotted = dotted_of(expression)
        if dotted is not None:
            symbol = self.fields.names.resolve(module, dotted)
            if isinstance(symbol, ClassInfo):
                return self.fields.key(symbol)
            if dotted.endswith("AUTH_USER_MODEL"):
                return split(self.fields.world.setting("AUTH_USER_MODEL").text or "auth.User", "")
            if isinstance(symbol, External) and symbol.dotted.count(".") > 1:
                app, _, name = symbol.dotted.rpartition(".models.")
                return (app.rpartition(".")[2], name.lower()) if app else None
        text = self.fields.literals.text(module, expression)
        if text == "self":
            return self.own
        return split(text, self.own[0]) if text else None


def split(text: str, label: str) -> Key:
    """``app.Model`` as a key; a name alone is of the app itself."""
    app, _, name = text.rpartition(".")
    return (app.rpartition(".")[2] or label), name.lower()


def library_kind(dotted: str) -> Found | None:
    """What a library's class of fields is; None where it is none."""
    top, _, last = dotted.partition(".")[0], "", dotted.rpartition(".")[2]
    if top in ("django", "?"):
        if last in KNOWN and ".forms" not in dotted:
            return Found(last)
        return None
    known = LIBRARIES.get((top, last))
    if known is not None:
        further = FURTHER_COLUMNS.get((top, last), ("", ""))
        return Found(known[0], known[1], further, version=last in VERSIONS)
    return Found("", complete=False) if looks_like_field(dotted) else None


_OTHER_FIELDS = frozenset(
    (
        "dataclasses",
        "pydantic",
        "graphene",
        "rest_framework",
        "django_filters",
        "marshmallow",
        "wtforms",
        "attr",
        "attrs",
    )
)


def looks_like_field(dotted: str) -> bool:
    """Whether a class of an unknown library may be one of database fields."""
    top, last = dotted.partition(".")[0], dotted.rpartition(".")[2]
    if top in _OTHER_FIELDS or top.startswith(("graphene", "drf")) or ".forms" in dotted or "serializers" in dotted:
        return False
    return last.endswith(("Field", "ForeignKey")) and last[:1].isupper() and last != "Field"


def constant(value: object) -> Const:
    return Const(value if isinstance(value, str | int | float | bool) else None)


def passed_on(statement: Statement, options: str) -> Iterator[tuple[str, Expression, bool]]:
    """The keywords that a statement of ``__init__`` adds: name, value, whether it overrides what is given."""
    match statement:
        case Assign(targets, value) if value is not None:
            for target in targets:
                if isinstance(target, Item) and target.base == Local(options) and isinstance(target.key, Const):
                    yield str(target.key.value), value, True
        case Evaluate(Call(function, arguments, keywords)):
            last = (dotted_of(function) or last_name(function)).rpartition(".")[2]
            if last == "setdefault" and len(arguments) == 2 and isinstance(arguments[0], Const):
                yield str(arguments[0].value), arguments[1], False
            elif last == "__init__":
                yield from ((k, v, True) for k, v in keywords if k)


def last_name(expression: Expression) -> str:
    return expression.name if isinstance(expression, Attribute) else ""
