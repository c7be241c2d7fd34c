"""The names that Django gives to indexes, constraints and link tables, so that a later migration's drop finds them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5

LONGEST = 63  # PostgreSQL's; other stores allow as many or more


def digest(*parts: str, length: int) -> str:
    return md5("".join(parts).encode(), usedforsecurity=False).hexdigest()[:length]


def key_name(table: str, columns: Sequence[str], suffix: str = "") -> str:
    """An index of one field (no suffix), a unique constraint that a migration adds (``_uniq``), a reference.

    >>> key_name("shop_order", ["customer_id"]), key_name("shop_order", ["shop_id", "number"], "_uniq")
    ('shop_order_customer_id_f638df20', 'shop_order_shop_id_number_4607b548_uniq')
    """
    last = digest(table, *columns, length=8) + suffix
    joined = "_".join(columns)
    name = f"{table}_{joined}_{last}"
    if len(name) > LONGEST:
        last = last[: LONGEST // 3] if len(last) > LONGEST / 3 else last
        room = (LONGEST - len(last)) // 2 - 1
        name = f"{table[:room]}_{joined[:room]}_{last}"
    return f"D{name[:-1]}" if name[0] == "_" or name[0].isdigit() else name


def index_name(table: str, columns: Sequence[tuple[str, bool]]) -> str:
    """The name of an entry of ``Meta.indexes`` that has none; each column with whether it descends."""
    ordered = [f"-{column}" if descends else column for column, descends in columns]
    last = digest(table, *ordered, "idx", length=6)
    name = f"{table[:11]}_{columns[0][0][:7]}_{last}_idx"
    return f"D{name[1:]}" if name[0] == "_" or name[0].isdigit() else name


def cut(name: str) -> str:
    """A table's name as the store keeps it."""
    if len(name) <= LONGEST:
        return name
    return name[: LONGEST - 4] + digest(name, length=4)
