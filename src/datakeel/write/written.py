"""What a generated project remembers of itself, in its folder ``.datakeel``: what was last written, by which version,
and what its databases have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Struct

from datakeel import __version__
from datakeel.decision import Design
from datakeel.mistake import Mistake
from datakeel.write.disk import STATE
from datakeel.write.project import MIGRATIONS, File, Project, frozen
from datakeel.write.schema import Schema, schema, statements

BASE = ".datakeel/base.json"  # the texts of a fresh generation, so that the next update knows what the user changed
LANGUAGE = 1  # the version of system.yaml
SOURCE = "system.yaml"  # what the user says: never merged
SCHEMAS = ".datakeel/schema.json"  # what the databases have that a fresh generation would not give them


class Written(Struct, frozen=True, kw_only=True):
    """`base`: the texts of the last fresh generation. `schemas`: what each folder of migrations has made of its
    database. `frozen`: the digests of the files that are never rewritten, as far as we wrote them."""

    base: dict[str, str]
    schemas: dict[str, Schema]
    frozen: dict[str, str]
    version: str


def written_in(folder: Path) -> Written:
    """What a project's folder remembers. Raises Mistake where nobody generated it, or the memory is damaged."""
    base = base_in(folder)
    state = _json(folder, STATE)
    files = state.get("files") if isinstance(state, dict) else None
    digests = {str(p): str(d) for p, d in files.items()} if isinstance(files, dict) else {}
    known = digests or {p: digest(text) for p, text in base.items()}
    return Written(
        base=base,
        schemas={**made_by(base), **_schemas(folder)},
        frozen={path: known[path] for path in known if frozen(path)},
        version=str(state.get("datakeel", "")) if isinstance(state, dict) else "",
    )


def base_of(project: Project) -> File:
    """The texts of a project, one on a line, as the next update wants to find them."""
    files = (f for f in project.files if f.path != BASE)
    return File(BASE, _lines({f.path: f.text for f in files}))


def base_in(folder: Path) -> dict[str, str]:
    """The texts that were last written into a folder, by their paths. Raises Mistake."""
    found = _json(folder, BASE)
    if found is None:
        raise Mistake(f"{folder} holds no {BASE}: expected a folder that `datakeel generate` wrote")
    if not isinstance(found, dict) or SOURCE not in found or not all(isinstance(t, str) for t in found.values()):
        raise Mistake(f"{folder / BASE} is damaged: expected paths with their texts; restore it from version control")
    return found


def state(design: Design, files: Iterable[File]) -> File:
    """What a later update starts from: by which version a design was written, and the digests of its files."""
    return File(
        STATE,
        _lines(
            {
                "datakeel": __version__,
                "language": LANGUAGE,
                "requirements": msgspec.to_builtins(design.requirements),
                "decisions": {d.question: d.chosen for d in design.decisions},
                "files": {f.path: digest(f.text) for f in files},
            }
        ),
    )


def state_of(fresh: Project, frozen_: Mapping[str, str]) -> File:
    """The state of a project that has other frozen files than a fresh one."""
    state = json.loads(fresh.text(STATE))
    others = {path: text for path, text in state["files"].items() if not frozen(path)}
    state["files"] = dict(sorted({**others, **frozen_}.items()))
    return File(STATE, _lines(state))


def schemas_of(schemas: Mapping[str, Schema]) -> File:
    return File(SCHEMAS, _lines({name: msgspec.to_builtins(found) for name, found in sorted(schemas.items())}))


def made_by(texts: Mapping[str, str]) -> dict[str, Schema]:
    """What each folder of migrations makes of an empty database."""
    return {
        folder: schema(chain.from_iterable(statements(sql) for sql in files.values()))
        for folder, files in migrations(texts).items()
    }


def migrations(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Those among the files, by their folder and then by name, in their order."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(texts):
        place = PurePosixPath(path)
        if path.startswith(f"{MIGRATIONS}/") and place.suffix == ".sql":
            found.setdefault(str(place.parent), {})[place.name] = texts[path]
    return found


def frozen_in(folder: Path, texts: Iterable[str]) -> frozenset[str]:
    """The paths of the frozen kind that are there, also those that the user wrote: beside those of `texts`."""
    homes = {str(PurePosixPath(path).parent) for path in texts if frozen(path)} | {MIGRATIONS}
    return frozenset(f"{home}/{place.name}" for home in homes for place in _files(folder / home))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return [place for place in folder.iterdir() if place.is_file()] if folder.is_dir() else []


def _schemas(folder: Path) -> dict[str, Schema]:
    found = _json(folder, SCHEMAS)
    try:
        return {} if found is None else msgspec.convert(found, dict[str, Schema])
    except msgspec.ValidationError:
        raise Mistake(f"{folder / SCHEMAS} is damaged; restore it from version control") from None


def _json(folder: Path, path: str) -> object:
    """What a file holds; None: it is not there."""
    try:
        return json.loads((folder / path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Mistake(f"cannot read {folder / path}: {error}") from None


def _lines(values: Mapping[str, object]) -> str:
    """JSON with one entry a line, so that a comparison of versions shows what changed."""
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
