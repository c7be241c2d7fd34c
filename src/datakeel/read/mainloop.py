"""A module whose own code never ends: a service that is started as a script, without a function round its loop."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.read.entering import own_loop
from datakeel.read.machine import Trace
from datakeel.read.program import Code, Define, Global, Local, Signature, Span, body, encode_body, rewritten
from datakeel.read.symbols import FunctionInfo, Module

NAME = "<module>"  # as Python calls it


def main_loop(module: Module, trace: Trace) -> FunctionInfo | None:
    """The module's own code as a function, where, by its `trace`, a loop in it that never ends does something; None
    elsewhere. What the code assigns are the function's variables."""
    if not any(own_loop(scope, effect) for effect in trace.effects for scope in effect.scopes):
        return None
    own = module.file.bodies[-1]
    statements = body(own)
    mine = {dotted for dotted in globals_of(statements) if dotted[:1] == "." and dotted[1:].isidentifier()}
    known = {f".{signature.name}" for signature in module.file.functions} | {f".{c.name}" for c in module.file.classes}
    names = mine - known
    local = rewritten(statements, Global, lambda name: Local(name.dotted[1:]) if name.dotted in names else name)
    code = Code(encode_body(local), own.names)
    stretch = [statement.at for statement in statements if not isinstance(statement, Define)]
    at = Span(stretch[0].line, 0, stretch[-1].end_line, 0)
    return FunctionInfo(module, Signature(NAME, (), None, (), False, False, at), code)


def globals_of(part: object) -> Iterator[str]:
    """The names that are no variables of a function."""
    match part:
        case Global():
            yield part.dotted
        case Struct():
            for name in part.__struct_fields__:
                yield from globals_of(getattr(part, name))
        case tuple():
            for item in part:
                yield from globals_of(item)
