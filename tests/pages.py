"""Pages that are tests: Markdown with one heading a case, fenced files under it, and expectations that stand at the
line.

What `datakeel.trial` tells of a rule's page holds for ours too, with all rules on. In a strength's page ``# strength:
name`` does the same for what is praised. In a reader's page, and in a library's example, a line that ends in
``# effect: kind verb dataset`` (what follows the kind may be left out) must have just these effects; several are parted
by ``;``. A line with no mark has none.
"""

from __future__ import annotations

from pathlib import Path

from datakeel.finding import Finding, Strength
from datakeel.model.effect import Effect
from datakeel.model.system import System
from datakeel.rules.judge import judge
from datakeel.trial import Case, cases, read_system, said


def findings(files: dict[str, str], folder: Path) -> tuple[Finding, ...]:
    """What all rules say of some files."""
    return judge(read_system(files, folder))


def praised(found: tuple[Strength, ...]) -> list[tuple[str, int, str]]:
    return sorted((step.place.path, step.place.line, s.name) for s in found for step in s.evidence)


def expected(case: Case) -> list[tuple[str, int, str]]:
    return case.marked("finding")


def own_effects(system: System) -> dict[tuple[str, int], list[Effect]]:
    """The effects of functions' own text (and of modules'), by place; one place counts once however many functions
    inline it. That something is handed to code that is not in view is no table's word."""
    found: dict[tuple[str, int], list[Effect]] = {}
    for operation in system.operations:
        for effect in operation.own():
            if effect.place.path == operation.place.path and effect.verb != "hand-over":
                found.setdefault((effect.place.path, effect.place.line), []).append(effect)
    return found


def words(effect: Effect) -> str:
    return " ".join(w for w in (effect.kind.value, effect.verb, effect.dataset) if w)


def wrong_effects(case: Case, system: System) -> list[str]:
    """What of the marked effects is not as the page says, in words."""
    found = own_effects(system)
    wrong = []
    marked = {(path, line): [t.strip() for t in text.split(";")] for path, line, text in case.marks("effect")}
    for place in sorted(found.keys() | marked.keys()):
        said_here = [words(e) for e in found.get(place, ())]
        wanted = marked.get(place, [])
        left = list(said_here)
        for one in wanted:
            match = next((s for s in left if s == one or s.startswith(one + " ")), None)
            if match is None:
                wrong.append(f"{place[0]}:{place[1]}: wanted '{one}', found {said_here or 'nothing'}")
            else:
                left.remove(match)
        wrong += [
            f"{place[0]}:{place[1]}: found '{extra}', which is not marked"
            for extra in left
            if place not in marked or left
        ]
    return wrong


__all__ = ["Case", "cases", "expected", "findings", "own_effects", "praised", "read_system", "said", "wrong_effects"]
