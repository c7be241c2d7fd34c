"""A cure that spans files, as a patch in the user's own names and layout."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from datakeel.finding import Edit, Finding
from datakeel.mend.edits import tidy
from datakeel.mend.text import applied, difference
from datakeel.mistake import Mistake
from datakeel.model.system import System


class Files(Struct, frozen=True):
    """The project as it is: a file's text by its path (None: there is no such file, or none that can be written back),
    and all paths below a folder."""

    text: Callable[[str], str | None]
    below: Callable[[str], list[str]]


class Patch(Struct, frozen=True):
    """What a cure changes: the text of each file before (empty: it is new) and after."""

    title: str
    before: dict[str, str]
    after: dict[str, str]

    def difference(self) -> str:
        return "".join(difference(path, self.before.get(path, ""), text) for path, text in self.after.items())


def patch(finding: Finding, system: System, files: Files) -> Patch:
    """The patch that cures a finding. Raises Mistake where there is none, with the reason."""
    from datakeel.mend import conditional, inbox, outbox, skew, unique  # noqa: PLC0415  (each builds on the nouns above)

    edits = finding.fix.edits if finding.fix is not None else ()
    made: dict[str, Callable[[Finding, System, Files], Patch]] = {
        rule: kind.patch for kind in (unique, inbox, conditional, skew, outbox) for rule in kind.RULES
    }
    if finding.rule in made and not (finding.rule in outbox.RULES and edits and outbox.only_a_job(finding, system)):
        try:
            return made[finding.rule](finding, system, files)
        except Mistake as wrong:
            if not edits:  # else what is local cures it too
                raise Mistake(f"{wrong}{by_hand(finding)}") from None
    if finding.fix is not None and edits:
        return local(finding.fix.title, edits, files)
    raise Mistake(f"there is no patch for {finding.rule}{by_hand(finding)}")


def by_hand(finding: Finding) -> str:
    """What a person may write where no patch is made."""
    return f"; by hand: {finding.fix.title} (the report has it in full)" if finding.fix is not None else ""


def local(title: str, edits: tuple[Edit, ...], files: Files) -> Patch:
    paths = dict.fromkeys(edit.place.path for edit in edits)
    before = {path: files.text(path) or "" for path in paths}
    after = {p: tidy(p, t, applied(t, (e for e in edits if e.place.path == p))) for p, t in before.items()}
    return Patch(title, before, after)
