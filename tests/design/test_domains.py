"""Every domain's file: its words call it, its keys are those of the language, and all its parts together are sound."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from datakeel.design.designer import design as designed
from datakeel.design.intake import domains, facets, intake
from datakeel.design.intake.text import text as words_of
from datakeel.requirements import Aggregate, Domain, Event, Requirements, Saga, Service, Step, nouns, read, text

EXTRA = {"when", "unless", "needs", "why", "said", "instead", "also"}
KNOWN = domains.known()
EVERYTHING = {facet: facet for facet in facets.phrases()}
NOUNS: dict[str, type[msgspec.Struct]] = {
    "aggregates": Aggregate, "tables": nouns.Table, "documents": nouns.Document, "series": nouns.Series,
    "graphs": nouns.Graph, "views": nouns.View, "streams": nouns.Stream, "batches": nouns.Batch, "services": Service,
    "replicated": nouns.Replicated, "sagas": nouns.Saga,
}  # fmt: skip


@pytest.mark.parametrize("domain", KNOWN, ids=lambda d: d.name)
def test_its_words_call_it_and_no_other(domain: domains.Known) -> None:
    for word in (*domain.words, *domain.weak):
        assert [c.domain.name for c in domains.called(words_of(word), set())] == [domain.name], word


@pytest.mark.parametrize("domain", KNOWN, ids=lambda d: d.name)
def test_what_only_looks_so_does_not_call_it(domain: domains.Known) -> None:
    for word in domain.apart:
        assert domain.name not in [c.domain.name for c in domains.called(words_of(word), set())], word


@pytest.mark.parametrize("domain", KNOWN, ids=lambda d: d.name)
def test_its_keys_are_those_of_the_language(domain: domains.Known) -> None:
    for kind, pieces in domain.pieces.items():
        for piece in pieces:
            checked(piece, NOUNS[kind])
    for step in domain.steps:
        assert set(step) - {"at"} <= set(Step.__struct_fields__)


def checked(piece: dict[str, Any], noun: type[msgspec.Struct]) -> None:
    assert set(piece) - EXTRA <= set(noun.__struct_fields__), piece
    for event in piece.get("events", ()):
        checked(event, Event)
    for table in piece.get("holds", ()):
        checked(table, nouns.Table)


@pytest.mark.parametrize("domain", KNOWN, ids=lambda d: d.name)
@pytest.mark.parametrize("asked", ["nothing", "all but a saga", "everything"])
def test_what_it_gives_can_be_written_and_read_again(domain: domains.Known, asked: str) -> None:
    """With every word of its conditions in the request, too."""
    wanted = {} if asked == "nothing" else {k: v for k, v in EVERYTHING.items() if k != "saga" or asked == "everything"}
    spoken = [w for w in waited_for(domain.pieces) if not w.startswith("@")] if wanted else []
    part = domains.select(domain, words_of(", ".join([domain.words[0], *spoken])), wanted)
    sagas = (Saga(name="all of it", steps=tuple(step for _, step in part.steps)),) if part.steps else ()
    held = msgspec.structs.replace(part.domain, sagas=sagas)
    of = Requirements(name=f"{domain.name} system", domain=limited(held))
    assert of.domain != Domain()
    assert read(text(of), "system.yaml") == of


def waited_for(pieces: Any) -> list[str]:
    """Every word of a ``when`` or a ``said``, wherever it stands."""
    if isinstance(pieces, dict):
        own = [*pieces.get("when", ()), *(w.replace("_", " ") for w in pieces.get("said", {}))]
        return own + [w for value in pieces.values() for w in waited_for(value)]
    return [w for one in pieces for w in waited_for(one)] if isinstance(pieces, list) else []


def limited(of: Domain) -> Domain:
    """With a number where the request has to give one."""
    tables = [
        msgspec.structs.replace(
            t,
            invariants=tuple(
                msgspec.structs.replace(i, limit=20) if i.kind == "at-most" else i for i in t.invariants
            ),
        )
        for t in of.tables
    ]  # fmt: skip
    return msgspec.structs.replace(of, tables=tuple(tables))


@pytest.mark.parametrize("asked", ["with search", "with a dashboard", "with alerts"])
@pytest.mark.parametrize("domain", KNOWN, ids=lambda d: d.name)
def test_a_sentence_of_it_is_not_refused_for_what_its_own_file_answers_with(domain: domains.Known, asked: str) -> None:
    assert designed(intake(f"{domain.words[0]} system {asked}")).decisions
