"""An option of a question, as a record speaks of it, and the decision that comes of choosing it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from datakeel.decision import Decision, Figure, Option, Protection


class Choice(Struct, frozen=True, kw_only=True):
    """What holds of an option wherever it is chosen: whole sentences, but for the title."""

    title: str
    consistency: str
    failure: str
    scaling: str
    operation: str


def answer(
    question: str,
    chosen: str,
    choices: Mapping[str, Choice],
    cost: Callable[[str], str],
    *,
    because: Iterable[str],
    figures: Iterable[Figure] = (),
    parts: Iterable[str] = (),
    products: Iterable[str] = (),
    sizes: Mapping[str, float] | None = None,
    judgement: str = "",
    title: str = "",
    protections: tuple[Protection, ...] = (),
) -> Decision:
    """The decision for the option `chosen`; `cost` says of each other one what it would cost here."""
    choice = choices[chosen]
    return Decision(
        question=question,
        chosen=chosen,
        title=title or choice.title,
        because=tuple(because),
        figures=tuple(figures),
        rejected=tuple(Option(word, cost(word)) for word in choices if word != chosen),
        consistency=choice.consistency,
        failure=choice.failure,
        scaling=choice.scaling,
        operation=choice.operation,
        parts=tuple(dict.fromkeys(parts)),
        products=tuple(dict.fromkeys(products)),
        sizes=dict(sizes or {}),
        judgement=judgement,
        protections=protections,
    )


def judged(asked: str | None, chosen: str, needed: str, choices: Mapping[str, Choice], price: str = "") -> str:
    """What we think of a choice that the request made itself; nothing where it made none."""
    if asked is None:
        return ""
    if chosen == needed:
        return f"Asked for ({asked}), and right: the figures lead to the same."
    order = list(choices)
    if order.index(chosen) > order.index(needed):
        tail = f" It costs {price}." if price else ""
        return f"Asked for ({asked}), and honoured. The figures would be content with {needed}.{tail}"
    return f"Asked for ({asked}), and honoured, against the figures: they lead to {needed}."
