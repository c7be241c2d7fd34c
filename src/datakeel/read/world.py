"""The whole project while it is traced: what names stand for, what functions do, each worked out once and only when
asked."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any, TypeVar

from msgspec.structs import replace

from datakeel.model.certainty import Origin
from datakeel.model.effect import Kind, Option, Rows, Source, When
from datakeel.model.operation import Context, Entry, Exit, Retry
from datakeel.model.place import Place
from datakeel.model.system import Remark
from datakeel.read import handling
from datakeel.read.attributes import class_value
from datakeel.read.builtins import BUILTINS, METHODS
from datakeel.read.calls import Caller, node_span
from datakeel.read.constructions import Constructions
from datakeel.read.contexts import Opening
from datakeel.read.delegation import behind
from datakeel.read.evaluate import times
from datakeel.read.heirs import Heirs
from datakeel.read.languages.python.names import Names, dotted_of
from datakeel.read.ledger import NAME, NOTE, TEXT, Ledger
from datakeel.read.libraries import CallRow, ClassRow, Libraries, Retries, Setting, TypeRow
from datakeel.read.libraries import Entry as EntryRow
from datakeel.read.machine import EMPTY, Handed, Trace
from datakeel.read.memo import Memo
from datakeel.read.notes import Site, Way
from datakeel.read.orms import Orms
from datakeel.read.program import (
    Assign,
    Attribute,
    Call,
    Collection,
    Const,
    Derive,
    Evaluate,
    Expression,
    Function,
    Global,
    Item,
    Local,
    Parameter,
    Signature,
    Span,
    Statement,
    body,
)
from datakeel.read.registering import Callback, Registration, entry_of, given_true
from datakeel.read.state import Frame, runs_as_program
from datakeel.read.storing import stored
from datakeel.read.symbols import ClassInfo, Constant, External, FunctionInfo, Module, Symbol
from datakeel.read.trace import finished
from datakeel.read.values import (
    MESSAGES,
    MISSING,
    NO_SOURCES,
    NOTHING,
    SETTING,
    Arguments,
    ClassTarget,
    ClosureTarget,
    ExternalTarget,
    FunctionTarget,
    MethodTarget,
    PartialTarget,
    Value,
    argument,
    by_setting,
    element,
    join,
    module_rows,
    origin_of,
)

T = TypeVar("T")

LISTS = frozenset(
    (
        "list",
        "List",
        "Sequence",
        "Iterable",
        "Iterator",
        "set",
        "Set",
        "frozenset",
        "FrozenSet",
        "tuple",
        "Tuple",
        "Collection",
        "Generator",
        "AsyncGenerator",
        "AsyncIterator",
        "AsyncIterable",
        "MutableSequence",
        "deque",
        "Deque",
    )
)
WRAPPERS = frozenset(
    (
        "Optional",
        "Union",
        "Annotated",
        "Final",
        "ClassVar",
        "Awaitable",
        "Coroutine",
        "Mapped",
        "Required",
        "NotRequired",
        "FromDishka",
        "Injected",
    )
)
KINDS = {
    "builtins.property": "property",
    "functools.cached_property": "property",
    "django.utils.functional.cached_property": "property",
    "cached_property.cached_property": "property",
    "builtins.staticmethod": "staticmethod",
    "builtins.classmethod": "classmethod",
    "functools.cache": "cached",
    "functools.lru_cache": "cached",
    "cachetools.cached": "cached",
    "cachetools.func.lru_cache": "cached",
    "cachetools.func.ttl_cache": "cached",
    "async_lru.alru_cache": "cached",
    "contextlib.contextmanager": "contextmanager",
    "contextlib.asynccontextmanager": "contextmanager",
    "sqlalchemy.ext.hybrid.hybrid_property": "property",
}


TRUTHS = {"'true'": "True", "'false'": "False", "'True'": "True", "'False'": "False"}  # of configuration files
GIVEN = ("positional", "keyword")
WAITS = ("", "none", "constant", "growing", "jittered")  # each stronger than the one before
PARTS = 12  # how many parts of an argument keep their names
APPLICATIONS = ("app", "application")  # how a web application is called
COMMITS = ("autocommit", "isolation_level")  # options that say when a connection commits, and how
INSIDE_ITSELF = 2  # so often a function is followed inside itself by its arguments' literals: a counter has no end
LITERALS = (str, int, float, bool, type(None))  # the types of constants that tell kinds of arguments apart
TEXTS = 1000  # functions whose statements are kept
FIELDS = frozenset(("Field", "field", "ib", "attrib", "PrivateAttr"))  # what declares a field with its default
CONSTANTS = frozenset(("typing.ClassVar", "typing.Final"))  # annotations of what stays as the class says


class World:
    """Everything that tracing one function may ask about the rest of the project. What it answers depends on the
    project alone, not on the order of the questions."""

    def __init__(self, names: Names, libraries: Libraries, settings: Iterable[Module] = ()) -> None:
        self.names = names
        self.libraries = libraries
        self.builtins = BUILTINS
        self.methods = METHODS
        self.settings = tuple(settings)
        self._behind: dict[ClassInfo, str | None] = {}
        self.orms = Orms(self)
        self._named: dict[str, ClassInfo | None] = {}
        self.ledger = Ledger()
        self.memo = Memo(self.ledger, self.rank)
        self._kinds: dict[int, frozenset[str]] = {}
        self._kind_numbers: dict[Any, int] = {}
        self._closures: dict[int, Function] = {}  # by their identity, as kinds of arguments know them
        self._stored: dict[FunctionInfo, frozenset[str]] = {}
        self._followed: dict[FunctionInfo, list[int]] = {}  # functions that are being followed, by places in the memo
        self._rows: dict[tuple[str, str], CallRow | None] = {}
        self._texts: dict[FunctionInfo, tuple[Statement, ...]] = {}
        self._said: dict[tuple[Callable[..., object], int], tuple[object, object]] = {}
        self._types: dict[str, TypeRow | None] = {}
        self.constructions = Constructions(self)
        self.heirs = Heirs(self)
        self._standing: dict[str, str | None] = {}
        self._globals: dict[tuple[str, str], Value] = {}
        self._put: dict[Module, tuple[tuple[Item, Expression], ...]] = {}
        self._continuations: list[tuple[FunctionInfo, Callable[[Arguments], Value]]] = []

    # Names as values --------------------------------------------------------------------------------------------------

    def by_convention(self, name: str, holder: Rows | None = None) -> Value:
        """What a name alone says of a value, or with the name of what holds it (``request.db``)."""
        known = self.libraries.conventions
        found = known.get(name) or known.get(name.lstrip("_"))
        if not found and holder is not None:
            outer = holder.path[-1] if holder.path else holder.root.rpartition(":")[2]
            found = known.get(f"{outer.lstrip('_')}.{name}")
        return Value(type=found, origin=Origin.CONVENTION) if found else NOTHING

    def held_by_application(self, holder: Rows | None, name: str) -> Value | None:
        """What a web application's ``state`` holds under a name, as whoever starts the application has put it there."""
        if holder is None or holder.path[-1:] != ("state",):
            return None
        return self.of_application(Rows(holder.root, holder.path[:-1]), name)

    def of_application(self, holder: Rows, name: str) -> Value | None:
        """What a web application holds: in its ``state`` under a name, or itself under a key (``app["pool"]``)."""
        whose = holder.path[-1] if holder.path else holder.root.rpartition(":")[2].rpartition(".")[2]
        if whose not in APPLICATIONS:
            return None
        nothing: dict[str, Value] = {}
        return self.memo.answer(("application",), self.application_state, nothing).get(name)

    def application_state(self) -> dict[str, Value]:
        found: dict[str, list[Value]] = {}
        self.ledger.rests_on(NAME, "Application")
        for info in self.names.every_function():
            if "Application" in info.code.names or any(p.name in APPLICATIONS for p in info.signature.parameters):
                trace = self.general(info)
                made = trace.returns.rows if trace.returns is not None else None
                for (rows, name), value in trace.heap.items():
                    keyed = name.startswith("[") and (rows == made or rows.root.rpartition(":")[2] in APPLICATIONS)
                    if value.type and (rows.path == ("state",) or (keyed and not rows.path)):
                        found.setdefault(name, []).append(self.detached(value))
        return {n: v[0] for n, v in found.items() if len({each.type for each in v}) == 1}

    def global_value(self, module: Module, dotted: str) -> Value:
        return self.symbol_value(self.names.resolve(module, dotted))

    def symbol_value(self, symbol: Symbol) -> Value:
        match symbol:
            case External(dotted):
                return self.external_value(dotted)
            case Module():
                return Value(state=symbol, type="module")
            case FunctionInfo():
                return self.function_value(symbol)
            case ClassInfo():
                return self.class_of(symbol)
        return self.constant(symbol)

    def class_of(self, cls: ClassInfo) -> Value:
        """A class of the project; one that the tables know under another name (a generated stub) is the library's."""
        known = self.libraries.standing_for(cls.name)
        return Value(target=ExternalTarget(known)) if known else class_value(cls)

    def function_value(self, info: FunctionInfo) -> Value:
        """A function by its name; what its decorators make of it has the name that it is registered under."""
        for registration in self.registrations(info):
            entry = registration.row.entry
            if entry is not None and entry.becomes:
                return Value(
                    target=FunctionTarget(info),
                    type=entry.becomes,
                    name=self.registered_name(registration) or info.name,
                    options=dict(registration.arguments.keywords),
                )
        return Value(target=FunctionTarget(info), type="builtins.function")

    def external_value(self, dotted: str) -> Value:
        name = self.libraries.canonical(dotted)
        handed = self.libraries.handed.get(name)
        if handed is not None:
            source = Source("parameter", name=name)
            return Value(type=handed, rows=Rows(f"parameter:{name}"), sources=frozenset((source,)))
        held = self.libraries.values.get(name)
        if held is not None:
            return Value(type=held, rows=Rows(f"global:{name}"), sources=frozenset((Source("global", name=name),)))
        return Value(target=ExternalTarget(name))

    def module_member(self, module: Module, name: str) -> Value:
        found = self.names.member(module, name) or self.names.modules.get(f"{module.name}.{name}")
        return self.symbol_value(found) if found is not None else self.external_value(f"{module.name}.{name}")

    def constant(self, symbol: Constant) -> Value:
        """A module-level name's value, as its last assignment says."""
        key = (symbol.module.path, symbol.name)
        return self.memo.answer(("constant", *key), lambda: self.constant_value(symbol), NOTHING).but()

    def constant_value(self, symbol: Constant) -> Value:
        value = self.scratch(symbol.module).eval(symbol.value)
        if symbol.annotation is not None and not value.type:
            value = value.but(type=self.annotated(symbol.module, symbol.annotation).type)
        if value.options is not None:
            self.configured(symbol, value)
        if value.known and value.const is None:
            value = self.filled_later(symbol) or self.by_convention(symbol.name)
        return self.outside(value, symbol.dotted)

    def filled_later(self, symbol: Constant) -> Value | None:
        """What a function of the module puts into a global that begins as None (``global x; x = …``)."""
        self.ledger.rests_on(NAME, symbol.name)
        for info in self.names.functions(symbol.module).values():
            if symbol.name in info.code.names:
                found = self.general(info).heap.get((module_rows(symbol.module), symbol.name))
                if found is not None and not (found.known and found.const is None):
                    return found
        return None

    def configured(self, symbol: Constant, value: Value) -> None:
        """A module's own statements configure an object that it has made (``session.mount(…)``)."""
        module = symbol.module
        if value.options is None:
            return
        caller = self.scratch(module)
        for statement in self.own_statements(module):
            match statement:
                case Evaluate(Call(Attribute(base, name)) as call):
                    row = self.method_row(self.part_of(symbol, value, base), name)
                    if row is not None and (row.configures or row.adopts):
                        caller.configure(row, value, caller.arguments(call))
                case Assign((Attribute(base, name),), given) if given is not None:
                    kind = self.libraries.type(self.part_of(symbol, value, base))
                    option = (kind.sets.get(name) or ("*" in kind.sets and name)) if kind is not None else None
                    if option:
                        value.options[option] = caller.eval(given)

    def part_of(self, symbol: Constant, value: Value, expression: Expression) -> str:
        """The type of a module's object, or of the part of it that an expression names; empty when it is another."""
        match expression:
            case Global(dotted) if dotted == f".{symbol.name}":
                return value.type
            case Attribute(Global(dotted), name) if dotted == f".{symbol.name}":
                kind = self.libraries.type(value.type)
                return kind.attributes.get(name, "") if kind is not None else ""
        return ""

    def outside(self, value: Value, dotted: str) -> Value:
        """A module-level value as functions see it: its identity is its name."""
        fixed = value.known or value.target is not None or value.items is not None or value.entries is not None
        return self.detached(value).but(
            rows=None if value.known else Rows(f"global:{dotted}"),
            sources=frozenset() if fixed else frozenset((Source("global", name=dotted),)) | elsewhere(value),
            others=value.others,
        )

    def scratch(self, module: Module) -> Caller:
        caller = Caller(self, Frame(1, module))
        caller.broken = []
        return caller

    def detached(self, value: Value, depth: int = 0) -> Value:
        """A value without any identity inside one function's trace: what may be carried to another."""
        if depth > 4:
            return Value(type=value.type, target=value.target)
        if value is NOTHING:
            return value
        deeper = depth + 1
        changes: dict[str, object] = {"rows": None, "sources": NO_SOURCES, "tests": ()}
        if value.of is not None:
            changes["of"] = self.detached(value.of, deeper)
        if value.items is not None:
            changes["items"] = tuple(self.detached(i, deeper) for i in value.items)
        if value.entries is not None:
            changes["entries"] = {k: self.detached(v, deeper) for k, v in value.entries.items()}
        if value.options is not None:
            changes["options"] = {k: self.detached(v, deeper) for k, v in value.options.items()}
        if value.owner is not None:
            changes["owner"] = self.detached(value.owner, deeper)
        if value.others:
            changes["others"] = tuple(self.detached(o, deeper) for o in value.others) if depth == 0 else ()
        if value.state is not None:
            changes["state"] = self.orms.detached(value.state) if not isinstance(value.state, Opening) else None
        return replace(value, **changes)

    # Types ------------------------------------------------------------------------------------------------------------

    def class_named(self, type_name: str) -> ClassInfo | None:
        if not type_name or type_name.startswith("builtins."):
            return None
        if type_name not in self._named:
            found = self.names.absolute(type_name) if "<locals>" not in type_name else self.names.nested(type_name)
            self._named[type_name] = found if isinstance(found, ClassInfo) else None
        return self._named[type_name]

    def annotated(self, module: Module, annotation: Expression, depth: int = 0) -> Value:
        """What an annotation (or the class argument of `isinstance`) says of a value."""
        if depth > 8:
            return NOTHING
        match annotation:
            case Derive("|" | "or", operands):
                return next((v for o in operands if (v := self.annotated(module, o, depth + 1)).type), NOTHING)
            case Item(base, key):
                return self.generic(module, base, key, depth)
            case Collection(_, items):
                return self.annotated(module, items[0], depth + 1) if items else NOTHING
            case Call(function, (_, base)) if (dotted_of(function) or "").rpartition(".")[2] == "NewType":
                return self.annotated(module, base, depth + 1)
            case Const(None):
                return NOTHING
            case Global() | Attribute():
                dotted = dotted_of(annotation)
                if dotted is not None:
                    return self.named_type(self.names.resolve(module, dotted), depth)
        return NOTHING

    def named_type(self, symbol: Symbol, depth: int) -> Value:
        match symbol:
            case ClassInfo():
                known = self.libraries.standing_for(symbol.name)
                return Value(type=known or self.heirs.standing_for(symbol).name)
            case External(dotted):
                return Value(type=self.libraries.canonical(dotted)) if not dotted.startswith("?") else NOTHING
            case Constant():
                return self.annotated(symbol.module, symbol.value, depth + 1)
        return NOTHING

    def generic(self, module: Module, base: Expression, key: Expression, depth: int) -> Value:
        outer = dotted_of(base) or ""
        last = outer.rpartition(".")[2]
        parts = key.items if isinstance(key, Collection) else (key,)
        if last == "Annotated":
            inner = self.annotated(module, parts[0], depth + 1) if parts else NOTHING
            for part in parts[1:]:
                given = self.dependency(module, part)
                if given is not None:
                    return given.but(type=given.type or inner.type, of=given.of or inner.of)
            return inner
        if last in WRAPPERS:
            chosen = parts if last in ("Union", "Optional") else parts[-1:] if last in ("Coroutine",) else parts[:1]
            return next((v for p in chosen if (v := self.annotated(module, p, depth + 1)).type), NOTHING)
        inner = self.annotated(module, parts[0], depth + 1) if parts else NOTHING
        if last in LISTS:
            return Value(type="builtins.list", of=inner if inner.type else None)
        if last in ("dict", "Dict", "Mapping", "MutableMapping", "defaultdict"):
            second = self.annotated(module, parts[1], depth + 1) if len(parts) > 1 else NOTHING
            return Value(type="builtins.dict", of=second if second.type else None)
        if last in ("type", "Type"):
            cls = self.class_named(inner.type)
            return class_value(cls) if cls is not None else NOTHING
        whole = self.annotated(module, base, depth + 1)
        return whole.but(of=inner) if inner.type else whole

    def dependency(self, module: Module, expression: Expression) -> Value | None:
        """``Depends(f)``: what f gives, or yields; None for anything else."""
        if not isinstance(expression, Call):
            return None
        dotted = dotted_of(expression.function)
        symbol = self.names.resolve(module, dotted) if dotted is not None else None
        if not isinstance(symbol, External) or symbol.dotted.rpartition(".")[2] not in ("Depends", "Security"):
            return None
        if not expression.arguments:
            return NOTHING
        caller = self.scratch(module)
        target = caller.eval(expression.arguments[0])
        row = self.libraries.call(symbol.dotted)
        if row is not None and row.entry is not None:
            self.register(target, row.entry, row.entry.name.removeprefix("="))
        if isinstance(target.target, FunctionTarget):
            return self.given_by(target.target.function)
        return (
            self.detached(caller.invoke(target, Arguments(), expression.at, awaited=True)) if target.target else NOTHING
        )

    def given_by(self, info: FunctionInfo) -> Value:
        """What a dependency gives to a function that asks for it."""
        return self.memo.answer(("given", info), lambda: self.worked_out(info), NOTHING)

    def worked_out(self, info: FunctionInfo) -> Value:
        trace = self.general(info)
        value = trace.yields if trace.yields is not None else trace.returns
        declared = (
            self.annotated(info.module, info.signature.returns) if info.signature.returns is not None else NOTHING
        )
        if info.signature.is_generator and declared.of is not None:
            declared = declared.of
        value = self.detached(value) if value is not None else NOTHING
        return value if value.type else value.but(type=declared.type, of=declared.of)

    def exception_names(self, module: Module, types: tuple[Expression, ...]) -> tuple[str, ...]:
        names: list[str] = []
        for expression in types:
            parts = expression.items if isinstance(expression, Collection) else (expression,)
            for part in parts:
                dotted = dotted_of(part)
                if dotted is None:
                    if isinstance(part, Attribute):
                        names.append(f"?.{part.name}")  # of a class that is at hand: ``except self.model.DoesNotExist``
                    continue
                symbol = self.names.resolve(module, dotted)
                match symbol:
                    case ClassInfo():
                        names.append(symbol.name)
                    case External(name):
                        names.append(self.libraries.canonical(name))
                    case Constant():
                        names += self.exception_names(symbol.module, (symbol.value,)) or [dotted]
                    case _:
                        names.append(dotted)
            if isinstance(expression, Local):
                names.append("?")
        return tuple(names)

    # Classes ----------------------------------------------------------------------------------------------------------

    def method_kinds(self, info: FunctionInfo) -> frozenset[str]:
        """Which of property, staticmethod, classmethod, contextmanager a function's decorators make it."""
        found = self._kinds.get(id(info))
        if found is None:
            kinds = set()
            for decorator in info.signature.decorators:
                expression = decorator.function if isinstance(decorator, Call) else decorator
                dotted = dotted_of(expression)
                symbol = self.names.resolve(info.module, dotted) if dotted is not None else None
                if isinstance(symbol, External):
                    kind = KINDS.get(symbol.dotted)
                    if kind is None and symbol.dotted.rpartition(".")[2] in ("cached_property", "hybrid_property"):
                        kind = "property"
                    if kind is not None:
                        kinds.add(kind)
                elif isinstance(symbol, ClassInfo | FunctionInfo) and symbol.name.endswith(
                    ("cached_property", "cachedproperty")
                ):
                    kinds.add("property")
                elif isinstance(symbol, ClassInfo | FunctionInfo) and symbol.name.endswith(".lru_cache"):
                    kinds.add("cached")  # a copy of the library's for older versions
            found = self._kinds[id(info)] = frozenset(kinds)
        return found

    def is_context_manager(self, info: FunctionInfo) -> bool:
        return info.signature.is_generator and "contextmanager" in self.method_kinds(info)

    @cached_property
    def hosts(self) -> dict[str, str]:
        """The classes that mixins are mixed into, the first of each: what a mixin's ``self`` is, and where its
        ``super()`` leads. A mixin has no base of its own, and stands before one that a library made."""
        found: dict[str, str] = {}
        for cls in self.names.every_class():
            for position, base in enumerate(cls.bases[:-1]):
                if isinstance(base, ClassInfo) and not base.bases and any(map(made_outside, cls.bases[position + 1 :])):
                    found.setdefault(base.name, cls.name)
        return found

    def class_field(self, cls: ClassInfo, name: str) -> Value | None:
        """A class-level name's value, or what its annotation says."""
        found = cls.field(name)
        if found is None:
            return None
        owner, statement = found
        self.ledger.rests_on(TEXT, owner.written(name))
        key = ("field", owner.name, name)
        unknown: Value | None = NOTHING
        value = self.memo.answer(key, lambda: self.field_value(owner, name, statement), unknown)
        return value.but() if value is not None else None

    def field_value(self, owner: ClassInfo, name: str, statement: object) -> Value | None:
        assert isinstance(statement, Assign)
        declared = self.annotated(owner.module, statement.annotation) if statement.annotation is not None else NOTHING
        if statement.value is None:
            return declared
        caller = self.scratch(owner.module)
        value = caller.eval(statement.value)
        if not value.type and declared.type:
            value = value.but(type=declared.type, of=declared.of)
        return self.outside(value, f"{owner.name}.{name}")

    def instance_attribute(self, cls: ClassInfo, name: str) -> Value | None:
        """What an object's attribute holds, as its class says: assigned in `__init__`, declared, or assigned in
        another method."""
        found = self.memo.answer(("attribute", cls.name, name), lambda: self.assigned_attribute(cls, name), None)
        return found.but() if found is not None else None

    def assigned_attribute(self, cls: ClassInfo, name: str) -> Value | None:
        field = self.class_field(cls, name)
        found: Value | None = None
        made = cls.method("__init__")
        for method in self.assigning(cls, name):
            constructs = method.signature.name.endswith(".__init__") and made is not None and "super" in made.code.names
            info = made if constructs and made is not None else method  # what an heir hands on, the base assigns
            if info.signature.parameters:
                trace = self.trace(info, Value(type=cls.name), self.unbound(info, cls))[0]
                own = trace.heap.get((Rows(f"parameter:{info.signature.parameters[0].name}"), name))
                if own is not None and not (own.known and own.const is None):
                    found = own
                    break
        if found is None:
            return self.begun_with(cls, name, field) if field is not None and not name.isupper() else field
        value = self.detached(found).but(sources=elsewhere(found))
        if isinstance(value.const, bool) or value.const is None:
            value = value.but(const=MISSING)
        if field is not None and field.type and not value.type:
            value = value.but(type=field.type, of=field.of)
        return value

    def begun_with(self, cls: ClassInfo, name: str, field: Value) -> Value:
        """What a class-level value says of an object: a declared field's default, a flag and None are only what it
        begins with."""
        found = cls.field(name)
        statement = found[1] if found is not None else None
        if isinstance(statement, Assign) and statement.annotation is not None:
            made = isinstance(statement.value, Call) and (dotted_of(statement.value.function) or "").rpartition(".")[2]
            if dotted_of(statement.annotation) not in CONSTANTS and (field.known or made in FIELDS):
                if field.text and any(base.endswith(".BaseSettings") for base in cls.externals()):
                    return by_setting(field.text)
                return Value(type=field.type, of=field.of)
        return field.but(const=MISSING) if field.known and isinstance(field.const, bool | None) else field

    def behind(self, cls: ClassInfo) -> str | None:
        """The attribute that holds the object for which a class stands, as its `__getattr__` says."""
        if cls not in self._behind:
            method = cls.method("__getattr__")
            with self.ledger.everywhere():
                self._behind[cls] = behind(method, self.text(method)) if method is not None else None
        return self._behind[cls]

    def class_attribute(self, cls: ClassInfo, name: str) -> Value | None:
        """What a class's attribute holds that is None to begin with, and set by one of its own methods
        (``cls.client = …``)."""
        return self.memo.answer(("class attribute", cls.name, name), lambda: self.assigned_to_class(cls, name), None)

    def assigned_to_class(self, cls: ClassInfo, name: str) -> Value | None:
        for method in self.assigning(cls, name, frozenset(("classmethod",))):
            if method.signature.parameters:
                trace = self.trace(method, class_value(cls), self.unbound(method, cls))[0]
                own = trace.heap.get((Rows(f"parameter:{method.signature.parameters[0].name}"), name))
                if own is not None and not (own.known and own.const is None):
                    return self.detached(own)
        return None

    def assigning(self, cls: ClassInfo, name: str, kinds: frozenset[str] = frozenset()) -> Iterable[FunctionInfo]:
        """The methods (of these kinds) that may assign an attribute of self, `__init__` first."""
        self.ledger.rests_on(NAME, name)
        for owner in cls.ancestors():
            methods = sorted(owner.methods, key=lambda m: (m != "__init__", m != "__post_init__", m))
            for method in methods:
                info = owner.methods[method]
                if name in info.code.names and self.method_kinds(info) == kinds and self.may_assign(info, name):
                    yield info

    def may_assign(self, info: FunctionInfo, name: str) -> bool:
        """Whether a function's own text assigns an attribute of that name, as far as the text shows it."""
        self.ledger.rests_on(TEXT, info.written)
        if info not in self._stored:
            self._stored[info] = stored(self.text(info))
        return name in self._stored[info] or "setattr" in info.code.names

    def named_class(self, label: Value | None, name: Value | None) -> Value:
        """The class, or classes, that texts name (see `CallRow.loads`)."""
        if name is not None and name.items is not None and name.text is None:
            return Value(type="builtins.list", items=tuple(self.named_class(label, item) for item in name.items))
        if label is None or name is None or not label.text or not name.text:
            return NOTHING
        cls = self.names.class_called(label.text, name.text)
        return class_value(cls) if cls is not None else NOTHING

    # Functions --------------------------------------------------------------------------------------------------------

    def default(self, info: FunctionInfo, parameter: Parameter) -> Value:
        assert parameter.default is not None
        given = self.dependency(info.module, parameter.default)
        if given is not None:
            return given
        if isinstance(parameter.default, Const):
            return Value(const=parameter.default.value)
        return self.detached(self.scratch(info.module).eval(parameter.default))

    def unbound(self, info: FunctionInfo, cls: ClassInfo | None) -> dict[str, Value]:
        """What is known of a function's parameters when nothing is known of its caller."""
        bound: dict[str, Value] = {}
        for position, parameter in enumerate(info.signature.parameters):
            bound[parameter.name] = self.parameter_value(info, parameter, position, cls)
        return bound

    def parameter_value(self, info: FunctionInfo, parameter: Parameter, position: int, cls: ClassInfo | None) -> Value:
        """What a function's parameter is, as its declaration says."""
        key = ("parameter", info, position, cls)
        known: Value | None = self.memo.known(key)
        if known is not None:
            return known
        return self.memo.answer(key, lambda: self.declared_parameter(info, parameter, position, cls), NOTHING)

    def declared_parameter(
        self, info: FunctionInfo, parameter: Parameter, position: int, cls: ClassInfo | None
    ) -> Value:
        if position == 0 and cls is None:
            own = self.bound_task(info)
            if own is not None:
                return own
        if position == 0 and cls is not None and parameter.kind == "positional":
            kinds = self.method_kinds(info)
            if "classmethod" in kinds or info.signature.name.rpartition(".")[2] == "__new__":
                return class_value(cls)
            if "staticmethod" not in kinds:
                return self.orms.declared(Value(type=self.hosts.get(cls.name) or self.heirs.standing_for(cls).name))
        value = self.stated(info.module, parameter) or NOTHING
        if parameter.kind == "options":
            return Value(type="builtins.dict", complete=False)
        if parameter.kind == "rest":
            return Value(type="builtins.tuple", complete=False)
        if not value.type and value.target is None:
            found = self.by_convention(parameter.name)
            return found if found.type else self.passed(info, parameter)
        return value

    def stated(self, module: Module, parameter: Parameter) -> Value | None:
        """What a parameter's annotation says, and a dependency that is its default."""
        value = None
        if parameter.annotation is not None:
            value = self.orms.declared(self.annotated(module, parameter.annotation))
        given = self.dependency(module, parameter.default) if parameter.default is not None else None
        return given.but(type=given.type or (value or NOTHING).type) if given is not None else value

    def passed(self, info: FunctionInfo, parameter: Parameter) -> Value:
        """What a parameter without annotation holds, by its default, by who passes it or by its name."""
        if parameter.default is not None and not isinstance(parameter.default, Const):
            key = ("default", info, parameter.name)
            known = self.memo.answer(key, lambda: self.default(info, parameter), NOTHING)
            return Value(type=known.type, options=known.options, origin=Origin.CONVENTION) if known.type else NOTHING
        if parameter.annotation is not None or parameter.default is not None:
            return NOTHING
        key = ("passed", info, parameter.name)
        return self.memo.answer(key, lambda: self.orms.parameter(info, parameter) or NOTHING, NOTHING)

    def general(self, info: FunctionInfo) -> Trace:
        """The trace with unknown callers."""
        bound = self.unbound(info, info.owner)
        if (alias := named_with(info, bound)) != info.name:
            self.note_site(info.name, alias, Context())
        return self.trace(info, None, bound)[0]

    def trace(
        self, info: FunctionInfo, receiver: Value | None, bindings: dict[str, Value]
    ) -> tuple[Trace, dict[str, Value]]:
        """What a function does with these arguments: traced once for each kind of arguments."""
        followed = self._followed.get(info)
        if followed:
            forgotten = {name: indefinite(value, len(followed)) for name, value in bindings.items()}
            symbolic = self.symbolic(info, forgotten)
            if any(forgotten[name] is not value for name, value in bindings.items()):
                self.memo.rests_on(followed[0])
        else:
            symbolic = self.symbolic(info, bindings)
        key = ("trace", info, *map(self.kind, symbolic.values()))
        return self.memo.answer(key, lambda: self.follow(info, symbolic), EMPTY), bindings

    def symbolic(self, info: FunctionInfo, bindings: dict[str, Value]) -> dict[str, Value]:
        """Parameters as the function itself sees them: what is known of the arguments, under the parameters' names."""
        cls = info.owner
        found: dict[str, Value] = {}
        for position, parameter in enumerate(info.signature.parameters):
            given = bindings.get(parameter.name)
            value = self.detached(given) if given is not None else NOTHING
            declared = self.parameter_value(info, parameter, position, cls)
            if not value.type and value.target is None and not value.known and value.items is None:
                value = value.but(
                    type=declared.type,
                    of=value.of or declared.of,
                    origin=max(value.origin, declared.origin),
                    state=value.state if value.state is not None else declared.state,
                    name=value.name or declared.name,
                )
            elif declared.type and value.origin > declared.origin:
                value = value.but(type=declared.type, origin=declared.origin)
            if given is not None and given.state is not None:
                passed = self.orms.symbolic(given.state, parameter.name)
                value = value if passed is None else value.but(state=passed)
            value = with_parts(value, parameter.name)
            if value.options:
                value = value.but(options={k: v.but(place=None) for k, v in value.options.items()})
            if not value.known:
                rows, sources = argument(parameter.name)
                value = value.but(rows=rows, sources=sources, others=())
            found[parameter.name] = value
        return found

    def rank(self, question: Hashable) -> str:
        """A question's place in a fixed order, the same in each review: the names of what it asks about."""
        assert isinstance(question, tuple)
        if question[0] != "trace":
            return " ".join(map(self.spelled, question))
        kinds = list(self._kind_numbers)
        return " ".join((*map(self.spelled, question[:2]), *(self.spelled(kinds[n]) for n in question[2:])))

    def spelled(self, part: object) -> str:
        match part:
            case FunctionInfo() | ClassInfo():
                return f"{part.module.path}:{part.name}"
            case tuple():
                return f"({' '.join(map(self.spelled, part))})"
            case frozenset():
                return f"{{{' '.join(sorted(map(self.spelled, part)))}}}"
            case int() if part in self._closures:
                return repr(self._closures[part].signature.at)
        return repr(part)

    def kind(self, value: Value) -> int:
        """The number of an argument's kind."""
        return self._kind_numbers.setdefault(self.kind_of(value), len(self._kind_numbers))

    def kind_of(self, value: Value, depth: int = 0) -> Any:
        """What distinguishes one kind of argument from another, for a trace."""
        if depth > 2:
            return value.type
        if value is NOTHING:
            return None
        const = value.const if isinstance(value.const, LITERALS) else MISSING
        return (
            value.type,
            const if const is not MISSING else "",
            const is MISSING,
            self.target_key(value),
            value.name,
            self.kind_of(value.of, depth + 1) if value.of is not None else None,
            tuple((k, self.kind_of(v, depth + 1)) for k, v in sorted(value.entries.items()))
            if value.entries is not None
            else None,
            tuple(self.kind_of(v, depth + 1) for v in value.items[:6]) if value.items is not None else None,
            self.orms.key(value.state) if value.state is not None else None,
            tuple((k, self.kind_of(v, depth + 1)) for k, v in sorted(value.options.items())) if value.options else None,
            value.origin,
        )

    def target_key(self, value: Value) -> Any:
        match value.target:
            case None:
                return None
            case ExternalTarget(dotted):
                return dotted
            case ClassTarget(cls):
                return cls.name
            case FunctionTarget(function):
                return function.name
            case MethodTarget(receiver, name):
                return (receiver.type, receiver.name, name)
            case PartialTarget(inner, _):
                return ("partial", self.target_key(inner))
            case ClosureTarget(closure, _):
                self._closures[id(closure)] = closure
                return id(closure)
        return None

    def follow(self, info: FunctionInfo, bound: dict[str, Value]) -> Trace:
        frame = Frame(1, info.module, None, info, info.owner)
        if info.owner is not None and info.signature.parameters:
            first = info.signature.parameters[0].name
            if "staticmethod" not in self.method_kinds(info):
                frame.self_value = bound.get(first)
        frame.is_async = info.signature.is_async
        caller = Caller(self, frame)
        caller.known_as = named_with(info, bound)
        caller.broken = []
        self._followed.setdefault(info, []).append(self.memo.place)
        try:
            self.run_function(caller, info, bound)
        except RecursionError:
            caller.complete = False
        finally:
            self._followed[info].pop()
        return finished(caller, frame, info)

    def run_function(self, caller: Caller, info: FunctionInfo, bound: dict[str, Value]) -> None:
        """A function's body, inside what its decorators open or wrap round it."""
        given = next((p.name for p in info.signature.parameters if p.kind == "options"), "")
        if given in bound:
            bound = {**bound, given: caller.fresh(bound[given])}
        caller.bind_parameters(bound)
        self.run_decorated(caller, info, bound, 0)

    def run_decorated(self, caller: Caller, info: FunctionInfo, bound: dict[str, Value], index: int) -> None:
        decorators = self.decorators(info)
        while index < len(decorators) and not self.wraps(decorators[index]):
            index += 1
        if index >= len(decorators):
            caller.frame.text = self.text(info)
            if handling.idle(caller.frame.text):
                caller.exits.append(Exit(caller.next(), "idle", (), (), info.place))
            caller.execute(caller.frame.text)
            return
        decorator = decorators[index]
        at = self.decorator_span(info, index)
        opening = self.opening(decorator, at)
        if opening is not None:
            with caller.opened(opening, at):
                self.run_decorated(caller, info, bound, index + 1)
            return
        self.run_wrapped(caller, info, bound, index, decorator)

    def text(self, info: FunctionInfo) -> tuple[Statement, ...]:
        """A function's statements; those of the functions that were followed last are kept."""
        self.ledger.rests_on(TEXT, info.written)
        found = self._texts.get(info)
        if found is None:
            if len(self._texts) >= TEXTS:
                self._texts.clear()
                self._said.clear()
            found = self._texts[info] = body(info.code)
        return found

    def once(self, says: Callable[..., T], node: object, *more: object) -> T:
        """What a piece of text says by itself (``says(node, …)``), worked out once while the text is kept."""
        key = (says, id(node))
        found = self._said.get(key)
        if found is None:
            found = self._said[key] = (node, says(node, *more))  # kept with it, so that its identity stays its own
        return found[1]  # type: ignore[return-value]

    def decorator_span(self, info: FunctionInfo, index: int) -> Span:
        """Where a decorator stands; a bare name has no place of its own, and stands at its function."""
        at = node_span(self.decorating(info)[index])
        return at if at.line else info.signature.at

    def run_wrapped(
        self, caller: Caller, info: FunctionInfo, bound: dict[str, Value], index: int, decorator: Value
    ) -> None:
        """A decorator of the project: its wrapper's body runs, and the function's own where the wrapper calls it."""
        at = self.decorator_span(info, index)
        frame = caller.frame
        inner = Value(target=FunctionTarget(info, None, plain=True), type="builtins.function")
        wrapper = caller.invoke(decorator, Arguments((inner,)), at)
        if not isinstance(wrapper.target, ClosureTarget):
            self.run_decorated(caller, info, bound, index + 1)
            return
        ran = False

        def run(arguments: Arguments) -> Value:
            nonlocal ran
            ran = True
            own = caller.new_frame(info.module, function=info, owner=info.owner, receiver=frame.self_value)
            own.chain, own.call, own.callee, own.is_async = frame.chain, frame.call, frame.callee, frame.is_async
            given = {k: v for k, v in caller.bindings(info, arguments).items() if v is not NOTHING}
            with caller.inside(own):
                merged = {**bound, **{k: v for k, v in given.items() if v.rows is not None or v.known or v.type}}
                caller.bind_parameters(merged)
                self.run_decorated(caller, info, merged, index + 1)
            frame.yielded = own.yielded or frame.yielded
            return own.returned or Value(const=None)

        self._continuations.append((info, run))
        # callers may give any argument by its place or its name: a wrapper finds it either way, and cannot rely on it
        passed = tuple(bound[p.name] for p in info.signature.parameters if p.kind == "positional" and p.name in bound)
        keywords = {n: bound[n] for p in info.signature.parameters if (n := p.name) in bound and p.kind in GIVEN}
        value = caller.call_closure(wrapper.target, Arguments(passed, keywords, None, NOTHING), at, inner=False)
        self._continuations.pop()
        if not ran:
            self.run_decorated(caller, info, bound, index + 1)
            return
        frame.returned = value if frame.returned is None else join(frame.returned, value)

    def site(self, caller: Caller, callee: FunctionInfo, bound: Mapping[str, Value]) -> None:
        """Notes a call, with what stands round it, for the flow of contexts. It is made by whoever is followed: what a
        helper calls is called by those who handed it over, and by nobody else who uses the helper."""
        inner, outer = caller.frame_function(), caller.followed
        state = caller.state
        if inner is None or outer is None:
            if any(runs_as_program(g) for g in state.guards):
                self.add_entry(callee, EntryRow("main"), callee.module.name)
            return
        later = state.when != When.NOW
        kinds = {s.kind for s in state.scopes}
        flags = Context(
            transaction=not later and any(n > 0 for n in state.transactions.values()),
            locks=not later and bool(state.locks),
            retry="retry" in kinds,
            event_loop=any(f.signature.is_async for f in (inner, outer)) and state.when in (When.NOW, When.CONCURRENT),
            loop="loop" in kinds,
            timeout="timeout" in kinds and any(s.kind == "timeout" and s.text != "None" for s in state.scopes),
            apart=later or any(g.test == "in-transaction" and not g.polarity for g in state.guards),
        )
        self.note_site(caller.known_as, named_with(callee, bound), flags)
        if callee.module is inner.module:
            caller.handed.update(dict.fromkeys(self.handed(callee, bound)))
        for heir in self.heirs.standing_in(inner, callee):
            self.note_site(caller.known_as, heir.name, flags)

    def handed(self, callee: FunctionInfo, bound: Mapping[str, Value]) -> Iterator[Handed]:
        """What acts on the world among the arguments for parameters that say nothing of what they take."""
        for parameter in callee.signature.parameters[callee.owner is not None :]:
            given = bound.get(parameter.name)
            if given is None or not given.type or parameter.annotation is not None or parameter.kind != "positional":
                continue
            row = self.type_row(given.type)
            if row is not None and (row.resource or self.libraries.acts(given.type)):
                options = given.options or {}
                commits = tuple((n, options[n].const) for n in COMMITS if n in options and options[n].known)
                yield Handed(callee.name, parameter.name, given.type, commits)

    def handed_to(self, info: FunctionInfo, handed: Iterable[Handed]) -> dict[str, Value]:
        """What is known of a function's parameters when all who hand it something agree; empty where that is no more
        than it says itself."""
        known: dict[str, set[Handed]] = {}
        for one in handed:
            known.setdefault(one.parameter, set()).add(one)
        bound = self.unbound(info, info.owner)
        agreed = [next(iter(same)) for same in known.values() if len(same) == 1]
        new = {h.parameter: h for h in agreed if bound[h.parameter].type != h.type or h.commits}
        given = {
            n: Value(type=h.type, options={o: Value(const=c) for o, c in h.commits} or None) for n, h in new.items()
        }
        return bound | given if given else {}

    def note_site(self, caller: str, callee: str, flags: Context) -> None:
        self.ledger.rests_on(NOTE, Site(caller, callee, flags))

    def continuation(self, caller: Caller, info: FunctionInfo) -> Callable[[Arguments], Value] | None:
        return next((run for known, run in reversed(self._continuations) if known is info), None)

    def decorators(self, info: FunctionInfo) -> tuple[Value, ...]:
        """The values of a function's decorators, evaluated where it is defined."""
        written = self.decorating(info)
        if not written:
            return ()
        return self.memo.answer(("decorators", info), lambda: self.decorating_values(info, written), ())

    def decorating_values(self, info: FunctionInfo, written: tuple[Expression, ...]) -> tuple[Value, ...]:
        caller = self.scratch(info.module)
        return tuple(self.decorator(caller, info, d) for d in written)

    def decorator(self, caller: Caller, info: FunctionInfo, expression: Expression) -> Value:
        """What a decorator is: where its name is a module's (``again = retry(…)``), what that was made by."""
        symbol = self.names.resolve(info.module, expression.dotted) if isinstance(expression, Global) else None
        made = self.scratch(symbol.module).eval(symbol.value) if isinstance(symbol, Constant) else NOTHING
        return made if isinstance(made.state, Opening) else caller.eval(expression)

    def decorating(self, info: FunctionInfo) -> tuple[Expression, ...]:
        """What decorates a function: outermost what its class names for it, then its own decorators."""
        if info.owner is None or not info.owner.facts.decorators:
            return info.signature.decorators
        return (*self.orms.decorating(info), *info.signature.decorators)

    def wraps(self, decorator: Value) -> bool:
        """Whether a decorator does something round the function that the model knows of."""
        if isinstance(decorator.target, FunctionTarget | ClosureTarget):
            return not isinstance(decorator.target, FunctionTarget) or not self.method_kinds(decorator.target.function)
        if isinstance(decorator.state, Opening) or self.opened_round(decorator):
            return True
        return isinstance(decorator.target, ExternalTarget) and self.opening_row(decorator.target.dotted) is not None

    def opened_round(self, decorator: Value) -> bool:
        """Whether a decorator is an object that opens, at each call of the function, what entering it opens."""
        row = self.method_row(decorator.type, "__call__") if decorator.type and decorator.target is None else None
        return row is not None and row.opens is not None and row.opens.by == "self" and not row.runs

    def opening_row(self, dotted: str) -> CallRow | None:
        row = self.libraries.call(dotted)
        return row if row is not None and row.opens is not None else None

    def opening(self, decorator: Value, at: Any) -> Opening | None:
        if isinstance(decorator.state, Opening):
            return decorator.state
        if isinstance(decorator.target, ExternalTarget):
            row = self.opening_row(decorator.target.dotted)
            if row is not None and row.opens is not None and not row.opens.given:
                return Opening(row.opens, row, Arguments(), None, at)
        return self.opening_of(decorator, at) if self.opened_round(decorator) else None

    # Entry points -----------------------------------------------------------------------------------------------------

    def register(self, value: Value, row: EntryRow, name: str, options: tuple[Option, ...] = ()) -> Entry | None:
        """A callable becomes an entry point; gives the entry of a function."""
        match value.target:
            case FunctionTarget(function):
                return self.add_entry(function, row, name, options)
            case ClassTarget(cls):
                self.register_class(cls, row, name)
            case PartialTarget(inner, _):
                return self.register(inner, row, name, options)
            case None if row.methods:
                entered = self.class_named(value.type)
                above = reversed(entered.ancestors()) if entered is not None else ()
                named = {n: m for cls in above for n, m in cls.methods.items()}
                for method in fnmatch.filter(named, row.methods):
                    self.add_entry(named[method], row, f"{method} {name}")
        return None

    def register_class(self, cls: ClassInfo, row: EntryRow, name: str) -> None:
        """A class is registered: the methods by which it is entered are."""
        bases = [r for b in cls.externals() if (r := self.libraries.base(b)) is not None]
        known = {method: found for base in bases for method, found in base.entries.items()}
        for method in known or ("__call__", "run", "handle"):
            info = cls.method(method)
            if info is not None:
                self.add_entry(info, known.get(method, row), f"{method} {name}" if known else name)

    def add_entry(self, info: FunctionInfo, row: EntryRow, name: str, options: tuple[Option, ...] = ()) -> Entry:
        entry = entry_of(row, info, name, options)
        self.ledger.rests_on(NOTE, Way(info.name, entry, row.assumed))
        return entry

    def called_back(self, callback: Callback) -> None:
        """Notes that a library calls a function of the project."""
        self.ledger.rests_on(NOTE, callback)

    def note(self, remark: Remark) -> None:
        """Notes what could not be analysed."""
        self.ledger.rests_on(NOTE, remark)

    def registrations(self, info: FunctionInfo) -> tuple[Registration, ...]:
        """What the decorators of a function register it as."""
        if not info.signature.decorators:
            return ()
        return self.memo.answer(("registrations", info), lambda: tuple(self.registered(info)), ())

    def registered(self, info: FunctionInfo) -> Iterable[Registration]:
        for decorator in info.signature.decorators:
            row = self.decorator_row(info, decorator)
            if row is None:
                found = self.handed_on(info, decorator)
                if found is not None:
                    yield found
                continue
            if row.entry is None or row.entry.callable:
                continue
            caller = self.scratch(info.module)
            expression = decorator.function if isinstance(decorator, Call) else decorator
            receiver = caller.eval(expression.base) if isinstance(expression, Attribute) else None
            arguments = caller.arguments(decorator) if isinstance(decorator, Call) else Arguments()
            yield Registration(row, receiver, self.as_based(row, arguments))

    def as_based(self, row: CallRow, arguments: Arguments) -> Arguments:
        """What a registration is given, with what the class says that it names as its own: ``base=RetriedTask``."""
        named = arguments.keywords.get(row.entry.based) if row.entry is not None and row.entry.based else None
        if named is None or not isinstance(named.target, ClassTarget):
            return arguments
        cls = named.target.cls
        fields = {n: v for n in row.options if (v := self.class_field(cls, n)) is not None}
        given = {**fields, **arguments.keywords}
        return Arguments(arguments.positional, given, arguments.rest, arguments.options, arguments.decided)

    def runs_alone(self, registration: Registration) -> bool:
        """Whether the class that a registration names as its own takes a lock before it runs a function: ``class
        OneAtATime(Task)``, whose ``__call__`` does."""
        entry = registration.row.entry
        named = registration.arguments.keywords.get(entry.based) if entry is not None and entry.based else None
        call = (
            named.target.cls.method("__call__") if named is not None and isinstance(named.target, ClassTarget) else None
        )
        return call is not None and any(e.kind == Kind.LOCK for e in self.general(call).effects)

    def handed_on(self, info: FunctionInfo, decorator: Expression) -> Registration | None:
        """What a decorator of the project's own registers a function as, where it hands all on to a library's:
        ``def our_task(**options): return shared_task(queue="ours", **options)``."""
        dotted = dotted_of(decorator.function if isinstance(decorator, Call) else decorator)
        own = self.names.resolve(info.module, dotted) if dotted is not None else None
        if not isinstance(own, FunctionInfo) or own is info:
            return None
        given = self.memo.answer(("registers", own), lambda: self.registering(own), None)
        row = self.decorator_row(own, given) if given is not None else None
        if row is None or given is None:
            return None
        caller = self.scratch(own.module)
        expression = given.function if isinstance(given, Call) else given
        receiver = caller.eval(expression.base) if isinstance(expression, Attribute) else None
        inner = {name: caller.eval(value) for name, value in given.keywords if name} if isinstance(given, Call) else {}
        outer = self.scratch(info.module).arguments(decorator) if isinstance(decorator, Call) else Arguments()
        return Registration(row, receiver, Arguments((), {**inner, **outer.keywords}))

    def registering(self, own: FunctionInfo) -> Expression | None:
        """The library's decorator in a decorator's text: called there, or of a function that it defines."""
        for node in handling.nodes(self.text(own), apart=()):
            of_inner = node.decorators if isinstance(node, Signature) else ()
            for expression in (node,) if isinstance(node, Call) else of_inner:
                row = self.decorator_row(own, expression)
                if row is not None and row.entry is not None and not row.entry.callable:
                    return expression
        return None

    def registered_name(self, registration: Registration) -> str:
        """How people know what a decorator registers: ``POST /orders``, a task's own name."""
        row = registration.row
        if row.entry is None or not row.entry.name:
            return ""
        return self.scratch(self.modules[0]).entry_name(row, registration.receiver, registration.arguments)

    def registered_options(self, registration: Registration) -> tuple[Option, ...]:
        caller = self.scratch(self.modules[0])
        return caller.effect_options(registration.row, registration.receiver, registration.arguments)

    def label_of_type(self, type_name: str) -> str:
        """What an object of a project's class is registered as, by a library's base class (a task); else empty."""
        cls = self.class_named(type_name)
        if cls is None:
            return ""
        rows = (row for base in cls.externals() if (row := self.libraries.base(base)) is not None)
        names = (entry.name for row in rows for entry in row.entries.values() if entry.name)
        return next((self.class_label(cls, name) for name in names), "")

    def class_options(self, cls: ClassInfo, row: ClassRow) -> tuple[Option, ...]:
        """The options that a class's attributes give to what it is registered as."""
        given = {n: v for n in row.options if (v := self.class_field(cls, n)) is not None}
        return self.option_list(given, row.options, words=row.words)

    def class_label(self, cls: ClassInfo, name: str) -> str:
        """What objects of a class are known as: what its attribute of that name says, else the class's own name."""
        field = self.class_field(cls, name)
        return field.text if field is not None and field.known and field.text else cls.name

    def bound_task(self, info: FunctionInfo) -> Value | None:
        """The function's first parameter, where its decorator binds that to the registered value itself."""
        for registration in self.registrations(info):
            entry = registration.row.entry
            if entry is not None and entry.bound and given_true(registration.arguments.get(entry.bound)):
                name = self.registered_name(registration) or info.name
                return Value(type=entry.becomes, name=name, options=dict(registration.arguments.keywords))
        return None

    def decorator_row(self, info: FunctionInfo, decorator: Expression) -> CallRow | None:
        """The library row of a decorator, found by its name, or by the type of the object whose method it is."""
        expression = decorator.function if isinstance(decorator, Call) else decorator
        dotted = dotted_of(expression)
        if dotted is None:
            return None
        symbol = self.names.resolve(info.module, dotted)
        if isinstance(symbol, External):
            row = self.libraries.call(symbol.dotted)
            if row is not None:
                return row
        if isinstance(expression, Attribute):
            key = (info.module.path, dotted)
            if key not in self._globals:
                self._globals[key] = NOTHING
                with self.ledger.everywhere():
                    self._globals[key] = self.scratch(info.module).eval(expression.base)
            kind = self._globals[key].type or self.by_convention(dotted.split(".")[-2]).type
            if kind:
                return self.method_row(kind, expression.name)
        if isinstance(symbol, FunctionInfo):
            return self.libraries.call(symbol.name)
        return None

    def method_row(self, type_name: str, name: str) -> CallRow | None:
        """The row of a method, through the project's classes to the libraries' that they inherit from."""
        if not type_name or name not in self.libraries.methods:
            return None
        key = (type_name, name)
        if key not in self._rows:
            row = self.libraries.method(type_name, name)
            cls = self.class_named(type_name) if row is None else None
            for base in cls.externals() if cls is not None else ():
                row = row or self.libraries.method(base, name)
            if row is None and cls is not None:
                row = self.libraries.call(f"{cls.name}.{name}")
            self._rows[key] = row
        return self._rows[key]

    def type_row(self, type_name: str) -> TypeRow | None:
        """The row of a type, through the project's classes to the libraries' that they inherit from."""
        if type_name not in self._types:
            cls = self.class_named(type_name)
            names = (type_name, *cls.externals()) if cls is not None else (type_name,)
            self._types[type_name] = next((row for n in names if (row := self.libraries.type(n)) is not None), None)
        return self._types[type_name]

    # What a machine asks ----------------------------------------------------------------------------------------------

    def option_list(
        self,
        given: dict[str, Value],
        defaults: dict[str, str],
        decided: Place | None = None,
        words: dict[str, str] | None = None,
    ) -> tuple[Option, ...]:
        """Resolved options in the order of their names, with the library's defaults where none is given; `decided` is
        where it was decided that none is."""
        found: dict[str, Option] = {}
        for name, default in defaults.items():
            unknown = "*" in given and name not in given and not default.startswith("=")
            text = "" if unknown else self.standing(default.removeprefix("="))
            found[name] = option(name, text, unknown, None if unknown else decided, words)
        for name, value in given.items():
            if name != "*":
                text = self.option_text(value)
                text = TRUTHS.get(text, text) if defaults.get(name) in ("True", "False") else text
                found[name] = option(name, text, True, value.place, words, None if text else origin_of(value))
        return tuple(found[n] for n in sorted(found))

    def option_text(self, value: Value) -> str:
        """An option's canonical text: of a literal, a tuple of them, or the argument that says what it means. Of a
        name that is one of several (``for number in (SIGINT, SIGTERM)``) all of them, parted by ``|``."""
        if value.known:
            return repr(value.const)
        if value.type == SETTING and value.name:
            return value.name if value.name.isdigit() else repr(value.name)
        if isinstance(value.target, ExternalTarget):
            names = [v.target.dotted for v in (value, *value.others) if isinstance(v.target, ExternalTarget)]
            return " | ".join(dict.fromkeys(self.libraries.meaning(name) for name in names))
        kind = self.libraries.type(value.type) if value.type else None
        if kind is not None and kind.means:
            return self.meant(kind, value.options or {})
        if value.items is not None and value.type == "builtins.tuple" and all(i.known for i in value.items):
            return f"({', '.join(repr(i.const) for i in value.items)})"
        return ""

    def settled(self, name: str) -> str | None:
        """What the project's settings say of a default of the whole process; None when they do not speak of it."""
        setting = self.libraries.settings.get(name)
        if setting is None:
            return None
        for value in self.held_by(setting):
            return self.option_text(value)
        return None

    def held_by(self, setting: Setting) -> Iterator[Value]:
        """The values of a setting in the project: of constants of its names, of options of objects of its type."""
        for module in self.modules:
            scope = self.names.scope(module)
            for name in setting.names:
                symbol = scope.get(name)
                if isinstance(symbol, Constant):
                    yield self.constant(symbol)
            for symbol in scope.values() if setting.type else ():
                if isinstance(symbol, Constant):
                    value = self.constant(symbol)
                    if value.type == setting.type and value.options and setting.option in value.options:
                        yield value.options[setting.option]

    def meant(self, kind: TypeRow, options: dict[str, Value]) -> str:
        """What an object that stands for a limit says: the first of its arguments that sets one."""
        if "*" in options:
            return ""
        given = [options[n] for n in kind.means if n in options]
        if not given:
            return self.standing(kind.options.get(kind.means[0], ""))
        texts = [self.option_text(v) for v in given]
        return next((t for t in texts if t != "None"), "None")

    def standing(self, default: str) -> str:
        """A default's text; one of the whole process (``socket.timeout|None``) is what the project sets, else the
        rest."""
        name, bar, rest = default.partition("|")
        if not bar:
            return default
        if name not in self._standing:
            with self.ledger.everywhere():
                found = self.constructions.set_for_all(name)
                self._standing[name] = found if found is not None else self.settled(name)
        found = self._standing[name]
        return rest if found is None else found

    def endless(self, caller: Caller, iterable: Value, is_async: bool) -> bool:
        """Whether an iteration goes on for ever: messages of a consumer."""
        row = self.libraries.type(iterable.type) if iterable.type else None
        return iterable.type == MESSAGES or (row is not None and row.consumes)

    def loop_element(self, caller: Caller, iterable: Value, at: Any) -> Value:
        """The element that a loop's variable stands for; a consumer gives messages."""
        row = self.libraries.type(iterable.type) if iterable.type else None
        if row is not None and row.consumes:
            return self.orms.consumed(caller, iterable, row, at)
        if row is not None and row.iterates:
            return Value(
                type=row.iterates, sources=iterable.sources, rows=iterable.rows, owner=iterable, origin=iterable.origin
            )
        return element(iterable)

    def opening_of(self, value: Value | None, at: Any) -> Opening | None:
        """What a value opens where it is entered: a call that made it says so, or its type."""
        if value is None:
            return None
        if isinstance(value.state, Opening):
            return value.state
        row = self.libraries.type(value.type) if value.type else None
        if row is None or row.opens is None or not row.opens.scope:
            return None
        return Opening(row.opens, row, Arguments(), value, at)

    def described_retry(self, number: int, opening: Opening, place: Place) -> Retry:
        """A library's retry in the model's words, by the arguments that its row names."""
        row, arguments, receiver = opening.row, opening.arguments, opening.receiver

        def given(name: str) -> Value | None:
            name, _, entry = name.partition(".")
            found = arguments.get(name, row.parameters.index(name) if name in row.parameters else None)
            if found is None and receiver is not None and isinstance(row, TypeRow):
                found = (receiver.options or {}).get(name)
            return (found.entries or {}).get(entry) if entry and found is not None else found

        framework = isinstance(row, CallRow) and row.entry is not None
        return self.retry_of(row.retries or Retries(), given, number, place, "framework" if framework else "library")

    def retry_of(
        self,
        says: Retries,
        given: Callable[[str], Value | None],
        number: int,
        place: Place,
        kind: str = "library",
    ) -> Retry:
        """A retry by what its arguments say."""

        def first(names: str) -> Value | None:
            return next((v for n in names.split("|") if (v := given(n)) is not None), None) if names else None

        attempts, on = first(says.attempts), first(says.on)
        times = self.attempts_text(attempts) if attempts is not None else ""
        if times in ("", "unbounded") and any(given(n) is not None for n in says.bounds):
            times = "bounded"
        waits = [w for n, kind in says.waits.items() if (w := self.wait_of(given(n), kind))]
        for name, usual in says.unless.items():
            found = given(name)
            if found is None or not (found.known and not found.const):
                waits.append(usual if found is None or found.type or found.target else "")
        unclear = not waits and any(v is not None and not v.known for n in says.waits if (v := given(n)) is not None)
        wait = max(waits, key=WAITS.index) if waits else "" if unclear else says.otherwise.get("wait", "")
        pauses = [
            str(v.const)
            for n in says.waits
            if (v := given(n)) is not None and isinstance(v.const, int | float) and v.const
        ]
        return Retry(
            number,
            kind,
            place,
            times if times or attempts is not None else says.otherwise.get("attempts", ""),
            wait,
            tuple(exception_classes(on)) if on is not None else tuple(says.otherwise.get("on", "").split()),
            pause=pauses[0] if pauses and kind == "framework" and wait == "constant" else "",
        )

    def wait_of(self, value: Value | None, kind: str) -> str:
        """What an argument makes of the wait between two tries; empty when it says nothing, or is not known."""
        if value is None or (value.known and not value.const):
            return ""
        if kind == "multiplied":
            return "" if value.const == 1 else "growing"
        if kind == "computed":
            random = any(s.kind == "random" for s in value.sources)
            return "constant" if value.known else "jittered" if random else "growing" if value.sources else ""
        if kind:
            return kind
        if value.known:
            return "constant"
        names = [self.named(v) for v in (value, *(value.items or ()))]
        return max((n for n in names if n in WAITS), key=WAITS.index, default="")

    def attempts_text(self, value: Value) -> str:
        """How often: a number, or what the strategy that gives up is named."""
        if value.known:
            endless = value.const is None or (isinstance(value.const, int | float) and value.const < 0)
            return "unbounded" if endless else str(value.const)
        names = [n for v in (value, *(value.items or ())) if (n := self.named(v))]
        return next((n for n in names if n.isdigit()), names[0] if names else "")

    def named(self, value: Value) -> str:
        """What a strategy's row names it."""
        if isinstance(value.target, ExternalTarget):
            row = self.libraries.call(value.target.dotted)
            return row.gives_name.removeprefix("=") if row is not None else ""
        return value.name

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        return tuple(self.names.every_module())

    def unset(self, value: Value, name: str) -> bool:
        """Whether a value is the project's settings, and this one is not among them. Where there are none but those of
        its tests, it is a library: what those set who install it is not known."""
        if value.type != "django.conf.settings" or all("test" in m.name for m in self.settings):
            return False
        return self.setting(name) is NOTHING

    def setting(self, name: str) -> Value:
        """A Django setting's value: as the first settings module that defines it says."""
        for module in self.settings:
            found = self.names.member(module, name)
            if isinstance(found, Constant):
                key = ("setting", module.path, name)
                return self.memo.answer(key, partial(self.filled, module, name, found), NOTHING).but()
        return NOTHING

    def filled(self, module: Module, name: str, symbol: Constant) -> Value:
        """A mapping with what the module's own statements put into it (``DATABASES["default"]["ATOMIC_REQUESTS"] =
        True``)."""
        value = self.constant(symbol)
        for target, given in self.put_into_items(module):
            keys = keys_below(target, f".{name}")
            value = with_entry(value, keys, self.scratch(module).eval(given)) if keys else value
        return value

    def put_into_items(self, module: Module) -> tuple[tuple[Item, Expression], ...]:
        """What a settings module's own statements put under keys, in the order of their lines; looked for once."""
        found = self._put.get(module)
        if found is None:
            assigned = [s for s in self.own_statements(module) if isinstance(s, Assign) and len(s.targets) == 1]
            pairs = ((s.targets[0], s.value) for s in sorted(assigned, key=lambda s: (s.at.line, s.at.column)))
            found = self._put[module] = tuple((t, v) for t, v in pairs if isinstance(t, Item) and v is not None)
        return found

    def own_statements(self, module: Module) -> tuple[Statement, ...]:
        """A module's own statements, outside of its functions and classes."""
        own = body(module.file.bodies[-1]) if len(module.file.bodies) > len(module.file.functions) else ()
        return (*module.file.constants, *own)


def keys_below(target: Expression, name: str) -> tuple[str, ...]:
    """The constant keys by which a global's parts are named; none where it is another's, or a key is not known."""
    keys: list[str] = []
    while isinstance(target, Item) and isinstance(target.key, Const) and isinstance(target.key.value, str):
        keys.insert(0, target.key.value)
        target = target.base
    return tuple(keys) if isinstance(target, Global) and target.dotted == name else ()


def with_entry(value: Value, keys: tuple[str, ...], given: Value) -> Value:
    first, *rest = keys
    entries = dict(value.entries or {})
    entries[first] = with_entry(entries.get(first, NOTHING), tuple(rest), given) if rest else given
    return value.but(entries=entries)


def named_with(info: FunctionInfo, bound: Mapping[str, Value]) -> str:
    """What a function is called in the graph of calls: a helper that was handed functions is another one each time."""
    handed: list[str] = []
    for value in bound.values():
        for part in (value, *(value.options or {}).values(), *(value.items or ())):
            if isinstance(part.target, FunctionTarget):
                handed.append(part.target.function.name)
    return f"{info.name}({', '.join(handed)})" if handed else info.name


def plainly_named(name: str) -> str:
    """The function that a name in the graph of calls means."""
    return name.partition("(")[0]


def indefinite(value: Value, inside: int) -> Value:
    """An argument of a function that is so often inside itself already: its parts are forgotten, of which a path that
    each call lengthens has others each time; and in the end its literal too."""
    if value.items is not None or value.entries is not None:
        value = value.but(items=None, entries=None)
    return value.but(const=MISSING) if inside >= INSIDE_ITSELF and value.const is not MISSING else value


def made_outside(base: ClassInfo | str) -> bool:
    """Whether a base class is a library's, or inherits from one."""
    return isinstance(base, str) or bool(base.externals())


def elsewhere(value: Value) -> frozenset[Source]:
    """What a value that was made in another function still tells of its origin: that it is a reading of a clock."""
    return frozenset(Source("clock", -1, s.name) for s in times(value))


def exception_classes(value: Value) -> Iterable[str]:
    """The exceptions that a retry answers to, as it is given them."""
    for part in value.items if value.items is not None else (value,):
        match part.target:
            case ExternalTarget(dotted):
                yield dotted
            case ClassTarget(cls):
                yield cls.name
            case _ if part.of is not None or part.items is not None:
                yield from exception_classes(part.of if part.of is not None else part.but(items=part.items))
            case _ if part.name:
                yield part.name


def option(
    name: str,
    value: str,
    given: bool,
    place: Place | None,
    words: dict[str, str] | None,
    source: Source | None = None,
) -> Option:
    word, _, unit = (words or {}).get(name, "").partition(" ")
    return Option(name, value, given, place, word, unit, source)


def with_parts(value: Value, name: str) -> Value:
    """An argument whose parts are known: each is that part of the parameter."""
    if value.known or len(value.entries or value.items or ()) > PARTS:
        return value
    if value.entries:
        return value.but(entries={k: part(v, name, k) for k, v in value.entries.items()})
    if value.items:
        return value.but(items=tuple(part(v, name, f"#{i}") for i, v in enumerate(value.items)))
    return value


def part(value: Value, name: str, key: str) -> Value:
    if value.known or value.rows is not None:
        return value
    return value.but(
        rows=Rows(f"parameter:{name}", (key,)), sources=frozenset((Source("parameter", name=name, path=(key,)),))
    )
