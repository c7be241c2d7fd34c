"""`keyset-pagination`: a page begins behind the last row of the one before it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.effect import Effect, Kind, Predicate, Source, StoreKind
from datakeel.rules.facts.survey import Survey
from datakeel.rules.strength import Seen, seen, strength

BEHIND = (">", "<")


@strength("store")
def keyset_pagination(survey: Survey) -> Iterator[Seen]:
    """A page begins behind the last row of the one before it: the thousandth costs what the first does."""
    for operation, read in survey.own(Kind.READ):
        column = continued(read)
        if column:
            said = f"{read.dataset} is gone through by {column}, from where the last page ended"
            yield seen(operation, read.place, said, read.dataset)


def continued(read: Effect) -> str:
    """The key by which a limited read is sorted, and behind a known value of which it begins."""
    chosen = read.selection
    if (
        read.store != StoreKind.RELATIONAL
        or not read.dataset
        or chosen is None
        or chosen.limit is None
        or chosen.limit == 1
    ):
        return ""
    if chosen.offset or chosen.aggregate or not chosen.order:
        return ""
    order = {own(c) for c in chosen.order}
    bounded = [own(p.column) for p in chosen.predicates if p.operator in ("<", "<=", ">", ">=", "between")]
    for predicate in chosen.predicates:
        column = own(predicate.column)
        if predicate.operator in BEHIND and column in order and bounded.count(column) == 1 and given(predicate):
            return predicate.column
    return ""


def given(predicate: Predicate) -> bool:
    """Whether it compares with what is handed on from page to page: an argument, or the same column of a row that was
    read; no constant, no time, nothing that is computed from something else."""
    if predicate.value.startswith(("const:", "column:")):
        return False
    return bool(predicate.sources) and all(handed_on(s, own(predicate.column)) for s in predicate.sources)


def handed_on(source: Source, column: str) -> bool:
    if source.kind == "parameter" and not source.path:
        return True
    return source.kind in ("parameter", "read", "loop") and source.path[-1:] == (column,)


def own(column: str) -> str:
    name = column.lstrip("-").rpartition(".")[2]
    return "id" if name == "pk" else name
