"""What the project's own constructions of a class pass, where that alone says what an attribute holds; and what single
calls set for the whole process. Both are looked up in the text, by name, and followed no further."""

from __future__ import annotations

from collections.abc import Container, Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datakeel.model.effect import Rows
from datakeel.model.place import Place
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.ledger import NAME, TEXT
from datakeel.read.program import (
    Assign,
    Attribute,
    Call,
    Closure,
    Code,
    Collection,
    Const,
    Define,
    Expression,
    Global,
    Handler,
    Item,
    Local,
    Parameter,
    Star,
    Statement,
    body,
    field_names,
)
from datakeel.read.retrying import walked
from datakeel.read.storing import assigned
from datakeel.read.symbols import ClassInfo, External, FunctionInfo, Module, place_of
from datakeel.read.values import MISSING, NOTHING, Value, join

if TYPE_CHECKING:
    from datakeel.read.world import World

MANY = 24  # sites of one class: what is made in more places is not looked into


@dataclass(frozen=True, slots=True)
class Made:
    """One call in the text, and the module that it stands in."""

    module: Module
    call: Call
    inside: FunctionInfo | None

    @property
    def place(self) -> Place:
        return place_of(self.module.path, self.call.at)


class Constructions:
    """Answers from the whole project's text; each body is looked into only when its names hold what is asked for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._bodies: list[tuple[Module, FunctionInfo | None, Code]] | None = None

    # What an attribute holds ------------------------------------------------------------------------------------------

    def held(self, value: Value, owner: ClassInfo | None, first: str) -> Value | None:
        """What an attribute of self holds that the constructor was simply given, when all constructions that the
        project has agree; None where that is not so."""
        rows = value.rows
        if owner is None or rows is None or rows.root != f"parameter:{first}" or len(rows.path) != 1:
            return None
        key = ("held", owner.name, rows.path[0])
        found: Value | None = self.world.memo.answer(key, lambda: self.work_out(owner, rows.path[0]), None)
        return found

    def work_out(self, cls: ClassInfo, name: str) -> Value | None:
        asked = self.parameter_of(cls, name)
        if asked is None:
            return None
        init, parameter = asked
        sites = self.sites(cls)
        if not sites:
            return None
        values = [self.passed(site, init, parameter) for site in sites]
        if any(v is None for v in values):
            return None
        return agreed([v for v in values if v is not None])

    def parameter_of(self, cls: ClassInfo, name: str) -> tuple[FunctionInfo, Parameter] | None:
        """The constructor's parameter that an attribute holds, when it holds that as it is."""
        init = cls.method("__init__")
        if init is None or not init.signature.parameters or name not in init.code.names:
            return None
        if self.assigned_elsewhere(name, init):
            return None
        first = init.signature.parameters[0].name
        trace = self.world.general(init)
        own = trace.heap.get((Rows(f"parameter:{first}"), name))
        if own is None or own.others or len(own.sources) != 1:
            return None
        (source,) = own.sources
        if source.kind != "parameter" or source.path:
            return None
        return next(((init, p) for p in init.signature.parameters if p.name == source.name), None)

    def assigned_elsewhere(self, name: str, init: FunctionInfo) -> bool:
        """Whether any other code of the project assigns an attribute of that name, of whatever object."""
        for _, info, code in self.naming({name}):
            if info is init:
                continue
            for statement in walked(self.read(info, code)):
                if name in assigned(statement):
                    same = info is None or info.owner is None or info.owner.method("__init__") is not info
                    if same or not isinstance(statement, Assign):
                        return True
        return False

    def passed(self, site: Made, init: FunctionInfo, parameter: Parameter) -> Value | None:
        """What one construction passes for a parameter; None when that cannot be told."""
        if any(isinstance(a, Star) for a in site.call.arguments) or any(not n for n, _ in site.call.keywords):
            return None
        positional = [p for p in init.signature.parameters[1:] if p.kind == "positional"]
        named = dict(site.call.keywords)
        if parameter.kind == "options":
            known = {p.name for p in init.signature.parameters}
            entries = {n: self.literal(site, e) for n, e in named.items() if n not in known}
            return Value(type="builtins.dict", entries=entries, place=site.place)
        if parameter.kind == "rest":
            return None
        given = named.get(parameter.name)
        index = next((i for i, p in enumerate(positional) if p is parameter), None)
        if given is None and index is not None and index < len(site.call.arguments):
            given = site.call.arguments[index]
        if given is not None:
            return self.literal(site, given).but(place=site.place)
        if parameter.default is None:
            return None
        return self.world.default(init, parameter).but(place=site.place)

    def literal(self, site: Made, expression: Expression) -> Value:
        """An argument as far as it can be told without following its function."""
        if isinstance(expression, Const):
            return Value(const=expression.value)
        if isinstance(expression, Global | Attribute) and dotted_of(expression) is not None:
            value = self.world.scratch(site.module).eval(expression)
            return value if value.known else Value(type=value.type)
        return NOTHING

    # Where a class is made --------------------------------------------------------------------------------------------

    def sites(self, cls: ClassInfo) -> tuple[Made, ...] | None:
        """Every construction of a class, and of its subclasses that have no constructor of their own; None when the
        class is handed on as a value, or made in more places than are looked into."""
        nowhere: tuple[Made, ...] | None = None
        return self.world.memo.answer(("sites", cls.name), lambda: self.find_sites(cls), nowhere)

    def find_sites(self, cls: ClassInfo) -> tuple[Made, ...] | None:
        init = cls.method("__init__")
        family = [c for c in self.world.names.every_class() if cls in c.lineage and c.method("__init__") is init]
        if any(cls in c.lineage and c not in family for c in self.world.names.every_class()):
            return None  # a subclass passes on what it likes
        found: list[Made] = []
        names = {c.facts.name.rpartition(".")[2] for c in family}
        for module, info, code in self.naming(names, family):
            for expression, called in parts(self.read(info, code)):
                target = self.resolved(module, info, expression, family)
                if target is None:
                    continue
                if called is None:
                    return None
                found.append(Made(module, called, info))
        for module, owner, statement in self.declaring():
            for expression, called in parts((statement,)):
                if self.resolved(module, None, expression, family) is not None:
                    if called is None:
                        return None
                    if owner:
                        for name in field_names(statement):
                            self.world.ledger.rests_on(TEXT, (module.path, f"{owner}.{name}"))
                    found.append(Made(module, called, None))
        ordered = {(s.place.path, s.place.line, s.place.column): s for s in found}
        return tuple(ordered[k] for k in sorted(ordered)) if len(ordered) <= MANY else None

    def declaring(self) -> Iterator[tuple[Module, str, Statement]]:
        """What modules and their classes assign, with the class (empty: the module itself)."""
        for module in self.world.names.every_module():
            yield from ((module, "", statement) for statement in module.file.constants)
            for cls in module.file.classes:
                yield from ((module, cls.name, statement) for statement in cls.fields)

    def resolved(
        self, module: Module, info: FunctionInfo | None, expression: Expression, family: list[ClassInfo]
    ) -> ClassInfo | None:
        """The class of the family that an expression names (``cls`` in its own class methods too)."""
        if isinstance(expression, Local):
            own = info is not None and info.owner in family and "classmethod" in self.world.method_kinds(info)
            first = info.signature.parameters[:1] if own and info is not None else ()
            return info.owner if info is not None and first and first[0].name == expression.name else None
        dotted = dotted_of(expression)
        if dotted is None or not dotted.endswith(tuple(c.facts.name.rpartition(".")[2] for c in family)):
            return None
        symbol = self.world.names.resolve(module, dotted)
        return symbol if isinstance(symbol, ClassInfo) and symbol in family else None

    def bodies(self) -> list[tuple[Module, FunctionInfo | None, Code]]:
        if self._bodies is None:
            names = self.world.names
            self._bodies = [(f.module, f, f.code) for f in names.every_function()]
            for module in names.every_module():
                if len(module.file.bodies) > len(module.file.functions):
                    self._bodies.append((module, None, module.file.bodies[-1]))
        return self._bodies

    def naming(
        self, names: Set[str], family: Container[ClassInfo] = ()
    ) -> Iterator[tuple[Module, FunctionInfo | None, Code]]:
        """The bodies in which one of the names stands, and those of the classes' own methods."""
        for name in names:
            self.world.ledger.rests_on(NAME, name)
        for module, info, code in self.bodies():
            if not names.isdisjoint(code.names) or (info is not None and info.owner in family):
                yield module, info, code

    def read(self, info: FunctionInfo | None, code: Code) -> tuple[Statement, ...]:
        """A function's statements, or those of a module; nobody follows them, so they are not kept."""
        if info is not None:
            self.world.ledger.rests_on(TEXT, info.written)
        return body(code)

    # What holds for the whole process ---------------------------------------------------------------------------------

    def set_for_all(self, name: str) -> str | None:
        """What the project sets a default of the process to, by a call whose row says so: its text, empty when that
        is not known; None when nothing sets it."""
        rows = {n: r for n, r in self.world.libraries.calls.items() if name in r.sets}
        last = {n.rpartition(".")[2] for n in rows}
        for module, info, code in self.naming(last):
            for expression, called in parts(self.read(info, code)):
                dotted = dotted_of(expression) if called is not None else None
                symbol = self.world.names.resolve(module, dotted) if dotted is not None else None
                row = rows.get(self.world.libraries.canonical(symbol.dotted)) if isinstance(symbol, External) else None
                if row is None or called is None:
                    continue
                given = next((e for n, e in called.keywords if n == row.sets[name]), None)
                given = called.arguments[0] if given is None and called.arguments else given
                value = self.literal(Made(module, called, None), given) if given is not None else NOTHING
                return repr(value.const) if value.known else ""
        return None


def agreed(values: list[Value]) -> Value | None:
    """One value for all constructions, or None where they differ."""
    first = values[0]
    if first.entries is not None:
        if any(v.entries is None or v.entries.keys() != first.entries.keys() for v in values):
            return None
        entries = dict(first.entries)
        for other in values[1:]:
            entries = {k: join(v, (other.entries or {})[k]) for k, v in entries.items()}
        return first.but(entries=entries)
    if first.known and all(v.known and v.const == first.const for v in values):
        return first
    return Value(type=first.type, const=MISSING) if all(v.type == first.type for v in values) else None


def parts(statements: tuple[Statement, ...]) -> Iterator[tuple[Expression, Call | None]]:
    """Every name (or chain of names) in the text, with the call whose function it is; annotations, exception classes,
    and the class arguments of `isinstance` are left out: they make nothing."""
    waiting: list[object] = list(statements)
    while waiting:
        node = waiting.pop()
        match node:
            case Global() | Local():
                yield node, None
            case Call(Global("builtins.isinstance" | "builtins.issubclass"), arguments):
                waiting += arguments[:1]
            case Call(function, arguments, keywords):
                waiting += arguments
                waiting += (value for _, value in keywords)
                if isinstance(function, Global | Local) or dotted_of(function) is not None:
                    yield function, node
                else:
                    waiting.append(function)
            case Attribute(base):
                dotted = dotted_of(node)
                if dotted is not None:
                    yield node, None
                if isinstance(base, Local) or dotted is None:
                    waiting.append(base)
            case Assign(targets, value):
                waiting += (t for t in targets if isinstance(t, Item))
                waiting.append(value)
            case Handler():
                waiting += node.body
            case Define(function):
                waiting += function.body
            case Closure(function):
                waiting += function.body
            case Collection(_, items, keys):
                waiting += items
                waiting += (k for k in keys if k is not None)
            case _ if hasattr(node, "__struct_fields__"):
                for name in node.__struct_fields__:
                    held = getattr(node, name)
                    waiting += held if isinstance(held, tuple) else (held,)
