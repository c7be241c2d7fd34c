"""Decisions as numbered records in Markdown (MADR 4), and the table of what would change them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datakeel.decision import QUESTIONS, Decision, Design, Flip


def record(decision: Decision, number: int) -> str:
    """The record of one decision: status, question with its figures, options, the choice with its reasons and
    consequences, what the others would cost, when to look again."""
    return "\n".join(_lines(decision, number)).rstrip() + "\n"


def file_name(number: int, decision: Decision) -> str:
    """
    >>> file_name(2, Decision(question="storage-engine", chosen="one-postgresql", title="One PostgreSQL", because=()))
    '0002-storage-engine.md'
    """
    return f"{number:04}-{decision.question}.md"


def overview(design: Design) -> str:
    """The list of the records, what is met only in part, and what would change which decision."""
    return "\n".join(
        [
            "# Decisions",
            "",
            *(f"{n}. [{d.title}]({file_name(n, d)})" for n, d in enumerate(design.decisions, 1)),
            *(("", "## To be known", "", *(f"- {warning}" for warning in design.warnings)) if design.warnings else ()),
            "",
            "## What would change them",
            "",
            "Each row is one input of `system.yaml` moved alone; `datakeel impact system.yaml "
            "INPUT=VALUE` shows the rest.",
            "",
            sensitivity(design),
        ]
    )


def sensitivity(design: Design) -> str:
    """The table of the inputs that would change a decision, in the order of the questions."""
    rows = [(d, flip) for d in design.decisions for flip in d.flips]
    if not rows:
        return "No single input changes a decision within the range in which it makes sense.\n"
    return "\n".join(
        [
            "| Input of system.yaml | changes at | Question | from | to |",
            "| --- | --- | --- | --- | --- |",
            *(f"| `{f.input}` | {f.at} | {d.question} | {d.chosen} | {f.to} |" for d, f in rows),
            "",
        ]
    )


def _lines(decision: Decision, number: int) -> Iterator[str]:
    figures = list(_figures(decision))
    yield from ("---", "status: accepted", "---", "", f"# {number}. {decision.title}")
    yield from _section(
        "## Context and Problem Statement", (question(decision.question), *(["", *figures] if figures else ()))
    )
    options = (decision.chosen, *(o.name for o in decision.rejected))
    yield from _section("## Considered Options", (f"- {name}" for name in options))
    chosen = f"Chosen option: {decision.chosen}, because:"
    yield from _section("## Decision Outcome", (chosen, "", *(f"- {reason}" for reason in decision.because)))
    if decision.judgement:
        yield from ("", f"> {decision.judgement}")
    yield from _section("### Protections", _protections(decision))
    yield from _section("### Consequences", _consequences(decision))
    yield from _section(
        "## Pros and Cons of the Options", (f"- {o.name}: {sentence(o.cost)}" for o in decision.rejected)
    )
    yield from _section("## More Information", ("When to look at this again:", "", *_flips(decision)))


def _section(heading: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", heading, "", *found)


QUESTION = {
    "data-model": "How is the data modelled?",
    "storage-engine": "What keeps the data on disk?",
    "encoding": "How are records and messages encoded, so that old and new code read each other's?",
    "replication": "Who has copies, who takes writes, and what is lost when a machine is?",
    "partitioning": "How are data and work split?",
    "isolation": "Which isolation does each operation need, and what protects it?",
    "failure-handling": "What happens when a part fails half way?",
    "coordination": "Who decides, where two could?",
    "batch": "What is computed over much data at once, and by what?",
    "stream": "What is computed over events as they come, and by what?",
    "derived-data": "How does what is derived keep up with what it is derived from?",
    "read-models": "From what are reads answered?",
}
assert tuple(QUESTION) == QUESTIONS


def question(word: str) -> str:
    return QUESTION[word]


def sentence(text: str) -> str:
    """
    >>> sentence("3 nodes, and an index that is behind")
    '3 nodes, and an index that is behind.'
    """
    return f"{text[:1].upper()}{text[1:]}".removesuffix(".") + "."


def _figures(decision: Decision) -> Iterator[str]:
    if decision.figures:
        yield from ("| Figure | Value | Worked out |", "| --- | ---: | --- |")
        yield from (f"| {f.name} | {f.value} | {f.derivation} |" for f in decision.figures)


def _protections(decision: Decision) -> Iterator[str]:
    if decision.protections:
        yield from ("| What | Operation | Isolation | Protected by | Because |", "| --- | --- | --- | --- | --- |")
        for p in decision.protections:
            yield f"| {p.construct} | {p.operation} | {p.level} | {p.means} | {p.why} |"


def _consequences(decision: Decision) -> Iterator[str]:
    for name, text in (
        ("Consistency", decision.consistency),
        ("When it fails", decision.failure),
        ("Scaling", decision.scaling),
        ("Operation", decision.operation),
    ):
        if text:
            yield f"- **{name}.** {text}"


def _flips(decision: Decision) -> Iterator[str]:
    if not decision.flips:
        yield "No single figure of the requirements changes this within the range in which it makes sense."
    yield from (flip(f) for f in decision.flips)


def flip(one: Flip) -> str:
    """
    >>> flip(Flip("workload.writes", "8,000 writes/s", "sharded-postgresql", 8000.0))
    '- `workload.writes` at 8,000 writes/s: `sharded-postgresql`.'
    """
    return f"- `{one.input}` at {one.at}: `{one.to}`."
