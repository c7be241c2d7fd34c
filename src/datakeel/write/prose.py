"""What the formatter leaves as it is, and a long name makes too long: docstrings, comments, and SQL."""

from __future__ import annotations

import ast
import re
import textwrap

WIDTH = 100
COMMENT = re.compile(r"( *)# (.*)")
COMPARISON = re.compile(r"(\S+) ([=<>]+) (\S+)")  # of SQL: what stands on its sides stays together, where it fits
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef


def filled(text: str) -> str:
    """Python whose docstrings and whole-line comments are at most WIDTH wide. Paragraphs that fit stay as they are.

    >>> print(filled('# ' + 'word ' * 21 + chr(10) + 'x = 1' + chr(10)), end="")
    # word word word word word word word word word word word word word word word word word word word
    # word word
    x = 1
    """
    lines = text.splitlines()
    if all(len(line) <= WIDTH for line in lines):
        return text
    for first, last in sorted(_docstrings(text), reverse=True):
        lines[first - 1 : last] = _docstring(lines[first - 1 : last])
    return "\n".join(_comments(lines)) + "\n"


def sql(text: str, indent: int) -> str:
    """A statement as adjacent string literals, the first argument of a call. Its lines are joined where they fit, and
    broken where they are too long. (The formatter makes one literal of those that fit on one line.)"""
    room = WIDTH - indent - 4
    lines: list[str] = []
    for line in (" ".join(line.split()) for line in text.splitlines() if line.strip()):
        if lines and len(lines[-1]) + 1 + len(line) <= room:
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    parts = [part for line in lines for part in _wrapped(line, room)]
    literals = [f'"{part}"' if number == 0 else f'" {part}"' for number, part in enumerate(parts)]
    literals = [literal.replace("\0", " ") for literal in literals]
    return "\n".join(" " * indent + literal for literal in literals) + ",\n"


def _wrapped(line: str, room: int) -> list[str]:
    """A line of SQL as lines that fit. A name that is longer than that stays whole."""
    glued = COMPARISON.sub(lambda m: "\0".join(m.groups()) if len(m.group()) <= room else m.group(), line)
    return textwrap.wrap(glued, room, break_long_words=False, break_on_hyphens=False)


def wrapped(text: str, indent: int, last: int = 0) -> str:
    """A list in SQL, broken between its items. The text begins at column `indent`; `last`: what has to stand behind it.

    >>> wrapped("a, b", 4)
    'a, b'
    """
    lines = textwrap.wrap(text, WIDTH - indent - last, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines)


def _docstrings(text: str) -> list[tuple[int, int]]:
    """First and last line of each."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            end = node.body[0].end_lineno
            found.append((node.body[0].lineno, end or node.body[0].lineno))
    return found


def _docstring(lines: list[str]) -> list[str]:
    if all(len(line) <= WIDTH for line in lines):
        return lines
    indent = re.match(r" *", lines[0])
    margin = indent.group() if indent else ""
    made: list[str] = []
    for number, paragraph in enumerate(_paragraphs(lines)):
        made += [""] if number else []
        made += _fill(" ".join(line.strip() for line in paragraph), margin, margin)
    if lines[-1].strip() == '"""' and not made[-1].endswith(' """'):
        return made
    return [*made[:-1], re.sub(r'\s*"""$', '"""', made[-1])] if len(made) > 1 or made[-1].count('"""') > 1 else made


def _paragraphs(lines: list[str]) -> list[list[str]]:
    made: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            made[-1].append(line)
        elif made[-1]:
            made.append([])
    return [paragraph for paragraph in made if paragraph]


def _comments(lines: list[str]) -> list[str]:
    """The lines with each block of comments filled that has one too long. An empty comment parts blocks."""
    made: list[str] = []
    block: list[re.Match[str]] = []
    for line in [*lines, ""]:
        comment = COMMENT.fullmatch(line)
        if comment and (not block or block[0].group(1) == comment.group(1)):
            block.append(comment)
            continue
        made += _block(block)
        block = [comment] if comment else []
        made += [] if comment else [line]
    return made[:-1]


def _block(block: list[re.Match[str]]) -> list[str]:
    lines = [comment.group() for comment in block]
    if all(len(line) <= WIDTH for line in lines):
        return lines
    margin = f"{block[0].group(1)}# "
    return _fill(" ".join(comment.group(2) for comment in block), margin, margin)


def _fill(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
