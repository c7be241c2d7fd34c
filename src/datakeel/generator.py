"""The story of a generation: understand the request, decide, write; and what a change would change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from datakeel import requirements
from datakeel.decision import Design
from datakeel.design.designer import design
from datakeel.design.intake import intake
from datakeel.mistake import Mistake, unknown
from datakeel.requirements import Requirements
from datakeel.write.project import Project
from datakeel.write.writer import write

FILES = (".yaml", ".yml")
DOCUMENT = re.compile(r"^(\{\s*)?[\"']?(datakeel[\"']?:\s*\d|(domain|workload)[\"']?:\s*(\{|#|$))", re.MULTILINE)


def understood(request: str) -> Requirements:
    """What a request says: a ``system.yaml``, by its path or its text, or a sentence. Raises Mistake."""
    if is_file(request):
        return read(Path(request))
    return requirements.read(request, "the request") if is_document(request) else intake(request)


def is_file(request: str) -> bool:
    """Whether a request is meant as a path: one word that ends as such files do, or that is there. The name of a folder
    alone may be a word: ``orders``."""
    try:
        there = Path(request)
        return len(request.split()) == 1 and (
            request.endswith(FILES) or there.is_file() or (there.is_dir() and "/" in request)
        )
    except (OSError, ValueError):  # no system has a path like this one
        return False


def is_document(request: str) -> bool:
    """Whether a request is the text of a system.yaml: no sentence has its keys at the beginning of a line."""
    return DOCUMENT.search(request) is not None


def read(file: Path) -> Requirements:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Mistake(f"{file} is no text in UTF-8") from None
    except IsADirectoryError:
        raise Mistake(f"{file} is a folder; expected a system.yaml") from None
    except FileNotFoundError:
        raise Mistake(f"there is no {file}; `datakeel design` makes one from a sentence") from None
    except (OSError, ValueError) as error:
        raise Mistake(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None
    return requirements.read(text, str(file))


def generated(of: Requirements) -> tuple[Design, Project]:
    """What is decided for the requirements, and the project that follows. Nothing is written. Raises Mistake."""
    decided = design(of)
    return decided, write(decided)


def of_project(folder: Path) -> Requirements:
    """The requirements that a generated project has now. Raises Mistake where the folder holds none."""
    file = folder / "system.yaml"
    if not file.is_file():
        raise Mistake(f"{folder} holds no system.yaml: expected a folder that `datakeel generate` wrote")
    return read(file)


def changed(file: Path, changes: Sequence[str]) -> Requirements:
    """The requirements of a file with values put in, each as ``workload.writes=5k/s``; a path without a value goes.
    Raises Mistake."""
    read(file)
    yaml = YAML()
    tree = yaml.load(file.read_text(encoding="utf-8"))
    for change in changes:
        path, equals, value = change.partition("=")
        keys = [key.strip() for key in path.split(".")]
        if not equals or not all(keys):
            raise Mistake(f'"{change}" is no change; expected a path and a value, as in workload.writes=5k/s')
        put(tree, keys, valued(yaml, value, change), change)
    text = StringIO()
    yaml.dump(tree, text)
    return requirements.read(text.getvalue(), f"{file} with {', '.join(changes)}")


def valued(yaml: YAML, value: str, change: str) -> object:
    """What stands behind the sign, as YAML. None: nothing."""
    try:
        return yaml.load(value) if value.strip() else None
    except YAMLError:
        raise Mistake(
            f'{change}: "{value.strip()}" is no value; expected one as in system.yaml: 5k/s, [a, b] or {{name: text}}'
        ) from None


def put(tree: object, path: Sequence[str], value: object, change: str) -> None:
    place = tree
    for number, key in enumerate(path[:-1], 1):
        if isinstance(place, dict) and value is not None:
            place = place.setdefault(key, {})
        else:
            place = place[known(place, path[:number], change)]  # type: ignore[index]
    if isinstance(place, dict) and value is not None:
        place[path[-1]] = value
        return
    key_there = known(place, path, change)
    if value is None:
        del place[key_there]  # type: ignore[attr-defined]
    else:
        place[key_there] = value  # type: ignore[index]


def known(place: object, path: Sequence[str], change: str) -> str | int:
    """The last key of a path, where it is there: of a list, its number. Raises Mistake."""
    key = path[-1]
    if isinstance(place, dict) and key in place:
        return key
    if isinstance(place, list) and key.isdigit() and int(key) < len(place):
        return int(key)
    if isinstance(place, dict):
        raise Mistake(f"{change}: {unknown('key', key, map(str, place))}")
    if isinstance(place, list):
        raise Mistake(f"{change}: {'.'.join(path[:-1])} is a list of {len(place)}; expected a number from 0")
    raise Mistake(f"{change}: {'.'.join(path[:-1])} holds a value, and nothing that {key} could be part of")
