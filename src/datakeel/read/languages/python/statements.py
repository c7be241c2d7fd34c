"""Python's statements and definitions, each lowered into the neutral tree's."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from datakeel.read.languages.python.expressions import (
    OPERATORS,
    Lowering,
    annotation,
    encodable,
    expression,
    expressions,
    note_names,
    parameters,
    target,
)
from datakeel.read.languages.python.patterns import alternatives, matched
from datakeel.read.languages.python.scope import (
    ClassScope,
    ModuleCode,
    Scope,
    TypeAlias,
    accessor,
    bound,
    imported,
    loaded,
)
from datakeel.read.program import (
    Assert,
    Assign,
    Augment,
    Break,
    Class,
    Code,
    Continue,
    Define,
    Delete,
    Evaluate,
    Expression,
    Function,
    Global,
    Handler,
    If,
    Local,
    Loop,
    Raise,
    Return,
    Signature,
    Statement,
    Try,
    With,
    encode_body,
)


def block(here: Lowering, statements: Iterable[ast.stmt]) -> tuple[Statement, ...]:
    """Lower the statements of one block."""
    out: list[Statement] = []
    for statement in statements:
        _STATEMENTS[type(statement)](here, statement, out)
    return tuple(out)


# Simple statements ----------------------------------------------------------------------------------------------------


def _evaluate(here: Lowering, node: ast.Expr, out: list[Statement]) -> None:
    # A bare constant is a docstring or an ellipsis: it does nothing.
    if type(node.value) is not ast.Constant:
        out.append(Evaluate(expression(here, node.value), here.at(node)))


def _assign(here: Lowering, node: ast.Assign, out: list[Statement]) -> None:
    value = expression(here, node.value)
    out.append(Assign(tuple([target(here, one) for one in node.targets]), value, None, here.at(node)))


def _annotated(here: Lowering, node: ast.AnnAssign, out: list[Statement]) -> None:
    value = expression(here, node.value) if node.value else None
    kind = annotation(here, node.annotation)
    out.append(Assign((target(here, node.target),), value, kind, here.at(node)))


def _augment(here: Lowering, node: ast.AugAssign, out: list[Statement]) -> None:
    value = expression(here, node.value)
    out.append(Augment(target(here, node.target), OPERATORS[type(node.op)], value, here.at(node)))


def _return(here: Lowering, node: ast.Return, out: list[Statement]) -> None:
    out.append(Return(expression(here, node.value) if node.value else None, here.at(node)))


def _raise(here: Lowering, node: ast.Raise, out: list[Statement]) -> None:
    out.append(Raise(expression(here, node.exc) if node.exc else None, here.at(node)))


def _assert(here: Lowering, node: ast.Assert, out: list[Statement]) -> None:
    out.append(Assert(expression(here, node.test), here.at(node)))


def _delete(here: Lowering, node: ast.Delete, out: list[Statement]) -> None:
    out.append(Delete(expressions(here, node.targets), here.at(node)))


def _break(here: Lowering, node: ast.Break, out: list[Statement]) -> None:
    out.append(Break(here.at(node)))


def _continue(here: Lowering, node: ast.Continue, out: list[Statement]) -> None:
    out.append(Continue(here.at(node)))


def _nothing(here: Lowering, node: ast.stmt, out: list[Statement]) -> None:
    pass


def _import(here: Lowering, node: ast.Import | ast.ImportFrom, out: list[Statement]) -> None:
    """An import binds at run time only what the scope does not already read as the imported thing."""
    if isinstance(here.scope, ModuleCode):
        return  # the module's own imports stand in File.imports
    here.loads.update(loaded(node))
    for name, dotted in imported(node):
        here.scope.define(name)
        if name != "*" and here.scope[name] != Global(dotted):
            out.append(Assign((here.scope[name],), Global(dotted), None, here.at(node)))


def _type_alias(here: Lowering, node: Any, out: list[Statement]) -> None:
    scope, around = _with_type_parameters(here, node)
    value = annotation(here, node.value)
    here.scope, here.around = scope, around
    out.append(Assign((target(here, node.name),), value, None, here.at(node)))


# Compound statements --------------------------------------------------------------------------------------------------


def _if(here: Lowering, node: ast.If, out: list[Statement]) -> None:
    branches = [(expression(here, node.test), block(here, node.body), here.at(node))]
    while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        node = node.orelse[0]
        branches.append((expression(here, node.test), block(here, node.body), here.at(node)))
    otherwise = block(here, node.orelse)
    # A module's `if` that held nothing but imports and definitions has been read elsewhere.
    if here.inside or otherwise or any(then for _, then, _ in branches):
        out.extend(alternatives(here, branches, otherwise))


def _match(here: Lowering, node: ast.Match, out: list[Statement]) -> None:
    out.extend(matched(here, node, block))


def _while(here: Lowering, node: ast.While, out: list[Statement]) -> None:
    test, body = expression(here, node.test), block(here, node.body)
    out.append(Loop(None, None, test, body, block(here, node.orelse), False, here.at(node)))


def _for(here: Lowering, node: ast.For | ast.AsyncFor, out: list[Statement]) -> None:
    iterable = expression(here, node.iter)
    each, body = target(here, node.target), block(here, node.body)
    is_async = isinstance(node, ast.AsyncFor)
    out.append(Loop(each, iterable, None, body, block(here, node.orelse), is_async, here.at(node)))


def _with(here: Lowering, node: ast.With | ast.AsyncWith, out: list[Statement]) -> None:
    contexts = [
        (expression(here, item.context_expr), target(here, item.optional_vars) if item.optional_vars else None)
        for item in node.items
    ]
    body = block(here, node.body)
    at, is_async = here.at(node), isinstance(node, ast.AsyncWith)
    for context, name in reversed(contexts):
        body = (With(context, name, body, is_async, at),)
    out.extend(body)


def _try(here: Lowering, node: ast.Try, out: list[Statement]) -> None:
    body = block(here, node.body)
    handlers = tuple([_handler(here, handler) for handler in node.handlers])
    otherwise, final = block(here, node.orelse), block(here, node.finalbody)
    if here.inside or body or otherwise or final or any(handler.body for handler in handlers):
        out.append(Try(body, handlers, otherwise, final, here.at(node)))


def _handler(here: Lowering, node: ast.ExceptHandler) -> Handler:
    kinds: Sequence[ast.expr] = ()
    if node.type is not None:
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else (node.type,)
    types = expressions(here, kinds)
    if node.name and not here.inside:
        here.scope.define(node.name)
    return Handler(types, node.name, block(here, node.body), here.at(node))


# Definitions ----------------------------------------------------------------------------------------------------------

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def _function(here: Lowering, node: FunctionNode, out: list[Statement]) -> None:
    """Inside a function a definition is a closure; elsewhere a function of the file, its body encoded at once."""
    if here.inside:
        out.append(Define(_lowered(here, node, here.prefix + node.name)[0]))
        return
    attributes, here.attributes = here.attributes, set()
    function, scope = _lowered(here, node, _qualified(here, node.name, accessor(node)))
    note_names(here, scope)
    here.functions.append(function.signature)
    here.bodies.append(Code(encode_body(function.body), tuple(sorted(here.attributes))))
    here.attributes = attributes
    here.scope.define(node.name)


def _lowered(here: Lowering, node: FunctionNode, name: str) -> tuple[Function, Scope]:
    at = here.at(node)
    decorators = expressions(here, node.decorator_list)
    outer = here.scope, here.around, here.inside, here.generator, here.prefix, here.definitions, here.seen
    _with_type_parameters(here, node)
    taken = parameters(here, node.args)
    returns = annotation(here, node.returns) if node.returns else None
    found = bound(node.body, here.walruses)
    names = found.names(here.module)
    for parameter in taken:
        names[parameter.name] = Local(parameter.name)
    own = tuple(sorted([name for name, value in names.items() if type(value) is Local]))
    scope = here.scope = here.around = Scope(here.around, names)
    here.inside, here.generator, here.prefix = True, False, name + ".<locals>."
    here.definitions, here.seen = found.definitions, {}
    body = block(here, node.body)
    is_async = type(node) is ast.AsyncFunctionDef
    signature = Signature(name, taken, returns, decorators, is_async, here.generator, at)
    here.scope, here.around, here.inside, here.generator, here.prefix, here.definitions, here.seen = outer
    return Function(signature, body, own), scope


def _class(here: Lowering, node: ast.ClassDef, out: list[Statement]) -> None:
    """A class of the file; what its body does beside defining runs where the class stands."""
    at = here.at(node)
    decorators = expressions(here, node.decorator_list)
    outer = here.scope, here.around, here.inside, here.prefix, here.definitions, here.seen
    name = _qualified(here, node.name, "")
    _with_type_parameters(here, node)
    bases = expressions(here, node.bases)
    keywords = tuple([(word.arg or "", expression(here, word.value)) for word in node.keywords])
    here.scope, here.inside, here.prefix = ClassScope(here.scope, name + "."), False, name + "."
    here.definitions, here.seen = bound(node.body, here.walruses).definitions, {}
    functions, classes = len(here.functions), len(here.classes)
    body = block(here, node.body)
    methods = _members(here.prefix, [signature.name for signature in here.functions[functions:]])
    inner = _members(here.prefix, [inner.name for inner in here.classes[classes:]])
    here.scope, here.around, here.inside, here.prefix, here.definitions, here.seen = outer
    fields = tuple(assignments(body))
    doc = ast.get_docstring(node) or ""
    here.classes.append(Class(name, bases, keywords, decorators, fields, methods, inner, encodable(doc), at))
    out.extend([statement for statement in body if not isinstance(statement, (Assign, Augment))])
    if here.inside:
        out.append(Assign((target(here, ast.Name(node.name)),), Global("." + name), None, at))
    else:
        here.scope.define(node.name)


def _members(prefix: str, names: Iterable[str]) -> tuple[str, ...]:
    rest = [name[len(prefix) :] for name in names if name.startswith(prefix)]
    return tuple([name for name in rest if "." not in name])


def assignments(statements: Iterable[Statement]) -> Iterator[Statement]:
    """The assignments of a class's or module's own code, also those under a condition."""
    for statement in statements:
        if isinstance(statement, (Assign, Augment)):
            yield statement
        elif isinstance(statement, If):
            yield from assignments((*statement.then, *statement.otherwise))
        elif isinstance(statement, Try):
            handled = [inner for handler in statement.handlers for inner in handler.body]
            yield from assignments((*statement.body, *handled, *statement.otherwise, *statement.final))
        elif isinstance(statement, (With, Loop)):
            yield from assignments(statement.body)


def _qualified(here: Lowering, name: str, accessor: str) -> str:
    """A definition's name inside its file, unique: the last of a name has it plain, the one before it ``name#2``."""
    if accessor:
        name = f"{name}#{accessor}"
    elif here.definitions.get(name, 1) > 1:
        place = here.seen[name] = here.seen.get(name, 0) + 1
        later = here.definitions[name] - place
        name = f"{name}#{later + 1}" if later else name
    qualified = here.prefix + name
    while qualified in here.taken:
        qualified += "#"
    here.taken.add(qualified)
    return qualified


def _with_type_parameters(here: Lowering, node: Any) -> tuple[Scope, Scope]:
    """Enter the scope of ``[T]``; its names stand for no value. Gives the scopes to return to."""
    outer = here.scope, here.around
    if getattr(node, "type_params", ()):
        unknown: dict[str, Expression] = {one.name: Global(f"?.{one.name}") for one in node.type_params}
        here.scope, here.around = Scope(here.scope, unknown), Scope(here.around, unknown)
    return outer


_STATEMENTS: dict[type[ast.AST], Callable[[Lowering, Any, list[Statement]], None]] = {
    ast.Expr: _evaluate,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augment,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Delete: _delete,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Pass: _nothing,
    ast.Global: _nothing,
    ast.Nonlocal: _nothing,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.If: _if,
    ast.Match: _match,
    ast.While: _while,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    TypeAlias: _type_alias,
}
