"""What somebody has decided already: which words may say so, and the technology that they mean."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.mistake import unknown
from datakeel.requirements import Requirements
from datakeel.technologies import key_of, known

ROLES = (
    "engine",
    "log",
    "cdc",
    "search",
    "analytics",
    "cache",
    "stream",
    "batch",
    "encoding",
    "coordination",
    "saga",
    "framework",
)
FRAMEWORK = "fastapi"


def asked_for(requirements: Requirements, *roles: str) -> str | None:
    """The technology that the first of these roles with an override names; None: nobody asked.

    >>> asked_for(Requirements(name="x", overrides={"log": "Apache Kafka"}), "cdc", "log")
    'kafka'
    """
    for role in roles:
        if role in requirements.overrides:
            return key_of(requirements.overrides[role])
    return None


def faults(requirements: Requirements) -> Iterator[str]:
    """What cannot be honoured, a sentence each, with what exists."""
    for role, word in sorted(requirements.overrides.items()):
        if role not in ROLES:
            yield f"overrides: {unknown('decision', role, ROLES)}."
        elif role == "framework":
            if word.lower() != FRAMEWORK:
                yield (
                    f"overrides.framework: {word} is not written; {FRAMEWORK} is. Take the line out, or say "
                    f"{FRAMEWORK}."
                )
        else:
            yield from _fault(role, word)


def _fault(role: str, word: str) -> Iterator[str]:
    key = key_of(word)
    serving = sorted(name for name, found in known().items() if role in found.roles and found.written)
    if key is None:
        yield f"overrides.{role}: {unknown('technology', word, serving)}."
        return
    found = known()[key]
    if not found.written:
        yield f"overrides.{role}: {word} is not written. What exists: {found.instead}."
    elif role not in found.roles:
        yield f"overrides.{role}: {found.title} does not serve as {role}; {', '.join(serving) or 'nothing'} does."
