"""Whether a review after edits says what one with an empty cache says: random edits of a checkout's copy pile up, and
after each both are asked.

    python -m bench.again CHECKOUT [--edits 30] [--seed 1]
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

import datakeel
from datakeel.config import load
from datakeel.finding import Confidence, Review
from datakeel.read.source import discover
from datakeel.rules.rule import rules

EFFECT = "import requests; requests.post('https://example.org/orders')"
OPTIONS = ("unique=True", "null=True", "db_index=True", "max_length=7", "default=None", "index=True")

Edit = Callable[[str, ast.Module, random.Random], str]


# Edits ---------------------------------------------------------------------------------------------------------------


def comment(text: str, tree: ast.Module, chance: random.Random) -> str:
    """A remark above a statement."""
    statement = chance.choice([n for n in ast.walk(tree) if isinstance(n, ast.stmt)])
    return inserted(text, statement, "# a remark")


def effect(text: str, tree: ast.Module, chance: random.Random) -> str:
    """A call of another service before a function's last statement."""
    return inserted(text, chance.choice(functions(tree)).body[-1], EFFECT)


def omission(text: str, tree: ast.Module, chance: random.Random) -> str:
    """A function's statement does nothing any more."""
    statement = chance.choice([s for f in functions(tree) for s in f.body])
    lines = text.split("\n")
    assert statement.end_lineno is not None
    lines[statement.lineno - 1 : statement.end_lineno] = [" " * statement.col_offset + "pass"]
    return "\n".join(lines)


def declaration(text: str, tree: ast.Module, chance: random.Random) -> str:
    """A class's field is made with one option more, or without one."""
    fields = [s.value for c in classes(tree) for s in c.body if isinstance(s, ast.Assign | ast.AnnAssign)]
    call = chance.choice([f for f in fields if isinstance(f, ast.Call)])
    constant = [k for k in call.keywords if k.arg and isinstance(k.value, ast.Constant)]
    if constant and chance.random() < 0.7:
        return without(text, chance.choice(constant))
    end = offset(text, call.end_lineno or 0, call.end_col_offset or 0) - 1
    comma = ", " if (call.args or call.keywords) and text[:end].rstrip()[-1] != "," else ""
    return text[:end] + comma + chance.choice(OPTIONS) + text[end:]


def interface(text: str, tree: ast.Module, chance: random.Random) -> str:
    """What other files may see: a class's attribute, a constant, a function more."""
    place = chance.choice([n for n in tree.body if isinstance(n, ast.stmt)] or [tree.body[0]])
    more = chance.choice(("import decimal", "SPARE = 7", "def spare(given):\n    return given\n\n"))
    owners = classes(tree)
    if owners and chance.random() < 0.5:
        return inserted(text, chance.choice(owners).body[-1], "spare = 7")
    return inserted(text, place, more)


EDITS: dict[str, Edit] = {e.__name__: e for e in (comment, effect, omission, declaration, interface)}


def edited(text: str, chance: random.Random, kind: str) -> str | None:
    """A text after one edit of a kind; None where it has no place for one."""
    try:
        after = EDITS[kind](text, ast.parse(text), chance)
        ast.parse(after)
    except (SyntaxError, ValueError, IndexError):  # IndexError: nothing to choose from
        return None
    return after if after != text else None


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]


def inserted(text: str, before: ast.stmt, line: str) -> str:
    decorated = getattr(before, "decorator_list", ())
    number = min([before.lineno, *(d.lineno for d in decorated)]) - 1
    lines = text.split("\n")
    lines.insert(number, " " * before.col_offset + line)
    return "\n".join(lines)


def without(text: str, keyword: ast.keyword) -> str:
    begin = offset(text, keyword.lineno, keyword.col_offset)
    end = offset(text, keyword.end_lineno or 0, keyword.end_col_offset or 0)
    rest = text[end:].lstrip(" ")
    return text[:begin] + rest.removeprefix(",").lstrip(" ")


def offset(text: str, line: int, column: int) -> int:
    """Where a place stands in a text of ASCII; of any other, the edit fails to parse and is not made."""
    return sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column


# Reviews -------------------------------------------------------------------------------------------------------------


@dataclass
class Project:
    """A folder of files that is edited and reviewed. `files` are those of the product."""

    root: Path
    files: list[Path]
    chance: random.Random

    def edit(self, kind: str) -> tuple[Path, str]:
        """Makes one edit; gives where, and the text before."""
        for path in self.chance.sample(self.files, len(self.files)):
            before = path.read_text("utf-8", "replace")
            after = edited(before, self.chance, kind)
            if after is not None:
                path.write_text(after, "utf-8")
                return path, before
        raise ValueError(f"no place for an edit: {kind}")

    def differences(self) -> list[str]:
        """The parts of a review that differ from those of one with an empty cache."""
        warm, cold = self.review(cached=True), self.review(cached=False)
        return [name for name in warm if warm[name] != cold[name]]

    def review(self, *, cached: bool) -> dict[str, object]:
        config = load([self.root], {rule.name: rule.category for rule in rules()})
        config = msgspec.structs.replace(config, cache=cached)
        return told(datakeel.review([self.root], config=config, confidence=Confidence.LOW))


def told(review: Review) -> dict[str, object]:
    """All that a review says but how long it took."""
    parts = {name: getattr(review, name) for name in review.__struct_fields__}
    return parts | {"summary": msgspec.structs.replace(review.summary, seconds=0.0)}


def kinds(chance: random.Random) -> Iterator[str]:
    """The kinds of edits in turns, each turn in another order."""
    while True:
        yield from chance.sample(sorted(EDITS), len(EDITS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout")
    parser.add_argument("--edits", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    made: Counter[str] = Counter()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="datakeel-again-") as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/caches"
        tree = Path(folder) / "tree"
        shutil.copytree(options.checkout, tree, symlinks=True, ignore=shutil.ignore_patterns(".git", "node_modules"))
        (tree / ".git").mkdir()
        found = discover([tree])
        files = [Path(found.location(s)) for s in found.files if s.kind == "python" and s.role == "product"]
        project = Project(tree, sorted(files), chance)
        project.review(cached=True)
        turns = kinds(chance)
        while sum(made.values()) < options.edits:
            kind, begun = next(turns), time.perf_counter()
            path, _ = project.edit(kind)
            differing = project.differences()
            made[kind] += 1
            failed += bool(differing)
            said = f"OTHER: {', '.join(differing)}" if differing else "the same"
            print(f"{kind} in {path.relative_to(tree)}: {said} ({time.perf_counter() - begun:.0f} s)", flush=True)
    print(f"{sum(made.values())} edits ({dict(made)}), {failed} of them told otherwise")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
