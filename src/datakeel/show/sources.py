"""The reviewed files as a report needs them: their names from the working directory, their lines when asked for."""

from __future__ import annotations

import os
from pathlib import Path

from datakeel.model.system import Remark

LARGEST = 20_000_000  # bytes; of a larger file no line is shown


class Sources:
    """`root` is the folder that places are relative to, `folder` the one that names are shown from.

    A file that has vanished or cannot be read has no lines; nobody is troubled about it.
    """

    def __init__(self, root: Path | str = "", folder: Path | str = "") -> None:
        self.root = os.path.abspath(root)
        self.folder = os.path.abspath(folder)
        self.files: dict[str, list[str]] = {}

    def name(self, path: str) -> str:
        """A place's path as one would type it in the working directory, with forward slashes."""
        return os.path.relpath(os.path.join(self.root, path), self.folder).replace(os.sep, "/") if path else ""

    def remark(self, remark: Remark) -> str:
        """What a remark says, with its place in front: ``shop/legacy.py:3: a syntax error``."""
        spot = self.name(remark.path) + (f":{remark.line}" if remark.line else "")
        return f"{spot}: {remark.text}" if remark.path else remark.text

    def line(self, path: str, number: int) -> str | None:
        """A line of a file (from 1), without its end."""
        lines = self.lines(path)
        return lines[number - 1] if 0 < number <= len(lines) else None

    def lines(self, path: str) -> list[str]:
        if path not in self.files:
            self.files[path] = lines_of(Path(self.root, path)) if path else []
        return self.files[path]


def lines_of(file: Path) -> list[str]:
    """Lines as Python counts them: form feeds and the like do not end one."""
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            return []
        text = file.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return []
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
