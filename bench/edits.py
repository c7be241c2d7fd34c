"""The four edits after which a second review is measured, made in a copy of a checkout."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

EFFECT = 'import requests as _bench; _bench.post("https://example.com/orders")'


@dataclass(frozen=True)
class Edit:
    name: str
    path: Path
    before: str
    after: str
    where: str

    def apply(self) -> None:
        self.path.write_text(self.after, "utf-8")

    def revert(self) -> None:
        self.path.write_text(self.before, "utf-8")


@dataclass(frozen=True)
class Found:
    """A function of the project, and where its first statement begins."""

    name: str
    path: Path
    line: int
    column: int
    uses: int  # how often its name is called in the project


def edits(files: Sequence[Path]) -> Iterator[Edit]:
    """One edit of each kind, if the project has a place for it. `files` are the product's own."""
    texts = {path: path.read_text("utf-8", "replace") for path in files}
    functions = sorted(found(texts), key=lambda f: (f.uses, f.name))
    middle = sorted(texts, key=lambda path: len(texts[path]))[len(texts) // 2]
    yield change("a comment", middle, texts[middle], lambda text: text + "# a remark\n", "at the end")
    if functions:
        leaf = next((f for f in functions if f.uses == 1), functions[0])
        yield new_effect("an effect in a leaf", leaf, texts)
        yield new_effect("an effect in the function with most callers", functions[-1], texts)
    for path in sorted(texts):
        if path.name == "models.py" and (field := re.search(r"unique=True,? ?", texts[path])):
            line = texts[path].count("\n", 0, field.start()) + 1
            yield change("a unique constraint dropped", path, texts[path], dropped, f"line {line}")
            return


def dropped(text: str) -> str:
    return re.sub(r"unique=True,? ?", "", text, count=1)


def change(name: str, path: Path, text: str, edit: Callable[[str], str], where: str) -> Edit:
    return Edit(name, path, text, edit(text), f"{path.name}, {where}")


def new_effect(name: str, function: Found, texts: dict[Path, str]) -> Edit:
    lines = texts[function.path].split("\n")
    lines.insert(function.line - 1, " " * function.column + EFFECT)
    where = f"{function.name}, {function.path.name}:{function.line}, called {function.uses} times by name"
    return Edit(name, function.path, texts[function.path], "\n".join(lines), where)


def found(texts: dict[Path, str]) -> Iterator[Found]:
    """The module-level functions whose name stands for nothing else in the project."""
    trees = {path: tree for path, text in texts.items() if (tree := parsed(text)) is not None}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    defined = Counter(n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))
    called = Counter(n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name))
    for path, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and defined[node.name] == 1 and node.body[-1].lineno > node.lineno:
                first = node.body[-1]  # the last statement: the first may be the docstring
                yield Found(node.name, path, first.lineno, first.col_offset, called[node.name])


def parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None
