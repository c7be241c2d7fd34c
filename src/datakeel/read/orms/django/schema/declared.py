"""The models that the code declares → the tables that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.dataset import Constraint, Index
from datakeel.read.mapping import Mapping
from datakeel.read.orms.django.schema.fields import Field, Fields, Key, split
from datakeel.read.orms.django.schema.keys import Keys, Owner, names_of
from datakeel.read.orms.django.schema.labels import constant
from datakeel.read.orms.django.schema.library import ALIASES, BASES, CONTRIB, PLAIN
from datakeel.read.orms.django.schema.state import Model, State
from datakeel.read.program import Assign, Const
from datakeel.read.symbols import ClassInfo

if TYPE_CHECKING:
    from datakeel.read.world import World


class Declared:
    """All concrete models of the project, as their classes stand in the text."""

    def __init__(self, world: World, fields: Fields, owns: Callable[[str], bool]) -> None:
        self.world = world
        self.owns = owns  # whether a file is one whose classes speak for the product
        self.fields = fields
        self.literals = fields.literals
        self.keys = Keys(fields.literals, fields.expressions)
        self.found = {m.name: m for m in world.orms.django.models.models() if m.library == "django"}

    def mappings(self) -> Iterator[Mapping]:
        """Each model that has a table of its own, with that table."""
        state = State()
        state.auto = self.fields.labels.usual().rpartition(".")[2]
        contributed(self.world, self.fields, state)
        library = dict(state.models)
        classes: dict[Key, ClassInfo] = {}
        for name in sorted(self.found):
            cls = self.world.class_named(name)
            if cls is not None and self.owns(cls.module.path) and self.is_table(cls):
                model = self.model(cls)
                if model.key not in classes:
                    state.models[model.key] = model
                    classes[model.key] = cls
        for key, model in state.models.items():
            if key in library and key not in classes:
                name = f"django.contrib.{key[0]}.models.{key[1]}"
                yield Mapping(model.table, name, "", tuple(state.create(model)))
            elif not self.found[classes[key].name].proxy:
                yield self.mapping(classes[key], model, state)

    def mapping(self, cls: ClassInfo, model: Model, state: State) -> Mapping:
        parent = next((state.models[p].table for p in model.parents if p in state.models), "")
        version = next((f.column for f in model.fields.values() if f.version), "")
        changes = tuple(state.create(model))
        found = self.found[cls.name]
        origin = Origin.CONVENTION if model.tableless else found.origin
        return Mapping(model.table, cls.name, cls.module.path, changes, parent, version, cls.place, origin)

    def is_table(self, cls: ClassInfo) -> bool:
        """Whether a class that only looks like a model is one: it makes a field by itself."""
        if self.found[cls.name].origin is Origin.RESOLVED or self.found[cls.name].proxy:
            return True
        if any(b.startswith("django.") and b not in PLAIN and not self.library_table(b) for b in cls.externals()):
            return False
        return any(
            isinstance(s, Assign)
            and s.value is not None
            and self.fields.field(a.module, n, s.value, ("", "")) is not None
            for a in cls.ancestors()
            for n, s in a.fields.items()
        )

    # One model --------------------------------------------------------------------------------------------------------

    def model(self, cls: ClassInfo) -> Model:
        key = self.fields.key(cls)
        parents = self.parents(cls)
        meta = self.meta(cls)
        if self.found[cls.name].proxy:
            return Model(key, {}, parents=tuple(map(self.key_of, parents)), tableless=True, place=cls.place)
        fields, complete = self.all_fields(cls, key, parents)
        table = constant(meta, "db_table") if meta is not None else None
        model = Model(
            key,
            fields,
            named=table if isinstance(table, str) else "",
            parents=tuple(self.key_of(p) for p in parents),
            tableless=meta is not None and constant(meta, "managed") is False,
            complete=complete,
            place=cls.place,
        )
        return self.with_meta(model, meta) if meta is not None else model

    def key_of(self, parent: ClassInfo | str) -> Key:
        if isinstance(parent, ClassInfo):
            return self.fields.key(parent)
        parts = parent.split(".")
        return (parts[-3] if len(parts) > 2 else "", parts[-1].lower())

    def parents(self, cls: ClassInfo) -> list[ClassInfo | str]:
        """The nearest ancestors that have tables of their own."""
        found: list[ClassInfo | str] = []
        for base in cls.bases:
            if isinstance(base, str):
                if self.library_table(base):
                    found.append(base)
            elif base.name in self.found and not self.found[base.name].proxy:
                found.append(base)
            else:
                found += self.parents(base)
        return list(dict.fromkeys(found))

    def library_table(self, dotted: str) -> bool:
        """Whether an external class is a concrete model of Django's own."""
        parts = dotted.split(".")
        return dotted.startswith("django.contrib.") and (parts[-3], parts[-1].lower()) in CONTRIB

    def all_fields(self, cls: ClassInfo, key: Key, parents: list[ClassInfo | str]) -> tuple[dict[str, Field], bool]:
        """Its own fields and those of abstract ancestors, and whether these are all."""
        inherited = {a.name for p in parents if isinstance(p, ClassInfo) for a in p.ancestors()}
        elsewhere = {b for p in parents if isinstance(p, ClassInfo) for b in p.externals()}
        elsewhere |= {p for p in parents if isinstance(p, str)}
        fields: dict[str, Field] = {}
        complete = True
        for ancestor in reversed(cls.lineage):
            if isinstance(ancestor, str):
                if ancestor not in elsewhere:
                    complete = self.library_fields(cls, ancestor, key, fields) and complete
            elif ancestor.name not in inherited:
                self.class_fields(ancestor, key, fields)
        self.with_key(cls, key, parents, fields)
        meta = self.meta(cls)
        if meta is not None and isinstance(constant(meta, "order_with_respect_to"), str):
            fields["_order"] = self.fields.made(cls.module, "_order", "OrderWrt", {}, key)
        return fields, complete

    def library_fields(self, cls: ClassInfo, base: str, key: Key, fields: dict[str, Field]) -> bool:
        """Adds what a library's abstract model brings; False where that is not known."""
        for name, kind, options in BASES.get(ALIASES.get(base, base), ()):
            fields[name] = self.fields.made(cls.module, name, kind, options, key)
        return base in PLAIN or (base.rpartition(".")[2].endswith("Mixin") and base.startswith("django."))

    def class_fields(self, cls: ClassInfo, key: Key, fields: dict[str, Field]) -> None:
        for name, statement in cls.fields.items():
            if not isinstance(statement, Assign) or statement.value is None:
                continue
            if isinstance(statement.value, Const):
                if statement.value.value is None:
                    fields.pop(name, None)  # a child takes a parent's field away
                continue
            found = self.fields.field(cls.module, name, statement.value, key)
            if found is not None:
                fields.pop(name, None)
                fields[name] = found

    def with_key(self, cls: ClassInfo, key: Key, parents: list[ClassInfo | str], fields: dict[str, Field]) -> None:
        """Adds the key that Django adds: a link to each parent, or a number."""
        for number, parent in enumerate(parents):
            label, name = self.key_of(parent)
            if any(f.relation is not None and f.relation.parent for f in fields.values()):
                continue
            options: dict[str, object] = {"to": f"{label}.{name}", "parent_link": True, "primary_key": number == 0}
            fields[f"{name}_ptr"] = self.fields.made(cls.module, f"{name}_ptr", "OneToOneField", options, key)
        if not any(f.primary or f.kind == "CompositePrimaryKey" for f in fields.values()):
            kind = self.fields.labels.auto(cls.module.path).rpartition(".")[2]
            fields["id"] = self.fields.made(cls.module, "id", kind, {"primary_key": True}, key)

    # Meta -------------------------------------------------------------------------------------------------------------

    def meta(self, cls: ClassInfo) -> ClassInfo | None:
        """``class Meta``: its own, else that of the nearest abstract ancestor that has one."""
        for ancestor in cls.ancestors():
            if ancestor is not cls and ancestor.name in self.found:
                continue
            found = self.world.names.class_of(ancestor.module, f"{ancestor.facts.name}.Meta")
            if found is not None:
                return found
        return None

    def with_meta(self, model: Model, meta: ClassInfo) -> Model:
        label, name = model.key
        owner = Owner(model.table, model.column, label, name)
        keys: list[Index | Constraint] = []
        complete = model.complete
        for option in ("indexes", "constraints"):
            found = meta.field(option)
            if found is None or not isinstance(found[1], Assign):
                continue
            items, whole = self.literals.items(found[0].module, found[1].value)
            read = [self.keys.key(module, item, owner) for module, item in items]
            complete = complete and whole and None not in read
            keys += [k for k in read if k is not None]
        return replace(
            model,
            unique_together=self.names(meta, "unique_together"),
            index_together=self.names(meta, "index_together"),
            keys=tuple(keys),
            complete=complete,
        )

    def names(self, meta: ClassInfo, option: str) -> tuple[tuple[str, ...], ...]:
        found = meta.field(option)
        if found is None or not isinstance(found[1], Assign):
            return ()
        return names_of(self.literals.value(found[0].module, found[1].value))


def contributed(world: World, fields: Fields, state: State) -> None:
    """Adds the models of Django's own apps that are installed."""
    setting = world.setting("INSTALLED_APPS")
    installed = {i.text for i in setting.items or () if i.text}
    user = split(world.setting("AUTH_USER_MODEL").text or "auth.User", "")
    module = next(iter(world.settings), None)
    for key, (table, given, pairs) in CONTRIB.items():
        if module is None or f"django.contrib.{key[0]}" not in installed or (key == ("auth", "user") and user != key):
            continue
        found = {n: fields.made(module, n, kind, options, key) for n, kind, options in given}
        if not any(f.primary for f in found.values()):
            found["id"] = fields.made(module, "id", "AutoField", {"primary_key": True}, key)
        state.models[key] = Model(key, found, named=table, unique_together=pairs)
