"""Names as each language wants them, made from what the user wrote: ``Order line`` → order_line, OrderLine, order-line.

Two different names may become one (``a b`` and ``a_b``); `requirements` refuses such a pair.
"""

from __future__ import annotations

import keyword
import re
import unicodedata

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[A-Z]+")
LONGEST = 48  # of a name: PostgreSQL keeps 63 bytes, and prefixes and endings come to it

# What PostgreSQL reserves (SQL key words, appendix C of its manual), as column or table names.
RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role current_schema
    current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch
    for foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral
    leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer
    overlaps placing primary references returning right select session_user similar some symmetric system_user
    table tablesample then to trailing true union unique user using variadic verbose when where window with
    """.split()  # noqa: SIM905  one word beside the other reads better
)


def words(name: str) -> list[str]:
    """The words of a name, in small letters and ASCII.

    >>> words("OrderPlaced"), words("Größe in m²"), words("HTTPServer 2")
    (['order', 'placed'], ['grosse', 'in', 'm', '2'], ['http', 'server', '2'])
    """
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return [w.lower() for w in WORD.findall(plain)]


def snake(name: str) -> str:
    """
    >>> snake("OrderPlaced"), snake("class"), snake("2nd try")
    ('order_placed', 'class_', 'n2_nd_try')
    """
    found = "_".join(words(name))[:LONGEST].rstrip("_") or "unnamed"
    if found[0].isdigit():
        found = f"n{found}"
    return f"{found}_" if keyword.iskeyword(found) or keyword.issoftkeyword(found) else found


def column(name: str) -> str:
    """A name for SQL that needs no quotes.

    >>> column("Order"), column("user"), column("total amount")
    ('order_', 'user_', 'total_amount')
    """
    found = snake(name)
    return f"{found}_" if found in RESERVED else found


def pascal(name: str) -> str:
    """
    >>> pascal("order line"), pascal("none"), pascal("HTTP request")
    ('OrderLine', 'None_', 'HttpRequest')
    """
    found = "".join(w.capitalize() for w in words(name))[:LONGEST] or "Unnamed"
    if found[0].isdigit():
        found = f"N{found}"
    return f"{found}_" if keyword.iskeyword(found) else found


def kebab(name: str) -> str:
    """
    >>> kebab("OrderPlaced")
    'order-placed'
    """
    return snake(name).rstrip("_").replace("_", "-")


def plural(name: str) -> str:
    """The plural of an English noun, as tables and paths are called.

    >>> plural("order"), plural("category"), plural("address"), plural("day")
    ('orders', 'categories', 'addresses', 'days')
    """
    if re.search(r"[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if re.search(r"(s|x|z|ch|sh)$", name) else f"{name}s"
