"""Whatever is typed: requirements that can be written down and read again, or one clear Mistake; never a traceback."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from datakeel.design.intake import answered, intake, mode, questions
from datakeel.design.intake.domains import known
from datakeel.design.intake.named import table
from datakeel.design.intake.vocabulary import lexicon, units
from datakeel.mistake import Mistake
from datakeel.requirements import Requirements, read, text

LEXICA = ("small", "keeping", "software", "people", "acts", "keeps", "fresh", "refused")
UNITS = ("periods", "sizes", "bits", "multiples", "numbers", "adverbs")
ODD = "２ ½ 𝟚 ² № İ ß _ '' “ €5 99.95 1e9 0x10 1:0 0.0 10-20 £ table / % , . : ( ) - x p99 p99.9 0 1 3 1.5 10,000"
PLAIN = ("orders", "users", "per", "at most", "below zero", "unique", "only", "in order to", "without", "every", "saga")
SPOKEN = sorted(
    {w for d in known() for w in (*d.words, *d.apart)}
    | {phrase for phrase, _, _ in table()}
    | {w for name in LEXICA for w in lexicon(name)}
    | {u for name in UNITS for u in units(name)}
    | {*ODD.split(), *PLAIN, "search", "dashboard", "offline"}
)
sentences = st.lists(st.sampled_from(SPOKEN), max_size=25).map(" ".join)


def understood(request: str) -> Requirements | None:
    try:
        return intake(request)
    except Mistake as mistake:
        assert "no system" in str(mistake)
        return None


@settings(max_examples=60, deadline=None)
@given(sentences)
def test_what_is_understood_can_be_written_and_read_again(request: str) -> None:
    found = understood(request)
    if found is not None:
        assert read(text(found), "system.yaml") == found


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300) | sentences)
def test_the_same_text_gives_the_same_and_nothing_else_happens(request: str) -> None:
    assert understood(request) == understood(request)
    assert mode(request) in ("review", "generate", None)


@settings(max_examples=50, deadline=None)
@given(sentences, st.text(max_size=20) | sentences)
def test_an_answer_is_taken_or_refused_with_an_example(request: str, answer: str) -> None:
    found = understood(request)
    if found is None:
        return
    for question in questions(found):
        assert question.ask.endswith("?")
        assert question.changes
        try:
            told = answered(found, question, answer)
        except Mistake as mistake:
            assert "expected something like" in str(mistake)
        else:
            assert read(text(told), "system.yaml") == told
