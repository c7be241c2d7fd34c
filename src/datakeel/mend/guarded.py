"""A test and the change that it guards, read from a function's text: what is asked, what is set, and who goes on."""

from __future__ import annotations

import ast

from msgspec import Struct

from datakeel.mend.parts import block_of
from datakeel.read.languages.python.draft import Draft, Refused

NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
}
SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
LEAVES = (ast.Raise, ast.Return, ast.Continue)


class Condition(Struct, frozen=True):
    """What a column must be for the change to happen. `bound` is Python; of the row's own column, `own` is its name.
    `shift` is what the test added to the column before it compared (``+ n``)."""

    sign: str
    bound: str
    own: str = ""
    shift: str = ""


class Guarded(Struct, frozen=True):
    """`leaving`: the test stands before the change, and leaves; else it stands round it. `change` is what is added to
    the column (``- amount``), or empty where it is set to `value`. `others` are further columns that are set."""

    row: str
    column: str
    test: ast.If
    leaving: bool
    condition: Condition
    setting: ast.stmt
    change: str
    value: str
    others: tuple[tuple[str, ast.stmt, str], ...]


def guarded(site: Draft, function: ast.AST, column: str, after: int) -> Guarded:
    """The test and the change of a row's column in a function; `after` is where the function writes the row. Raises
    Refused where either is not plain."""
    setting, target = set_by(site, function, column)
    assert isinstance(target.value, ast.Name)
    row = target.value.id
    test, leaving = tested(site, function, row, column, setting)
    change, value = computed(site, setting, target)
    block = block_of(site, setting)
    rest = block[block.index(setting) + 1 :]
    others = []
    for one in (s for s in ast.walk(function) if isinstance(s, ast.Assign) and s is not setting):
        named = one.targets[0]
        if not isinstance(named, ast.Attribute) or site.source(named.value) != row:
            continue
        if one not in block or site.start(one) > after or site.start(one) < site.start(test):
            raise Refused  # of the same row, and not surely of the same change
        others.append((named.attr, one, site.source(one.value)))
    if any(isinstance(s, ast.AugAssign) and site.source(s.target).startswith(f"{row}.") for s in rest):
        raise Refused
    condition = kept(site, test.test, row, column, negated=leaving)
    return Guarded(row, column, test, leaving, condition, setting, change, value, tuple(others))


def set_by(site: Draft, function: ast.AST, column: str) -> tuple[ast.stmt, ast.Attribute]:
    """The only statement that sets the column of a row."""
    found: list[tuple[ast.stmt, ast.Attribute]] = []
    for one in ast.walk(function):
        if isinstance(one, ast.Assign | ast.AugAssign):
            target = one.targets[0] if isinstance(one, ast.Assign) else one.target
            if isinstance(target, ast.Attribute) and target.attr == column:
                found.append((one, target))
    if len(found) != 1 or not isinstance(found[0][1].value, ast.Name):
        raise Refused
    if site.several_lines(found[0][0]) or (isinstance(found[0][0], ast.Assign) and len(found[0][0].targets) > 1):
        raise Refused
    return found[0]


def tested(site: Draft, function: ast.AST, row: str, column: str, setting: ast.stmt) -> tuple[ast.If, bool]:
    """The only test of the column, and whether it leaves before the change."""
    asked = [n for n in ast.walk(function) if isinstance(n, ast.If) and speaks(site, n.test, row, column)]
    if len(asked) != 1:
        raise Refused
    test, block = asked[0], block_of(site, setting)
    if not site.text.startswith("if", site.start(test)):
        raise Refused  # an elif
    if test in block and site.start(test) < site.start(setting) and not test.orelse:
        if isinstance(test.body[-1], LEAVES):
            return test, True
    elif site.parents[setting] is test and setting in test.body:
        return test, False
    raise Refused


def speaks(site: Draft, node: ast.AST, row: str, column: str) -> bool:
    return any(isinstance(n, ast.Attribute) and site.source(n) == f"{row}.{column}" for n in ast.walk(node))


def computed(site: Draft, setting: ast.stmt, target: ast.Attribute) -> tuple[str, str]:
    """What is added to the column (with its sign), or what it is set to."""
    signs = {ast.Add: "+", ast.Sub: "-"}
    if isinstance(setting, ast.AugAssign):
        if type(setting.op) not in signs:
            raise Refused
        return f"{signs[type(setting.op)]} {site.operand(setting.value)}", ""
    assert isinstance(setting, ast.Assign)
    value, name = setting.value, site.source(target)
    if isinstance(value, ast.BinOp) and site.source(value.left) == name and type(value.op) in signs:
        return f"{signs[type(value.op)]} {site.operand(value.right)}", ""
    if name in site.source(value):
        raise Refused
    return "", site.source(value)


def kept(site: Draft, test: ast.expr, row: str, column: str, *, negated: bool) -> Condition:
    """What holds of the column where the change is made. Raises Refused where the test asks for more."""
    name = f"{row}.{column}"
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return kept(site, test.operand, row, column, negated=not negated)
    if isinstance(test, ast.Attribute) and site.source(test) == name:
        return Condition("truth", str(not negated))
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        raise Refused
    left, operator, right = test.left, type(test.ops[0]), test.comparators[0]
    if speaks(site, right, row, column):
        if speaks(site, left, row, column) or operator not in TURNED:
            raise Refused
        left, operator, right = right, TURNED[operator], left
    operator = NEGATED[operator] if negated else operator
    if operator not in SIGNS or (operator in (ast.Is, ast.IsNot) and site.source(right) != "None"):
        raise Refused
    shift = ""
    if isinstance(left, ast.BinOp) and site.source(left.left) == name:
        signs = {ast.Add: "+", ast.Sub: "-"}
        if type(left.op) not in signs or operator not in TURNED:
            raise Refused
        shift = f"{signs[type(left.op)]} {site.operand(left.right)}"
    elif site.source(left) != name:
        raise Refused
    if site.several_lines(right):
        raise Refused
    own = right.attr if isinstance(right, ast.Attribute) and site.source(right.value) == row else ""
    if not own and any(isinstance(n, ast.Name) and n.id == row for n in ast.walk(right)):
        raise Refused
    return Condition(SIGNS[operator], site.source(right), own, shift)


def invariant(found: Guarded) -> tuple[str, str] | None:
    """What then holds of the column in every row: a sign, and what it is compared with (a number, or a column of the
    row); None where the test says nothing of the kind."""
    condition, change = found.condition, found.change
    if not change or condition.sign not in ("<", "<=", ">", ">="):
        return None
    number = condition.bound.lstrip("-").isdigit()
    bound = condition.own or (condition.bound if number else "")
    if condition.shift:
        return (condition.sign, bound) if condition.shift == change and bound else None
    if change == f"- {condition.bound}" and not condition.own and condition.sign in (">", ">="):
        return condition.sign, "0"
    if number and change.startswith("- ") and change[2:].isdigit() and condition.sign in (">", ">="):
        return condition.sign, str(int(condition.bound) - int(change[2:]))
    one_more = change == "+ 1" and condition.sign == "<"
    return ("<=", bound) if one_more and bound else None
