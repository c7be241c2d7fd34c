"""Sessions and connections: which one an object stands for, how its transactions begin, and at which isolation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from posixpath import commonpath
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from datakeel.read.orms.sqlalchemy.declared import keyword, last_name
from datakeel.read.orms.sqlalchemy.plan import CONNECTION, SESSION
from datakeel.read.program import Call, Span
from datakeel.read.state import ENDED
from datakeel.read.symbols import Module
from datakeel.read.values import NOTHING, Value

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

AUTOCOMMIT = "autocommit"
HOLDERS = ("bind", "engine", "self.engine", "binds", "sync_session_class", "execution_options", "connect_args")


class Transactions:
    """Begins and ends the transactions of sessions and connections."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kinds: dict[tuple[str, str], bool] = {}
        self._defaults: dict[str, str] = {}  # by the folder of the code

    def is_session(self, type_name: str) -> bool:
        return self.is_a(type_name, SESSION)

    def is_connection(self, type_name: str) -> bool:
        return self.is_a(type_name, CONNECTION)

    def is_a(self, type_name: str, kind: str) -> bool:
        """Whether a type is a library's, or inherits from it (a class of the project too)."""
        found = self._kinds.get((type_name, kind))
        if found is None:
            libraries = self.world.libraries
            cls = self.world.class_named(type_name) if type_name else None
            names = (type_name, *(cls.externals() if cls is not None else ())) if type_name else ()
            found = self._kinds[type_name, kind] = any(kind in libraries.lineage(n) for n in names)
        return found

    def connection(self, caller: Caller, session: Value) -> str:
        """The name of a session's connection; where the session is not known, the one that is in use."""
        if session.type and (self.is_session(session.type) or self.is_connection(session.type)):
            named = caller.connection_of(session)
            if named:
                return named
        for name, number in reversed(caller.state.transactions.items()):
            if number > 0:
                return name
        return "session"

    def begun(self, caller: Caller, session: Value, connection: str, at: Span) -> None:
        """The first use of a session begins its transaction, unless it commits by itself."""
        if caller.current(connection) is not None:
            return
        isolation = self.isolation(session, caller)
        if isolation == AUTOCOMMIT:
            caller.state.transactions[connection] = ENDED
            return
        caller.begin("session", connection, at, isolation)

    def isolation(self, session: Value, caller: Caller) -> str:
        """The isolation that a session's, connection's or engine's options say, else that of the code's own engine."""
        if found := given_isolation(session):
            return spelled(found)
        function = caller.frame_function()
        return self.default(function.module.path if function is not None else "")

    def default(self, path: str) -> str:
        """The isolation level that the engines of a file's own program are made with: those that stand nearest to it,
        for a repository may hold several programs, each with its engine. Empty where they differ or say none."""
        folder = path.rpartition("/")[0]
        found = self._defaults.get(folder)
        if found is None:
            found = self._defaults[folder] = nearest(folder, self.levels)
        return found

    @cached_property
    def levels(self) -> tuple[tuple[str, str], ...]:
        """Every engine: its file, and the isolation level that it is made with."""
        with self.world.ledger.everywhere():
            return tuple((m.path, self.engine_isolation(m, call)) for m, call in self.engines())

    def engine_isolation(self, module: Module, call: Call) -> str:
        expression = keyword(call, "isolation_level")
        value = self.world.scratch(module).eval(expression) if expression is not None else NOTHING
        return spelled(value.text or "")

    def engines(self) -> Iterator[tuple[Module, Call]]:
        """Every call that makes an engine."""
        made = {"create_engine", "create_async_engine"}
        for module, info, code in self.world.constructions.naming(made):
            for call in calls_in(self.world.constructions.read(info, code)):
                if last_name(call.function) in made:
                    yield module, call
        for module in self.world.names.every_module():
            for call in calls_in(module.file.constants):
                if last_name(call.function) in made:
                    yield module, call


def nearest(folder: str, levels: tuple[tuple[str, str], ...]) -> str:
    """The level on which the engines agree that share most of a folder's path.

    >>> nearest("api/orders", (("api/db.py", "repeatable-read"), ("worker/db.py", "")))
    'repeatable-read'
    """
    shared = [(len(commonpath((folder, path.rpartition("/")[0]))), level) for path, level in levels]
    most = max((n for n, _ in shared), default=0)
    found = {level for n, level in shared if n == most}
    return found.pop() if len(found) == 1 else ""


def given_isolation(value: Value, depth: int = 0) -> str:
    """``isolation_level`` among an object's options, or those of what it is bound to."""
    if depth > 4:
        return ""
    options = {**(value.entries or {}), **(value.options or {})}
    own = options.get("isolation_level")
    if own is not None and own.text:
        return own.text
    for name in HOLDERS:
        held = options.get(name)
        found = given_isolation(held, depth + 1) if held is not None else ""
        if found:
            return found
    return given_isolation(value.owner, depth + 1) if value.owner is not None else ""


def spelled(level: str) -> str:
    return level.lower().replace("_", "-").replace(" ", "-")


def calls_in(node: Any) -> Iterator[Call]:
    """Every call in a piece of the neutral tree."""
    if isinstance(node, Call):
        yield node
    if isinstance(node, tuple):
        for part in node:
            yield from calls_in(part)
    elif isinstance(node, Struct):
        for name in node.__struct_fields__:
            yield from calls_in(getattr(node, name))
