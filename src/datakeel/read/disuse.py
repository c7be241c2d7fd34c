"""The functions that nobody needs: nothing starts them, and no code that somebody needs calls or names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from datakeel.model.effect import Kind
from datakeel.model.operation import Entry, Operation, Role
from datakeel.read.imports import Imports
from datakeel.read.languages.python.names import Names
from datakeel.read.orms.django.schema.library import PLAIN
from datakeel.read.program import Signature
from datakeel.read.symbols import ClassInfo, Module
from datakeel.read.world import plainly_named

BY_CUSTOM = frozenset(
    ("main", "handler", "lambda_handler", "application", "app", "setup", "run")
)  # found by their names
ONCE = (Role.MIGRATION, Role.TEST)  # what only these use runs no more
# bases whose frameworks find no class by themselves: who wants one has to name it
NAMED = re.compile(
    r"builtins\.object$|abc\.ABC$|typing\.\w+$"
    r"|(django|rest_framework)\..*\b(views|viewsets|generics|mixins|serializers|forms|filters|permissions|throttling)\."
)
# bases that call no method of their heirs but those that Python itself does
IDLE = re.compile(r"(builtins\.(object|\w+Error|Exception)|abc\.ABC|typing\.\w+|typing_extensions\.\w+)$")

# what looks for something by its name
LOOKS = frozenset(
    (
        *("__dict__", "attrgetter", "call_command", "eval", "exec", "getattr", "globals", "hasattr", "import_module"),
        *("import_string", "locals", "methodcaller", "send_task", "signature", "vars"),
    )
)

# what Django, or its admin, calls of a model
HOOKS = frozenset(
    (
        *("check", "check_password", "clean", "clean_fields", "date_error_message", "delete", "email_user", "from_db"),
        *("full_clean", "get_absolute_url", "get_full_name", "get_short_name", "get_username", "has_module_perms"),
        *("has_perm", "has_perms", "set_password"),
        *("get_constraints", "get_deferred_fields", "natural_key", "prepare_database_save", "refresh_from_db", "save"),
        *("save_base", "serializable_value", "unique_error_message", "validate_constraints", "validate_unique"),
    )
)
ROWS = re.compile(r"django\.db\.models\.(query\.QuerySet|QuerySet|manager\.(Base)?Manager|Manager)$")
ROWS_HOOKS = frozenset(
    (
        *("as_manager", "check", "contribute_to_class", "deconstruct", "from_queryset", "get_queryset", "using"),
        *("get_prefetch_queryset", "get_prefetch_querysets", "resolve_expression", "create_superuser", "create_user"),
        *("get_by_natural_key", "db_manager"),
    )
)


class Piece(Struct, frozen=True):
    """A function, with its class where it is a method, and the names that it mentions. `shadowed`: another one takes
    its name before it is of use."""

    name: str  # its operation's
    own: str
    module: Module
    signature: Signature
    mentions: frozenset[str]
    cls: ClassInfo | None
    shadowed: bool

    @property
    def around(self) -> tuple[str, str]:
        return self.module.path, self.signature.name.rpartition(".")[0]


class Disuse:
    """One look for them over a whole program: what is needed is followed from where the program begins, and what is
    never come to nobody needs. `calls` says who calls whom, `reached` what starts a function, by its name or by who
    calls it; `elsewhere` are the names that templates and configuration use; `may_be_started` says whether a function's
    decorators may start it. A name means all functions that have it."""

    def __init__(
        self,
        names: Names,
        role: Callable[[str], Role],
        operations: Mapping[str, Operation],
        calls: Mapping[str, Collection[str]],
        reached: Mapping[str, Sequence[Entry]],
        elsewhere: Collection[str],
        may_be_started: Callable[[Module, Signature], bool],
    ) -> None:
        self.names = names
        self.operations = operations
        self.reached = reached
        self.may_be_started = may_be_started
        self.sent = {e.dataset for o in operations.values() for e in o.of(Kind.PUBLISH)}
        self.calls: dict[str, set[str]] = {}
        for caller, callees in calls.items():
            self.calls.setdefault(plainly_named(caller), set()).update(map(plainly_named, callees))
        modules = [(m, role(m.path)) for m in names.every_module() if role(m.path) not in ONCE]
        self.imports = Imports(modules)
        self.entered: set[str] = set()  # modules that are run
        self.words: set[str] = set()  # the names that needed code mentions
        self.strings = set(elsewhere)
        self.affixes: set[str] = set()  # texts of code that looks for things by their names
        self.called: set[str] = set()  # the functions that a needed one calls
        self.siblings: dict[tuple[str, str], set[str]] = {}  # the names that a class's needed methods mention
        self.waiting = {piece.name: piece for module, _ in modules for piece in self.pieces(module)}

    def pieces(self, module: Module) -> Iterator[Piece]:
        """The functions of a module. Of several of one name in one block the last is the one that is meant."""
        own = module.file.bodies[-1].names
        columns: dict[str, int] = {}
        for signature in module.file.functions:
            around = signature.name.rpartition(".")[0]
            columns[around] = min(signature.at.column, columns.get(around, signature.at.column))
        for signature, code in zip(module.file.functions, module.file.bodies, strict=False):
            around = signature.name.rpartition(".")[0]
            word, _, again = last(signature.name).partition("#")
            yield Piece(
                f"{module.name}.{signature.name}",
                word,
                module,
                signature,
                frozenset(code.names),
                self.names.class_of(module, around) if around else None,
                again.isdigit() and signature.at.column == columns[around] and word not in own,
            )

    def found(self) -> frozenset[str]:
        """The unneeded functions, by the names of their operations."""
        self.enter(self.imports.begun())
        while self.goes_on() or self.enters_further():
            pass
        return frozenset(n for n, o in self.operations.items() if n in self.waiting or self.left_behind(o))

    def left_behind(self, operation: Operation) -> bool:
        """Whether it stands in a module that is not run."""
        path = operation.place.path
        return path in self.imports.modules and path not in self.entered

    def enter(self, paths: Sequence[str]) -> None:
        """Runs modules, and those that they import: what their own code mentions is needed. An import, and a name in
        ``__all__``, use nothing yet."""
        due = list(paths)
        while due:
            path = due.pop()
            if path not in self.entered:
                self.entered.add(path)
                module = self.imports.modules[path]
                self.words.update(module.file.bodies[-1].names)
                texts = set(module.file.words).difference(module.file.exports)
                self.strings |= texts
                if any(not LOOKS.isdisjoint(code.names) for code in module.file.bodies):
                    self.affixes |= texts
                due += self.imports.imported(module)

    def enters_further(self) -> bool:
        further = self.imports.further(self.entered, self.strings, self.words)
        self.enter(further)
        return bool(further)

    def goes_on(self) -> bool:
        """Takes the functions that what is needed needs; whether there were any."""
        needed = [p for p in self.waiting.values() if p.module.path in self.entered and self.needs(p)]
        for piece in needed:
            del self.waiting[piece.name]
            self.words |= piece.mentions
            self.siblings.setdefault(piece.around, set()).update(piece.mentions)
            self.called |= self.calls.get(piece.name, set())
        return bool(needed)

    def needs(self, piece: Piece) -> bool:
        """Whether somebody needs a function of a module that is run."""
        if not self.has_class(piece):
            return False
        if private(piece.own):
            return piece.own in self.siblings.get(piece.around, ()) or piece.own in piece.module.file.bodies[-1].names
        if piece.shadowed:
            return self.may_be_started(piece.module, piece.signature)
        if piece.own in self.words or self.told(piece.own) or piece.name in self.called:
            return True
        if piece.own in BY_CUSTOM or piece.own.startswith("__") or {"super", piece.own} <= piece.mentions:
            return True
        operation = self.operations.get(piece.name)
        ways = [e for e in self.reached.get(piece.name, ()) if operation is not None and e.place == operation.place]
        return not self.unsent(piece, ways) if ways else self.found_by_framework(piece)

    def has_class(self, piece: Piece) -> bool:
        """Whether it is no method of a class that has to be named to be of use, and that nobody names but itself."""
        cls = piece.cls
        if cls is None or cls.facts.decorators or len(cls.ancestors()) > 1:
            return True
        own = last(cls.facts.name)
        return own in self.words or self.told(own) or not all(NAMED.match(base) for base in cls.externals())

    def told(self, own: str) -> bool:
        """Whether a text has a function's name, or, before or after a ``_``, the rest of it (``f"pay_{kind}"``)."""
        if own in self.strings:
            return True
        parts = own.split("_")
        starts = ("_".join(parts[:n]) + "_" for n in range(1, len(parts)))
        ends = ("_" + "_".join(parts[n:]) for n in range(1, len(parts)))
        return any(part in self.affixes for part in (*starts, *ends) if len(part) > 1)

    def unsent(self, piece: Piece, entries: Sequence[Entry]) -> bool:
        """Whether a task is one that nobody sends, and no plan could, for it has to be given something."""
        if not self.sent or any(e.kind != "task" or e.name in self.sent for e in entries):
            return False
        given = (p for p in piece.signature.parameters if p.kind == "positional" and p.name != "self")
        return any(p.default is None for p in given)

    def found_by_framework(self, piece: Piece) -> bool:
        """Whether a decorator may start it, or it is a method that a library's base, or whoever is told the name of its
        class, may call: none by a private name that the program made up (one word may be a hook, as Django's
        ``_save``)."""
        if self.may_be_started(piece.module, piece.signature):
            return True
        cls = piece.cls
        if cls is None:
            return bool(piece.around[1])
        if piece.own.startswith("_") and piece.own.count("_") > 2:
            return False
        bases = [base for base in cls.externals() if not IDLE.match(base)]
        if cls.facts.decorators or not bases:
            return bool(cls.facts.decorators) or last(cls.facts.name) in self.strings
        if all(ROWS.match(base) for base in bases):
            return piece.own in ROWS_HOOKS
        return piece.own in HOOKS or not PLAIN.issuperset(bases)


def private(own: str) -> bool:
    """Whether Python itself keeps a method's name to its class."""
    return own.startswith("__") and not own.endswith("__")


def last(symbol: str) -> str:
    return symbol.rpartition(".")[2]
