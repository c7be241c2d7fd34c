"""Paths that were typed: told before the work, not after it."""

# ruff: noqa: PLC0415  (what only an error needs is loaded with it)

from __future__ import annotations

from pathlib import Path

from datakeel.mistake import Mistake, nearest


def must_be_writable(file: Path) -> None:
    """Said before the review, not after it."""
    import os

    if file.is_dir():
        raise Mistake(f"cannot write {file}: it is a folder")
    folder = file.absolute().parent
    if not folder.is_dir():
        raise Mistake(f"cannot write {file}: there is no folder {file.parent}")
    if not file.exists() and not os.access(folder, os.W_OK):
        raise Mistake(f"cannot write {file}: its folder cannot be written to")


def must_exist(path: Path) -> None:
    try:
        path.stat()
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | ValueError)
        raise Mistake(nothing_at(path) if missing else f"cannot read {path}: {error}") from None


def nothing_at(path: Path) -> str:
    """What is said of a path that does not exist, with the one that was probably meant."""
    import os

    sound = next((folder for folder in path.parents if folder.is_dir()), None)
    if sound is None or "\0" in str(path):
        return f"there is no {path}"
    wrong, *rest = path.relative_to(sound).parts
    try:
        meant = nearest(wrong, os.listdir(sound))
    except OSError:
        meant = None
    if meant is None:
        return f"there is no {path}"
    whole = Path(sound, meant, *rest)
    return f'there is no {path}; did you mean "{whole if whole.exists() else sound / meant}"?'
