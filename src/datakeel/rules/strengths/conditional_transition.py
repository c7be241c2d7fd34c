"""`conditional-transition`: a status is changed by one statement that asks for the old one."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.rules.facts.outcomes import asked
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength


@strength("transact", unless=("unguarded-state-transition", "lost-update"))
def conditional_transition(survey: Survey) -> Iterator[Seen]:
    """A state is left by one statement that asks for it, and whoever comes second is told so by the number of rows."""
    for operation, write in survey.own(Kind.WRITE):
        if write.verb != "update" or write.store not in (StoreKind.RELATIONAL, StoreKind.DOCUMENT):
            continue
        column = left(write)
        if column and asked(survey, operation, write):
            said = f"{write.dataset}.{column} changes only from the state that it must be in"
            yield seen(operation, write.place, said, write.dataset)


def left(write: Effect) -> str:
    """The column that a write finds in one state, and leaves in another."""
    before = {p.column: p.value for p in write.predicates if p.operator in ("=", "in", "is-null")}
    for assignment in write.assigned:
        asked_for = before.get(assignment.column)
        constant = assignment.how == "constant" or any(s.kind == "clock" for s in assignment.sources)
        states = asked_for is not None and (not asked_for or asked_for.startswith("const:"))
        if states and asked_for != assignment.text and (constant or assignment.how in ("default", "atomic", "derived")):
            return assignment.column
    return ""
