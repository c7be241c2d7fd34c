"""One Python file's text into the neutral tree: its names, functions and classes, from that text alone."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from datakeel.read.languages.python.expressions import Lowering, encodable, note_names
from datakeel.read.languages.python.scope import MODULE_NAMES, Bound, ModuleCode, Scope, bound
from datakeel.read.languages.python.statements import assignments, block
from datakeel.read.program import (
    Assign,
    Attribute,
    Augment,
    Closure,
    Code,
    Collection,
    Comment,
    Const,
    Derive,
    Expression,
    File,
    Global,
    Import,
    Item,
    Local,
    Note,
    Span,
    Statement,
    encode_body,
)


def lower(text: str, digest: str, is_package: bool) -> File:
    """Read one file. Never fails: what cannot be read is a note in the result.

    >>> lower("from shop import Order\\nlimit = 3\\n", "", False).imports
    (Import(name='Order', dotted='shop.Order'),)
    """
    text = encodable(text) if not text.isascii() else text
    tree, notes = parse(text)
    return _file(text, tree, notes, digest, is_package)


def parse(text: str) -> tuple[ast.Module, list[Note]]:
    """The file's tree by the running Python's own parser, or, where that refuses, by the tolerant one."""
    # A byte order mark reads as a form feed: a character that is white space and keeps the columns.
    readable = "\f" + text[1:] if text.startswith("\ufeff") else text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like: the reader's user did not write them
            return ast.parse(readable), []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Loaded only here: few files need it, and it costs as much as the rest of the start.
        from datakeel.read.languages.python import tolerant  # noqa: PLC0415

        return tolerant.parse(readable)


def _file(text: str, tree: ast.Module, notes: list[Note], digest: str, is_package: bool) -> File:
    walruses = [number for number, line in enumerate(_LINE_END.split(text), 1) if ":=" in line] if ":=" in text else ()
    found = bound(tree.body, walruses)
    scope, code = _module_scopes(tree, found, text)
    here = Lowering(_spans(text), scope, walruses)
    here.scope, here.definitions = code, found.definitions
    lowered = block(here, tree.body)
    note_names(here, code)
    own = Code(
        encode_body(tuple([statement for statement in lowered if not _plain_assignment(statement)])),
        tuple(sorted(here.attributes)),
    )
    constants = tuple([one for one in assignments(lowered) if not _kept(one)])
    return File(
        "python",
        text.count("\n") + (not text.endswith("\n") and text != ""),
        tuple(_comments(text, tree)) if "datakeel:" in text else (),
        tuple(dict.fromkeys(notes + here.notes)),
        is_package,
        tuple([Import(name, dotted) for name, dotted in dict.fromkeys(found.imports)]),
        tuple(dict.fromkeys(found.stars)),
        _exports(constants),
        constants,
        tuple(here.classes),
        tuple(here.functions),
        (*here.bodies, own),
        tuple(here.texts),
        tuple(sorted(here.words)),
        tuple(sorted(here.loads)),
        digest,
    )


def _kept(statement: Statement) -> bool:
    """Whether this keeps the subject of a `match`, which no other code can name."""
    return isinstance(statement, Assign) and isinstance(statement.targets[0], Local)


# Names ----------------------------------------------------------------------------------------------------------------

_PLAIN = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import)
_GLOBAL = re.compile(r"global[ \t]+([\w \t,]+)")


def _module_scopes(tree: ast.Module, found: Bound, text: str) -> tuple[Scope, ModuleCode]:
    """What the module's names mean to its functions, and to the code that runs at import."""
    names: dict[str, Expression] = {name: Global("." + name) for name in MODULE_NAMES}
    # A function can make a name the module's, but most such names the module's own code binds as well.
    if any(name not in found.binders for name in _declared_global(text)):
        declared = [name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names]
        names.update({name: Global("." + name) for name in declared})
    disputed = set()
    for name, binders in found.binders.items():
        if any(binders):
            names[name] = Global(binders[0])
            if binders.count(binders[0]) < len(binders):
                disputed.add(name)
        else:
            names[name] = Global("." + name)
    early = _settle(tree, found, disputed, names) if disputed else {}
    module = Scope(None, names)
    return module, ModuleCode(module, early)


def _declared_global(text: str) -> Iterator[str]:
    """What looks as if it were declared ``global``: a cheap first look at the text, before one at the tree."""
    for found in _GLOBAL.finditer(text):
        before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()].rstrip(" \t\f")
        if not before or before[-1] in ";:":
            yield from [name.strip() for name in found[1].split(",")]


def _settle(tree: ast.Module, found: Bound, disputed: set[str], names: dict[str, Expression]) -> dict[str, Expression]:
    """Decide the names that are bound in several ways, and give what some of them mean before their last binding.

    An import wins over a substitute under the same ``try`` or ``if``, and over a placeholder before it; otherwise the
    later statement wins.
    """
    early: dict[str, Expression] = {}
    settled: dict[str, str] = {}
    for statement in tree.body:
        always = isinstance(statement, (*_PLAIN, ast.ImportFrom))
        for name, binders in bound([statement], found.walruses).binders.items():
            if name not in disputed:
                continue
            dotted = next(filter(None, binders), "")
            before = settled.get(name)
            if before and not dotted and always:
                early.setdefault(name, Global(before))
            if before is None or always or (dotted and not before):
                settled[name] = dotted
    names.update({name: Global(dotted or "." + name) for name, dotted in settled.items()})
    return early


def _exports(constants: Iterable[Statement]) -> tuple[str, ...]:
    """The strings of ``__all__``, of its additions too."""
    names: list[str] = []
    for statement in constants:
        if isinstance(statement, Assign) and Global(".__all__") in statement.targets and statement.value:
            names = _strings(statement.value)
        elif isinstance(statement, Augment) and statement.target == Global(".__all__"):
            names += _strings(statement.value)
    return tuple(names)


def _strings(value: Expression) -> list[str]:
    if isinstance(value, Const):
        return [value.value] if isinstance(value.value, str) else []
    if isinstance(value, Collection):
        return [text for item in value.items for text in _strings(item)]
    if isinstance(value, Derive) and value.how == "+":
        return [text for operand in value.operands for text in _strings(operand)]
    return []


# The module's own code ------------------------------------------------------------------------------------------------


def _plain_assignment(statement: Statement) -> bool:
    """Whether running this does nothing but give a name a value that calls nothing."""
    if not isinstance(statement, Assign):
        return False
    return all(_plain(one) for one in statement.targets) and (statement.value is None or _plain(statement.value))


def _plain(value: Expression) -> bool:
    if isinstance(value, Collection):
        return all(_plain(item) for item in value.items) and all(key is None or _plain(key) for key in value.keys)
    if isinstance(value, Derive):
        return value.how not in ("await", "opaque") and all(_plain(operand) for operand in value.operands)
    if isinstance(value, Item):
        return _plain(value.base) and _plain(value.key)
    return isinstance(value, (Const, Global, Closure)) or (isinstance(value, Attribute) and _plain(value.base))


# Places ---------------------------------------------------------------------------------------------------------------


def _spans(text: str) -> Callable[[Any], Span]:
    """How a node's span is told: the parser counts bytes, people and editors count characters."""
    if text.isascii():
        return _byte_span
    lines = [line if line.isascii() else line.encode() for line in _LINE_END.split(text)]

    def column(line: int, offset: int) -> int:
        written = lines[line - 1] if line <= len(lines) else ""
        return offset if isinstance(written, str) else len(written[:offset].decode("utf-8", "ignore"))

    def span(node: Any) -> Span:
        start, end = node.lineno, node.end_lineno
        return Span(start, column(start, node.col_offset), end, column(end, node.end_col_offset))

    return span


def _byte_span(node: Any) -> Span:
    return Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


_LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"#[ \t]*datakeel:[ \t]*([^\r\n]*)")


def _comments(text: str, tree: ast.Module) -> Iterator[Comment]:
    """The comments that speak to datakeel; what stands inside a string is none."""
    at = _spans(text)
    strings = [at(node) for node in ast.walk(tree) if isinstance(node, _STRINGS)]
    for number, line in enumerate(_LINE_END.split(text), 1):
        found = _COMMENT.search(line)
        if found and not any(_covers(string, number, found.start()) for string in strings):
            yield Comment(number, found[1].rstrip(), not line[: found.start()].strip())


_STRINGS: tuple[type[ast.AST], ...] = (ast.Constant, ast.JoinedStr)
if hasattr(ast, "TemplateStr"):
    _STRINGS += (ast.TemplateStr,)


def _covers(span: Span, line: int, column: int) -> bool:
    return (span.line, span.column) <= (line, column) < (span.end_line, span.end_column)
