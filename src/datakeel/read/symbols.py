"""What a name can stand for, once linked: the nouns between the readers of languages and the tracer."""

from __future__ import annotations

from dataclasses import dataclass, field

from datakeel.model.place import Place
from datakeel.read.program import Class, Code, Expression, File, Signature, Span, Statement


@dataclass(frozen=True, slots=True)
class External:
    """Something outside the reviewed text: a library's module, class, function or value, by its dotted name."""

    dotted: str


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the project, under its module name."""

    name: str
    path: str
    file: File = field(compare=False, hash=False, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class FunctionInfo:
    """A function or method of the project. `owner` is the class that defines it."""

    module: Module
    signature: Signature
    code: Code
    owner: ClassInfo | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.module.name}.{self.signature.name}")

    @property
    def written(self) -> tuple[str, str]:
        """Where its text stands: its file, and its name there."""
        return self.module.path, self.signature.name

    @property
    def place(self) -> Place:
        return place_of(self.module.path, self.signature.at)


@dataclass(frozen=True, slots=True, eq=False)
class ClassInfo:
    """A class of the project. `bases` and `lineage` hold classes of the project and the dotted names of external
    ones; `lineage` begins with the class itself. `fields` are its own class-level assignments, the last of each
    name."""

    module: Module
    facts: Class
    name: str
    bases: tuple[ClassInfo | str, ...]
    lineage: tuple[ClassInfo | str, ...]
    methods: dict[str, FunctionInfo]
    fields: dict[str, Statement]
    _found: dict[str, FunctionInfo | None] = field(default_factory=dict, init=False, repr=False)
    _own: tuple[ClassInfo, ...] = field(default=(), init=False, repr=False)

    def inherit(self, lineage: tuple[ClassInfo | str, ...]) -> None:
        """Settles what it inherits from: its bases can be asked only when it exists."""
        object.__setattr__(self, "lineage", lineage)
        object.__setattr__(self, "_own", tuple(c for c in lineage if isinstance(c, ClassInfo)))

    @property
    def place(self) -> Place:
        return place_of(self.module.path, self.facts.at)

    def externals(self) -> tuple[str, ...]:
        """The dotted names of its external ancestors, nearest first."""
        return tuple(c for c in self.lineage if isinstance(c, str))

    def ancestors(self) -> tuple[ClassInfo, ...]:
        """Itself and its ancestors in the project, nearest first."""
        return self._own

    def written(self, field: str) -> tuple[str, str]:
        """Where the text of one of its own fields stands: its file, and its name there."""
        return self.module.path, f"{self.facts.name}.{field}"

    def method(self, name: str) -> FunctionInfo | None:
        if name not in self._found:
            self._found[name] = next((c.methods[name] for c in self._own if name in c.methods), None)
        return self._found[name]

    def field(self, name: str) -> tuple[ClassInfo, Statement] | None:
        return next(((c, c.fields[name]) for c in self.ancestors() if name in c.fields), None)


@dataclass(frozen=True, slots=True)
class Constant:
    """A module-level name with the expression that it was last given."""

    module: Module
    name: str
    value: Expression
    annotation: Expression | None

    @property
    def dotted(self) -> str:
        return f"{self.module.name}.{self.name}"


Symbol = External | Module | FunctionInfo | ClassInfo | Constant


def place_of(path: str, at: Span) -> Place:
    return Place(path, at.line, at.column, at.end_line, at.end_column)
