"""The changes that a rule named, as edits of the user's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from msgspec.structs import replace

from datakeel.finding import Change, Edit, Finding
from datakeel.mend.text import applied
from datakeel.read.languages.python import edit as python

EDITORS: dict[str, Callable[[str, str, tuple[Change, ...]], tuple[Edit, ...]]] = {
    ".py": python.edits,
    ".pyw": python.edits,
}


def edited(findings: Iterable[Finding], text: Callable[[str], str | None]) -> tuple[Finding, ...]:
    """The findings, each with the edits that cure it where the language can make them. `text` gives a file's text by
    its path, or None where it cannot be written back as it is."""
    read = cache(text)
    return tuple(with_edits(f, read) for f in findings)


def tidy(path: str, before: str, after: str) -> str:
    """A file's text after its edits, without the imports that they left unused."""
    return applied(after, python.unused(before, after)) if path.endswith((".py", ".pyw")) else after


def with_edits(finding: Finding, text: Callable[[str], str | None]) -> Finding:
    fix = finding.fix
    if fix is None or not fix.changes:
        return finding
    path = finding.place.path
    editor = EDITORS.get(path[path.rfind(".") :])
    if editor is None or any(change.place.path != path for change in fix.changes):
        return finding  # what stands in another file may be nobody's to edit
    here = text(path)
    made = editor(here, path, fix.changes) if here is not None else ()
    return replace(finding, fix=replace(fix, edits=made, safe=True)) if made else finding
