"""Models: which classes are, their fields, tables and relations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.place import Place
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.django.apps import Apps
from datakeel.read.program import Assign, Call, Const, Expression
from datakeel.read.symbols import ClassInfo, External
from datakeel.read.values import (
    ClassTarget,
)

if TYPE_CHECKING:
    from datakeel.read.world import World

MODEL_BASES = frozenset(
    (
        "django.db.models.Model",
        "django.db.models.base.Model",
        "django.contrib.auth.models.AbstractUser",
        "django.contrib.auth.models.AbstractBaseUser",
        "django.contrib.auth.base_user.AbstractBaseUser",
        "model_utils.models.TimeStampedModel",
        "mptt.models.MPTTModel",
        "polymorphic.models.PolymorphicModel",
        "django_extensions.db.models.TimeStampedModel",
        "modelcluster.models.ClusterableModel",
        "treebeard.mp_tree.MP_Node",
        "django.contrib.gis.db.models.Model",
        "solo.models.SingletonModel",
        "django.contrib.auth.models.User",
    )
)
RELATIONS = frozenset(("ForeignKey", "OneToOneField", "ParentalKey", "TreeForeignKey", "FlexibleForeignKey"))


class Field(Struct, frozen=True):
    """One field of a model. `relation` is the related model's dotted name; `many` a many-to-many."""

    name: str
    kind: str
    column: str
    relation: str = ""
    related_name: str = ""
    many: bool = False
    keywords: dict[str, Any] = {}
    place: Place | None = None


class Model(Struct, frozen=True):
    name: str
    table: str
    fields: dict[str, Field]
    abstract: bool
    origin: Origin
    primary: str = "id"
    proxy: bool = False


class Models:
    def __init__(self, world: World) -> None:
        self.world = world
        self.apps = Apps(world)
        self._models: dict[str, Model | None] = {}
        self._reverse: dict[str, dict[str, Field]] | None = None

    def model(self, type_name: str) -> Model | None:
        """The model behind a class's dotted name, or None when it is none."""
        if type_name not in self._models:
            self._models[type_name] = None
            cls = self.world.class_named(type_name)
            if cls is not None:
                self._models[type_name] = self.read_model(cls)
        return self._models[type_name]

    def read_model(self, cls: ClassInfo) -> Model | None:
        externals = cls.externals()
        declared = any(b in MODEL_BASES for b in externals)
        if not declared and not self.looks_like_model(cls):
            return None
        meta = self.meta(cls)
        fields: dict[str, Field] = {}
        for ancestor in reversed(cls.ancestors()):
            for name, statement in ancestor.fields.items():
                field = self.read_field(ancestor, cls, name, statement)
                if field is not None:
                    fields[name] = field
        abstract = meta.get("abstract") is True
        table = meta.get("db_table")
        primary = next((f.column for f in fields.values() if f.keywords.get("primary_key") is True), "id")
        return Model(
            cls.name,
            table if isinstance(table, str) else self.table_name(cls),
            fields,
            abstract,
            Origin.RESOLVED if declared else Origin.CONVENTION,
            primary,
            meta.get("proxy") is True,
        )

    def looks_like_model(self, cls: ClassInfo) -> bool:
        """A class whose base is unknown, and whose fields are made as a model's are."""
        if not any(b not in ("builtins.object",) for b in cls.externals()):
            return False
        return any(
            isinstance(s, Assign) and isinstance(s.value, Call) and self.is_field(ancestor, s.value)
            for ancestor in cls.ancestors()
            for s in ancestor.fields.values()
        ) and not any(
            b.startswith(("django.forms", "rest_framework", "django_filters", "graphene")) for b in cls.externals()
        )

    def is_field(self, cls: ClassInfo, call: Call) -> bool:
        dotted = dotted_of(call.function)
        if dotted is None:
            return False
        symbol = self.world.names.resolve(cls.module, dotted)
        if isinstance(symbol, External):
            return (
                symbol.dotted.startswith("django.")
                and ".models." in symbol.dotted
                and symbol.dotted.endswith(("Field", "ForeignKey"))
            )
        if isinstance(symbol, ClassInfo):
            return any(
                b.startswith("django.") and ".models." in b and b.endswith(("Field", "ForeignKey"))
                for b in symbol.externals()
            )
        return False

    def meta(self, cls: ClassInfo) -> dict[str, Any]:
        """The constants of ``class Meta``: the class's own, or an abstract ancestor's."""
        found: dict[str, Any] = {}
        for ancestor in reversed(cls.ancestors()):
            inner = self.world.names.class_of(ancestor.module, f"{ancestor.facts.name}.Meta")
            if inner is None:
                continue
            for name, statement in inner.fields.items():
                if ancestor is not cls and name in ("abstract", "db_table", "proxy"):
                    continue
                if isinstance(statement, Assign) and isinstance(statement.value, Const):
                    found[name] = statement.value.value
        return found

    def table_name(self, cls: ClassInfo) -> str:
        label = self.meta(cls).get("app_label")
        if not isinstance(label, str):
            label = self.apps.label(cls.module.path)
        return f"{label}_{cls.facts.name.rpartition('.')[2].lower()}"

    def read_field(self, owner: ClassInfo, cls: ClassInfo, name: str, statement: object) -> Field | None:
        if not isinstance(statement, Assign) or not isinstance(statement.value, Call):
            return None
        call = statement.value
        dotted = dotted_of(call.function) or ""
        kind = dotted.rpartition(".")[2]
        if not (kind.endswith(("Field", "ForeignKey", "ParentalKey", "AutoField", "Key")) and kind[:1].isupper()):
            return None
        keywords = {k: v.value for k, v in call.keywords if isinstance(v, Const)}
        many = kind in ("ManyToManyField", "ParentalManyToManyField", "SortedManyToManyField")
        relation = ""
        if kind in RELATIONS or many or kind.endswith(("ForeignKey", "OneToOneField")):
            target = call.arguments[0] if call.arguments else next((v for k, v in call.keywords if k == "to"), None)
            relation = self.related_class(owner, cls, target) if target is not None else ""
            column = str(keywords.get("db_column") or f"{name}_id")
        else:
            column = str(keywords.get("db_column") or name)
        related = keywords.get("related_name")
        place = Place(
            owner.module.path, statement.at.line, statement.at.column, statement.at.end_line, statement.at.end_column
        )
        return Field(name, kind, column, relation, related if isinstance(related, str) else "", many, keywords, place)

    def related_class(self, owner: ClassInfo, cls: ClassInfo, target: Expression) -> str:
        if isinstance(target, Const) and isinstance(target.value, str):
            text = target.value
            if text == "self":
                return cls.name
            app, _, last = text.rpartition(".")
            local = self.world.names.class_of(owner.module, last) if not app else None
            if local is not None:
                return local.name
            return self.by_label(app, last, owner)
        dotted = dotted_of(target)
        if dotted is None:
            return ""
        symbol = self.world.names.resolve(owner.module, dotted)
        if isinstance(symbol, ClassInfo):
            return symbol.name
        if isinstance(symbol, External) and symbol.dotted.endswith("AUTH_USER_MODEL"):
            label = self.world.setting("AUTH_USER_MODEL").text
            if label:
                app, _, last = label.rpartition(".")
                return self.by_label(app, last, owner)
        return ""

    def by_label(self, app: str, name: str, owner: ClassInfo | None = None) -> str:
        """``app.Name`` → the class: the model of that name in the app of that label."""
        found = [
            c for c in self.labels().get(name, ()) if not app or app.rpartition(".")[2] in c.module.name.split(".")
        ]
        if owner is not None and len(found) > 1:
            same = [c for c in found if c.module.name.split(".")[:2] == owner.module.name.split(".")[:2]]
            found = same or found
        return found[0].name if found else ""

    def labels(self) -> dict[str, list[ClassInfo]]:
        if not hasattr(self, "_labels"):
            self._labels: dict[str, list[ClassInfo]] = {}
            for module in self.world.names.every_module():
                for facts in module.file.classes:
                    if facts.bases and "." not in facts.name:
                        info = self.world.names.class_of(module, facts.name)
                        if info is not None:
                            self._labels.setdefault(facts.name, []).append(info)
        return self._labels

    def models(self) -> Iterable[Model]:
        """Every concrete model of the project."""
        for cls in self.world.names.every_class():
            model = self.model(cls.name)
            if model is not None and not model.abstract:
                yield model

    def reverse(self, model: Model) -> dict[str, Field]:
        """The names by which relations are followed back to this model. `relation` is then the other model."""
        if self._reverse is None:
            self._reverse = {}
            for other in self.models():
                for field in other.fields.values():
                    if not field.relation or field.related_name == "+" or field.related_name.endswith("+"):
                        continue
                    short = other.name.rpartition(".")[2].lower()
                    one = field.kind.endswith("OneToOneField")
                    name = field.related_name or (short if one else f"{short}_set")
                    name = name.replace("%(class)s", short).replace("%(app_label)s", other.table.partition("_")[0])
                    self._reverse.setdefault(field.relation, {})[name] = replace(field, relation=other.name)
        found: dict[str, Field] = {}
        cls = self.world.class_named(model.name)
        for ancestor in cls.ancestors() if cls is not None else ():
            found = {**self._reverse.get(ancestor.name, {}), **found}
        return found

    def unique_columns(self, model: Model) -> frozenset[str]:
        named = {
            f.column
            for f in model.fields.values()
            if f.keywords.get("unique") is True or f.keywords.get("primary_key") is True
        }
        return frozenset((model.primary, *named))

    def meta_model(self, cls: ClassInfo) -> Model | None:
        for ancestor in cls.ancestors():
            inner = self.world.names.class_of(ancestor.module, f"{ancestor.facts.name}.Meta")
            value = self.world.class_field(inner, "model") if inner is not None else None
            if value is not None and isinstance(value.target, ClassTarget):
                return self.model(value.target.cls.name)
        return None

    def column(self, name: str, model: Model | None) -> str:
        """A lookup's path as a column: a foreign key is its column, a path through relations stays dotted."""
        if name == "pk":
            return model.primary if model is not None else "id"
        if model is None:
            return name
        head, _, rest = name.partition("__")
        field = model.fields.get(head)
        if field is None:
            return name.replace("__", ".")
        if not rest or rest in ("id", "pk"):
            return field.column
        return name.replace("__", ".")
