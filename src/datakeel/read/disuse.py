"""The functions that nobody needs: nothing starts them, and no code that somebody needs calls or names them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from datakeel.model.effect import Kind
from datakeel.model.operation import Entry, Operation, Role
from datakeel.read.languages.python.names import Names
from datakeel.read.orms.django.schema.library import PLAIN
from datakeel.read.program import Signature
from datakeel.read.symbols import ClassInfo
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

# what Django calls of a model, and hands something
HOOKS = frozenset(
    (
        *("check", "clean_fields", "date_error_message", "delete", "from_db", "full_clean", "get_constraints"),
        *("prepare_database_save", "refresh_from_db", "save", "save_base", "serializable_value"),
        *("unique_error_message", "validate_constraints", "validate_unique"),
    )
)


class Disuse:
    """One look for them over a whole program. `calls` says who calls whom, `reached` what starts a function, by its
    name or by who calls it. What only unneeded methods use is unneeded too; a name means all functions that have it."""

    def __init__(
        self,
        names: Names,
        role: Callable[[str], Role],
        operations: Mapping[str, Operation],
        calls: Mapping[str, Collection[str]],
        reached: Mapping[str, Sequence[Entry]],
    ) -> None:
        self.names = names
        self.role = role
        self.operations = operations
        self.reached = reached
        self.sent = {e.dataset for o in operations.values() for e in o.of(Kind.PUBLISH)}
        self.dead: set[str] = set()
        self.mentions: Counter[str] = Counter()  # how many pieces of living code mention a name
        self.mentioned: dict[str, Collection[str]] = {}  # the names that a function mentions
        self.callers: Counter[str] = Counter()  # how many living functions call one
        self.called: dict[str, Collection[str]] = {}  # the functions that one calls
        self.namesakes: dict[str, list[str]] = {}
        self.words: set[str] = set()  # in strings
        self.signatures: dict[str, Signature] = {}
        self.siblings: dict[tuple[str, str], Counter[str]] = {}  # what the methods of a class mention
        self.note_calls(calls)
        self.note_texts()

    def note_calls(self, calls: Mapping[str, Collection[str]]) -> None:
        for caller, callees in calls.items():
            operation = self.operations.get(plainly_named(caller))
            if operation is None or operation.role not in ONCE:
                called = {plainly_named(callee) for callee in callees} - {plainly_named(caller)}
                self.callers.update(called)
                self.called[caller] = called

    def note_texts(self) -> None:
        """What each text mentions: called, handed on, or in a string. An import, and a name in ``__all__``, use nothing
        yet; nor does a function that calls itself (a method may be a framework's that it calls of its ``super()``)."""
        functions = {(o.place.path, o.symbol): name for name, o in self.operations.items()}
        for path, module in self.names.by_path.items():
            if self.role(path) in ONCE:
                continue
            *bodies, own = module.file.bodies
            self.mentions.update(own.names)
            self.words.update(set(module.file.words).difference(module.file.exports))
            for signature, code in zip(module.file.functions, bodies, strict=True):
                word = last(signature.name)
                mentioned = code.names
                if word in code.names and "super" not in code.names:
                    mentioned = tuple(n for n in code.names if n != word)
                self.mentions.update(mentioned)
                if around := signature.name.rpartition(".")[0]:
                    self.siblings.setdefault((path, around), Counter()).update(mentioned)
                function = functions.get((path, signature.name))
                if function is not None:
                    self.mentioned[function] = mentioned
                    self.signatures[function] = signature
                    self.namesakes.setdefault(word, []).append(function)

    def found(self) -> frozenset[str]:
        """The unneeded functions, by the names of their operations."""
        waiting = list(self.operations)
        while waiting:
            name = waiting.pop()
            if name not in self.dead and self.unneeded(self.operations[name]):
                self.dead.add(name)
                waiting.extend(self.freed(name))
        return frozenset(self.dead)

    def unneeded(self, operation: Operation) -> bool:
        own = last(operation.symbol)
        if self.of_unnamed_class(operation):
            return True
        if private(own):
            return not self.siblings_of(operation)[own]
        if self.mentions[own] or self.told(own):
            return False
        ways = self.reached.get(operation.name, ())
        if ways:
            return self.unsent(operation, ways)
        called = self.callers[operation.name] or own in BY_CUSTOM or own.startswith("__")
        return not called and not self.found_by_framework(operation)

    def siblings_of(self, operation: Operation) -> Counter[str]:
        return self.siblings.get((operation.place.path, operation.symbol.rpartition(".")[0]), Counter())

    def of_unnamed_class(self, operation: Operation) -> bool:
        """Whether it is a method of a class that nobody names but itself, and that has to be named to be of use."""
        around = operation.symbol.rpartition(".")[0]
        cls = self.names.class_of(self.names.by_path[operation.place.path], around) if around else None
        if cls is None or cls.facts.decorators or len(cls.ancestors()) > 1:
            return False
        own = last(around)
        named = self.mentions[own] - self.siblings_of(operation)[own]
        return not named and not self.told(own) and all(NAMED.match(base) for base in cls.externals())

    def told(self, own: str) -> bool:
        """Whether a string has a function's name, or, before or after a ``_``, the rest of it (``f"pay_{kind}"``)."""
        parts = own.split("_")
        starts = ("_".join(parts[:n]) + "_" for n in range(1, len(parts)))
        ends = ("_" + "_".join(parts[n:]) for n in range(1, len(parts)))
        return own in self.words or any(part in self.words for part in (*starts, *ends) if len(part) > 1)

    def freed(self, name: str) -> Iterator[str]:
        """Those that may be unneeded too, now that one is. A public function of a module may after all be named where
        we do not read (the YAML of an API, a Procfile): what it uses stays needed."""
        symbol = self.operations[name].symbol
        if "." not in symbol and not symbol.startswith("_"):
            return
        for callee in self.called.get(name, ()):
            self.callers[callee] -= 1
            if callee in self.operations:
                yield callee
        for mention in self.mentioned.get(name, ()):
            self.mentions[mention] -= 1
            if not self.mentions[mention]:
                yield from self.namesakes.get(mention, ())

    def unsent(self, operation: Operation, entries: Sequence[Entry]) -> bool:
        """Whether a task is one that nobody sends, and no plan could, for it has to be given something."""
        if not self.sent or any(e.kind != "task" or e.place != operation.place for e in entries):
            return False
        if any(e.name in self.sent for e in entries):
            return False
        signature = self.signatures.get(operation.name)
        return signature is not None and any(
            p.default is None and p.kind == "positional" and p.name != "self" for p in signature.parameters
        )

    def found_by_framework(self, operation: Operation) -> bool:
        """Whether it is decorated, or a method that a library's base, or a decorator of its class, may call: none by a
        private name that the program made up (one word may be a hook, as Django's ``_save``), and none of a Django
        model that has to be handed something, as no template can, or that writes, as none should."""
        signature = self.signatures.get(operation.name)
        if signature is None or signature.decorators:
            return True
        around, _, own = operation.symbol.rpartition(".")
        if own.startswith("_") and own.count("_") > 2:
            return False
        cls = self.names.class_of(self.names.by_path[operation.place.path], around) if around else None
        if cls is not None and is_row(cls) and own not in HOOKS and (asks(signature) or writes(operation)):
            return False
        return bool(around) and (cls is None or bool(cls.externals()) or bool(cls.facts.decorators))


def private(own: str) -> bool:
    """Whether Python itself keeps a method's name to its class."""
    return own.startswith("__") and not own.endswith("__")


def last(symbol: str) -> str:
    return symbol.rpartition(".")[2]


def is_row(cls: ClassInfo) -> bool:
    """Whether a class is a Django model of which we know all that calls its methods."""
    bases = cls.externals()
    return any(base.startswith("django.db.models.") for base in bases) and PLAIN.issuperset(bases)


def writes(operation: Operation) -> bool:
    return any(True for _ in operation.of(Kind.WRITE, Kind.PUBLISH))


def asks(signature: Signature) -> bool:
    """Whether a method has to be handed something beside its object."""
    return any(p.default is None and p.kind == "positional" for p in signature.parameters[1:])
