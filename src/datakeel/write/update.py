"""What a newer generation and the user's own changes make of a project, merged file by file, as git merges branches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from merge3 import Merge3
from msgspec import Struct

from datakeel.mistake import Mistake
from datakeel.write.project import File, Project

BASE = ".datakeel/base.json"  # what was last written, so that the next update knows what the user changed
FROZEN = "migrations/"  # what databases have run already is never rewritten


class Outcome(Struct, frozen=True):
    """What is to become of one file. `text` None: it goes. `conflict`: both sides changed the same lines, which are
    marked as git marks them. `note`: what the user should know."""

    path: str
    text: str | None
    conflict: bool = False
    note: str = ""
    executable: bool = False


def base_of(project: Project) -> File:
    """The texts of a project, one on a line, as the next update wants to find them."""
    files = (f for f in project.files if f.path != BASE)
    lines = (f"{json.dumps(f.path)}: {json.dumps(f.text, ensure_ascii=False)}" for f in files)
    return File(BASE, "{\n" + ",\n".join(lines) + "\n}\n")


def base_in(folder: Path) -> dict[str, str]:
    """The texts that were last written into a folder, by their paths. Raises Mistake."""
    try:
        found = json.loads((folder / BASE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Mistake(f"{folder} holds no {BASE}: expected a folder that `datakeel generate` wrote") from None
    except (OSError, ValueError) as error:
        raise Mistake(f"cannot read {folder / BASE}: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise Mistake(f"{folder / BASE} is damaged: expected paths with their texts; restore it from version control")
    return found


def merged(base: Mapping[str, str], yours: Mapping[str, str], fresh: Project) -> Iterator[Outcome]:
    """What becomes of each file that changes, in the order of paths. `yours`: the texts of the files of `base` and of
    `fresh` that are there now. Raises Mistake where a migration that was written already would change."""
    new = {f.path: f for f in fresh.files if f.path != BASE}
    for path in sorted({*base, *new}):
        before, mine = base.get(path), yours.get(path)
        file = new.get(path)
        theirs = file.text if file is not None else None
        if theirs in (before, mine):
            continue
        if path.startswith(FROZEN) and before is not None:
            raise Mistake(
                f"{path} was written already, and databases may have run it; it would change. Keep the requirement "
                "that it came from, and add what is new beside it (a field that is optional, another table)"
            )
        executable = file is not None and file.executable
        if mine == before:
            yield Outcome(path, theirs, executable=executable)
        elif mine is None:
            yield Outcome(path, None, note="you deleted it; it has changed, and stays deleted")
        elif theirs is None:
            yield Outcome(path, mine, note="it is generated no longer; you changed it, so it stays")
        else:
            text, conflict = merge(before or "", mine, theirs)
            yield Outcome(path, text, conflict, executable=executable)


def files(outcomes: Iterable[Outcome], fresh: Project) -> Iterator[File]:
    """What is to be written: the merged files, and what the next update starts from."""
    yield from (File(o.path, o.text, o.executable) for o in outcomes if o.text is not None and not o.note)
    yield base_of(fresh)


def gone(outcomes: Iterable[Outcome], yours: Mapping[str, str]) -> Iterator[str]:
    """The paths of the files that are to go."""
    return (o.path for o in outcomes if o.text is None and o.path in yours)


def merge(before: str, mine: str, theirs: str) -> tuple[str, bool]:
    """Three texts as one, and whether lines of it are in conflict.

    >>> merge("a\\nb\\nc\\n", "A\\nb\\nc\\n", "a\\nb\\nC\\n")
    ('A\\nb\\nC\\n', False)
    >>> merge("a\\n", "b\\n", "c\\n")
    ('<<<<<<< yours\\nb\\n||||||| before\\na\\n=======\\nc\\n>>>>>>> generated\\n', True)
    """
    base, a, b = (text.splitlines(keepends=True) for text in (before, mine, theirs))
    texts = Merge3(base, a, b)
    conflict = any(group[0] == "conflict" for group in texts.merge_groups())
    lines = texts.merge_lines(name_a="yours", name_b="generated", name_base="before", base_marker="|||||||")
    return "".join(lines), conflict
