"""Which names a body binds, and what each name it uses stands for."""

from __future__ import annotations

import ast
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from datakeel.read.program import Expression, Global, Local

# Listed, not asked of the running interpreter: the same text must give the same facts under every Python.
_LISTED = """
ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError
BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError
ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning EnvironmentError Exception ExceptionGroup
False FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit IOError ImportError
ImportWarning IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError
MemoryError ModuleNotFoundError NameError None NotADirectoryError NotImplemented NotImplementedError OSError
OverflowError PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError RecursionError
ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError
SyntaxWarning SystemError SystemExit TabError TimeoutError True TypeError UnboundLocalError UnicodeDecodeError
UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning WindowsError
ZeroDivisionError __build_class__ __debug__ __import__ abs aiter all anext any ascii bin bool breakpoint bytearray
bytes callable chr classmethod compile complex copyright credits delattr dict dir divmod enumerate eval exec exit
filter float format frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len
license list locals map max memoryview min next object oct open ord pow print property quit range repr reversed
round set setattr slice sorted staticmethod str sum super tuple type vars zip
"""
BUILTINS = frozenset(_LISTED.split())

# Every module has these without writing them.
MODULE_NAMES = ("__builtins__", "__doc__", "__file__", "__loader__", "__name__", "__package__", "__path__", "__spec__")


if sys.version_info >= (3, 12):
    TypeAlias = ast.TypeAlias
else:

    class TypeAlias(ast.stmt):
        """``type X = …``, where the running Python has no node for it."""

        _fields = ("name", "type_params", "value")


class Scope(dict[str, Expression]):
    """The names of one body; what it lacks is asked of the scope around it, once, and kept.

    So a function's scope holds, when its body has been lowered, exactly the names that the body uses or binds.
    """

    __slots__ = ("outer",)

    def __init__(self, outer: Scope | None, own: dict[str, Expression]) -> None:
        super().__init__(own)
        self.outer = outer

    def __missing__(self, name: str) -> Expression:
        found: Expression
        if self.outer is not None:
            found = self.outer[name]
        else:
            found = Global(f"builtins.{name}" if name in BUILTINS else f"?.{name}")
        self[name] = found
        return found

    def define(self, name: str) -> Expression:
        """Note that the body binds `name` now, and give its variable."""
        return self[name]


class ClassScope(Scope):
    """A class body: a name is the class's own once the body has bound it, before that the outer one."""

    __slots__ = ("prefix",)

    def __init__(self, outer: Scope, prefix: str) -> None:
        super().__init__(outer, {})
        self.prefix = prefix

    def define(self, name: str) -> Expression:
        self[name] = Global(f".{self.prefix}{name}")
        return self[name]


class ModuleCode(Scope):
    """The code that runs at import: a name that is imported and rebound later means the import until then."""

    __slots__ = ()

    def define(self, name: str) -> Expression:
        self.pop(name, None)
        return Global("." + name)


class Bound:
    """What a body binds: for each name its binders in order, an import as its dotted name, anything else as ``""``."""

    __slots__ = ("binders", "definitions", "globals", "imports", "nonlocals", "stars", "walruses")

    def __init__(self, walruses: Sequence[int]) -> None:
        self.binders: dict[str, list[str]] = {}
        self.definitions: dict[str, int] = {}
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.imports: list[tuple[str, str]] = []
        self.stars: list[str] = []
        self.walruses = walruses

    def bind(self, name: str, dotted: str = "") -> None:
        if name in self.binders:
            self.binders[name].append(dotted)
        else:
            self.binders[name] = [dotted]

    def names(self, module: Scope) -> dict[str, Expression]:
        """A function's own names: its variables as Local, what it only ever imports as what it imports."""
        own: dict[str, Expression] = {}
        for name, binders in self.binders.items():
            first = binders[0]
            own[name] = Global(first) if first and binders.count(first) == len(binders) else Local(name)
        for name in self.nonlocals:
            own.pop(name, None)
        for name in self.globals:
            own[name] = module[name]
        return own


def bound(statements: Sequence[ast.stmt], walruses: Sequence[int]) -> Bound:
    """The names that these statements bind in their own scope; `walruses` are the lines with a ``:=``, sorted."""
    found = Bound(walruses)
    _bodies(statements, found)
    return found


def variables(targets: Iterable[ast.expr]) -> dict[str, Expression]:
    """The variables that these targets assign, as a comprehension's own names."""
    found = Bound(walruses=())
    for target in targets:
        _target(target, found)
    return {name: Local(name) for name in found.binders}


def accessor(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """``setter`` for a function ``total`` under ``@total.setter``: it adds to the name instead of replacing it."""
    for decorator in node.decorator_list:
        named = decorator.value if isinstance(decorator, ast.Attribute) else None
        if isinstance(decorator, ast.Attribute) and isinstance(named, ast.Name) and named.id == node.name:
            return decorator.attr
    return ""


def imported(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """The names that an import binds, each with what it stands for; a star is the name ``*``."""
    if isinstance(node, ast.Import):
        return [
            (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2 for alias in node.names
        ]
    if node.module == "__future__":
        return []
    start = "~" + "." * node.level if node.level else ""
    start += node.module + "." if node.module else ""
    return [(alias.asname or alias.name, start + alias.name) for alias in node.names]


def loaded(node: ast.Import | ast.ImportFrom) -> list[str]:
    """What an import names, whole: modules, or what is taken from them."""
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else [d for _, d in imported(node)]


def _bodies(statements: Sequence[ast.stmt], found: Bound) -> None:
    for statement in statements:
        binder = _BINDERS.get(type(statement))
        if binder is not None:
            binder(statement, found)
    if found.walruses:
        for statement in statements:
            first = bisect_left(found.walruses, statement.lineno)
            if first < len(found.walruses) and found.walruses[first] <= (statement.end_lineno or 0):
                _walruses(statement, found)


def _target(node: ast.expr, found: Bound) -> None:
    if isinstance(node, ast.Name):
        found.bind(node.id)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for element in node.elts:
            _target(element, found)
    elif isinstance(node, ast.Starred):
        _target(node.value, found)


def _assign(node: ast.Assign, found: Bound) -> None:
    for target in node.targets:
        if type(target) is ast.Name:
            found.bind(target.id)
        else:
            _target(target, found)


def _one_target(node: ast.AnnAssign | ast.AugAssign, found: Bound) -> None:
    _target(node.target, found)


def _if(node: ast.If, found: Bound) -> None:
    _bodies(node.body, found)
    # An ``elif`` is an If alone in `orelse`: a long chain must not recurse.
    while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        node = node.orelse[0]
        _bodies(node.body, found)
    _bodies(node.orelse, found)


def _while(node: ast.While, found: Bound) -> None:
    _bodies(node.body, found)
    _bodies(node.orelse, found)


def _for(node: ast.For | ast.AsyncFor, found: Bound) -> None:
    _target(node.target, found)
    _bodies(node.body, found)
    _bodies(node.orelse, found)


def _with(node: ast.With | ast.AsyncWith, found: Bound) -> None:
    for item in node.items:
        if item.optional_vars is not None:
            _target(item.optional_vars, found)
    _bodies(node.body, found)


def _try(node: ast.Try, found: Bound) -> None:
    _bodies(node.body, found)
    for handler in node.handlers:
        if handler.name:
            found.bind(handler.name)
        _bodies(handler.body, found)
    _bodies(node.orelse, found)
    _bodies(node.finalbody, found)


def _match(node: ast.Match, found: Bound) -> None:
    for case in node.cases:
        for pattern in ast.walk(case.pattern):
            name = getattr(pattern, "rest" if isinstance(pattern, ast.MatchMapping) else "name", None)
            if name and isinstance(pattern, (ast.MatchAs, ast.MatchStar, ast.MatchMapping)):
                found.bind(name)
        _bodies(case.body, found)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, found: Bound) -> None:
    found.bind(node.name)
    if not (node.decorator_list and accessor(node)):
        found.definitions[node.name] = found.definitions.get(node.name, 0) + 1


def _class(node: ast.ClassDef, found: Bound) -> None:
    found.bind(node.name)
    found.definitions[node.name] = found.definitions.get(node.name, 0) + 1


def _import(node: ast.Import | ast.ImportFrom, found: Bound) -> None:
    for name, dotted in imported(node):
        if name == "*":
            found.stars.append(dotted[:-1] if dotted.endswith("..*") or dotted == "~.*" else dotted[:-2])
        else:
            found.bind(name, dotted)
            found.imports.append((name, dotted))
    if isinstance(node, ast.Import):
        found.imports += [(alias.name,) * 2 for alias in node.names if "." in alias.name and not alias.asname]


def _global(node: ast.Global, found: Bound) -> None:
    found.globals.update(node.names)


def _nonlocal(node: ast.Nonlocal, found: Bound) -> None:
    found.nonlocals.update(node.names)


def _type_alias(node: Any, found: Bound) -> None:
    _target(node.name, found)


_OWN_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def _walruses(statement: ast.stmt, found: Bound) -> None:
    """Bind the targets of ``:=`` in a statement's own expressions (those of its blocks come with the blocks)."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.NamedExpr):
            _target(node.target, found)
        elif isinstance(node, _OWN_SCOPES):
            # Decorators, defaults and bases run outside the new scope.
            waiting += [*getattr(node, "decorator_list", ()), *getattr(node, "bases", ())]
            if not isinstance(node, ast.ClassDef):
                waiting += [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
            continue
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]


_BINDERS: dict[type[ast.stmt], Callable[[Any, Bound], None]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _one_target,
    ast.AugAssign: _one_target,
    ast.If: _if,
    ast.While: _while,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    TypeAlias: _type_alias,
}
