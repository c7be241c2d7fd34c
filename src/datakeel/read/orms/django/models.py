"""Models: which classes are, their fields, tables, keys and relations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.ledger import TEXT
from datakeel.read.orms.django.apps import Apps, contributed
from datakeel.read.orms.django.fields import MANY, ONE, Field, declared
from datakeel.read.orms.django.query import words
from datakeel.read.program import Assign, Call, Collection, Const, Expression
from datakeel.read.symbols import ClassInfo, Constant, External, Module
from datakeel.read.values import ClassTarget, ExternalTarget, Value

if TYPE_CHECKING:
    from datakeel.read.world import World

MODEL_BASES = words(
    "django.db.models.Model django.db.models.base.Model django.contrib.gis.db.models.Model "
    "django.contrib.auth.models.AbstractUser django.contrib.auth.models.AbstractBaseUser "
    "django.contrib.auth.base_user.AbstractBaseUser django.contrib.auth.models.User "
    "model_utils.models.TimeStampedModel mptt.models.MPTTModel polymorphic.models.PolymorphicModel "
    "django_extensions.db.models.TimeStampedModel modelcluster.models.ClusterableModel treebeard.mp_tree.MP_Node "
    "solo.models.SingletonModel django_lifecycle.LifecycleModel django_lifecycle.models.LifecycleModel"
)
TORTOISE = words("tortoise.models.Model tortoise.Model")  # an asynchronous mapper in Django's words
NO_MODELS = ("django.forms", "rest_framework", "django_filters", "graphene", "import_export")


class Model(Struct, frozen=True):
    """A model's class. `table` is empty for an abstract one that several classes inherit; `unique` are the sets of
    columns of which two rows never agree."""

    name: str
    table: str
    fields: dict[str, Field]
    abstract: bool
    origin: Origin
    primary: str = "id"
    proxy: bool = False
    unique: tuple[frozenset[str], ...] = ()
    library: str = "django"  # or tortoise

    @property
    def blocking(self) -> bool:
        """Whether its queries hold the thread."""
        return self.library == "django"

    def column(self, name: str) -> str:
        """A lookup's path as a column: a foreign key is its column, a path through relations stays dotted."""
        if name == "pk":
            return self.primary
        head, _, rest = name.partition("__")
        field = self.fields.get(head)
        if field is not None and (not rest or (field.relation and not field.many and rest in ("id", "pk"))):
            return field.column
        return name.replace("__", ".")

    def by_column(self, column: str) -> Field | None:
        return next((f for f in self.fields.values() if f.column == column), None)


class Models:
    def __init__(self, world: World) -> None:
        self.world = world
        self.apps = Apps(world)
        self._models: dict[str, Model | None] = {}
        self._reverse: dict[str, dict[str, Field]] | None = None
        self._heirs: dict[str, list[str]] | None = None
        self._labels: dict[str, list[ClassInfo]] | None = None
        self._names: dict[str, str] | None = None

    def model(self, type_name: str) -> Model | None:
        """The model behind a class's dotted name, or None when it is none.

        An abstract class that one concrete class alone inherits is read as that class: its methods run on no other.
        """
        if type_name not in self._models:
            with self.world.ledger.everywhere():
                found = self.read(type_name)
                if found is not None and found.abstract:
                    heirs = self.heirs(type_name)
                    found = self.read(heirs[0]) if len(heirs) == 1 else replace(found, table="")
            self._models[type_name] = found
        return self._models[type_name]

    def of_one_row(self, model: Model, columns: Set[str]) -> bool:
        """Whether one row at most has given values in these columns, as its keys say."""
        for field in model.fields.values():
            if field.column in columns:
                self.world.ledger.rests_on(TEXT, field.written)
        return any(key <= columns for key in model.unique)

    def of_class(self, cls: ClassInfo) -> Model | None:
        return self.model(cls.name)

    def read(self, type_name: str) -> Model | None:
        """The model as its own class says."""
        return self.world.memo.answer(("django", type_name), lambda: self.read_named(type_name), None)

    def read_named(self, type_name: str) -> Model | None:
        cls = self.world.class_named(type_name)
        return self.read_class(cls) if cls is not None else self.of_library(type_name)

    def of_library(self, dotted: str) -> Model | None:
        """A model of an installed application whose text is not here: its table is known by convention."""
        if ".models." not in dotted or not dotted.rpartition(".")[2][:1].isupper():
            return None
        table = contributed(dotted)
        if table:
            return Model(dotted, table, {}, False, Origin.RESOLVED)
        package = dotted.partition(".models.")[0]
        if package not in self.apps.installed():
            return None
        label = package.rpartition(".")[2]
        return Model(dotted, f"{label}_{dotted.rpartition('.')[2].lower()}", {}, False, Origin.CONVENTION)

    def read_class(self, cls: ClassInfo) -> Model | None:
        if not self.is_model(cls):
            return None
        named = any(b in MODEL_BASES or b in TORTOISE for b in cls.externals())
        meta = self.meta(cls)
        table = self.table_of(cls, meta)
        back = meta.get("default_related_name")
        fields = {f.name: f for f in self.fields(cls, table, back if isinstance(back, str) else "")}
        primary = next((f.column for f in fields.values() if f.primary), "id")
        unique = [frozenset((f.column,)) for f in fields.values() if f.unique]
        for names in meta.get("unique", ()):
            unique.append(frozenset(fields[n].column if n in fields else n for n in names))
        return Model(
            cls.name,
            table,
            fields,
            meta.get("abstract") is True,
            Origin.RESOLVED if named else Origin.CONVENTION,
            primary,
            meta.get("proxy") is True,
            (frozenset((primary,)), *unique),
            "tortoise" if of_tortoise(cls) else "django",
        )

    def fields(self, cls: ClassInfo, table: str, back: str) -> Iterator[Field]:
        for ancestor in reversed(cls.ancestors()):
            for name, statement in ancestor.fields.items():
                found = declared(ancestor, name, statement, partial(self.relation_kind, ancestor.module))
                if found is None:
                    continue
                field = found.field
                if found.target is not None:
                    relation = self.related_class(ancestor, cls, found.target)
                    field = replace(field, relation=relation, related_name=field.related_name or back)
                if field.many:
                    through = self.related_class(ancestor, cls, found.through) if found.through is not None else ""
                    link = field.keywords.get("db_table") or f"{table}_{name}"
                    field = replace(field, through=through, link=link)
                yield field

    def relation_kind(self, module: Module, dotted: str) -> str:
        """The library's relation behind a field of the project's own: a subclass, or another name of one. Empty for a
        field that is none."""
        symbol = self.world.names.resolve(module, dotted)
        if isinstance(symbol, Constant):
            behind = dotted_of(symbol.value)
            again = behind is None or behind == dotted
            return "" if again or behind is None else self.relation_kind(symbol.module, behind)
        bases = symbol.externals() if isinstance(symbol, ClassInfo) else ()
        return next((b.rpartition(".")[2] for b in bases if b.endswith((*ONE, *MANY))), "")

    def link_table(self, field: Field) -> str:
        """The table that a many-to-many field's pairs stand in."""
        through = self.model(field.through) if field.through else None
        return through.table if through is not None else field.link

    def through_value(self, model: Model, field: Field) -> Value:
        """The class behind a many-to-many's pairs: the project's, or one that Django makes."""
        cls = self.world.class_named(field.through) if field.through else None
        if cls is not None:
            return Value(target=ClassTarget(cls), type="builtins.type", name=cls.name)
        name = f"{model.name}.{field.name}.through"
        if name not in self._models:
            other = self.model(model.fields[field.name].relation) if field.name in model.fields else None
            ends = {short_name(n): n for n in (model.name, other.name if other is not None else field.relation)}
            fields = {end: Field(end, "ForeignKey", f"{end}_id", relation) for end, relation in ends.items()}
            self._models[name] = Model(name, field.link, fields, False, model.origin)
        return Value(target=ExternalTarget(name), type="builtins.type", name=name)

    # What is a model --------------------------------------------------------------------------------------------------

    def is_model(self, cls: ClassInfo) -> bool:
        if any(b in MODEL_BASES or b in TORTOISE for b in cls.externals()):
            return True
        return self.looks_like_model(cls) or self.inherits_library_model(cls)

    def inherits_library_model(self, cls: ClassInfo) -> bool:
        return any(".models." in b and self.of_library(b) is not None for b in cls.externals())

    def looks_like_model(self, cls: ClassInfo) -> bool:
        """A class whose base is unknown, and whose fields are made as a model's are."""
        externals = [b for b in cls.externals() if b != "builtins.object"]
        if not externals or any(b.startswith(NO_MODELS) for b in externals):
            return False
        return any(
            isinstance(s, Assign) and isinstance(s.value, Call) and self.is_field(ancestor, s.value)
            for ancestor in cls.ancestors()
            for s in ancestor.fields.values()
        )

    def is_field(self, cls: ClassInfo, call: Call) -> bool:
        dotted = dotted_of(call.function)
        symbol = self.world.names.resolve(cls.module, dotted) if dotted is not None else None
        names = (
            (symbol.dotted,)
            if isinstance(symbol, External)
            else (symbol.externals() if isinstance(symbol, ClassInfo) else ())
        )
        return any(
            n.startswith("django.") and ".models." in n and n.endswith(("Field", "ForeignKey", "GenericRelation"))
            for n in names
        )

    # Meta -------------------------------------------------------------------------------------------------------------

    def meta(self, cls: ClassInfo) -> dict[str, Any]:
        """What ``class Meta`` says: the class's own, or an abstract ancestor's. `unique`: names of fields together."""
        found: dict[str, Any] = {}
        for ancestor in reversed(cls.ancestors()):
            inner = self.inner_meta(ancestor)
            if inner is None:
                continue
            for name, statement in inner.fields.items():
                if not isinstance(statement, Assign) or statement.value is None:
                    continue
                if name in ("unique_together", "constraints"):
                    found.setdefault("unique", []).extend(together(name, statement.value))
                elif isinstance(statement.value, Const) and (
                    ancestor is cls or name not in ("abstract", "db_table", "proxy", "table")
                ):
                    found[name] = statement.value.value
        return found

    def inner_meta(self, cls: ClassInfo) -> ClassInfo | None:
        return self.world.names.class_of(cls.module, f"{cls.facts.name}.Meta")

    def meta_model(self, cls: ClassInfo) -> Model | None:
        """The model that ``class Meta: model = …`` of a serializer, form or filter names."""
        for ancestor in cls.ancestors():
            inner = self.inner_meta(ancestor)
            value = self.world.class_field(inner, "model") if inner is not None else None
            if value is not None and isinstance(value.target, ClassTarget):
                return self.model(value.target.cls.name)
        return None

    def table_of(self, cls: ClassInfo, meta: dict[str, Any]) -> str:
        if meta.get("proxy") is True:
            parent = next((self.read(c.name) for c in cls.ancestors()[1:] if self.read(c.name) is not None), None)
            library = next((self.of_library(b) for b in cls.externals() if self.of_library(b) is not None), None)
            found = parent or library
            if found is not None:
                return found.table
        if of_tortoise(cls):
            return named if isinstance(named := meta.get("table"), str) else short_name(cls.name)
        named = meta.get("db_table")
        if isinstance(named, str):
            return named
        label = meta.get("app_label")
        return f"{label if isinstance(label, str) else self.apps.label(cls.module)}_{short_name(cls.name)}"

    # Relations --------------------------------------------------------------------------------------------------------

    def related_class(self, owner: ClassInfo, cls: ClassInfo, target: Expression) -> str:
        """The dotted name of the model that a relation names: a class, ``"Name"``, ``"app.Name"``, ``"self"``."""
        if isinstance(target, Const) and isinstance(target.value, str):
            if target.value == "self":
                return cls.name
            app, _, last = target.value.rpartition(".")
            app = "" if of_tortoise(cls) else app  # where its applications are named is not read
            local = self.world.names.class_of(owner.module, last) if not app else None
            return local.name if local is not None else self.by_label(app, last, owner)
        dotted = dotted_of(target)
        if dotted is None:
            return self.user_model() if is_user_call(target) else ""
        symbol = self.world.names.resolve(owner.module, dotted)
        if isinstance(symbol, ClassInfo):
            return symbol.name
        if isinstance(symbol, External):
            return self.user_model() if symbol.dotted.endswith("AUTH_USER_MODEL") else symbol.dotted
        value = self.world.symbol_value(symbol)
        if isinstance(value.target, ClassTarget):
            return value.target.cls.name
        return self.by_label(*value.text.rpartition(".")[::2], owner) if value.text else ""

    def user_model(self) -> str:
        label = self.world.setting("AUTH_USER_MODEL").text or "auth.User"
        app, _, name = label.rpartition(".")
        return self.by_label(app, name)

    def by_label(self, app: str, name: str, owner: ClassInfo | None = None) -> str:
        """``app.Name`` → the class: the model of that name in the app of that label."""
        label = app.rpartition(".")[2]
        found = self.apps.chosen(label, self.labels().get(name, []))
        if owner is not None and len(found) > 1:
            found = [c for c in found if c.module.name.split(".")[:2] == owner.module.name.split(".")[:2]] or found
        if found:
            concrete = [c for c in found if self.meta(c).get("abstract") is not True]
            return (concrete or found)[0].name
        external = f"django.contrib.{label}.models.{name}"
        return external if contributed(external) else ""

    def labels(self) -> dict[str, list[ClassInfo]]:
        """The models of each name: those at the top of a module."""
        if self._labels is None:
            self._labels = {}
            for module in self.world.names.every_module():
                for facts in module.file.classes:
                    if facts.bases and "." not in facts.name:
                        info = self.world.names.class_of(module, facts.name)
                        if info is not None and self.is_model(info):
                            self._labels.setdefault(facts.name, []).append(info)
        return self._labels

    # All of them ------------------------------------------------------------------------------------------------------

    def related(self, model: Model, name: str) -> Field | None:
        """The relation that a model's class knows under a name, its own or one that refers back."""
        return model.fields.get(name) or self.reverse(model).get(name)

    def models(self) -> Iterable[Model]:
        """Every concrete model of the project."""
        for cls in self.world.names.every_class():
            model = self.read(cls.name)
            if model is not None and not model.abstract:
                yield model

    def every_model(self) -> tuple[Model, ...]:
        """The same, for what is worked out of them once."""
        with self.world.ledger.everywhere():
            return tuple(self.models())

    def heirs(self, name: str) -> list[str]:
        """The concrete classes that inherit an abstract one."""
        if self._heirs is None:
            self._heirs = {}
            for model in self.every_model():
                cls = self.world.class_named(model.name)
                for ancestor in cls.ancestors()[1:] if cls is not None and not model.proxy else ():
                    self._heirs.setdefault(ancestor.name, []).append(model.name)
        return self._heirs.get(name, [])

    def named(self, name: str) -> str:
        """The model that a variable of this name holds by custom (`order`: Order), where only one has that name."""
        if self._names is None:
            self._names = {}
            for model in self.every_model():
                key = snake_case(model.name.rpartition(".")[2])
                self._names[key] = "" if key in self._names else model.name
            if self._names:
                self._names.setdefault("user", self.user_model())
        return self._names.get(name, "")

    def reverse(self, model: Model) -> dict[str, Field]:
        """The names by which relations are followed back to this model. `relation` is then the other model."""
        if self._reverse is None:
            with self.world.ledger.everywhere():
                self._reverse = self.read_reverse()
        cls = self.world.class_named(model.name)
        found = dict(self._reverse.get(model.name, {}))
        for ancestor in cls.ancestors() if cls is not None else ():
            found = {**self._reverse.get(ancestor.name, {}), **found}
        for base in cls.externals() if cls is not None else ():
            found = {**self._reverse.get(base, {}), **found}
        return found

    def read_reverse(self) -> dict[str, dict[str, Field]]:
        back: dict[str, dict[str, Field]] = {}
        for other in self.models():
            for field in other.fields.values():
                if not field.relation or field.related_name.endswith("+") or field.generic:
                    continue
                short = short_name(other.name)
                many = f"{other.table}s" if other.library == "tortoise" else f"{short}_set"
                name = field.related_name or (short if field.one_to_one else many)
                name = name.replace("%(class)s", short).replace("%(app_label)s", other.table.partition("_")[0])
                back.setdefault(field.relation, {})[name] = replace(field, relation=other.name)
        return back


def together(kind: str, value: Expression) -> Iterator[tuple[str, ...]]:
    """The names that ``unique_together``, or a UniqueConstraint without a condition, holds together."""
    items = value.items if isinstance(value, Collection) else ()
    if kind == "unique_together":
        flat = texts(items)
        if flat:
            yield flat
        for item in items:
            names = texts(item.items) if isinstance(item, Collection) else ()
            if names:
                yield names
        return
    for item in items:
        if isinstance(item, Call) and (dotted_of(item.function) or "").endswith("UniqueConstraint"):
            given = dict(item.keywords)
            fields = given.get("fields")
            if isinstance(fields, Collection) and "condition" not in given and texts(fields.items):
                yield texts(fields.items)


def texts(items: tuple[Expression, ...]) -> tuple[str, ...]:
    """The texts of constants, where all are."""
    found = tuple(i.value for i in items if isinstance(i, Const) and isinstance(i.value, str))
    return found if len(found) == len(items) else ()


def of_tortoise(cls: ClassInfo) -> bool:
    return any(b in TORTOISE for b in cls.externals())


def is_user_call(target: Expression) -> bool:
    return isinstance(target, Call) and (dotted_of(target.function) or "").endswith("get_user_model")


def short_name(name: str) -> str:
    return name.rpartition(".")[2].lower()


def snake_case(name: str) -> str:
    return "".join(
        f"_{c.lower()}" if c.isupper() and i and not name[i - 1].isupper() else c.lower() for i, c in enumerate(name)
    )
