"""A sentence → Requirements, and what is worth asking about them."""

from datakeel.design.intake.mode import mode
from datakeel.design.intake.questions import Question, answered, questions
from datakeel.design.intake.request import intake

__all__ = ["Question", "answered", "intake", "mode", "questions"]
