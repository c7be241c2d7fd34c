"""How much is known: three-valued answers, and where a fact comes from."""

from __future__ import annotations

from enum import Enum, IntEnum


class Answer(Enum):
    """The answer to a question about the system. It has no truth value: a caller says what it does with UNKNOWN."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("an Answer is three-valued: compare it with Answer.YES, Answer.NO or Answer.UNKNOWN")


class Origin(IntEnum):
    """What a fact rests on, strongest first; a chain of facts is as strong as `max` of its origins."""

    RESOLVED = 0
    CONVENTION = 1
    ASSUMED = 2
