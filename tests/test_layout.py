"""The walls between the packages: who may import whom, and that a rule and its page bear one name."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import datakeel

ROOT = Path(datakeel.__file__).parent

MODEL = {"model"}
GROUND = MODEL | {
    "finding",
    "mistake",
    "naming",
    "requirements",
    "decision",
    "technologies",
    "compatibility",
    "patterns",
}
VERBS = {"read", "rules", "mend", "design", "write", "show"}
KEEPERS = {"cache", "config", "baseline", "fingerprint", "recall", "suppression"}
STORIES = {"reviewer", "generator", "mender", "prover", "trial"}

# Each may import itself, and of the others what stands here. The stories and the commands know besides how a run is
# configured and what it keeps; the verbs do not.
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "finding": MODEL,
    "mistake": set(),
    "ending": set(),
    "naming": set(),
    "requirements": MODEL | {"mistake", "naming"},
    "decision": MODEL | {"requirements"},
    "technologies": MODEL,
    "compatibility": MODEL,
    "patterns": MODEL,
    "read": GROUND,
    "rules": GROUND,
    "mend": GROUND | {"read"},
    "design": GROUND,
    "write": GROUND,
    "show": GROUND,
    "cache": GROUND,
    "config": GROUND,
    "fingerprint": GROUND,
    "baseline": GROUND,
    "suppression": GROUND,
    "recall": GROUND | KEEPERS | {"read", "rules"},  # what it keeps rests on both
    "reviewer": GROUND | VERBS | KEEPERS,
    "generator": GROUND | VERBS | KEEPERS,
    "trial": GROUND | VERBS | KEEPERS,
    "mender": GROUND | VERBS | KEEPERS | {"reviewer"},  # it reviews before and after
    "prover": GROUND | VERBS | KEEPERS | {"reviewer", "mender"},
    # it lists and explains the rules, asks what a request leaves open, and puts projects onto the disk
    "cli": GROUND | {"ending"} | STORIES | KEEPERS | {"rules", "show", "serve", "design", "write"},
    "serve": GROUND | STORIES | KEEPERS | {"show"},
    "__main__": {"cli", "ending"},
    "__init__": {"finding", "reviewer"},  # the face: what it promises
}

# No entry of these catalogues imports another. Nor does a rule import a rule, or a fact a rule.
APART = [("read", "languages"), ("read", "formats")]

MODEL_LEANS_ON = sys.stdlib_module_names | {"msgspec"}


def test_the_packages_import_only_what_the_layout_allows() -> None:
    files = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(ROOT.rglob("*.py"))}
    assert list(violations(files)) == []


def test_every_rule_has_its_page_and_every_page_its_rule() -> None:
    folders = [path for path in (ROOT / "rules").glob("*/") if path.name not in ("facts", "__pycache__")]
    rules = {path.with_suffix("") for folder in folders for path in folder.glob("*.py") if path.stem != "__init__"}
    pages = {path.with_suffix("") for folder in folders for path in folder.glob("*.md")}
    assert sorted(str(path.relative_to(ROOT)) for path in rules ^ pages) == []


def test_a_verb_that_imports_another_is_told() -> None:
    assert found("rules/judge.py", "from datakeel.read import trace") == [
        "rules/judge.py:1 imports datakeel.read.trace"
    ]
    assert found("read/trace.py", "import datakeel.show.text as text") == ["read/trace.py:1 imports datakeel.show.text"]
    assert found("write/project.py", "from datakeel import design") == ["write/project.py:1 imports datakeel.design"]
    assert found("show/text.py", "def f():\n    from ..rules.judge import judge") == [
        "show/text.py:2 imports datakeel.rules.judge.judge"
    ]


def test_what_the_layout_allows_is_silent() -> None:
    assert found("mend/fix.py", "from datakeel.read.languages.python import edit\nimport difflib, rich") == []
    assert (
        found("rules/derive/dual_write.py", "from datakeel.rules.facts import guards\nfrom ..story import crash") == []
    )
    assert found("read/__init__.py", "from .trace import trace\nfrom datakeel import __version__") == []
    assert found("reviewer.py", "from datakeel import cache, read, rules\nfrom datakeel.show import text") == []


def test_the_model_leans_on_the_standard_library_and_msgspec_alone() -> None:
    assert found("model/store.py", "import dataclasses, msgspec\nfrom . import origin") == []
    assert found("model/store.py", "import sqlglot.expressions") == ["model/store.py:1 imports sqlglot.expressions"]
    assert found("model/store.py", "from datakeel.finding import Finding") == [
        "model/store.py:1 imports datakeel.finding.Finding"
    ]


def test_a_package_that_the_layout_does_not_name_is_told() -> None:
    assert found("utils/text.py", "") == ["utils/text.py stands in no room of the layout"]
    assert found("read/trace.py", "import datakeel.utils") == ["read/trace.py:1 imports datakeel.utils"]


def test_entries_of_a_catalogue_stand_apart() -> None:
    go, sibling = "read/languages/go/lower.py", "read/languages/python/lower.py"
    assert found(go, "from datakeel.read.languages.python import lower", sibling) == [
        f"{go}:1 imports datakeel.read.languages.python.lower"
    ]
    assert found(go, "from datakeel.read.languages import language\nfrom . import names", sibling) == []
    assert found("read/formats/avro.py", "from . import sql", "read/formats/sql.py") == [
        "read/formats/avro.py:1 imports datakeel.read.formats.sql"
    ]


def test_a_rule_imports_no_rule_nor_does_a_fact() -> None:
    lost_update, guards = "rules/transact/lost_update.py", "rules/facts/guards.py"
    assert found("rules/derive/dual_write.py", "from datakeel.rules.transact import lost_update", lost_update) == [
        "rules/derive/dual_write.py:1 imports datakeel.rules.transact.lost_update"
    ]
    assert found(guards, "from ..transact.lost_update import lost_update", lost_update) == [
        f"{guards}:1 imports datakeel.rules.transact.lost_update.lost_update"
    ]
    assert found("rules/judge.py", "from datakeel.rules.transact import lost_update", lost_update) == []
    assert found(lost_update, "from datakeel.rules.facts.guards import guarded", guards) == []


def found(path: str, text: str, *others: str) -> list[str]:
    return list(violations({path: text} | dict.fromkeys(others, "")))


def violations(files: Mapping[str, str]) -> Iterator[str]:
    """What in these files, by their path in the package, crosses a wall."""
    modules = {_module(path) for path in files}
    for path, text in files.items():
        own = _module(path)
        if own[0] not in MAY_IMPORT:
            yield f"{path} stands in no room of the layout"
            continue
        for line, name in _imports(path, text):
            if _crosses_a_wall(own, name) or _meets_its_neighbour(own, name, modules):
                yield f"{path}:{line} imports {name}"


def _crosses_a_wall(own: tuple[str, ...], name: str) -> bool:
    package, *inner = name.split(".")
    if package != "datakeel":
        return own[0] == "model" and package not in MODEL_LEANS_ON
    return bool(inner) and inner[0] not in MAY_IMPORT[own[0]] | {own[0], "__version__"}


def _meets_its_neighbour(own: tuple[str, ...], name: str, modules: set[tuple[str, ...]]) -> bool:
    """Whether one entry of a catalogue imports another: a format a format, a rule (or a fact) a rule."""
    here, there = own[:3], tuple(name.split(".")[1:4])
    if here == there or there not in {module[:3] for module in modules if len(module) >= 3}:
        return False
    if here[0] == there[0] == "rules":
        return len(here) == 3 and there[1] != "facts"
    return here[:2] == there[:2] and here[:2] in APART and len(here) == 3


def _module(path: str) -> tuple[str, ...]:
    parts = path.removesuffix(".py").split("/")
    return tuple(parts if len(parts) == 1 or parts[-1] != "__init__" else parts[:-1])


def _imports(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Every imported name in full, with its line: `from ..model import store` is datakeel.model.store."""
    package = ["datakeel", *path.split("/")[:-1]]
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
