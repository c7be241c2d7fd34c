"""What the running Python's own parser refuses — newer or older syntax, a broken file — as the same parser's tree.

tree-sitter reads anything and marks what it could not; its nodes become those of `ast`, so that lowering is written
once. Type parameters, aliases and templates have nodes of their own even where the running Python has none for them.
"""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import tree_sitter_python
from tree_sitter import Language, Node, Parser

from datakeel.read.languages.python.expressions import Unread
from datakeel.read.languages.python.scope import TypeAlias
from datakeel.read.program import Note

Tree = TypeVar("Tree", bound=ast.AST)

# What nests deeper than this is left out: each level takes three of Python's thousand frames.
DEEPEST = 150

PYTHON_2 = "Python 2; it was read as what it is in Python 3"
TOO_DEEP = "nested too deeply; what lies inside was not read"

_LANGUAGE = Language(tree_sitter_python.language())
_LOAD = ast.Load()


def parse(text: str) -> tuple[ast.Module, list[Note]]:
    """A tree of what can be read, and a note of what cannot.

    >>> tree, notes = parse("print 'paid'\\nclass Order[T]: pass\\n")
    >>> [type(statement).__name__ for statement in tree.body], notes[0].text
    (['Expr', 'ClassDef'], 'Python 2; it was read as what it is in Python 3')
    """
    # Like Python, unlike tree-sitter: a lone carriage return ends a line.
    source = re.sub(r"\r(?!\n)", "\n", text).encode()
    root = Parser(_LANGUAGE).parse(source).root_node
    reading = Reading()
    body = _statements(reading, root)
    return ast.Module(body, []), _notes(root) + reading.notes


class Reading:
    """How deep the reading stands, and what it had to leave out."""

    def __init__(self) -> None:
        self.depth = 0
        self.notes: list[Note] = []

    def old(self, node: Node) -> None:
        """Notes, once, that the file is in Python 2."""
        if not any(note.text == PYTHON_2 for note in self.notes):
            self.notes.append(Note(node.start_point[0] + 1, PYTHON_2))

    def too_deep(self, node: Node) -> bool:
        if self.depth < DEEPEST:
            return False
        line = node.start_point[0] + 1
        if not any(note.text == TOO_DEEP for note in self.notes):
            self.notes.append(Note(line, TOO_DEEP))
        return True


def _notes(root: Node) -> list[Note]:
    lines = sorted({node.start_point[0] + 1 for node in _errors(root)})
    if not lines:
        return []
    more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
    return [Note(lines[0], f"syntax error{more}; the rest of the file was read")]


def _errors(root: Node) -> Iterator[Node]:
    waiting = [root] if root.has_error else []
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        else:
            waiting += [child for child in node.children if child.has_error or child.is_missing]


# Nodes ----------------------------------------------------------------------------------------------------------------


def _at(tree: Tree, node: Node, end: Node | None = None) -> Tree:
    """Give a tree the place of a node (or from one node to another)."""
    place: Any = tree
    place.lineno, place.col_offset = node.start_point[0] + 1, node.start_point[1]
    place.end_lineno, place.end_col_offset = (end or node).end_point[0] + 1, (end or node).end_point[1]
    last = _last(place)
    if last is not None:
        place.end_lineno, place.end_col_offset = last.end_lineno, last.end_col_offset
    return tree


def _last(tree: Any) -> Any:
    """The last statement inside a compound one: Python ends it there, tree-sitter takes comments after it too."""
    for field in ("finalbody", "orelse", "handlers", "cases", "body"):
        inside = getattr(tree, field, None)
        if field == "cases" and isinstance(inside, list):  # a case itself has no place
            inside = [statement for case in inside for statement in case.body]
        if isinstance(inside, list) and inside:
            return inside[-1]
    return None


def _unread(node: Node, *parts: ast.expr) -> ast.expr:
    """A place for what has no tree; the parts of it that have one."""
    unread = _at(Unread(), node)
    unread.parts = list(parts)
    return unread


def _text(node: Node | None) -> str:
    """A node's text; names as Python compares them."""
    text = node.text.decode() if node is not None and node.text is not None else ""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


_BESIDE = ("comment", "line_continuation", "ERROR")


def _parts(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type not in _BESIDE]


def _has(node: Node, token: str) -> bool:
    return any(child.type == token for child in node.children)


def _field(reading: Reading, node: Node, name: str) -> ast.expr:
    child = node.child_by_field_name(name)
    return _expression(reading, child) if child is not None else _unread(node)


def _names(node: Node) -> list[str]:
    return [_text(child) for child in _parts(node) if child.type == "identifier"]


# Expressions ----------------------------------------------------------------------------------------------------------


def _expression(reading: Reading, node: Node) -> ast.expr:
    reader = _EXPRESSIONS.get(node.type)
    if reader is None or node.is_missing or reading.too_deep(node):
        return _unread(node)
    reading.depth += 1
    read = reader(reading, node)
    reading.depth -= 1
    return read


def _expressions(reading: Reading, nodes: list[Node]) -> list[ast.expr]:
    return [_element(reading, node) for node in nodes]


def _element(reading: Reading, node: Node) -> ast.expr:
    """An expression where a star may stand: the grammar takes ``*a.b()`` for ``(*a).b()`` in some places."""
    read = _expression(reading, node)
    if isinstance(read, ast.Starred) or not (node.text or b"").startswith(b"*"):
        return read
    above: Any = read
    while (field := _LEFTMOST.get(type(above))) and not isinstance(getattr(above, field), ast.Starred):
        above = getattr(above, field)
    if field is None:
        return read
    setattr(above, field, getattr(above, field).value)
    return _at(ast.Starred(read, _LOAD), node)


_LEFTMOST: dict[type[ast.AST], str] = {
    ast.Attribute: "value",
    ast.Call: "func",
    ast.Subscript: "value",
    ast.BinOp: "left",
    ast.Compare: "left",
}


def _inner(reading: Reading, node: Node) -> ast.expr:
    """The only part of a node: brackets, a type."""
    parts = _parts(node)
    return _element(reading, parts[0]) if parts else _unread(node)


def _one_or_tuple(reading: Reading, nodes: list[Node], comma: bool) -> ast.expr:
    if len(nodes) == 1 and not comma:
        return _element(reading, nodes[0])
    return _at(ast.Tuple(_expressions(reading, nodes), _LOAD), nodes[0], nodes[-1])


def _name(reading: Reading, node: Node) -> ast.expr:
    return _at(ast.Name(_text(node), _LOAD), node)


def _word(value: object) -> Callable[[Reading, Node], ast.expr]:
    def read(reading: Reading, node: Node) -> ast.expr:
        return _at(ast.Constant(value), node)  # type: ignore[arg-type]

    return read


def _number(reading: Reading, node: Node) -> ast.expr:
    text = _text(node).replace("_", "").rstrip("lL")
    try:
        value: complex
        if text[-1] in "jJ":
            value = complex(text)
        elif node.type == "float":
            value = float(text)
        else:
            value = int(text, 8) if re.fullmatch("0[0-7]+", text) else int(text, 0)
    except ValueError:
        return _unread(node)
    return _at(ast.Constant(value), node)


def _attribute(reading: Reading, node: Node) -> ast.expr:
    name = _text(node.child_by_field_name("attribute"))
    return _at(ast.Attribute(_field(reading, node, "object"), name, _LOAD), node)


def _member(reading: Reading, node: Node) -> ast.expr:
    parts = _parts(node)
    return _at(ast.Attribute(_expression(reading, parts[0]), _text(parts[-1]), _LOAD), node)


def _call(reading: Reading, node: Node) -> ast.expr:
    arguments, keywords = _arguments(reading, node.child_by_field_name("arguments"))
    return _at(ast.Call(_field(reading, node, "function"), arguments, keywords), node)


def _arguments(reading: Reading, node: Node | None) -> tuple[list[ast.expr], list[ast.keyword]]:
    if node is None:
        return [], []
    if node.type == "generator_expression":
        return [_expression(reading, node)], []
    arguments: list[ast.expr] = []
    keywords: list[ast.keyword] = []
    for part in _parts(node):
        if part.type == "keyword_argument":
            name = _text(part.child_by_field_name("name"))
            keywords.append(_at(ast.keyword(name, _field(reading, part, "value")), part))
        elif part.type == "dictionary_splat":
            keywords.append(_at(ast.keyword(None, _inner(reading, part)), part))
        else:
            arguments.append(_element(reading, part))
    return arguments, keywords


def _subscript(reading: Reading, node: Node) -> ast.expr:
    keys = node.children_by_field_name("subscript")
    if not keys:
        return _unread(node, _field(reading, node, "value"))
    key = _key(reading, keys, _has(node, ","))
    return _at(ast.Subscript(_field(reading, node, "value"), key, _LOAD), node)


def _key(reading: Reading, nodes: list[Node], comma: bool) -> ast.expr:
    key = _one_or_tuple(reading, nodes, comma)
    return _at(ast.Tuple([key], _LOAD), nodes[0]) if isinstance(key, ast.Starred) else key


def _slice(reading: Reading, node: Node) -> ast.expr:
    ends: list[ast.expr | None] = [None]
    for child in node.children:
        if child.type == ":":
            ends.append(None)
        elif child.is_named and child.type not in _BESIDE:
            ends[-1] = _expression(reading, child)
    return _at(ast.Slice(*ends[:3]), node)


_BINARY: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "//": ast.FloorDiv,
    "%": ast.Mod,
    "**": ast.Pow,
    "<<": ast.LShift,
    ">>": ast.RShift,
    "&": ast.BitAnd,
    "|": ast.BitOr,
    "^": ast.BitXor,
    "@": ast.MatMult,
}
_UNARY: dict[str, type[ast.unaryop]] = {"-": ast.USub, "+": ast.UAdd, "~": ast.Invert}
_COMPARING: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<>": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    "in": ast.In,
    "not in": ast.NotIn,
    "is": ast.Is,
    "is not": ast.IsNot,
}


def _spine(node: Node, kind: str, operator: str | None) -> list[Node]:
    """A node and the ones of its kind down its left side, the innermost first: they can be thousands."""
    spine = [node]
    while (left := spine[-1].child_by_field_name("left")) is not None and left.type == kind:
        if operator is not None and _text(left.child_by_field_name("operator")) != operator:
            break
        spine.append(left)
    spine.reverse()
    return spine


def _binary(reading: Reading, node: Node) -> ast.expr:
    spine = _spine(node, "binary_operator", None)
    read = _field(reading, spine[0], "left")
    for step in spine:
        operator = _BINARY.get(_text(step.child_by_field_name("operator")), ast.Add)
        read = _at(ast.BinOp(read, operator(), _field(reading, step, "right")), step)
    return read


def _logical(reading: Reading, node: Node) -> ast.expr:
    operator = _text(node.child_by_field_name("operator"))
    spine = _spine(node, "boolean_operator", operator)
    values = [_field(reading, spine[0], "left"), *[_field(reading, step, "right") for step in spine]]
    return _at(ast.BoolOp(ast.And() if operator == "and" else ast.Or(), values), node)


def _unary(reading: Reading, node: Node) -> ast.expr:
    operator = _UNARY.get(_text(node.child_by_field_name("operator")), ast.UAdd)
    return _at(ast.UnaryOp(operator(), _field(reading, node, "argument")), node)


def _not(reading: Reading, node: Node) -> ast.expr:
    return _at(ast.UnaryOp(ast.Not(), _field(reading, node, "argument")), node)


def _compare(reading: Reading, node: Node) -> ast.expr:
    operands = _expressions(reading, _parts(node))
    operators = [_COMPARING[child.type]() for child in node.children if child.type in _COMPARING]
    if len(operands) != len(operators) + 1:
        return _unread(node, *operands)
    return _at(ast.Compare(operands[0], operators, operands[1:]), node)


def _choice(reading: Reading, node: Node) -> ast.expr:
    parts = _expressions(reading, _parts(node))
    if len(parts) != 3:
        return _unread(node, *parts)
    return _at(ast.IfExp(parts[1], parts[0], parts[2]), node)


def _let(reading: Reading, node: Node) -> ast.expr:
    name = node.child_by_field_name("name") or node
    target = _at(ast.Name(_text(name), ast.Store()), name)
    return _at(ast.NamedExpr(target, _field(reading, node, "value")), node)


def _await(reading: Reading, node: Node) -> ast.expr:
    return _at(ast.Await(_inner(reading, node)), node)


def _yield(reading: Reading, node: Node) -> ast.expr:
    if _has(node, "from"):
        return _at(ast.YieldFrom(_inner(reading, node)), node)
    return _at(ast.Yield(_inner(reading, node) if _parts(node) else None), node)


def _starred(reading: Reading, node: Node) -> ast.expr:
    return _at(ast.Starred(_inner(reading, node), _LOAD), node)


def _tuple(reading: Reading, node: Node) -> ast.expr:
    return _at(ast.Tuple(_expressions(reading, _parts(node)), _LOAD), node)


def _brackets(reading: Reading, node: Node) -> ast.expr:
    parts = _parts(node)
    return _expression(reading, parts[0]) if len(parts) == 1 and not _has(node, ",") else _tuple(reading, node)


def _list(reading: Reading, node: Node) -> ast.expr:
    return _at(ast.List(_expressions(reading, _parts(node)), _LOAD), node)


def _set(reading: Reading, node: Node) -> ast.expr:
    return _at(ast.Set(_expressions(reading, _parts(node))), node)


def _dictionary(reading: Reading, node: Node) -> ast.expr:
    keys: list[ast.expr | None] = []
    values: list[ast.expr] = []
    for part in _parts(node):
        if part.type == "pair":
            keys.append(_field(reading, part, "key"))
            values.append(_field(reading, part, "value"))
        elif part.type == "dictionary_splat":
            keys.append(None)
            values.append(_inner(reading, part))
    return _at(ast.Dict(keys, values), node)


def _comprehension(kind: type[ast.ListComp | ast.SetComp | ast.GeneratorExp]) -> Callable[[Reading, Node], ast.expr]:
    def read(reading: Reading, node: Node) -> ast.expr:
        return _at(kind(_field(reading, node, "body"), _clauses(reading, node)), node)

    return read


def _dictionary_comprehension(reading: Reading, node: Node) -> ast.expr:
    pair = node.child_by_field_name("body")
    if pair is None or pair.type != "pair":
        return _unread(node)
    key, value = _field(reading, pair, "key"), _field(reading, pair, "value")
    return _at(ast.DictComp(key, value, _clauses(reading, node)), node)


def _clauses(reading: Reading, node: Node) -> list[ast.comprehension]:
    clauses: list[ast.comprehension] = []
    for part in _parts(node):
        if part.type == "for_in_clause":
            several = part.children_by_field_name("right")
            iterable = _one_or_tuple(reading, [one for one in several if one.is_named], _has(part, ","))
            is_async = int(_has(part, "async"))
            clauses.append(ast.comprehension(_field(reading, part, "left"), iterable, [], is_async))
        elif part.type == "if_clause" and clauses:
            clauses[-1].ifs.append(_inner(reading, part))
    return clauses


def _lambda(reading: Reading, node: Node) -> ast.expr:
    taken, _ = _parameters(reading, node.child_by_field_name("parameters"))
    return _at(ast.Lambda(taken, _field(reading, node, "body")), node)


# Types have nodes of their own.


def _generic(reading: Reading, node: Node) -> ast.expr:
    base, *rest = _parts(node)
    arguments = _parts(rest[0]) if rest else []
    if not arguments:
        return _unread(node)
    key = _key(reading, arguments, _has(rest[0], ","))
    return _at(ast.Subscript(_expression(reading, base), key, _LOAD), node)


def _union(reading: Reading, node: Node) -> ast.expr:
    first, *rest = _expressions(reading, list(_union_parts(node)))
    read = first
    for part in rest:
        read = _at(ast.BinOp(read, ast.BitOr(), part), node)
    return read


def _union_parts(node: Node) -> Iterator[Node]:
    for part in _parts(node):
        inner = _parts(part)[0] if part.type == "type" and _parts(part) else part
        if inner.type == "union_type":
            yield from _union_parts(inner)
        else:
            yield inner


# Strings --------------------------------------------------------------------------------------------------------------


def _string(reading: Reading, node: Node) -> ast.expr:
    return _joined(node, _string_parts(reading, node))


def _concatenated(reading: Reading, node: Node) -> ast.expr:
    return _joined(node, [part for string in _parts(node) for part in _string_parts(reading, string)])


def _joined(node: Node, parts: list[ast.expr]) -> ast.expr:
    """A constant where all is constant, else a template."""
    if len(parts) == 1 and not isinstance(parts[0], (ast.Constant, ast.FormattedValue, ast.JoinedStr)):
        return parts[0]
    merged: list[ast.expr] = []
    templates = False
    for part in parts:
        if not isinstance(part, (ast.Constant, ast.FormattedValue, ast.JoinedStr)):
            part = _at(ast.FormattedValue(part, -1, None), node)  # Python 2's backticks
        templates = templates or not isinstance(part, ast.Constant)
        last = merged[-1] if merged else None
        if isinstance(part, ast.JoinedStr):
            continue  # only the sign that an f-string stood here
        if isinstance(part, ast.Constant) and isinstance(last, ast.Constant) and type(part.value) is type(last.value):
            last.value += part.value  # type: ignore[operator]
        else:
            merged.append(part)
    if not templates and len(merged) == 1:
        return _at(merged[0], node)
    values = [part for part in merged if not (isinstance(part, ast.Constant) and not part.value)]
    return _at(ast.JoinedStr(values), node)


def _string_parts(reading: Reading, node: Node) -> list[ast.expr]:
    start = _text(node.children[0]) if node.children else ""
    if start == "`":
        return [_repr(reading, node)]
    prefix = start.rstrip("'\"").lower()
    if node.type != "string" or not ("f" in prefix or "t" in prefix):
        return [_at(ast.Constant(_literal(_plain_text(node))), node)]
    parts: list[ast.expr] = [_at(ast.JoinedStr([]), node)]
    quote, raw = start[len(prefix) :], "r" if "r" in prefix else ""
    for part in node.named_children:
        if part.type == "interpolation":
            parts += _hole(reading, part)
        elif part.type == "string_content":
            text = _plain_text(part).replace("{{", "{").replace("}}", "}")
            # The blank keeps a quotation mark at the text's end apart from those that close it.
            parts.append(_at(ast.Constant(_literal(raw + quote + text + " " + quote)[:-1]), part))
        elif part.type == "string_end" and len(_plain_text(part)) > len(quote):
            # The grammar takes a raw string's last backslash with what follows it for a part of the end.
            parts.append(_at(ast.Constant(_plain_text(part)[: -len(quote)]), part))
    return parts


def _plain_text(node: Node) -> str:
    return (node.text or b"").decode()


def _literal(text: str) -> str | bytes:
    """A literal's value; one that no Python accepts, as it is written."""
    if text[:2].lower() == "ur":  # Python 2
        text = text[1:]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return text.lstrip("rRbBuU").strip("'\"")
    return value if isinstance(value, (str, bytes)) else text


def _hole(reading: Reading, node: Node) -> list[ast.expr]:
    value = _field(reading, node, "expression")
    inside = node.child_by_field_name("expression")
    if isinstance(value, ast.NamedExpr) and inside is not None and inside.type == "named_expression":
        value = value.target  # ``{total:=10}`` without brackets: a format
    conversion = _text(node.child_by_field_name("type_conversion"))[1:]
    specifier = node.child_by_field_name("format_specifier")
    holes = [_field(reading, part, "expression") for part in _parts(specifier)] if specifier else []
    form = _at(ast.JoinedStr([ast.FormattedValue(hole, -1, None) for hole in holes]), node) if specifier else None
    for hole in form.values if form else ():
        _at(hole, node)
    read = _at(ast.FormattedValue(value, ord(conversion) if len(conversion) == 1 else -1, form), node)
    if not _has(node, "="):
        return [read]
    # ``{name=}`` writes its own text first.
    sign = next(child for child in node.children if child.type == "=")
    after = sign.next_sibling or sign
    shown = (node.text or b"")[1 : after.start_byte - node.start_byte].decode()
    return [_at(ast.Constant(shown), node), read]


def _repr(reading: Reading, node: Node) -> ast.expr:
    """Python 2's backticks, whose inside the grammar takes for text."""
    reading.old(node)
    inside = "".join(_plain_text(part) for part in node.named_children if part.type == "string_content")
    try:
        value: ast.expr = ast.parse(inside.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        value = _unread(node)
    for part in ast.walk(value):
        _at(part, node)
    return _at(ast.Call(_at(ast.Name("repr", _LOAD), node), [value], []), node)


_EXPRESSIONS: dict[str, Callable[[Reading, Node], ast.expr]] = {
    "identifier": _name,
    "dotted_name": lambda reading, node: _dotted(node),
    "integer": _number,
    "float": _number,
    "true": _word(True),
    "false": _word(False),
    "none": _word(None),
    "ellipsis": _word(...),
    "string": _string,
    "concatenated_string": _concatenated,
    "attribute": _attribute,
    "call": _call,
    "subscript": _subscript,
    "slice": _slice,
    "binary_operator": _binary,
    "boolean_operator": _logical,
    "unary_operator": _unary,
    "not_operator": _not,
    "comparison_operator": _compare,
    "conditional_expression": _choice,
    "named_expression": _let,
    "await": _await,
    "yield": _yield,
    "parenthesized_expression": _inner,
    "tuple": _tuple,
    "expression_list": _tuple,
    "pattern_list": _tuple,
    "tuple_pattern": _brackets,
    "list": _list,
    "list_pattern": _list,
    "set": _set,
    "dictionary": _dictionary,
    "list_comprehension": _comprehension(ast.ListComp),
    "set_comprehension": _comprehension(ast.SetComp),
    "generator_expression": _comprehension(ast.GeneratorExp),
    "dictionary_comprehension": _dictionary_comprehension,
    "lambda": _lambda,
    "list_splat": _starred,
    "list_splat_pattern": _starred,
    "parenthesized_list_splat": _inner,
    "splat_type": _starred,
    "type": _inner,
    "constrained_type": _inner,
    "generic_type": _generic,
    "union_type": _union,
    "member_type": _member,
    "as_pattern_target": _inner,
    "as_pattern": _inner,
}


# Statements -----------------------------------------------------------------------------------------------------------


def _statements(reading: Reading, node: Node | None) -> list[ast.stmt]:
    """The statements of a block; of a part that could not be read, those that stand in it whole."""
    if node is None or reading.too_deep(node):
        return []
    reading.depth += 1
    out: list[ast.stmt] = []
    for child in node.named_children:
        reader = _STATEMENTS.get(child.type)
        if reader is not None:
            out += reader(reading, child)
        elif child.is_error:
            out += _statements(reading, child)
    reading.depth -= 1
    return out


def _block(reading: Reading, node: Node, field: str = "body") -> list[ast.stmt]:
    return _statements(reading, node.child_by_field_name(field))


def _last_block(reading: Reading, node: Node) -> list[ast.stmt]:
    return _statements(reading, next((child for child in node.named_children if child.type == "block"), None))


def _clause(node: Node, kind: str) -> list[Node]:
    return [child for child in node.named_children if child.type == kind]


def _expression_statement(reading: Reading, node: Node) -> list[ast.stmt]:
    parts = _parts(node)
    if not parts:
        return []
    if parts[0].type == "assignment":
        return [_assignment(reading, parts[0])]
    if parts[0].type == "augmented_assignment":
        operator = _BINARY.get(_text(parts[0].child_by_field_name("operator"))[:-1], ast.Add)
        left, right = _field(reading, parts[0], "left"), _field(reading, parts[0], "right")
        return [_at(_augmented(left, operator(), right), node)]
    return [_at(ast.Expr(_one_or_tuple(reading, parts, _has(node, ","))), node)]


# The grammar allows more targets than Python; so does the lowering.
_annotated: Callable[..., ast.stmt] = ast.AnnAssign
_augmented: Callable[..., ast.stmt] = ast.AugAssign


def _assignment(reading: Reading, node: Node) -> ast.stmt:
    kind = node.child_by_field_name("type")
    if kind is not None:
        value = _field(reading, node, "right") if node.child_by_field_name("right") else None
        left = _field(reading, node, "left")
        return _at(_annotated(left, _expression(reading, kind), value, 1), node)
    targets: list[ast.expr] = []
    last = node
    while last.type == "assignment":
        targets.append(_field(reading, last, "left"))
        right = last.child_by_field_name("right")
        if right is None:
            return _at(ast.Assign(targets, _unread(node)), node)
        last = right
    return _at(ast.Assign(targets, _expression(reading, last)), node)


def _print(reading: Reading, node: Node) -> list[ast.stmt]:
    """Python 2's ``print >>file, a, b`` as the call it became."""
    reading.old(node)
    keywords = [ast.keyword("file", _inner(reading, stream)) for stream in _clause(node, "chevron")]
    arguments = [_expression(reading, part) for part in node.children_by_field_name("argument")]
    called = _at(ast.Name("print", _LOAD), node)
    return [_at(ast.Expr(_at(ast.Call(called, arguments, keywords), node)), node)]


def _exec(reading: Reading, node: Node) -> list[ast.stmt]:
    reading.old(node)
    called = _at(ast.Name("exec", _LOAD), node)
    return [_at(ast.Expr(_at(ast.Call(called, _expressions(reading, _parts(node)), []), node)), node)]


def _return(reading: Reading, node: Node) -> list[ast.stmt]:
    return [_at(ast.Return(_inner(reading, node) if _parts(node) else None), node)]


def _delete(reading: Reading, node: Node) -> list[ast.stmt]:
    parts = [inner for part in _parts(node) for inner in (_parts(part) if part.type == "expression_list" else [part])]
    return [_at(ast.Delete(_expressions(reading, parts)), node)]


def _raise(reading: Reading, node: Node) -> list[ast.stmt]:
    parts = [part for part in _parts(node) if part != node.child_by_field_name("cause")]
    if not parts:
        return [_at(ast.Raise(None, None), node)]
    cause = _field(reading, node, "cause") if node.child_by_field_name("cause") else None
    if parts[0].type != "expression_list":
        return [_at(ast.Raise(_expression(reading, parts[0]), cause), node)]
    reading.old(node)
    kind, *values = _expressions(reading, _parts(parts[0]))  # Python 2: ``raise Kind, value, traceback``
    return [_at(ast.Raise(_at(ast.Call(kind, values[:1], []), parts[0]), cause), node)]


def _assert(reading: Reading, node: Node) -> list[ast.stmt]:
    parts = _expressions(reading, _parts(node)) or [_unread(node)]
    return [_at(ast.Assert(parts[0], parts[1] if len(parts) > 1 else None), node)]


def _simple(kind: type[ast.Pass | ast.Break | ast.Continue]) -> Callable[[Reading, Node], list[ast.stmt]]:
    return lambda reading, node: [_at(kind(), node)]


def _global(reading: Reading, node: Node) -> list[ast.stmt]:
    return [_at(ast.Global(_names(node)), node)]


def _nonlocal(reading: Reading, node: Node) -> list[ast.stmt]:
    return [_at(ast.Nonlocal(_names(node)), node)]


def _aliases(node: Node) -> list[ast.alias]:
    aliases: list[ast.alias] = []
    for part in node.children_by_field_name("name"):
        if part.type == "aliased_import":
            alias = ast.alias(_text(part.child_by_field_name("name")), _text(part.child_by_field_name("alias")))
            aliases.append(_at(alias, part))
        elif not part.is_missing:
            aliases.append(_at(ast.alias(re.sub(r"\s", "", _text(part)), None), part))
    return aliases


def _import(reading: Reading, node: Node) -> list[ast.stmt]:
    return [_at(ast.Import(_aliases(node)), node)]


def _import_from(reading: Reading, node: Node) -> list[ast.stmt]:
    if node.type == "future_import_statement":
        return [_at(ast.ImportFrom("__future__", _aliases(node), 0), node)]
    origin = re.sub(r"\s", "", _text(node.child_by_field_name("module_name")))
    module = origin.lstrip(".")
    aliases = [ast.alias("*", None)] if _clause(node, "wildcard_import") else _aliases(node)
    return [_at(ast.ImportFrom(module or None, aliases, len(origin) - len(module)), node)]


def _if(reading: Reading, node: Node) -> list[ast.stmt]:
    otherwise = _else(reading, node)
    for clause in reversed(_clause(node, "elif_clause")):
        branch = ast.If(_field(reading, clause, "condition"), _block(reading, clause, "consequence"), otherwise)
        otherwise = [_at(branch, clause, node)]
    return [_at(ast.If(_field(reading, node, "condition"), _block(reading, node, "consequence"), otherwise), node)]


def _else(reading: Reading, node: Node) -> list[ast.stmt]:
    return [statement for clause in _clause(node, "else_clause") for statement in _block(reading, clause)]


def _while(reading: Reading, node: Node) -> list[ast.stmt]:
    test, body = _field(reading, node, "condition"), _block(reading, node)
    return [_at(ast.While(test, body, _else(reading, node)), node)]


def _for(reading: Reading, node: Node) -> list[ast.stmt]:
    kind: Any = ast.AsyncFor if _has(node, "async") else ast.For
    target, iterable = _field(reading, node, "left"), _field(reading, node, "right")
    return [_at(kind(target, iterable, _block(reading, node), _else(reading, node)), node)]


def _with(reading: Reading, node: Node) -> list[ast.stmt]:
    kind: Any = ast.AsyncWith if _has(node, "async") else ast.With
    items = [item for clause in _clause(node, "with_clause") for item in _clause(clause, "with_item")]
    return [_at(kind([_with_item(reading, item) for item in items], _block(reading, node)), node)]


def _with_item(reading: Reading, node: Node) -> ast.withitem:
    value = node.child_by_field_name("value")
    if value is None or value.type != "as_pattern":
        return ast.withitem(_inner(reading, node), None)
    alias = value.child_by_field_name("alias")
    return ast.withitem(_inner(reading, value), _expression(reading, alias) if alias else None)


def _try(reading: Reading, node: Node) -> list[ast.stmt]:
    handlers = [_handler(reading, clause) for clause in _clause(node, "except_clause")]
    final = [statement for clause in _clause(node, "finally_clause") for statement in _last_block(reading, clause)]
    kind: Any = ast.TryStar if any(_has(clause, "*") for clause in _clause(node, "except_clause")) else ast.Try
    return [_at(kind(_block(reading, node), handlers, _else(reading, node), final), node)]


def _handler(reading: Reading, node: Node) -> ast.ExceptHandler:
    kinds = [child for child in node.children_by_field_name("value") if child.is_named]
    name: str | None = None
    if kinds and kinds[-1].type == "as_pattern":
        last = kinds[-1]
        name = _text(last.child_by_field_name("alias"))
        kinds[-1] = _parts(last)[0]
    elif len(kinds) == 2 and kinds[1].type == "identifier" and not _text(kinds[1])[0].isupper():
        # ``except Kind, error`` is Python 2; ``except Kind, Other`` is Python 3.14. Classes begin with a capital.
        name = _text(kinds.pop())
    kind = _one_or_tuple(reading, kinds, len(kinds) > 1) if kinds else None
    return _at(ast.ExceptHandler(kind, name, _last_block(reading, node)), node)


def _function(reading: Reading, node: Node) -> list[ast.stmt]:
    kind: Any = ast.AsyncFunctionDef if _has(node, "async") else ast.FunctionDef
    taken, unpacked = _parameters(reading, node.child_by_field_name("parameters"))
    returns = node.child_by_field_name("return_type")
    body = unpacked + _block(reading, node)
    defined = kind(
        name=_text(node.child_by_field_name("name")),
        args=taken,
        body=body,
        decorator_list=[],
        returns=_expression(reading, returns) if returns else None,
    )
    defined.type_params = _type_parameters(node.child_by_field_name("type_parameters"))
    return [_at(defined, node)]


def _class(reading: Reading, node: Node) -> list[ast.stmt]:
    bases, keywords = _arguments(reading, node.child_by_field_name("superclasses"))
    name = _text(node.child_by_field_name("name"))
    defined: Any = ast.ClassDef(
        name=name, bases=bases, keywords=keywords, body=_block(reading, node), decorator_list=[]
    )
    defined.type_params = _type_parameters(node.child_by_field_name("type_parameters"))
    return [_at(defined, node)]


def _decorated(reading: Reading, node: Node) -> list[ast.stmt]:
    definition = node.child_by_field_name("definition")
    read = _STATEMENTS[definition.type](reading, definition) if definition else []
    for defined in read:
        if isinstance(defined, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defined.decorator_list = [_inner(reading, one) for one in _clause(node, "decorator")]
    return read


def _type_parameters(node: Node | None) -> list[ast.alias]:
    """Only their names: no rule asks for their bounds."""
    names = [re.match(r"[\s*]*(\w+)", _text(part)) for part in _parts(node)] if node is not None else []
    return [ast.alias(name[1], None) for name in names if name]


def _type_alias(reading: Reading, node: Node) -> list[ast.stmt]:
    left = node.child_by_field_name("left")
    inner = _parts(left)[0] if left is not None and _parts(left) else None
    if left is None or inner is None:
        return []
    generic = inner.type == "generic_type"
    name = _parts(inner)[0] if generic else inner
    if name.type != "identifier":
        return _called_type(node)
    parameters: Any = _type_parameters(_parts(inner)[1]) if generic else []
    target: Any = _at(ast.Name(_text(name), ast.Store()), name)
    alias: Any = TypeAlias()
    alias.name, alias.type_params, alias.value = target, parameters, _field(reading, node, "right")
    return [_at(alias, node)]


def _called_type(node: Node) -> list[ast.stmt]:
    """``type(order).total = …``, which the grammar takes for an alias."""
    try:
        body = ast.parse(_plain_text(node)).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    for statement in body:
        for part in ast.walk(statement):
            _at(part, node)
    return body


def _parameters(reading: Reading, node: Node | None) -> tuple[ast.arguments, list[ast.stmt]]:
    """A function's parameters, and the assignments that unpack Python 2's tuples among them."""
    taken = ast.arguments([], [], None, [], [], None, [])
    unpacked: list[ast.stmt] = []
    keyword_only = False
    for part in _parts(node) if node is not None else ():
        if part.type == "positional_separator":
            taken.posonlyargs, taken.args = taken.args, []
            continue
        named, default = _parameter(reading, part)
        star = _starred_parameter(part)
        if part.type == "keyword_separator" or star == "*":
            keyword_only = True
            taken.vararg = named
        elif star == "**":
            taken.kwarg = named
        elif named is None:
            named = _at(ast.arg(f"<{part.start_point[0] + 1}:{part.start_point[1]}>"), part)
            value = _at(ast.Name(named.arg, _LOAD), part)
            unpacked.append(_at(ast.Assign([_expression(reading, part)], value), part))
            taken.args.append(named)
        elif keyword_only:
            taken.kwonlyargs.append(named)
            taken.kw_defaults.append(default)
        else:
            taken.args.append(named)
            taken.defaults += [default] if default is not None else []
    return taken, unpacked


def _starred_parameter(node: Node) -> str:
    inner = _parts(node)[0] if node.type == "typed_parameter" and _parts(node) else node
    return {"list_splat_pattern": "*", "dictionary_splat_pattern": "**"}.get(inner.type, "")


def _parameter(reading: Reading, node: Node) -> tuple[ast.arg | None, ast.expr | None]:
    kind = node.child_by_field_name("type")
    value = node.child_by_field_name("value")
    name = node.child_by_field_name("name")
    inner = name or (_parts(node)[0] if node.type == "typed_parameter" and _parts(node) else node)
    if inner.type in ("list_splat_pattern", "dictionary_splat_pattern"):
        inner = _parts(inner)[0] if _parts(inner) else inner
    default = _expression(reading, value) if value is not None else None
    if inner.type != "identifier":
        return None, default
    named = ast.arg(_text(inner), _expression(reading, kind) if kind is not None else None)
    return _at(named, inner, kind or inner), default


# Patterns -------------------------------------------------------------------------------------------------------------


def _match(reading: Reading, node: Node) -> list[ast.stmt]:
    subjects = node.children_by_field_name("subject")
    block = node.child_by_field_name("body")
    if not subjects or block is None:
        return []
    cases = [_case(reading, clause) for clause in _clause(block, "case_clause")]
    return [_at(ast.Match(_one_or_tuple(reading, subjects, _has(node, ",")), cases), node)]


def _case(reading: Reading, node: Node) -> ast.match_case:
    patterns = _clause(node, "case_pattern")
    read = [_pattern(reading, pattern) for pattern in patterns]
    pattern = read[0] if len(read) == 1 and not _has(node, ",") else ast.MatchSequence(read)
    guard = node.child_by_field_name("guard")
    if patterns:
        _at(pattern, patterns[0], patterns[-1])
    else:
        _at(pattern, node)
    return ast.match_case(pattern, _inner(reading, guard) if guard else None, _block(reading, node, "consequence"))


def _pattern(reading: Reading, node: Node) -> ast.pattern:
    if reading.too_deep(node):
        return _at(ast.MatchAs(None, None), node)
    reading.depth += 1
    read = _at(_PATTERNS.get(node.type, _value_pattern)(reading, node), node)
    reading.depth -= 1
    return read


def _patterns(reading: Reading, nodes: list[Node]) -> list[ast.pattern]:
    return [_pattern(reading, node) for node in nodes]


def _case_pattern(reading: Reading, node: Node) -> ast.pattern:
    parts = _parts(node)
    if _has(node, "-") and parts:
        return _negative(reading, node, parts[0])
    return _pattern(reading, parts[0]) if parts else ast.MatchAs(None, None)


def _negative(reading: Reading, node: Node, number: Node) -> ast.pattern:
    return ast.MatchValue(_at(ast.UnaryOp(ast.USub(), _expression(reading, number)), node))


def _value_pattern(reading: Reading, node: Node) -> ast.pattern:
    value = _expression(reading, node)
    if isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool)):
        return ast.MatchSingleton(value.value)
    return ast.MatchValue(value)


def _complex_pattern(reading: Reading, node: Node) -> ast.pattern:
    parts = _expressions(reading, _parts(node))
    minus = _text(node).startswith("-")
    first = _at(ast.UnaryOp(ast.USub(), parts[0]), node) if minus else parts[0]
    operator = ast.Sub() if _text(node)[1:].count("-") else ast.Add()
    return ast.MatchValue(_at(ast.BinOp(first, operator, parts[-1]), node))


def _name_pattern(reading: Reading, node: Node) -> ast.pattern:
    names = _names(node)
    return ast.MatchAs(None, names[0]) if len(names) == 1 else ast.MatchValue(_dotted(node))


def _dotted(node: Node) -> ast.expr:
    first, *rest = _parts(node)
    read: ast.expr = _at(ast.Name(_text(first), _LOAD), first)
    for name in rest:
        read = _at(ast.Attribute(read, _text(name), _LOAD), first, name)
    return read


def _union_pattern(reading: Reading, node: Node) -> ast.pattern:
    ways: list[ast.pattern] = []
    minus: Node | None = None
    for child in node.children:
        if child.type == "-":
            minus = child
        elif child.type == "_":
            ways.append(_at(ast.MatchAs(None, None), child))
        elif child.is_named and child.type not in _BESIDE:
            way = _negative(reading, child, child) if minus else _pattern(reading, child)
            ways.append(_at(way, minus or child, child))
            minus = None
    return ast.MatchOr(ways)


def _as_pattern(reading: Reading, node: Node) -> ast.pattern:
    parts = _parts(node)
    return ast.MatchAs(_pattern(reading, parts[0]), _text(parts[-1]))


def _sequence_pattern(reading: Reading, node: Node) -> ast.pattern:
    parts = _patterns(reading, _parts(node))
    # Brackets round one pattern without a comma only group it.
    if node.type == "tuple_pattern" and len(parts) == 1 and not _has(node, ",") and _text(node).startswith("("):
        return parts[0]
    return ast.MatchSequence(parts)


def _splat_pattern(reading: Reading, node: Node) -> ast.pattern:
    return ast.MatchStar(next(iter(_names(node)), None))


def _mapping_pattern(reading: Reading, node: Node) -> ast.pattern:
    keys = [_expression(reading, key) for key in node.children_by_field_name("key")]
    values = _patterns(reading, node.children_by_field_name("value"))
    rest = [name for splat in _clause(node, "splat_pattern") for name in _names(splat)]
    return ast.MatchMapping(keys, values, rest[0] if rest else None)


def _class_pattern(reading: Reading, node: Node) -> ast.pattern:
    parts = _parts(node)
    read = ast.MatchClass(_dotted(parts[0]), [], [], [])
    for part in parts[1:]:
        inner = _parts(part)[0] if part.type == "case_pattern" and _parts(part) else part
        if inner.type == "keyword_pattern":
            name, value = _names(inner)[0], _keyword_value(reading, inner)
            read.kwd_attrs.append(name)
            read.kwd_patterns.append(value)
        else:
            read.patterns.append(_pattern(reading, part))
    return read


def _keyword_value(reading: Reading, node: Node) -> ast.pattern:
    values = _parts(node)[1:]
    if not values:
        return _at(ast.MatchAs(None, None), node)
    return _at(_negative(reading, node, values[0]), values[0]) if _has(node, "-") else _pattern(reading, values[0])


_PATTERNS: dict[str, Callable[[Reading, Node], ast.pattern]] = {
    "case_pattern": _case_pattern,
    "dotted_name": _name_pattern,
    "complex_pattern": _complex_pattern,
    "union_pattern": _union_pattern,
    "as_pattern": _as_pattern,
    "list_pattern": _sequence_pattern,
    "tuple_pattern": _sequence_pattern,
    "splat_pattern": _splat_pattern,
    "dict_pattern": _mapping_pattern,
    "class_pattern": _class_pattern,
}

_STATEMENTS: dict[str, Callable[[Reading, Node], list[ast.stmt]]] = {
    "expression_statement": _expression_statement,
    "print_statement": _print,
    "exec_statement": _exec,
    "return_statement": _return,
    "delete_statement": _delete,
    "raise_statement": _raise,
    "assert_statement": _assert,
    "pass_statement": _simple(ast.Pass),
    "break_statement": _simple(ast.Break),
    "continue_statement": _simple(ast.Continue),
    "global_statement": _global,
    "nonlocal_statement": _nonlocal,
    "import_statement": _import,
    "import_from_statement": _import_from,
    "future_import_statement": _import_from,
    "if_statement": _if,
    "while_statement": _while,
    "for_statement": _for,
    "with_statement": _with,
    "try_statement": _try,
    "match_statement": _match,
    "function_definition": _function,
    "class_definition": _class,
    "decorated_definition": _decorated,
    "type_alias_statement": _type_alias,
}
