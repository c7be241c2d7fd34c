"""What git would not show: the patterns of .gitignore files, and the list of tracked files that overrules them.

Everything is read from the files themselves; git is not run (it need not be installed, and a repository's own
configuration can make it run programs).
"""

from __future__ import annotations

import os
import re
import warnings
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from struct import error as StructError
from struct import unpack_from

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern


class Patterns:
    """The patterns of one ignore file, and the folder (relative to the root, ending in a slash, or empty) it speaks
    of."""

    def __init__(self, lines: Iterable[str], folder: str = "") -> None:
        self.folder = folder
        self.floating: list[tuple[int, GitIgnoreSpecPattern]] = []  # by name alone, at any depth
        self.anchored: list[tuple[int, GitIgnoreSpecPattern]] = []
        self.known: dict[str, int] = {}
        self.verdicts: dict[int, bool] = {-1: False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd sets in a pattern: their owner did not ask us
            for number, line in enumerate(lines):
                self.add(number, line.rstrip("\r\n"))
            self.any_floating = either(self.floating)
            self.any_anchored = either(self.anchored)

    def add(self, number: int, line: str) -> None:
        pattern = parsed(line)
        if pattern is None:
            return
        self.verdicts[number] = bool(pattern.include)
        floating = "/" not in line.strip().lstrip("!").rstrip("/")
        (self.floating if floating else self.anchored).append((number, pattern))

    def verdict(self, path: str, name: str) -> bool | None:
        """Whether the last pattern that matches ignores the path; None: no pattern matches. A folder ends in a
        slash."""
        last = self.known.get(name)
        if last is None:
            found = self.any_floating.match(name)
            last = self.known[name] = last_match(self.floating, name) if found else -1
        if self.anchored and self.any_anchored.match(path, len(self.folder)):
            last = max(last, last_match(self.anchored, path[len(self.folder) :]))
        return None if last < 0 else self.verdicts[last]


def parsed(line: str) -> GitIgnoreSpecPattern | None:
    try:
        spec = GitIgnoreSpec.from_lines([line])
    except (GitIgnorePatternError, ValueError, re.error):  # git passes over what it cannot read, too
        return None
    for pattern in spec.patterns:
        if isinstance(pattern, GitIgnoreSpecPattern) and pattern.include is not None:
            return pattern
    return None


def either(patterns: list[tuple[int, GitIgnoreSpecPattern]]) -> re.Pattern[str]:
    """One expression for "any of these": most paths match none, and one search says so."""
    texts = [pattern.regex.pattern for _, pattern in patterns if pattern.regex is not None]
    return re.compile("|".join(re.sub(r"\?P<\w+>", "?:", text.removeprefix("^")) for text in texts) or r"(?!)")


def last_match(patterns: list[tuple[int, GitIgnoreSpecPattern]], path: str) -> int:
    for number, pattern in reversed(patterns):
        if pattern.regex is not None and pattern.regex.search(path):
            return number
    return -1


def ignored(rules: tuple[Patterns, ...], path: str, name: str) -> bool:
    """Whether the path is ignored; the rules nearest to it stand last and speak first."""
    for rule in reversed(rules):
        verdict = rule.verdict(path, name)
        if verdict is not None:
            return verdict
    return False


def patterns_of(file: Path, folder: str = "") -> Patterns | None:
    """The patterns of one ignore file, or None where it cannot be read or says nothing."""
    text = contents(file)[:1_000_000].decode("utf-8", "replace")
    patterns = Patterns(text.splitlines(), folder)
    return patterns if patterns.floating or patterns.anchored else None


def git_folder(root: Path) -> Path | None:
    """The folder that holds the index of a checkout: `.git`, or where a `.git` file points (worktrees, submodules)."""
    dot_git = root / ".git"
    if dot_git.is_dir():
        return dot_git
    text = contents(dot_git)[:4096].decode("utf-8", "replace")
    if not text.startswith("gitdir:"):
        return None
    return root / text.removeprefix("gitdir:").strip()


def exclude_file(git: Path) -> Path:
    """The repository's own `info/exclude`; a worktree shares that of the repository it belongs to."""
    return git / os.fsdecode(contents(git / "commondir").strip()) / "info" / "exclude"


class Tracked:
    """The files in git's index: an ignored file that is tracked is still part of the project. Read when first asked."""

    def __init__(self, git: Path | None) -> None:
        self.git = git
        self.data: bytes | None = None
        self.files: list[str] | None = None

    def holds(self, path: str) -> bool:
        """Whether a file, or anything in a folder (ending in a slash), is tracked."""
        if self.data is None:
            self.data = contents(self.git / "index") if self.git else b""
        if self.data[4:8] != b"\0\0\0\4" and os.fsencode(path) not in self.data:  # version 4 shortens its paths
            return False
        if self.files is None:
            self.files = sorted(index_paths(self.data))
        at = bisect_left(self.files, path)
        return at < len(self.files) and (
            self.files[at] == path or (path[-1] == "/" and self.files[at].startswith(path))
        )


def contents(file: Path) -> bytes:
    """The bytes of a file; none where it cannot be read, or is none (a pipe would never end)."""
    try:
        return file.read_bytes() if file.is_file() else b""
    except (OSError, ValueError):
        return b""


def index_paths(data: bytes) -> list[str]:
    """The paths in a git index of version 2, 3 or 4; none where it is damaged."""
    try:
        signature, version, count = unpack_from(">4sII", data)
        if signature != b"DIRC" or version not in (2, 3, 4):
            return []
        return list(entries(data, version, count))
    except (ValueError, IndexError, StructError):
        return []


def entries(data: bytes, version: int, count: int) -> Iterable[str]:
    position, previous = 12, b""
    for _ in range(count):
        (flags,) = unpack_from(">H", data, position + 60)
        start = position + (64 if flags & 0x4000 else 62)
        if version == 4:
            drop, start = offset(data, start)
            end = data.index(b"\0", start)
            path = previous[: len(previous) - drop] + data[start:end]
            position, previous = end + 1, path
        else:
            end = data.index(b"\0", start)
            path = data[start:end]
            position += (end - position + 8) & ~7
        yield path.decode("utf-8", "surrogateescape")


def offset(data: bytes, position: int) -> tuple[int, int]:
    """A number in git's offset encoding, and the position after it."""
    byte = data[position]
    value = byte & 0x7F
    while byte & 0x80:
        position += 1
        byte = data[position]
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, position + 1
