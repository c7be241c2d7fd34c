"""peewee's models say their tables' columns, keys and indexes."""

from __future__ import annotations

from pathlib import Path

from datakeel.trial import read_system

MODELS = """
from peewee import BigAutoField, CharField, DecimalField, DoubleField, ForeignKeyField, Model


class Base(Model):
    pass


class Show(Base):
    id = BigAutoField()
    price = DoubleField()
    fee = DecimalField()


class Seat(Base):
    show = ForeignKeyField(Show)
    number = CharField(max_length=4, null=True)
    code = CharField(unique=True)
    row = ForeignKeyField(Show, index=False)

    class Meta:
        table_name = "seats"
        indexes = ((("show", "number"), True), (("number", "code"), False))
"""


def test_columns_have_their_types_and_references(tmp_path: Path) -> None:
    found = {d.name: d for d in read_system({"shop/models.py": MODELS}, tmp_path).datasets}
    assert set(found) == {"show", "seats"}
    seats = {c.name: (c.type, c.nullable, c.references) for c in found["seats"].schema.columns}
    assert seats == {
        "id": ("integer", False, ""),
        "show_id": ("bigint", False, "show.id"),
        "number": ("varchar(4)", True, ""),
        "code": ("varchar", False, ""),
        "row_id": ("bigint", False, "show.id"),
    }
    assert [c.type for c in found["show"].schema.columns] == ["bigint", "double precision", "numeric"]


def test_relations_are_indexed_unless_they_decline(tmp_path: Path) -> None:
    found = {d.name: d for d in read_system({"shop/models.py": MODELS}, tmp_path).datasets}
    keys = {(i.columns, i.unique) for i in found["seats"].schema.indexes}
    assert keys == {
        (("id",), True),
        (("code",), True),
        (("show_id",), False),
        (("show_id", "number"), True),
        (("number", "code"), False),
    }
