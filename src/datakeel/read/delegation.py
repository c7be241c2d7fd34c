"""Objects that stand for another one: a `__getattr__` that hands on whatever it is asked for."""

from __future__ import annotations

from datakeel.read.program import Attribute, Call, Expression, Global, Local, Return, Statement
from datakeel.read.retrying import walked
from datakeel.read.symbols import FunctionInfo


def behind(method: FunctionInfo, text: tuple[Statement, ...]) -> str | None:
    """The attribute that holds the object to which a `__getattr__` hands on (``return getattr(self.client, name)``)."""
    parameters = method.signature.parameters
    if len(parameters) != 2 or "getattr" not in method.code.names:
        return None
    own, asked = Local(parameters[0].name), Local(parameters[1].name)
    given = (s.value for s in walked(text) if isinstance(s, Return))
    return next((name for value in given if (name := handed_on(value, own, asked))), None)


def handed_on(value: Expression | None, own: Local, asked: Local) -> str | None:
    match value:
        case Call(Global("builtins.getattr"), (Attribute(base, name), second, *_)) if (base, second) == (own, asked):
            return name
    return None
