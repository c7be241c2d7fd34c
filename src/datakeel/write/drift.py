"""How a project differs from one that is generated now, and why: who changed what since it was last written."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel import __version__
from datakeel.write.disk import OURS, unified
from datakeel.write.project import Project, frozen
from datakeel.write.update import Plan
from datakeel.write.written import SOURCE, digest


def told(plan: Plan, again: Project | None) -> str:
    """A line for each thing that differs, then the differences as a unified diff; empty where nothing does. `again`:
    what this version makes of the requirements that were last followed; None: it cannot."""
    lines = [*_lines(plan, again)]
    if not lines:
        return ""
    version = plan.written.version
    if version != __version__:
        lines.insert(0, f"written by datakeel {version or 'of an unknown version'}, compared with {__version__}")
    return "".join(f"# {line}\n" for line in lines) + "\n" + "".join(_differences(plan))


def _lines(plan: Plan, again: Project | None) -> Iterator[str]:
    if plan.new != plan.old:
        yield f"{SOURCE}: changed since it was last followed"
    before = {f.path: f.text for f in again.files} if again else {}
    fresh = _files(plan)
    for path in _paths(plan):
        yield f"{path}: {_why(path, plan, fresh.get(path), before.get(path))}"
    for path, known in plan.written.frozen.items():
        if path not in plan.yours:
            yield f"{path}: you deleted it; a new database needs it"
        elif digest(plan.yours[path]) != known:
            yield f"{path}: you changed it; databases that have run it refuse it"
    yield from (f"{f.path}: an update would add it" for f in plan.steps.files)
    yield from (f"stays until `datakeel update --contract`: {left}" for left in plan.steps.left)
    yield from (f"an update is refused: {reason}" for reason in plan.steps.refused)


def _why(path: str, plan: Plan, fresh: str | None, again: str | None) -> str:
    base, mine = plan.written.base.get(path), plan.yours.get(path)
    reasons = []
    if mine != base:
        reasons.append("you deleted it" if mine is None else "you changed it")
    if fresh != base:
        if again != base and again == fresh:
            reasons.append("this version of datakeel writes it another way")
        else:
            reasons.append("it follows from the changed requirements")
    return "; ".join(reasons)


def _differences(plan: Plan) -> Iterator[str]:
    fresh = _files(plan)
    for path in _paths(plan):
        yield unified(path, plan.yours.get(path), fresh.get(path))
    for file in plan.steps.files:
        yield unified(file.path, None, file.text)


def _paths(plan: Plan) -> list[str]:
    """Of files, neither frozen nor the user's own, that differ."""
    fresh = _files(plan)
    known = {p for p in {*fresh, *plan.written.base} if not frozen(p) and not p.startswith(OURS) and p != SOURCE}
    return sorted(path for path in known if plan.yours.get(path) != fresh.get(path))


def _files(plan: Plan) -> dict[str, str]:
    return {f.path: f.text for f in plan.fresh.files}
