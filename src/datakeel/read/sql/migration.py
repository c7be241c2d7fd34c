"""What migration tools say by file names and comments: direction, version, and whether a transaction is held."""

from __future__ import annotations

import re

from msgspec import Struct


class Migration(Struct, frozen=True, gc=False):
    """`tool` is dbmate, goose, sql-migrate, flyway, golang-migrate, yoyo, liquibase, sqitch, diesel, prisma,
    node-pg-migrate, rambler, micrate or empty. `direction` is that of the whole file: up, down, or empty (it says so
    inside, or it is no migration). `version` orders the files of one folder; `name` is what the tool calls it.
    `sections`: comments tell up from down.
    """

    tool: str = ""
    direction: str = ""
    version: tuple[int, ...] = ()
    name: str = ""
    transactional: bool = False
    sections: bool = False

    def forward(self, text: str) -> str:
        """The text with what runs backward left blank, line for line."""
        if not self.sections:
            return text
        kept: list[str] = []
        forward = True
        for line in text.split("\n"):
            found = _SECTION.match(line)
            if found:
                forward = found[1].lower() == "up"
            kept.append(line if forward else "")
        return "\n".join(kept)


_SECTION = re.compile(
    r"\s*--\s*(?:\+goose\s+|\+migrate\s+|\+micrate\s+|migrate:|rambler\s+|!|@|\+|=*\s*migration\s*:?\s*)?(up|down)"
    r"(?:\s+migration)?\b(?:\s*:|\s+\w+:?\w*|\s*=*)?\s*$",
    re.I,
)
_TOOLS = (
    ("goose", re.compile(r"^[ \t]*--\s*\+goose\s", re.I | re.M)),
    ("sql-migrate", re.compile(r"^[ \t]*--\s*\+migrate\s", re.I | re.M)),
    ("dbmate", re.compile(r"^[ \t]*--\s*migrate:(?:up|down)", re.I | re.M)),
    ("rambler", re.compile(r"^[ \t]*--\s*rambler\s+(?:up|down)", re.I | re.M)),
    ("node-pg-migrate", re.compile(r"^[ \t]*--\s*(?:up|down)\s+migration\b", re.I | re.M)),
    ("liquibase", re.compile(r"^[ \t]*--\s*liquibase\s+formatted\s+sql", re.I | re.M)),
    ("yoyo", re.compile(r"^[ \t]*--\s*(?:depends|transactional)\s*:", re.I | re.M)),
    ("sqitch", re.compile(r"^[ \t]*--\s*(?:deploy|revert|verify)\s+\S+:\S+", re.I | re.M)),
    ("micrate", re.compile(r"^[ \t]*--\s*\+micrate\s", re.I | re.M)),
)
_WITHOUT_TRANSACTION = re.compile(
    r"^[ \t]*--.*(?:\bno\s+transaction\b|\bnotransaction\b|transaction:\s*false|transactional\s*:\s*false"
    r"|runInTransaction:\s*false|executeInTransaction\s*=\s*false|disable_ddl_transaction)",
    re.I | re.M,
)
_FLYWAY = re.compile(r"([VUBR])(\d[\d._]*)?__(.+)\.sql(?:\.\w+)?\Z")
_NUMBERED = re.compile(r"(?:[a-zA-Z]+[_-]?)?(\d[\d.]*)[._-]?")


def migration(text: str, path: str) -> Migration:
    """
    >>> m = migration("", "db/V2_1__add_email.sql")
    >>> m.tool, m.version, m.name, m.transactional
    ('flyway', (2, 1), 'V2_1__add_email', True)
    >>> migration("", "migrations/000007_users.down.sql").direction
    'down'
    """
    head = text[:50_000]
    tool = next((name for name, sign in _TOOLS if sign.search(head)), "")
    folders, name = _parted(path)
    tool, direction = _by_name(tool, folders, name, head)
    stem = re.sub(r"(\.(up|down|rollback|do|undo))?\.(sql|cql|ddl)(\.\w+)?\Z", "", name, flags=re.I)
    version = _version(stem)
    if name.lower() in ("up.sql", "down.sql", "migration.sql") and folders:
        stem = folders[-1]
        version = _version(stem)
    known = bool(tool) or bool(direction)
    transactional = known and bool(tool) and not _WITHOUT_TRANSACTION.search(head)
    sections = tool in ("goose", "sql-migrate", "dbmate", "rambler", "node-pg-migrate", "micrate")
    return Migration(tool, direction, version, stem, transactional, sections)


def _parted(path: str) -> tuple[list[str], str]:
    *folders, name = path.replace("\\", "/").split("/")
    return folders, name


def _by_name(tool: str, folders: list[str], name: str, head: str) -> tuple[str, str]:
    """The tool and direction, as far as the file's name tells them."""
    lowered = name.lower()
    flyway = _FLYWAY.match(name)
    if flyway:
        return tool or "flyway", "down" if flyway[1] == "U" else "up"
    for ending, direction in (
        (".up.", "up"),
        (".down.", "down"),
        (".rollback.", "down"),
        (".undo.", "down"),
        (".do.", "up"),
    ):
        if ending in lowered:
            return tool or ("yoyo" if ending == ".rollback." else "golang-migrate"), direction
    if lowered in ("up.sql", "down.sql") and folders and _version(folders[-1]):
        return tool or "diesel", lowered[:-4]
    if lowered == "migration.sql" and folders and _version(folders[-1]):
        return tool or "prisma", "up"
    parent = folders[-1].lower() if folders else ""
    if tool == "sqitch" or (parent in ("deploy", "revert", "verify") and "%project" not in head):
        return tool or "sqitch", {"revert": "down", "verify": "down", "deploy": "up"}.get(parent, "")
    return tool, ""


def _version(name: str) -> tuple[int, ...]:
    flyway = _FLYWAY.match(name + ".sql")
    digits = flyway[2] if flyway else None
    if digits is None:
        found = _NUMBERED.match(name)
        digits = found[1] if found else ""
    return tuple(int(d) for d in re.findall(r"\d+", digits or "")[:8] if len(d) < 30)


def migration_order(path: str) -> tuple[str, int, tuple[int, ...], str]:
    """Sorts the files of a project as they run: by folder; schema files first, then versions, then what has none.

    >>> sorted(["m/10_b.sql", "m/9_a.sql", "m/schema.sql", "m/R__views.sql", "m/V1.10__x.sql"], key=migration_order)
    ['m/schema.sql', 'm/V1.10__x.sql', 'm/9_a.sql', 'm/10_b.sql', 'm/R__views.sql']
    """
    folders, name = _parted(path)
    if name.lower() in ("up.sql", "down.sql", "migration.sql") and folders:
        name = folders.pop()
    repeatable = name.startswith("R__")
    version = () if repeatable else _version(name)
    rank = 2 if repeatable else 1 if version else 0
    return "/".join(folders), rank, version, name
