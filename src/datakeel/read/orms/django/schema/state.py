"""Models as Django's migrations know them, and the changes of tables that make, alter and remove them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.dataset import Column, Constraint, Index
from datakeel.model.place import Place
from datakeel.read import schema
from datakeel.read.orms.django.schema.fields import Field, Key
from datakeel.read.orms.django.schema.kinds import TYPES
from datakeel.read.orms.django.schema.library import CONTRIB
from datakeel.read.orms.django.schema.naming import cut, key_name
from datakeel.read.schema import Change

Names = tuple[str, ...]  # of fields


class Model(Struct, frozen=True):
    """One model at one time. `named` is its own ``db_table``, empty where Django names the table. `keys` are what
    ``Meta.indexes`` and ``Meta.constraints`` say; `parents` the models whose tables hold a part of its rows."""

    key: Key
    fields: dict[str, Field]
    named: str = ""
    unique_together: tuple[Names, ...] = ()
    index_together: tuple[Names, ...] = ()
    keys: tuple[Index | Constraint, ...] = ()
    parents: tuple[Key, ...] = ()
    gone: dict[str, Field] = {}  # fields that it had: the database may lose them later than the state
    tableless: bool = False  # a proxy, or not managed
    complete: bool = True
    place: Place | None = None

    @property
    def table(self) -> str:
        return self.named.replace('"."', ".").strip('"') or cut("_".join(self.key))

    def primary(self) -> Field | None:
        return next((f for f in self.fields.values() if f.primary), None)

    def column(self, name: str) -> str:
        """The column of a field, for what speaks of fields: keys, conditions."""
        if name == "pk":
            found = self.primary()
            return found.column if found is not None else "id"
        field = self.fields.get(name)
        return field.column or name if field is not None else name

    def columns(self, names: Iterable[str]) -> Names:
        return tuple(map(self.column, names))


class State:
    """All models at one time; `auto` is the kind of a link table's key."""

    def __init__(self, models: dict[Key, Model] | None = None) -> None:
        self.models: dict[Key, Model] = models or {}
        self.auto = "AutoField"

    def copy(self) -> State:
        found = State(dict(self.models))
        found.auto = self.auto
        return found

    # What relations point at ------------------------------------------------------------------------------------------

    def target(self, key: Key | None, field: str = "", depth: int = 0) -> Column | None:
        """The column that a relation to a model points at; its `references` names its table. `depth`: how many
        relations led here. Keys that point at each other (a model that extends one of its own name) have no type."""
        if key is None:
            return None
        model = self.models.get(key)
        if model is None:
            known = CONTRIB.get(key)
            return Column("id", "integer", references=known[0] or "_".join(key)) if known is not None else None
        for _ in range(6):  # a proxy's or child's key is its parent's
            if model.fields.get(field) is not None or model.primary() is not None or not model.parents:
                break
            parent = self.models.get(model.parents[0])
            if parent is None:
                return self.target(model.parents[0]) if model.parents[0] != key else None
            model = parent
        found = model.fields.get(field) or model.primary()
        if found is None or not found.columns:
            return Column("id", "", references=model.table)
        return Column(found.column, self.typed(found, depth + 1).columns[0].type, references=model.table)

    def typed(self, field: Field, depth: int = 0) -> Field:
        """The field with the type of what it points at."""
        relation = field.relation
        if relation is None or not field.columns or depth > 6:
            return field
        target = self.target(relation.target, relation.to_field, depth)
        if target is None:
            return field
        reference = f"{target.references}.{target.name}" if relation.constraint else ""
        column = replace(field.columns[0], type=target.type, references=reference)
        return replace(field, columns=(column, *field.columns[1:]))

    # Making -----------------------------------------------------------------------------------------------------------

    def create(self, model: Model) -> Iterator[Change]:
        """The tables of a model: its own, and those of its many-to-many fields."""
        columns: list[Column] = []
        indexes: list[Index] = []
        constraints: list[Constraint] = []
        for field in model.fields.values():
            typed = self.typed(field)
            columns += typed.columns
            if field.kind == "CompositePrimaryKey":
                indexes.append(schema.primary_key(*model.columns(field.together)))
            elif typed.primary:
                indexes.append(schema.primary_key(typed.column))
            indexes += own_indexes(model.table, typed, inline=True)
            constraints += own_constraints(model.table, typed)
        indexes += [together(model, names) for names in model.unique_together]
        indexes += [together(model, names, unique=False) for names in model.index_together]
        indexes += [k for k in model.keys if isinstance(k, Index)]
        constraints += [k for k in model.keys if isinstance(k, Constraint)]
        made = schema.create_table(model.table, columns, indexes, constraints, place=model.place)
        yield replace(made, complete=model.complete and all(f.complete for f in model.fields.values()))
        for field in model.fields.values():
            yield from self.create_link(model, field)

    def link(self, model: Model, field: Field) -> str:
        """The table of a many-to-many field; empty where it is a model's, or none."""
        relation = field.relation
        if relation is None or not relation.many or relation.through:
            return ""
        return relation.table or cut(f"{model.table}_{field.name}")

    def ends(self, model: Model, field: Field) -> tuple[str, str]:
        """The two columns of a link table."""
        own = model.key[1]
        other = field.relation.target[1] if field.relation is not None and field.relation.target is not None else ""
        return (f"from_{own}_id", f"to_{own}_id") if other == own else (f"{own}_id", f"{other or field.name}_id")

    def create_link(self, model: Model, field: Field) -> Iterator[Change]:
        table = self.link(model, field)
        if not table or field.relation is None:
            return
        ends = self.ends(model, field)
        columns = [Column("id", TYPES.get(self.auto, "integer"), nullable=False, default="identity")]
        constraints: list[Constraint] = []
        for name, target in zip(ends, (self.target(model.key), self.target(field.relation.target)), strict=True):
            columns.append(Column(name, target.type if target is not None else "", nullable=False, place=field.place))
            if target is not None and field.relation.constraint:
                constraints.append(reference(table, name, target))
        pair = schema.unique(*ends, name=key_name(table, ends, "_uniq"))
        singles = [Index((e,), name=key_name(table, [e]), method="btree") for e in ends]
        indexes = [schema.primary_key("id"), pair, *singles]
        yield schema.create_table(table, columns, indexes, constraints, place=field.place)

    def drop(self, model: Model) -> Iterator[Change]:
        for field in model.fields.values():
            if link := self.link(model, field):
                yield schema.drop_table(link)
        yield schema.drop_table(model.table)

    # Fields -----------------------------------------------------------------------------------------------------------

    def add_field(self, model: Model, field: Field) -> Iterator[Change]:
        typed = self.typed(field)
        for number, column in enumerate(typed.columns):
            change = schema.add_column(model.table, column, place=field.place)
            yield replace(change, complete=field.complete) if number == 0 else change
        if typed.primary:
            yield schema.add_index(model.table, schema.primary_key(typed.column))
        for index in own_indexes(model.table, typed, inline=True):
            yield schema.add_index(model.table, index, place=field.place)
        for constraint in own_constraints(model.table, typed):
            yield schema.add_constraint(model.table, constraint, place=field.place)
        yield from self.create_link(model, field)

    def remove_field(self, model: Model, field: Field) -> Iterator[Change]:
        for column in field.columns:
            yield schema.drop_column(model.table, column.name)
        if link := self.link(model, field):
            yield schema.drop_table(link)

    def alter_field(self, model: Model, old: Field, new: Field) -> Iterator[Change]:
        table = model.table
        before, after = self.typed(old), self.typed(new)
        if not before.columns or not after.columns:
            yield from self.alter_link(model, old, new)
            return
        if before.columns[0] != after.columns[0]:
            change = schema.replace_column(table, before.column, after.columns[0], place=new.place)
            yield replace(change, complete=new.complete)
            if after.primary and before.columns[0].type != after.columns[0].type:
                yield from self.retype(model, after)
        if after.primary and not before.primary:
            yield schema.add_index(table, schema.primary_key(after.column))
        if before.unique and not after.unique:
            yield schema.drop_index(table, columns=(after.column,))
        if before.index and not after.index:
            yield schema.drop_index(table, columns=(after.column,), unique=False)
        gone, made = (list(own_indexes(table, f, inline=False)) for f in (before, after))
        for index in made:
            if not any((i.unique, i.method) == (index.unique, index.method) for i in gone):
                yield schema.add_index(table, index, place=new.place)
        yield from self.alter_constraints(table, before, after)

    def retype(self, model: Model, key: Field, depth: int = 0) -> Iterator[Change]:
        """What refers to a key whose type has changed: Django alters it along with the key, link tables too."""
        for other in self.models.values() if depth < 6 else ():
            for field in other.fields.values() if not other.tableless else ():
                relation = field.relation
                if relation is None:
                    continue
                if link := self.link(other, field):
                    targets = (self.target(other.key), self.target(relation.target))
                    for end, target in zip(self.ends(other, field), targets, strict=True):
                        if refers(target, model, key):
                            column = Column(end, target.type, nullable=False, place=field.place)  # type: ignore[union-attr]
                            yield schema.replace_column(link, end, column, place=field.place)
                elif field.columns and refers(self.target(relation.target, relation.to_field), model, key):
                    typed = self.typed(field)
                    yield schema.replace_column(other.table, typed.column, typed.columns[0], place=field.place)
                    if field.primary:
                        yield from self.retype(other, field, depth + 1)

    def alter_constraints(self, table: str, before: Field, after: Field) -> Iterator[Change]:
        kept = {c.text for c in own_constraints(table, after)}
        for constraint in own_constraints(table, before):
            if constraint.text not in kept:
                yield schema.drop_constraint(table, constraint=constraint)
        known = {c.text for c in own_constraints(table, before)}
        for constraint in own_constraints(table, after):
            if constraint.text not in known:
                yield schema.add_constraint(table, constraint)

    def alter_link(self, model: Model, old: Field, new: Field) -> Iterator[Change]:
        """A many-to-many field that changes its table, or a field that turns from a column into none."""
        before, after = self.link(model, old), self.link(model, new)
        if before and after:
            if before != after:
                yield schema.rename_table(before, after)
            return
        if old.columns != new.columns or bool(before) != bool(after):
            yield from self.remove_field(model, old)
            yield from self.add_field(model, new)

    def rename_tables(self, old: Model, new: Model) -> Iterator[Change]:
        """A model under another name or table, with its link tables."""
        if old.table != new.table and not old.tableless:
            yield schema.rename_table(old.table, new.table)
        for name, field in old.fields.items():
            renamed = new.fields.get(name, field)
            before, after = self.link(old, field), self.link(new, renamed)
            if not before:
                continue
            if before != after:
                yield schema.rename_table(before, after)
            targets = (new.key, renamed.relation.target if renamed.relation is not None else None)
            for one, other, key in zip(self.ends(old, field), self.ends(new, renamed), targets, strict=True):
                if one != other:
                    yield schema.rename_column(after, one, other)
                    yield from self.point_again(after, other, self.target(key))

    def point_again(self, table: str, column: str, target: Column | None) -> Iterator[Change]:
        """A reference that Django drops and makes anew, under the name that it would have now."""
        if target is not None:
            made = reference(table, column, target)
            yield schema.drop_constraint(table, constraint=made)
            yield schema.add_constraint(table, made)


def refers(target: Column | None, model: Model, key: Field) -> bool:
    """Whether the column that a relation points at is this key."""
    return target is not None and (target.references, target.name) == (model.table, key.column)


# Keys and constraints of one field ------------------------------------------------------------------------------------


def own_indexes(table: str, field: Field, inline: bool) -> Iterator[Index]:
    """The keys that a field brings; `inline`: with its column, and so named by the store."""
    if field.unique:
        yield schema.unique(field.column, name="" if inline else key_name(table, [field.column], "_uniq"))
    if field.index:
        yield Index((field.column,), name=key_name(table, [field.column]), method="btree")


def own_constraints(table: str, field: Field) -> Iterator[Constraint]:
    if field.check:
        yield Constraint("check", f"{field.column} >= 0", f"{table}_{field.column}_check")
    if field.columns and field.columns[0].references:
        other, _, target = field.columns[0].references.rpartition(".")
        yield reference(table, field.column, Column(target, references=other))


def reference(table: str, column: str, target: Column) -> Constraint:
    name = key_name(table, [column], f"_fk_{target.references}_{target.name}")
    return schema.foreign_key([column], target.references, [target.name], name)


def together(model: Model, names: Names, unique: bool = True) -> Index:
    columns = model.columns(names)
    if unique:
        return schema.unique(*columns, name=key_name(model.table, columns, "_uniq"))
    return Index(columns, name=key_name(model.table, columns, "_idx"), method="btree")
