"""One Python file under edit: its text and tree, where each node stands, and the pieces of text that are to change."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

from datakeel.finding import Edit
from datakeel.model.place import Place

N = TypeVar("N", bound=ast.AST)
SHORT, LONG = 88, 120  # how long a line may be where nothing tells, and at most
QUOTED = re.compile(r"[\"'#]")
INDENT = re.compile(r"[ \t]*")
GAP = re.compile(r"\s*,\s*")
LINE_END = re.compile(r"\r\n|\r|\n")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
ATOMS = (ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.Subscript)


class Refused(Exception):
    """A change that is not surely right in this text."""


class Draft:
    """Offsets are in characters of the text. Raises SyntaxError or ValueError for a text that Python refuses."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.end_of_line = "\r\n" if "\r\n" in text else "\n"
        self.starts = [0, *(m.end() for m in LINE_END.finditer(text))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text)
        self.parents = parents(self.tree)
        self.at: dict[tuple[int, int], list[ast.AST]] = {}
        for node in self.parents:
            if hasattr(node, "end_col_offset"):
                self.at.setdefault((self.start(node), self.end(node)), []).append(node)
        self.pieces: dict[tuple[int, int, str], None] = {}
        self.joined: dict[ast.ImportFrom, list[str]] = {}  # the names that joined an import
        self.made: dict[str, list[str]] = {}  # the names of each module that is imported anew

    # Where things stand -------------------------------------------------------------------------------------------

    def offset(self, line: int, column: int) -> int:
        """Of a line and a column in characters."""
        return self.starts[line - 1] + column

    def _offset(self, line: int, column: int) -> int:
        """Of a line and a column as the parser counts them, in bytes."""
        begin = self.starts[line - 1]
        stretch = self.text[begin : begin + column]
        return begin + (column if stretch.isascii() else len(stretch.encode()[:column].decode("utf-8", "ignore")))

    def start(self, node: ast.AST) -> int:
        return self._offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        return self._offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def source(self, node: ast.AST) -> str:
        return self.text[self.start(node) : self.end(node)]

    def operand(self, node: ast.AST) -> str:
        """An expression as it may stand beside an operator."""
        return self.source(node) if isinstance(node, ATOMS) else f"({self.source(node)})"

    def find(self, place: Place, kind: type[N]) -> N:
        """The node of that kind at a place. Raises Refused."""
        try:
            span = (self.offset(place.line, place.column), self.offset(place.end_line, place.end_column))
        except IndexError:
            raise Refused from None
        found = next((node for node in self.at.get(span, ()) if isinstance(node, kind)), None)
        if found is None:
            raise Refused
        return found

    def statement(self, node: ast.AST) -> ast.stmt:
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node

    def function(self, node: ast.AST) -> ast.AST:
        """The innermost function that holds a node, or the module."""
        return next((n for n in self.above(node) if isinstance(n, (*FUNCTIONS, ast.Module))), self.tree)

    def indent(self, node: ast.AST) -> str:
        """What stands before a statement on its line. Raises Refused where that is code."""
        before = self.text[self.starts[node.lineno - 1] : self.start(node)]  # type: ignore[attr-defined]
        if before.strip():
            raise Refused
        return before

    def line_of(self, offset: int) -> int:
        return bisect_right(self.starts, offset)

    def string(self, text: str) -> str:
        """A text in the quotes that this file prefers."""
        single, double = (self.text.replace(q * 3, "").count(q) for q in "'\"")  # docstrings tell nothing
        return f"'{text}'" if single > 2 * double else f'"{text}"'

    def quoted(self, code: str) -> str:
        """Code whose texts stand in double quotes, in the quotes that this file prefers."""
        return code if "'" in code or self.string("") == '""' else code.replace('"', "'")

    # What is to change --------------------------------------------------------------------------------------------

    def replace(self, start: int, end: int, text: str) -> None:
        self.pieces[start, end, text.replace("\n", self.end_of_line)] = None

    def insert(self, offset: int, text: str) -> None:
        self.replace(offset, offset, text)

    def edits(self) -> tuple[Edit, ...]:
        """What was asked for, in the order of the text; what goes to one place is one edit."""
        joined: dict[tuple[int, int], str] = {}
        for start, end, text in self.pieces:
            joined[start, end] = joined.get((start, end), "") + text
        return tuple(Edit(self.place(*span), text) for span, text in sorted(joined.items()))

    def place(self, start: int, end: int) -> Place:
        first, last = self.line_of(start), self.line_of(end)
        return Place(self.path, first, start - self.starts[first - 1], last, end - self.starts[last - 1])

    def add_argument(self, call: ast.Call, text: str) -> None:
        """One more argument at the end of a call, laid out as the others are."""
        given = [*call.args, *(k.value for k in call.keywords)]
        close = self.end(call) - 1
        if not given:
            if self.text[self.end(call.func) : close].strip() != "(":
                raise Refused
            return self.insert(close, text)
        if len(given) == 1 and isinstance(given[0], ast.GeneratorExp):
            raise Refused
        last = max(given, key=self.end)
        written, comma = self.tail(self.end(last), close)
        own_lines = self.line_of(written) < self.line_of(close) and not self.before(last).strip()
        if not own_lines:
            if len(given) > 1 and not comma and not self.before(last).strip():  # each below the one before it
                return self.insert(written, f",\n{self.before(last)}{text}")
            if not comma and self.laid_out(call, text):
                return None
            return self.insert(written, f"{'' if comma else ','} {text}{',' if comma else ''}")
        if len(given) == 1 and not comma and not self.text[written:close].strip() and not self.several_lines(last):
            line = self.text[self.starts[self.line_of(written) - 1] : written]
            beside = self.fits(f"{line}, {text}")
            return self.insert(written, f", {text}" if beside else f",\n{self.before(last)}{text},")
        line_end = self.starts[self.line_of(written)]
        line_end -= len(self.end_of_line) if self.text[:line_end].endswith(self.end_of_line) else 1
        more = f"\n{self.before(last)}{text}{',' if comma else ''}"
        if comma or not self.text[written:line_end].strip():
            return self.insert(line_end, more if comma else "," + more)
        self.insert(written, ",")
        return self.insert(line_end, more)

    @cached_property
    def width(self) -> int:
        """How long a line of code may be here, as far as the file tells: those with a text or a comment do not."""
        plain = (len(line) for line in LINE_END.split(self.text) if not QUOTED.search(line))
        return max(SHORT, min(max(plain, default=0), LONG))

    def fits(self, line: str) -> bool:
        return len(line) <= self.width

    def several_lines(self, node: ast.AST) -> bool:
        return self.line_of(self.start(node)) < self.line_of(self.end(node))

    def laid_out(self, call: ast.Call, text: str) -> bool:
        """Breaks the line of a call that one more argument makes too long, as formatters do: behind the bracket, and
        where that is not enough, behind each comma. False where it is short enough, or not plain."""
        begin, close = self.starts[self.line_of(self.end(call)) - 1], self.end(call) - 1
        items = sorted((*call.args, *call.keywords), key=self.start)
        gaps = [(self.end(one), self.start(other)) for one, other in pairwise(items)]
        opening = self.text.index("(", self.end(call.func)) + 1
        around = [(opening, self.start(items[0])), (self.end(items[-1]), close)]
        rest = LINE_END.split(self.text[close + 1 :], 1)[0]
        whole = f"{self.text[begin:close].rstrip()}, {text}{self.text[close : close + 1 + len(rest)]}"
        plain = all(GAP.fullmatch(self.text[a:b]) for a, b in gaps) and not any(
            self.text[a:b].strip() for a, b in around
        )
        if any(map(self.several_lines, items)) or not plain or rest.strip() not in ("", ":"):
            return False
        own = self.line_of(opening) < self.line_of(self.start(items[0])) == self.line_of(self.end(items[-1]))
        if own:  # all of them on a line between the brackets
            whole = f"{self.before_item(items[0])}{self.text[self.start(items[0]) : self.end(items[-1])]}, {text}"
        longer = len(self.text[begin : close + 1 + len(rest)]) > self.width  # who left that line whole has longer ones
        width = LONG if longer and not self.several_lines(call) else self.width
        if len(whole) <= width or (self.several_lines(call) and not own):
            return False
        indent = INDENT.match(self.text, self.starts[self.line_of(opening) - 1])[0]  # type: ignore[index]
        inner = self.before_item(items[0]) if own else f"{indent}    "
        body = f"{inner}{self.text[self.start(items[0]) : self.end(items[-1])]}, {text}"
        if not own:
            self.replace(*around[0], f"\n{inner}")
        if len(body) <= width:
            self.replace(*around[1], f", {text}\n{indent}")
            return True
        for gap in gaps:
            self.replace(*gap, f",\n{inner}")
        self.replace(*around[1], f",\n{inner}{text},\n{indent}")
        return True

    def before_item(self, item: ast.AST) -> str:
        """What stands before an argument on its line."""
        return self.text[self.starts[self.line_of(self.start(item)) - 1] : self.start(item)]

    def before(self, argument: ast.expr) -> str:
        """What stands on an argument's line before it; of a keyword, before its name."""
        node = self.parents[argument]
        first = node if isinstance(node, ast.keyword) and node.arg is not None else argument
        start = self.start(first)
        stars = len(self.text[:start]) - len(self.text[:start].rstrip("*"))
        return self.text[self.starts[self.line_of(start) - 1] : start - stars]

    def tail(self, start: int, close: int) -> tuple[int, bool]:
        """Behind the last thing before a closing bracket that is neither space nor comment, and whether that is a
        comma."""
        last, comma, position = start, False, start
        while position < close:
            character = self.text[position]
            if character == "#":
                position = self.starts[self.line_of(position)]
                continue
            if not character.isspace() and character != "\\":
                last, comma = position + 1, character == ","
            position += 1
        return last, comma

    # Names --------------------------------------------------------------------------------------------------------

    def module(self, dotted: str, at: ast.AST) -> str:
        """What a module is called here; it is imported where nobody has."""
        if "." not in dotted:
            return self.name("", dotted, at)
        package, _, name = dotted.rpartition(".")
        return self.name(package, name, at)

    def known(self, module: str, name: str, at: ast.AST) -> str | None:
        """What `module.name` (or, without a module, the module `name`) is called at a node, where it is imported."""
        holder = self.function(at)
        places = [self.tree.body] + ([holder.body] if isinstance(holder, FUNCTIONS[:2]) else [])
        for body in reversed(places):
            for one in body:
                if isinstance(one, ast.ImportFrom | ast.Import) and one.lineno <= getattr(at, "lineno", 0):
                    called = self.called(one, module, name)
                    if called is not None and not self.hidden(called, at, one):
                        return called
        return None

    def called(self, one: ast.Import | ast.ImportFrom, module: str, name: str) -> str | None:
        if isinstance(one, ast.ImportFrom):
            if one.level == 0 and one.module == module and module:
                return next((a.asname or a.name for a in one.names if a.name == name), None)
            package, _, last = module.rpartition(".")
            if one.level == 0 and package and one.module == package:  # from django.db import models → models.F
                return next((f"{a.asname or a.name}.{name}" for a in one.names if a.name == last), None)
            return None
        whole = f"{module}.{name}" if module else name
        for alias in one.names:
            if alias.name == whole and (alias.asname or "." not in whole):
                return alias.asname or whole
            if module and alias.name == module and (alias.asname or "." not in module):
                return f"{alias.asname or module}.{name}"
        return None

    def hidden(self, called: str, at: ast.AST, by: ast.stmt | None = None) -> bool:
        """Whether something else is called so in one of the functions round a node, or in the module."""
        first = called.partition(".")[0]
        for holder in self.above(at):
            if isinstance(holder, (*FUNCTIONS, ast.Module)):
                others = (n for n in self.binders(holder, first) if by is None or self.parents[n] is not by)
                if any(True for _ in others):
                    return True
        return False

    def bound_inside(self, name: str, at: ast.AST) -> bool:
        """Whether a function round a node gives the name a meaning of its own."""
        return any(isinstance(n, FUNCTIONS) and any(self.binders(n, name)) for n in self.above(at))

    def binders(self, holder: ast.AST, name: str) -> Iterator[ast.AST]:
        """What gives a name a meaning in a function's or module's own text."""
        if isinstance(holder, FUNCTIONS):
            yield from (a for a in ast.walk(holder.args) if isinstance(a, ast.arg) and a.arg == name)
        pending = list(ast.iter_child_nodes(holder))
        while pending:
            node = pending.pop()
            if binds(node, name):
                yield node
            if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                pending.extend(ast.iter_child_nodes(node))

    def name(self, module: str, name: str, at: ast.AST) -> str:
        """What a name is called at a node; it is imported where nobody has. Raises Refused where the name means
        something else there."""
        called = self.known(module, name, at)
        if called is not None:
            return called
        if self.hidden(name, at, self.guarded(module, name)):
            raise Refused
        self.add_import(module, name)
        return name

    def guarded(self, module: str, name: str) -> ast.stmt | None:
        """An import of the very name that stands under a condition (``if TYPE_CHECKING:``) of the module."""
        for one in ast.walk(self.tree):
            if isinstance(one, ast.ImportFrom | ast.Import) and self.called(one, module, name) == name:
                return one if self.function(one) is self.tree else None
        return None

    def add_import(self, module: str, name: str) -> None:
        imports = [n for n in self.tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        same_module = [n for n in imports if isinstance(n, ast.ImportFrom) and n.module == module and n.level == 0]
        if any(self.joins(one, name) for one in same_module):
            return None
        together = self.made.setdefault(module, []) if module else []
        before = f"from {module} import {', '.join(together)}"
        together[:] = sorted({*together, name}, key=order)
        line = f"from {module} import {', '.join(together)}" if module else f"import {name}"
        if len(together) > 1:
            self.pieces = {(a, b, t.replace(before, line)): None for a, b, t in self.pieces}
            return None
        absolute = [n for n in imports if not (isinstance(n, ast.ImportFrom) and (n.level or n.module == "__future__"))]
        own = module or name
        standard = [n for n in absolute if first_module(n).partition(".")[0] in sys.stdlib_module_names]
        near = [n for n in absolute if first_module(n).partition(".")[0] == own.partition(".")[0]]
        if own.partition(".")[0] in sys.stdlib_module_names:
            near = near or standard
        if own.partition(".")[0] not in sys.stdlib_module_names and not near:
            folders = self.path.split("/")
            near = [n for n in absolute if n not in standard and first_module(n).partition(".")[0] not in folders]
            if standard and not near:
                after = standard[-1]
                return self.insert(self.behind(after), ("" if self.ends(after) else "\n") + "\n" + line + "\n")
        group = near or absolute or imports
        if not group:
            return self.insert(self.head(), line + "\n\n")
        earlier = [n for n in group if (isinstance(n, ast.ImportFrom) == bool(module)) and first_module(n) < own]
        if own.partition(".")[0] in sys.stdlib_module_names and not near:
            first = group[0]
            return self.insert(self.starts[first.lineno - 1], line + "\n\n")
        if earlier or not near:
            after = earlier[-1] if earlier else group[-1]
            return self.insert(self.behind(after), ("" if self.ends(after) else "\n") + line + "\n")
        same = [n for n in group if isinstance(n, ast.ImportFrom) == bool(module)]
        if not same and module:
            return self.insert(self.behind(group[-1]), line + "\n")
        return self.insert(self.starts[(same or group)[0].lineno - 1], line + "\n")

    def behind(self, node: ast.stmt) -> int:
        """The beginning of the line behind a statement."""
        line = node.end_lineno or node.lineno
        return self.starts[line] if line < len(self.starts) else len(self.text)

    def ends(self, node: ast.stmt) -> bool:
        return (node.end_lineno or node.lineno) < len(self.starts)

    def head(self) -> int:
        """Where the first import of a file goes: behind its docstring and comments."""
        first = self.tree.body[0] if self.tree.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            return self.behind(first)
        return self.starts[first.lineno - 1] if first is not None else len(self.text)

    def joins(self, one: ast.ImportFrom, name: str) -> bool:
        """Puts a name into an import, in its order. False where that is laid out in another way than formatters do."""
        if any(a.name == "*" for a in one.names):
            return False
        before = self.joined.setdefault(one, [])
        if name in before:
            return True
        added = sorted([*before, name], key=order)
        pieces = self.on_lines(one, added) if one.lineno != one.end_lineno else self.on_one_line(one, added)
        if not pieces:
            return False
        if before:
            own = range(self.start(one), self.end(one) + 1)
            self.pieces = {p: None for p in self.pieces if p[0] not in own or p[1] not in own}
        before.append(name)
        for place, text in pieces:
            self.replace(*place, text)
        return True

    def on_one_line(self, one: ast.ImportFrom, added: list[str]) -> list[tuple[tuple[int, int], str]]:
        """Names that join an import of one line; it is broken where it is too long then."""
        if "(" in self.source(one):
            return []
        known = [self.source(a) for a in one.names]
        whole = f"{self.source(one)}, {', '.join(added)}"
        if not self.fits(whole):
            head = self.text[self.start(one) : self.start(one.names[0])]
            rows = "".join(f"    {n},\n" for n in sorted([*known, *added], key=lambda n: order(n.partition(" ")[0])))
            return [((self.start(one), self.end(one)), f"{head}(\n{rows})")]
        pieces: dict[int, str] = {}
        for name in added:
            later = self.later(one, name)
            place = self.start(later) if later is not None else self.end(one.names[-1])
            pieces[place] = pieces.get(place, "") + (f"{name}, " if later is not None else f", {name}")
        return [((place, place), text) for place, text in pieces.items()]

    def on_lines(self, one: ast.ImportFrom, added: list[str]) -> list[tuple[tuple[int, int], str]]:
        """Names that join an import which has each of its names on a line of its own."""
        if len({a.lineno for a in one.names}) < len(one.names) or one.names[0].lineno == one.lineno:
            return []
        last = one.names[-1]
        _, comma = self.tail(self.end(last), self.end(one) - 1)
        if not comma:
            return []
        indent = self.text[self.starts[last.lineno - 1] : self.start(last)]
        pieces: dict[int, str] = {}
        for name in added:
            later = self.later(one, name)
            place = self.starts[later.lineno - 1] if later is not None else self.starts[last.lineno]
            pieces[place] = pieces.get(place, "") + f"{indent}{name},\n"
        return [((place, place), text) for place, text in pieces.items()]

    def later(self, one: ast.ImportFrom, name: str) -> ast.alias | None:
        """The first name of an import that stands behind another one in their order, where they are in order."""
        orders = [order(a.name) for a in one.names]
        return next((a for a in one.names if order(a.name) > order(name)), None) if orders == sorted(orders) else None


def call_text(head: str, items: Sequence[str], indent: str, width: int) -> str:
    """A call as formatters lay it out: on one line; else what it is given on one; else each on its own."""
    whole, body = f"{head}({', '.join(items)})", f"{indent}    {', '.join(items)}"
    if len(indent) + len(whole) <= width:
        return whole
    if len(body) <= width:
        return f"{head}(\n{body}\n{indent})"
    return f"{head}(\n{''.join(f'{indent}    {item},' + chr(10) for item in items)}{indent})"


def first_module(one: ast.Import | ast.ImportFrom) -> str:
    return one.module or "" if isinstance(one, ast.ImportFrom) else one.names[0].name


def order(name: str) -> tuple[int, str]:
    """As import sorters have it: constants, classes, then the others."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """Each node's parent, what stands less deep first."""
    found: dict[ast.AST, ast.AST] = {}
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        for child in ast.iter_child_nodes(node):
            found[child] = node
            waiting.append(child)
    return found


def binds(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Name(id=found, ctx=ast.Store() | ast.Del()):
            return found == name
        case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found):
            return found == name
        case ast.ExceptHandler(name=found) | ast.MatchAs(name=found) | ast.MatchStar(name=found):
            return found == name
        case ast.alias(name=found, asname=other):
            return (other or found.partition(".")[0]) == name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return name in names
    return False
