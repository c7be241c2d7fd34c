"""The names that SQLAlchemy gives to keys and constraints: by a naming convention, else its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import md5

LONGEST = 63
DEFAULT = {"ix": "ix_%(column_0_label)s"}
_TOKEN = re.compile(r"%\((\w+)\)s")


def conventional(
    conventions: Mapping[str, str],
    kind: str,
    table: str,
    columns: Sequence[str],
    referred: tuple[str, str] = ("", ""),
    name: str = "",
) -> str:
    """The name of an unnamed ix, uq, ck, fk or pk; empty where no convention gives one: then the store names it.

    >>> conventional({"uq": "uq_%(table_name)s_%(column_0_N_name)s"}, "uq", "users", ["org_id", "email"])
    'uq_users_org_id_email'
    >>> conventional(DEFAULT, "ix", "users", ["email"]), conventional(DEFAULT, "uq", "users", ["email"])
    ('ix_users_email', '')
    """
    pattern = conventions.get(kind)
    if pattern is None or (not columns and "column_0" in pattern):
        return name
    plain = table.rpartition(".")[2]
    label = table.replace(".", "_")
    values = {
        "table_name": plain,
        "referred_table_name": referred[0].rpartition(".")[2],
        "referred_column_0_name": referred[1],
        "constraint_name": name,
        "column_0_N_name": "_".join(columns),
        "column_0_N_label": "_".join(f"{label}_{c}" for c in columns),
        "column_0N_name": "".join(columns),
        "column_0N_label": "".join(f"{label}_{c}" for c in columns),
    }
    for number, column in enumerate(columns):
        values |= {f"column_{number}_{part}": column for part in ("name", "key")}
        values[f"column_{number}_label"] = f"{label}_{column}"
    if any(t not in values or (t == "constraint_name" and not name) for t in _TOKEN.findall(pattern)):
        return name
    return shortened(_TOKEN.sub(lambda m: values[m[1]], pattern))


def shortened(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    return name[: LONGEST - 8] + "_" + md5(name.encode(), usedforsecurity=False).hexdigest()[-4:]
