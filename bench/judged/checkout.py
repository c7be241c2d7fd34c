"""Reviews a checkout of a public repository, at the commit that its judgements are about."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from bench.judged.judgement import Found, Repository
from datakeel.show.json import Document, FindingEntry

LONGEST = 600.0  # seconds
SOURCE = Path(__file__).parents[2]


class Unfit(Exception):
    """A checkout that is not there or stands at another commit, or a review that failed."""


def reviewer() -> str:
    """The commit of the datakeel that reviews."""
    return _git(SOURCE, "rev-parse", "HEAD")


def document(repository: Repository, checkouts: Path, reviews: Path | None = None) -> Document:
    """The review at default confidence, with a cache of its own; one that stands among the `reviews` already is taken,
    and one that is made is put there. Raises Unfit."""
    kept = reviews / f"{repository.folder}.json" if reviews else None
    if kept and kept.is_file():
        return msgspec.json.decode(kept.read_bytes(), type=Document)
    said = _review(checkouts / repository.folder, repository.commit)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(said)
    return msgspec.json.decode(said, type=Document)


def found(repository: Repository, findings: tuple[FindingEntry, ...], reviewer: str) -> list[Found]:
    """Of a review's findings, what is kept."""
    return [
        Found(
            repository=repository.name,
            commit=repository.commit,
            path=entry.path,
            line=entry.line,
            rule=entry.rule,
            symbol=entry.symbol,
            fingerprint=entry.fingerprint,
            severity=entry.severity,
            confidence=entry.confidence,
            reviewer=reviewer,
        )
        for entry in findings
    ]


def _review(folder: Path, commit: str) -> bytes:
    if not folder.is_dir() or _git(folder, "rev-parse", "HEAD") != commit:
        raise Unfit(f"{folder} is no checkout of {commit}")
    command = [sys.executable, "-m", "datakeel", "review", ".", "--format", "json", "--fail-on", "never"]
    with tempfile.TemporaryDirectory(prefix="datakeel-judged-") as cache:
        known = os.environ | {"XDG_CACHE_HOME": cache}
        try:
            done = subprocess.run(command, cwd=folder, env=known, capture_output=True, timeout=LONGEST, check=False)
        except subprocess.TimeoutExpired as late:
            raise Unfit(f"{folder}: no review within {LONGEST:.0f} s") from late
    if done.returncode:
        raise Unfit(f"{folder}: {done.stderr.decode()[-2000:]}")
    return done.stdout


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()
