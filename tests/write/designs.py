"""Designs by hand, for the tests of what is written."""

from datakeel.decision import QUESTIONS, Decision, Design
from datakeel.requirements import Requirements


def design(requirements: Requirements, *parts: str) -> Design:
    """A design that asks for these parts, by its first decision."""
    return Design(
        requirements=requirements,
        decisions=tuple(
            Decision(
                question=question,
                chosen="as-it-is",
                title=f"The {question.replace('-', ' ')} stays as it is",
                because=("Nothing asks for more.",),
                parts=parts if question == QUESTIONS[0] else (),
            )
            for question in QUESTIONS
        ),
    )
