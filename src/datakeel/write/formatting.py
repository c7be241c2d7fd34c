"""Lines of Python that a long name made too long, broken as ``ruff format`` breaks them.

A template writes what depends on a name on one line; here it is broken where it must be: calls, definitions, imports,
lists and the like, within brackets. It knows nothing of operators, conditions or chains of calls behind the brackets: a
template that needs one of those keeps it short, and where a name is too long for that the line stays, and says so.
"""

from __future__ import annotations

import io
import keyword
import re
import sys
import textwrap
import tokenize
from collections.abc import Iterator, Mapping

WIDTH = 100
INDENT = "    "
IMPORT = re.compile(r"(from \S+ import )(.+)")
COMPARISON = re.compile(r"(\S+) ([=<>]+) (\S+)")  # of SQL: what stands on its sides stays together, where it fits
ALONE = re.compile(
    r"^(?P<begin>(?P<indent> *)(?!from |import )[^\n#]* )\(\n +(?P<one>[^\n]+),\n(?P=indent)\)(?P<end>[^\n]*)$", re.M
)
OPERATOR = re.compile(r" (?:[=!<>]=|[+\-*/%<>|&]|and|or|if|in|is|not|:=|else) ")
CHAIN = re.compile(r"\(\)\.\w+\(\)")
LONG = "# noqa: E501"
KEPT = f"{LONG} # fmt: skip"  # what a line says that is not broken
DEFINITION = re.compile(r"(async )?def \w+")


def formatted(text: str) -> str:
    """Python whose lines are at most WIDTH wide.

    >>> print(formatted("x = call('" + "a" * 50 + "', '" + "b" * 40 + "')"), end="")
    x = call(
        'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'
    )
    """
    text = ALONE.sub(_alone, text)
    if all(len(line) <= WIDTH for line in text.splitlines()):
        return text if text.endswith("\n") or not text else text + "\n"
    inside, whole = _in_strings(text), _statements(text)
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if number in inside:
            lines.append(line)
        elif len(line) > WIDTH and number in whole and not _is_simple(line.lstrip()):
            lines.append(f"{line}  {KEPT}")
        else:
            lines += _broken(line)
    return "\n".join(lines) + "\n"


def finished(text: str) -> str:
    """Formatted, and marked where a line is too long all the same."""
    laid_out = formatted(text)
    return laid_out if all(len(line) <= WIDTH for line in laid_out.splitlines()) else _marked(laid_out)


def _marked(text: str) -> str:
    """Text whose lines that stay too long say so to the linter; of a string over several lines, after its end."""
    lines = text.splitlines()
    ends = {first: last for first, last in _strings(text)}
    until = 0
    for number, line in enumerate(lines, 1):
        if number in ends:
            until = max(until, ends[number])
        if len(line) > WIDTH and KEPT not in line:
            end = until if number < until else number
            if not lines[end - 1].endswith(LONG):
                lines[end - 1] += f"  {LONG}"
    return "\n".join(lines) + "\n"


def _statements(text: str) -> set[int]:
    """The numbers of the lines that are whole statements, or their heads."""
    found, depth = set(), 0
    starts, seen = 1, False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.OP and token.string in "([{":
            depth += 1
        elif token.type == tokenize.OP and token.string in ")]}":
            depth -= 1
        if token.type in (tokenize.NEWLINE, tokenize.NL):
            seen = token.type == tokenize.NL and depth > 0
            if token.type == tokenize.NEWLINE and token.start[0] == starts:
                found.add(starts)
            starts = token.end[0] + 1 if not seen else starts
    return found


def _is_simple(code: str) -> bool:
    """Whether a line is broken at its last bracket alone: behind it stands neither an operator nor a second empty call.

    >>> _is_simple("x = call(a, b)"), _is_simple("assert call(a).json() == b"), _is_simple("x = get(a).one().two()")
    (True, False, False)
    """
    if DEFINITION.match(code):
        return True
    group = _group(code)
    behind = "" if group is None else code[group[1] + 1 :].partition("#")[0]
    return OPERATOR.search(f"{behind} ") is None and CHAIN.search(behind) is None


def _alone(found: re.Match[str]) -> str:
    """A tuple of one is on one line where it fits: its comma is no wish for more.

    >>> print(formatted("EVENTS = (\\n    Opened,\\n)\\nfrom x import (\\n    y,\\n)"), end="")
    EVENTS = (Opened,)
    from x import (
        y,
    )
    """
    line = f"{found['begin']}({found['one']},){found['end']}"
    fits = len(line) <= WIDTH and "#" not in found["one"] and len(_items(found["one"])) == 1
    return line if fits else found.group()


def imports(code: str, known: Mapping[str, str], package: str) -> str:
    """The imports of those `known` names that the code uses, in the order of isort. `known`: from which module each
    comes (``""``: it is a module itself; ``hypothesis:strategies``: by which name). `package`: its modules stand last.

    >>> print(imports("x: UUID = f(json.loads(y))", {"UUID": "uuid", "f": "shop.a", "json": ""}, "shop"))
    import json
    from uuid import UUID
    <BLANKLINE>
    from shop.a import f
    """
    used = _names(code)
    modules: dict[str, list[str]] = {}
    for name in sorted(used & known.keys(), key=_by_type):
        modules.setdefault(known[name], []).append(name)
    lines = [(name, 0, f"import {name}") for name in modules.pop("", [])]
    for origin, names in modules.items():
        module, _, there = origin.partition(":")  # what has another name there stands on a line of its own
        lines.append((module, 1, f"from {module} import {f'{there} as {names[0]}' if there else ', '.join(names)}"))
    sections: dict[int, list[str]] = {}
    for module, _, line in sorted(lines, key=lambda line: (line[1], line[0])):
        sections.setdefault(_section(module, package), []).append(line)
    return "\n\n".join("\n".join(sections[number]) for number in sorted(sections))


def sql(text: str, indent: int) -> str:
    """A statement as adjacent string literals, the first argument of a call. Its lines are joined where they fit, and
    broken where they are too long."""
    room = WIDTH - indent - 4
    lines: list[str] = []
    for line in (" ".join(line.split()) for line in text.splitlines() if line.strip()):
        if lines and len(lines[-1]) + 1 + len(line) <= room:
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    whole = " ".join(lines)
    if len(whole) <= room + 1:  # the first line needs no space in front
        return f'{" " * indent}"{whole}",\n'
    parts = [part for line in lines for part in _wrapped(line, room)]
    literals = [f'"{part}"' if number == 0 else f'" {part}"' for number, part in enumerate(parts)]
    literals = [literal.replace("\0", " ") for literal in literals]
    return "\n".join(" " * indent + literal for literal in literals) + ",\n"


def _wrapped(line: str, room: int) -> list[str]:
    """A line of SQL as lines that fit. A name that is longer than that stays whole."""
    glued = COMPARISON.sub(lambda m: "\0".join(m.groups()) if len(m.group()) <= room else m.group(), line)
    return textwrap.wrap(glued, room, break_long_words=False, break_on_hyphens=False)


def _names(code: str) -> set[str]:
    """The names that code uses, but for attributes, and what calls name their arguments."""
    found, before = set(), ""
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    for token in tokens:
        if token.type == tokenize.NAME and before != "." and not keyword.iskeyword(token.string):
            found.add(token.string)
        elif token.type == tokenize.STRING and re.match(r"[rR]?[fF]", token.string):  # before Python 3.12
            found.update(re.findall(r"(?<=[{(])\w+", token.string))
        before = token.string
    return found


def _by_type(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


def _section(module: str, package: str) -> int:
    root = module.partition(".")[0]
    if root == "__future__":
        return 0
    return 3 if root == package else 1 if root in sys.stdlib_module_names else 2


def _broken(line: str) -> list[str]:
    """One line as those that it must become. What stands outside brackets stays as it is."""
    if len(line) <= WIDTH:
        return [line]
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    imported = IMPORT.fullmatch(code)
    if imported and imported.group(2) == "(":  # it is broken already, and its module's name is long
        return [line]
    if imported:
        names = [f"{indent}{INDENT}{name}," for name in imported.group(2).split(", ")]
        return [f"{indent}{imported.group(1)}(", *names, f"{indent})"]
    if code[0] in "\"'" and len(arguments := _items(code)) > 1:  # of a call that is broken already
        return [part for one in arguments for part in _broken(f"{indent}{one},")]
    group = _group(code)
    if group is None:
        return [line]
    opening, closing = group
    body, tail = code[opening + 1 : closing], code[closing:]
    items = _items(body)
    whole = f"{indent}{INDENT}{body}"
    if len(items) == 1 and DEFINITION.match(code):
        inner = [f"{whole},"]
    elif len(whole) <= WIDTH and not (len(items) > 1 and _literal(code, opening)):
        inner = [whole]
    elif len(items) == 1:
        inner = [part for clause in _clauses(body) for part in _broken(f"{indent}{INDENT}{clause}")]
    else:
        inner = [part for item in items for part in _broken(f"{indent}{INDENT}{item},")]
    return [f"{indent}{code[: opening + 1]}", *inner, f"{indent}{tail}"]


def _group(code: str) -> tuple[int, int] | None:
    """The brackets at which a line is broken: a definition's parameters, else the last that hold something."""
    groups = [(a, b) for a, b in _brackets(code) if b > a + 1]
    if not groups:
        return None
    return groups[0] if DEFINITION.match(code) else groups[-1]


def _literal(code: str, opening: int) -> bool:
    """Whether a bracket begins a list, set, dictionary or tuple, and no call or subscript."""
    return opening == 0 or not (code[opening - 1].isalnum() or code[opening - 1] in "_)]")


def _items(body: str) -> list[str]:
    """What the outermost commas part; a comprehension is one."""
    if len(_clauses(body)) > 1:
        return [body]
    cuts = [position for position, character in _outermost(body) if character == ","]
    parts = [body[a + 1 : b].strip() for a, b in zip([-1, *cuts], [*cuts, len(body)], strict=True)]
    return [part for part in parts if part]


def _clauses(body: str) -> list[str]:
    """A comprehension's element, and each of its ``for`` and ``if``."""
    plain = {position for position, _ in _outermost(body)}
    cuts = [m.start() for m in re.finditer(r" (for|if) ", body) if m.start() in plain]
    if not cuts or body[cuts[0] :].startswith(" if "):
        return [body]
    return [body[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def _brackets(code: str) -> Iterator[tuple[int, int]]:
    """The outermost pairs of brackets, by position."""
    opened: int | None = None
    for position, character in _outermost(code):
        if character in "([{":
            opened = position
        elif character in ")]}" and opened is not None:
            yield opened, position
            opened = None


def _outermost(code: str) -> Iterator[tuple[int, str]]:
    """The characters outside strings and comments that are in no brackets, and the outermost brackets themselves."""
    depth, quote, position = 0, "", 0
    while position < len(code):
        character = code[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "#":
            return
        else:
            depth -= character in ")]}"
            if depth == 0:
                yield position, character
            depth += character in "([{"
        position += 1


def _in_strings(text: str) -> set[int]:
    """The numbers of the lines in which a string that goes over several lines stands."""
    return {number for first, last in _strings(text) for number in range(first, last + 1)}


def _strings(text: str) -> Iterator[tuple[int, int]]:
    """The first and last lines of each string that goes over several."""
    starts: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == getattr(tokenize, "FSTRING_START", None):
            starts.append(token.start[0])
        first = token.start[0]
        if token.type == getattr(tokenize, "FSTRING_END", None):
            first = starts.pop()
        if token.end[0] > first and token.type not in (tokenize.NEWLINE, tokenize.NL):
            yield first, token.end[0]
