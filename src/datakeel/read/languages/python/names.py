"""Python's names across a project: modules, imports, re-exports, classes and their method resolution order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from datakeel.read.libraries import CallRow, Libraries
from datakeel.read.program import (
    Assign,
    Attribute,
    Call,
    Collection,
    Const,
    Expression,
    File,
    Global,
    Item,
    Star,
    Statement,
    field_names,
    named_expression,
)
from datakeel.read.symbols import ClassInfo, Constant, External, FunctionInfo, Module, Symbol

DEPTH = 24  # how many re-exports are followed: a chain that is longer is a cycle


class Names:
    """Answers what a dotted name stands for. `modules` maps module names (with aliases) to paths; `files` paths to
    facts."""

    def __init__(
        self, modules: Mapping[str, str], files: Mapping[str, File], libraries: Libraries | None = None
    ) -> None:
        own: dict[str, Module] = {}
        for name in sorted(modules, key=lambda n: (n.count("."), n)):
            path = modules[name]
            own.setdefault(path, Module(canonical(name, path, modules), path, files[path]))
        self.modules = {name: own[path] for name, path in modules.items()}
        self._tops = frozenset(name.partition(".")[0] for name in self.modules)
        self.by_path = own
        self._packages = {name.rsplit(".", i)[0] for name in modules for i in range(1, name.count(".") + 1)}
        self._scopes: dict[str, dict[str, Symbol | str]] = {}
        self._functions: dict[str, dict[str, FunctionInfo]] = {}
        self._classes: dict[tuple[str, str], ClassInfo] = {}
        self._building: set[tuple[str, str]] = set()
        self._resolved: dict[tuple[str, str], Symbol] = {}
        self._libraries = libraries
        self._by_ending: dict[str, list[Module]] | None = None

    def every_module(self) -> Iterable[Module]:
        return (self.by_path[path] for path in sorted(self.by_path))

    # What a name in a file stands for ---------------------------------------------------------------------------------

    def resolve(self, module: Module, dotted: str) -> Symbol:
        """What a `Global`'s dotted name stands for in `module`."""
        key = (module.path, dotted)
        found = self._resolved.get(key)
        if found is None:
            found = self._resolved[key] = self._resolve(module, dotted)
        return found

    def _resolve(self, module: Module, dotted: str) -> Symbol:
        if dotted.startswith("."):
            return self.member(module, dotted[1:]) or External(f"{module.name}{dotted}")
        if dotted.startswith("?."):
            return self._starred(module, dotted[2:], DEPTH) or External(dotted)
        if dotted.startswith("builtins."):
            return self._starred(module, dotted[9:], DEPTH) or External(dotted)
        return self.absolute(absolute_name(module, dotted))

    def absolute(self, dotted: str, depth: int = DEPTH) -> Symbol:
        """What an absolute dotted name stands for: the longest prefix that is a module, then members."""
        head, rest = dotted, []
        while head not in self.modules:
            if "." not in head or depth <= 0:
                return External(dotted)
            head, _, last = head.rpartition(".")
            rest.append(last)
        found: Symbol | None = self.modules[head] if rest or depth <= 0 else self._of_package(head, depth - 1)
        for name in reversed(rest):
            found = self._step(found, name, depth - 1) if found is not None else None
        return found if found is not None else External(dotted)

    def _of_package(self, dotted: str, depth: int) -> Symbol | None:
        """A module; or what its package took out of it under its own name (``from .close import close``): that is what
        the package has by this name from then on."""
        package, _, name = dotted.rpartition(".")
        above = self.modules.get(package)
        target = self.scope(above).get(name) if above is not None else None
        if above is None or not isinstance(target, str) or absolute_name(above, target) != f"{dotted}.{name}":
            return self.modules[dotted]
        return self.member(self.modules[dotted], name, depth) or self.modules[dotted]

    def _step(self, symbol: Symbol, name: str, depth: int) -> Symbol | None:
        match symbol:
            case Module():
                return self.member(symbol, name, depth) or self.modules.get(f"{symbol.name}.{name}")
            case ClassInfo():
                return self.inner(symbol, name)
            case External():
                return External(f"{symbol.dotted}.{name}")
        return None

    def inner(self, cls: ClassInfo, name: str) -> Symbol | None:
        """A class's method or nested class."""
        for owner in cls.ancestors():
            if name in owner.methods:
                return owner.methods[name]
            if f"{owner.facts.name}.{name}" in owner.facts.inner or name in owner.facts.inner:
                return self.class_of(owner.module, f"{owner.facts.name}.{name}")
        return None

    def member(self, module: Module, name: str, depth: int = DEPTH) -> Symbol | None:
        """What `name` stands for at the top level of `module`, imports and stars followed."""
        if depth <= 0:
            return None
        head, _, rest = name.partition(".")
        found = self.scope(module).get(head)
        if isinstance(found, str):
            found = self._imported(module, head, found, depth - 1)
        if found is None:
            found = self._starred(module, head, depth - 1)
        if found is None:
            submodule = self.modules.get(f"{module.name}.{head}")
            found = submodule
        for part in rest.split(".") if rest else ():
            found = self._step(found, part, depth - 1) if found is not None else None
        return found

    def _imported(self, module: Module, name: str, dotted: str, depth: int) -> Symbol | None:
        target = absolute_name(module, dotted)
        if target == f"{module.name}.{name}":  # `from . import name` in a package's own __init__
            return self.modules.get(target)
        return self.absolute(target, depth)

    def _starred(self, module: Module, name: str, depth: int) -> Symbol | None:
        if depth <= 0 or name.startswith("_"):
            return None
        for star in module.file.stars:
            source = self.modules.get(absolute_name(module, star))
            if source is None or source is module:
                continue
            if source.file.exports and name not in source.file.exports:
                continue
            found = self.member(source, name, depth - 1)
            if found is not None:
                return found
        return None

    def scope(self, module: Module) -> dict[str, Symbol | str]:
        """The top level of a module: name → definition, or the dotted name of an import."""
        found = self._scopes.get(module.path)
        if found is None:
            found = {i.name: i.dotted for i in reversed(module.file.imports)}
            for statement in module.file.constants:
                if isinstance(statement, Assign) and statement.value is not None:
                    for dotted, value in assigned(statement):
                        name = dotted.lstrip(".")
                        if not (isinstance(found.get(name), Constant) and self._wraps(module, dotted, value)):
                            found[name] = Constant(module, name, value, statement.annotation)
            self._scopes[module.path] = found
            for name, function in self.functions(module).items():
                if "." not in name:
                    found[name] = function
            for cls in module.file.classes:
                if "." not in cls.name:
                    info = self.class_of(module, cls.name)
                    if info is not None:
                        found[cls.name] = info
        return found

    def _wraps(self, module: Module, dotted: str, value: Expression) -> bool:
        """Whether a name is given what something that nobody knows makes of its own value (``app = Versioned(app)``):
        what stood at it before, decorators and all, works on inside."""
        if not isinstance(value, Call) or Global(dotted) not in value.arguments:
            return False
        called = dotted_of(value.function)
        name = absolute_name(module, called) if called else ""
        known = self._libraries is not None and (self._libraries.call(name) or self._libraries.type(name))
        return bool(name) and not known and not name.startswith(".") and name.partition(".")[0] not in self._tops

    def functions(self, module: Module) -> dict[str, FunctionInfo]:
        """Every function of a module by its qualified name, without those that classes own."""
        found = self._functions.get(module.path)
        if found is None:
            owned = {f"{c.name}.{m}" for c in module.file.classes for m in c.methods}
            found = {
                s.name: FunctionInfo(module, s, code)
                for s, code in zip(module.file.functions, module.file.bodies, strict=False)
                if s.name not in owned
            }
            self._functions[module.path] = found
        return found

    # Classes ----------------------------------------------------------------------------------------------------------

    def class_of(self, module: Module, name: str) -> ClassInfo | None:
        key = (module.path, name)
        if key in self._classes:
            return self._classes[key]
        facts = next((c for c in reversed(module.file.classes) if c.name == name), None)
        if facts is None or key in self._building:
            return None
        self._building.add(key)
        bases = tuple(base for b in facts.bases for base in (*self._mixed_in(module, b), self._base(module, b)))
        methods: dict[str, FunctionInfo] = {}
        fields: dict[str, Statement] = {name: s for s in facts.fields for name in field_names(s)}
        info = ClassInfo(module, facts, f"{module.name}.{name}", bases, (), methods, fields)
        info.inherit(linearised(info))
        for signature, code in zip(module.file.functions, module.file.bodies, strict=False):
            owner, _, last = signature.name.rpartition(".")
            if owner == name and last in facts.methods:
                methods[last] = FunctionInfo(module, signature, code, info)
        self._building.discard(key)
        self._classes[key] = info
        return info

    def nested(self, dotted: str) -> ClassInfo | None:
        """A class that a function defines, by its absolute dotted name (``shop.make.<locals>.Order``)."""
        head = dotted.partition(".<locals>")[0]
        while head and head not in self.modules:
            head = head.rpartition(".")[0]
        return self.class_of(self.modules[head], dotted[len(head) + 1 :]) if head else None

    def every_class(self) -> Iterable[ClassInfo]:
        for module in self.every_module():
            for cls in module.file.classes:
                info = self.class_of(module, cls.name)
                if info is not None:
                    yield info

    def every_function(self) -> Iterable[FunctionInfo]:
        """Every function and method, in the order of paths and places."""
        for module in self.every_module():
            yield from self.functions(module).values()
            for cls in module.file.classes:
                info = self.class_of(module, cls.name)
                if info is not None:
                    yield from info.methods.values()

    def _base(self, module: Module, expression: Expression) -> ClassInfo | str:
        dotted = dotted_of(expression)
        if dotted is None:
            return self.given_class(module, expression) or "?"
        symbol = self.resolve(module, dotted)
        if isinstance(symbol, Constant):
            given = self.given_class(symbol.module, symbol.value)
            if given is not None:
                return given
            again = dotted_of(symbol.value)
            symbol = self.resolve(symbol.module, again) if again and again.lstrip(".") != symbol.name else symbol
        if isinstance(symbol, ClassInfo):
            return symbol
        return symbol.dotted if isinstance(symbol, External) else dotted

    def _mixed_in(self, module: Module, expression: Expression) -> tuple[ClassInfo | str, ...]:
        """The class that a library lets a base inherit from, where it makes one (``declarative_base(cls=Base)``)."""
        dotted = dotted_of(expression)
        symbol = self.resolve(module, dotted) if dotted is not None else None
        if not isinstance(symbol, Constant) or not isinstance(symbol.value, Call):
            return ()
        row = self._row_of(symbol.module, symbol.value)
        if row is None or not row.mixes_in:
            return ()
        given = named_expression(symbol.value, row.parameters, row.mixes_in)
        return (self._base(symbol.module, given),) if given is not None else ()

    # Classes that a call gives ----------------------------------------------------------------------------------------

    def given_class(self, module: Module, expression: Expression) -> ClassInfo | str | None:
        """The class that a call gives which names it in constants (``get_class("basket.views", "View")``), or that
        it makes of the class that it is a method of (``Manager.from_queryset(…)``)."""
        match expression:
            case Item(Call() as call, Const(int() as position)):
                pass
            case Call() as call:
                position = 0
            case _:
                return None
        dotted = dotted_of(call.function)
        if dotted is None:
            return None
        if isinstance(call.function, Attribute) and call.function.name == "from_queryset":
            return self._base(module, call.function.base)
        row = self._row_of(module, call)
        if row is None or len(row.loads) != 2:
            return None
        texts = [argument_texts(call, row.parameters, n) for n in row.loads]
        if not texts[0] or position >= len(texts[1]):
            return None
        return self.class_called(texts[0][0], texts[1][position])

    def _row_of(self, module: Module, call: Call) -> CallRow | None:
        """What the libraries' tables know of what is called."""
        dotted = dotted_of(call.function)
        symbol = self.resolve(module, dotted) if dotted is not None else None
        name = symbol.name if isinstance(symbol, FunctionInfo) else getattr(symbol, "dotted", "")
        return self._libraries.call(name) if self._libraries is not None and name else None

    def class_called(self, label: str, name: str) -> ClassInfo | None:
        """The class of that name in the module, or in the models of the package, whose dotted name ends so."""
        for ending in (label, f"{label}.models"):
            for module in self._ending(ending):
                found = self.member(module, name)
                if isinstance(found, ClassInfo):
                    return found
        return None

    def _ending(self, label: str) -> list[Module]:
        if self._by_ending is None:
            self._by_ending = {}
            for name in sorted(self.modules, key=lambda n: (n.count("."), n)):
                self._by_ending.setdefault(name.rpartition(".")[2], []).append(self.modules[name])
        last = self._by_ending.get(label.rpartition(".")[2], [])
        return [m for m in last if m.name == label or m.name.endswith(f".{label}")]


def assigned(statement: Assign) -> Iterator[tuple[str, Expression]]:
    """The module's names that an assignment binds, each with its value; of a tuple the part."""
    assert statement.value is not None
    for target in statement.targets:
        if isinstance(target, Global):
            yield target.dotted, statement.value
        elif isinstance(target, Collection) and not any(isinstance(i, Star) for i in target.items):
            for number, item in enumerate(target.items):
                if isinstance(item, Global):
                    yield item.dotted, Item(statement.value, Const(number), statement.at)


def argument_texts(call: Call, parameters: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The constant texts that an argument is, or lists."""
    given = named_expression(call, parameters, name)
    items = given.items if isinstance(given, Collection) else (given,)
    return tuple(i.value for i in items if isinstance(i, Const) and isinstance(i.value, str))


def canonical(name: str, path: str, modules: Mapping[str, str]) -> str:
    """The shortest module name that maps to the path."""
    return name


def dotted_of(expression: Expression) -> str | None:
    """The dotted text of a chain of names (``models.Model``, ``Generic[T]`` without its index)."""
    match expression:
        case Global(dotted):
            return dotted
        case Attribute(base, name):
            head = dotted_of(base)
            return f"{head}.{name}" if head is not None else None
        case Item(base):
            return dotted_of(base)
    return None


def absolute_name(module: Module, dotted: str) -> str:
    """Makes a relative name (``~..models.Order``) absolute, as seen from `module`."""
    if not dotted.startswith("~"):
        return dotted
    dots = len(dotted) - 1 - len(dotted[1:].lstrip("."))
    parts = module.name.split(".")
    if not module.file.is_package:
        parts = parts[:-1]
    parts = parts[: len(parts) - (dots - 1)] if dots > 1 else parts
    rest = dotted[1 + dots :]
    return ".".join([*parts, rest]) if rest else ".".join(parts)


def linearised(cls: ClassInfo) -> tuple[ClassInfo | str, ...]:
    """The method resolution order (C3); where bases clash, depth first without repeats."""
    sequences: list[list[ClassInfo | str]] = []
    for base in cls.bases:
        sequences.append(list(base.lineage) if isinstance(base, ClassInfo) else [base])
    sequences.append(list(cls.bases))
    order: list[ClassInfo | str] = [cls]
    while any(sequences):
        sequences = [s for s in sequences if s]
        head = next((s[0] for s in sequences if not any(s[0] in other[1:] for other in sequences)), None)
        if head is None:
            head = sequences[0][0]
        order.append(head)
        sequences = [[c for c in s if c is not head and c != head] for s in sequences]
    return tuple(order)
