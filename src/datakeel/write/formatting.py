"""Lines of Python that a long name made too long, broken as ``ruff format`` breaks them.

A template writes what depends on a name as it likes; here each statement that is too long, or that is broken and need
not be, is laid out anew (`layout`).
"""

from __future__ import annotations

import io
import keyword
import re
import sys
import textwrap
import tokenize
from collections.abc import Iterator, Mapping

from datakeel.write.layout import statements

WIDTH = 100
COMPARISON = re.compile(r"(\S+) ([=<>]+) (\S+)")  # of SQL: what stands on its sides stays together, where it fits
# Brackets with one line between them at most, which they may not need.
OPEN = re.compile(r"^([^\n]*[\[({])\n(?:([^\n]*)\n)? *([])}][^\n]*)$", re.M)
LONG = "# noqa: E501"


def formatted(text: str) -> str:
    """Python whose lines are at most WIDTH wide.

    >>> print(formatted("x = call('" + "a" * 50 + "', '" + "b" * 40 + "')"), end="")
    x = call(
        'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'
    )
    """
    if not _may_be_wrong(text):
        return text if text.endswith("\n") or not text else text + "\n"
    lines = text.splitlines()
    for one in sorted(statements(text), key=lambda one: one.first, reverse=True):
        there = lines[one.first - 1 : one.last]
        if _may_be_wrong("\n".join(there)):
            lines[one.first - 1 : one.last] = one.lines(WIDTH) or there
    return "\n".join(lines) + "\n"


def _may_be_wrong(text: str) -> bool:
    """Whether a line is too long, or brackets stand open round what has room on one line."""
    return any(len(line) > WIDTH for line in text.splitlines()) or any(
        len(found[1]) + len((found[2] or "").strip(" ,")) + len(found[3].strip()) <= WIDTH
        for found in OPEN.finditer(text)
    )


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
        if len(line) > WIDTH:
            end = until if number < until else number
            if not lines[end - 1].endswith(LONG):
                lines[end - 1] += f"  {LONG}"
    return "\n".join(lines) + "\n"


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
