"""The Python of a project, laid out by ruff as the project's own settings say."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ruff import find_ruff_bin

from datakeel.mistake import Mistake
from datakeel.write.project import File
from datakeel.write.prose import WIDTH, filled

SETTINGS = "pyproject.toml"
# An import that fits on its line stands on one, however many names it had before those that nothing needs went.
IMPORTS = ("check", "--fix-only", "--select=I,F401", "--config=lint.isort.split-on-trailing-comma=false")
LONG_LINES = ("check", "--add-noqa", "--select=E501")
REMEDY = "Install datakeel anew (pip install --force-reinstall datakeel): it brings the ruff that it needs"


def formatted(files: Iterable[File]) -> tuple[File, ...]:
    """The files of a project, its `SETTINGS` among them, with their Python as ruff has it: imports joined and in order,
    those that nothing needs gone; lines broken; what stays too long marked for the linter. Raises Mistake."""
    given = tuple(files)
    try:
        with TemporaryDirectory(prefix="datakeel-") as folder:
            texts = _texts(Path(folder), given)
    except OSError as error:
        raise Mistake(
            f"what is generated cannot be laid out in a temporary folder: {error}. Set TMPDIR to a folder with room, "
            "from which programs may read and write"
        ) from None
    return tuple(File(f.path, texts.get(f.path, f.text), f.executable) for f in given)


def _texts(folder: Path, files: Sequence[File]) -> dict[str, str]:
    """The text of each module, by its path."""
    modules = {file.path: filled(file.text) for file in files if file.path.endswith(".py")}
    settings = {file.path: file.text for file in files if file.path == SETTINGS}
    for path, text in (modules | settings).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    _ruff(folder, modules, *IMPORTS)
    _ruff(folder, modules, "format")
    _ruff(folder, [path for path in modules if _may_be_long((folder / path).read_bytes())], *LONG_LINES)
    return {path: (folder / path).read_bytes().decode() for path in modules}


def _may_be_long(text: bytes) -> bool:
    """Whether a line is too long for the linter, which counts a wide character twice."""
    return any(len(line) > WIDTH for line in text.split(b"\n"))


def _ruff(folder: Path, paths: Collection[str], *command: str) -> None:
    """Run it over files, if there are any: by their names, so that no ignore file and no exclusion leaves one out."""
    if not paths:
        return
    done = subprocess.run(
        [_program(), *command, f"--config={SETTINGS}", "--no-cache", *paths],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("RUFF_")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise Mistake(f"ruff cannot lay out what is generated: {(done.stderr or done.stdout).strip()}\n{REMEDY}")


def _program() -> str:
    try:
        return str(find_ruff_bin())
    except FileNotFoundError:
        raise Mistake(f"ruff is missing, which lays out what is generated. {REMEDY}") from None
