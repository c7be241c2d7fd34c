"""Findings in public repositories, and what readers who saw only code and report said of them. Both are kept as lines
of JSON beside this module; they hold places and reasons, no code."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

HERE = Path(__file__).parent

Verdict = Literal["true", "false", "disputed"]
Line = TypeVar("Line", bound=msgspec.Struct)


class Round(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measurement: how many findings are drawn, and at most how many of a repository and of a rule."""

    number: int
    at_most: int
    of_a_repository: int
    of_a_rule: int


class Repository(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A repository that nobody had looked at before its round. `lines`: those that a review judges."""

    name: str
    kind: str
    commit: str
    lines: int
    round: int

    @property
    def folder(self) -> str:
        """Its checkout among the others."""
        return self.name.rpartition("/")[2]


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding: of which repository at which commit, where, and by which datakeel (`reviewer`, a commit)."""

    repository: str
    commit: str
    path: str
    line: int
    rule: str
    symbol: str
    fingerprint: str
    severity: str
    confidence: str
    reviewer: str


class Judgement(Found, frozen=True, forbid_unknown_fields=True):
    """`verdict`: whether what the finding says happens can happen; what readers dispute counts as false. `worth`:
    whether its author would change the code for it. `silent`: the commit of datakeel since which it is not
    said any more."""

    verdict: Verdict
    worth: Literal["yes", "no"]
    reason: str
    silent: str = ""

    @property
    def true(self) -> bool:
        return self.verdict == "true"

    @property
    def worthy(self) -> bool:
        return self.true and self.worth == "yes"


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reader says of the finding of that number."""

    number: int
    verdict: Verdict
    worth: Literal["yes", "no"]
    reason: str


def rounds() -> list[Round]:
    return msgspec.convert(_table()["round"], list[Round])


def repositories() -> list[Repository]:
    return msgspec.convert(_table()["repository"], list[Repository])


def _table() -> dict[str, object]:
    return tomllib.loads((HERE / "repositories.toml").read_text(encoding="utf-8"))


def judgements() -> list[Judgement]:
    """Those of the findings that were drawn."""
    return lines(HERE / "judgements.jsonl", Judgement)


def undrawn() -> list[Found]:
    """The findings of the same reviews that nobody judged."""
    return lines(HERE / "undrawn.jsonl", Found)


def lines(file: Path, kind: type[Line]) -> list[Line]:
    """What stands in a file, one a line; nothing where there is no file."""
    if not file.is_file():
        return []
    return [msgspec.json.decode(line, type=kind) for line in file.read_bytes().splitlines() if line.strip()]


def put(file: Path, rows: Iterable[msgspec.Struct]) -> None:
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def joined(sample: list[Found], said: Iterable[Said]) -> list[Judgement]:
    """The judgements of a sample; findings are numbered from 1. Raises ValueError unless each was judged just once."""
    by_number: dict[int, list[Said]] = {number: [] for number in range(1, len(sample) + 1)}
    for one in said:
        by_number.setdefault(one.number, []).append(one)
    wrong = [str(number) for number, given in by_number.items() if len(given) != 1 or number > len(sample)]
    if wrong:
        raise ValueError(f"not judged just once: {', '.join(wrong)}")
    verdicts = [by_number[number][0] for number in range(1, len(sample) + 1)]
    return [
        Judgement(**msgspec.structs.asdict(found), verdict=v.verdict, worth=v.worth, reason=v.reason)
        for found, v in zip(sample, verdicts, strict=True)
    ]
