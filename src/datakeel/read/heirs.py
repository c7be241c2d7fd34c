"""Which methods run in the place of one that only says what heirs shall have: an abstract one, one that raises
``NotImplementedError``, a protocol's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from datakeel.read import handling
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.ledger import NAME, TEXT
from datakeel.read.program import Call, Expression, Global, Raise, Statement
from datakeel.read.symbols import ClassInfo, External, FunctionInfo
from datakeel.read.values import FEW

if TYPE_CHECKING:
    from datakeel.read.world import World

ABSTRACT = frozenset(f"abc.{name}" for name in ("abstractmethod", "abstractproperty", "abstractclassmethod"))
MANY = 12  # heirs that are asked whether they act
REFUSAL = "NotImplementedError"
PROTOCOLS = frozenset(("typing.Protocol", "typing_extensions.Protocol"))


class Heirs:
    """Answers from the classes of the whole project."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._standing_in: dict[FunctionInfo, tuple[FunctionInfo, ...]] = {}
        self._conforming: dict[ClassInfo, tuple[ClassInfo, ...]] = {}
        self._declared: dict[FunctionInfo, bool] = {}

    def standing_in(self, caller: FunctionInfo, callee: FunctionInfo) -> tuple[FunctionInfo, ...]:
        """The methods of heirs that run in the place of one which does nothing itself. (An heir's method that asks for
        its own name means its base's.)"""
        self.world.ledger.rests_on(TEXT, callee.written)
        found = self._standing_in.get(callee)
        if found is None:
            found = self._standing_in[callee] = self.written_by_heirs(callee)
        if found and caller.owner is not None and callee.owner in caller.owner.ancestors():
            name = method_name(callee)
            return () if method_name(caller) == name else found
        return found

    def written_by_heirs(self, callee: FunctionInfo) -> tuple[FunctionInfo, ...]:
        name = method_name(callee)
        heirs = self.below.get(callee.owner.name, ()) if callee.owner is not None and name[:2] != "__" else ()
        written = tuple(h.methods[name] for h in heirs if name in h.methods)
        if not written or not empty(self.world.text(callee)):
            return ()
        return written

    def implementations(self, cls: ClassInfo, method: FunctionInfo) -> tuple[tuple[ClassInfo, FunctionInfo, bool], ...]:
        """What may run where a method of a class is called that is only declared: the classes and methods of its heirs
        that have it; where there are several, of those that act on the world with it (others hold all in memory), each
        perhaps. None where the method is more than declared, or where so many have it that what one of them does
        says little."""
        heirs = self.of(cls)
        if not heirs or not self.declared(method):
            return ()
        name = method_name(method)
        found: dict[FunctionInfo, ClassInfo] = {}
        for heir in heirs:
            written = heir.method(name)
            if written is not None and not self.declared(written):
                found.setdefault(written, heir)
        perhaps = len(found) > 1
        if perhaps and len(found) <= MANY:
            found = {m: h for m, h in found.items() if self.world.general(m).effects}
        return tuple((heir, written, perhaps) for written, heir in found.items()) if len(found) <= FEW else ()

    def standing_for(self, cls: ClassInfo) -> ClassInfo:
        """The class of an object that is said to be of an abstract class or a protocol, where the project has one whole
        class alone that it may be of; else the class that was said."""
        if not self.of(cls):
            return cls
        found: ClassInfo = self.world.memo.answer(("standing", cls.name), lambda: self.only_whole(cls), cls)
        return found

    def only_whole(self, cls: ClassInfo) -> ClassInfo:
        whole = [c for c in self.of(cls) if not self.abstract(c)] if self.abstract(cls) else []
        return whole[0] if len(whole) == 1 else cls

    def abstract(self, cls: ClassInfo) -> bool:
        """Whether a class lacks the body of one of its methods: there are no objects of it, only of its heirs."""
        names = dict.fromkeys(name for c in cls.ancestors() for name in c.methods)
        return any((method := cls.method(name)) is not None and self.declared(method) for name in names)

    def declared(self, method: FunctionInfo) -> bool:
        """Whether a method only says what heirs shall have. Its text is read only where it may say so."""
        if method.owner is None:
            return False
        protocol = is_protocol(method.owner)
        if not protocol:
            self.world.ledger.rests_on(NAME, REFUSAL)
        if protocol or REFUSAL in method.code.names:
            self.world.ledger.rests_on(TEXT, method.written)
        if method not in self._declared:
            self._declared[method] = self.says_no_more(method, protocol)
        return self._declared[method]

    def says_no_more(self, method: FunctionInfo, protocol: bool) -> bool:
        if any(self.external(method, d) in ABSTRACT for d in method.signature.decorators):
            return True
        if not protocol and REFUSAL not in method.code.names:
            return False
        text = self.world.text(method)
        return (protocol or any(map(refuses, text))) and empty(text)

    def external(self, method: FunctionInfo, decorator: Expression) -> str:
        dotted = dotted_of(decorator)
        symbol = self.world.names.resolve(method.module, dotted) if dotted is not None else None
        return symbol.dotted if isinstance(symbol, External) else ""

    def of(self, cls: ClassInfo) -> tuple[ClassInfo, ...]:
        """The classes that an object may be of which is said to be of a class, but for that itself: those below it;
        where there are none and it is a protocol, those that have its methods."""
        below = self.below.get(cls.name, ())
        if below or not is_protocol(cls):
            return below
        if cls not in self._conforming:
            others = (c for c in self.world.names.every_class() if c is not cls)
            self._conforming[cls] = tuple(c for c in others if conforms(c, cls))
        return self._conforming[cls]

    @cached_property
    def below(self) -> dict[str, tuple[ClassInfo, ...]]:
        """The project's classes below each of its classes."""
        found: dict[str, list[ClassInfo]] = {}
        for cls in self.world.names.every_class():
            for base in cls.ancestors()[1:]:
                found.setdefault(base.name, []).append(cls)
        return {name: tuple(heirs) for name, heirs in found.items()}


def is_protocol(cls: ClassInfo) -> bool:
    return any(isinstance(base, str) and base in PROTOCOLS for base in cls.bases)


def conforms(cls: ClassInfo, protocol: ClassInfo) -> bool:
    """Whether a class has all methods of a protocol, each with its parameters."""
    return bool(protocol.methods) and all(
        (own := cls.method(name)) is not None and parameters(own) == parameters(asked)
        for name, asked in protocol.methods.items()
    )


def parameters(method: FunctionInfo) -> tuple[str, ...]:
    return tuple(p.name for p in method.signature.parameters[1:])


def empty(text: Iterable[Statement]) -> bool:
    """Whether a method's text does nothing itself, or only says that an heir has to do it."""
    return all(handling.does_nothing(s) or refuses(s) for s in text)


def refuses(statement: Statement) -> bool:
    """Whether a statement says that an heir has to do it."""
    if not isinstance(statement, Raise):
        return False
    value = statement.value.function if isinstance(statement.value, Call) else statement.value
    return isinstance(value, Global) and value.dotted.endswith(REFUSAL)


def method_name(method: FunctionInfo) -> str:
    return method.signature.name.rpartition(".")[2]
