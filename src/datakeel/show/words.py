"""The phrases that every form of the report shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from datakeel.finding import Finding, Review, Severity, Standing, Strength

Part = TypeVar("Part")
DOUBT = "Of these, a fact could not be resolved: look before you act. They fail no build and are not among the issues."


def counted(number: int, word: str, plural: str = "") -> str:
    """
    >>> counted(1, "finding"), counted(2300, "finding"), counted(0, "entry", "entries")
    ('1 finding', '2,300 findings', '0 entries')
    """
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def joined(words: Sequence[str]) -> str:
    """
    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def flat(text: str) -> str:
    """A text on one line.

    >>> flat(" one\\n  two ")
    'one two'
    """
    return " ".join(text.split())


def first_sentence(text: str) -> str:
    """
    >>> first_sentence("A row is lost. Nobody sees it.")
    'A row is lost.'
    """
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]


def sound(value: Part) -> Part:
    """The value with every lone surrogate (half a character, which no encoding has) in its texts replaced.

    >>> sound(("a", "\\ud800"))
    ('a', '?')
    """
    if isinstance(value, str):
        return type(value)(value.encode("utf-8", "replace").decode())
    if isinstance(value, Struct):
        return replace(value, **{name: sound(getattr(value, name)) for name in value.__struct_fields__})
    return type(value)(map(sound, value)) if isinstance(value, tuple) else value


def by_severity(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many of each severity, most severe first; none that does not occur."""
    counts = Counter(finding.severity for finding in findings)
    return {severity: counts[severity] for severity in Severity if counts[severity]}


def tally(findings: Sequence[Finding]) -> str:
    """The findings in one phrase: ``3 findings (1 critical, 2 minor)``."""
    if not findings:
        return "no findings"
    parts = ", ".join(f"{number:,} {severity.word}" for severity, number in by_severity(findings).items())
    return f"{counted(len(findings), 'finding')} ({parts})"


def beyond(strength: Strength) -> str:
    """What a strength's evidence leaves out.

    >>> beyond(Strength(pattern="Upsert", category="transact", message="", places=7, of=9))
    'and 7 more places; not in 2 where it could be'
    """
    more, lacking = strength.places - len(strength.evidence), strength.of - strength.places
    parts = [f"and {counted(more, 'more place', 'more places')}"] if more > 0 else []
    return "; ".join([*parts, f"not in {lacking:,} where it could be"] if lacking > 0 else parts)


def size(review: Review) -> str:
    """What was read: ``240 files, 48,210 lines; 35 files of tests and generated code not judged``."""
    summary = review.summary
    text = f"{counted(summary.files, 'file')}, {counted(summary.lines, 'line')}"
    if summary.skipped_files:
        text += f"; {counted(summary.skipped_files, 'file')} of tests, generated or vendored code not judged"
    return text


def unseen(review: Review) -> list[str]:
    """What the report does not show, and how to see it."""
    summary, texts = review.summary, []
    if summary.hidden:
        verb = "is" if summary.hidden == 1 else "are"
        texts.append(
            f"{counted(summary.hidden, 'finding')} of lower confidence {verb} hidden (--confidence low shows all)"
        )
    if review.baseline is not None:
        texts += compared(review.baseline)
    if summary.suppressed:
        verb = "is" if summary.suppressed == 1 else "are"
        texts.append(f"{counted(summary.suppressed, 'finding')} {verb} suppressed by comments in the code")
    if summary.migrations:
        verb = "was" if summary.migrations == 1 else "were"
        texts.append(
            f"{counted(summary.migrations, 'migration')} {verb} not judged, for what has run is not changed any more "
            "(name the file of a new one to have it judged)"
        )
    if summary.unreadable:
        texts.append(f"{counted(summary.unreadable, 'file')} could not be read")
    return texts


def compared(now: Standing) -> list[str]:
    """How large the baseline is, and what has become of what it knew.

    >>> compared(Standing(file="old.jsonl", size=9, matched=7, gone=2, reopened=1))[0]
    'the baseline old.jsonl holds 9 findings, of which 7 are known and not shown'
    >>> compared(Standing(file="old.jsonl", size=9, matched=7, gone=2, reopened=1))[1:]
    ['2 of its findings are gone (--update-baseline drops them)', '1 is shown again, for its function has changed']
    """
    held = f"the baseline {now.file} holds {counted(now.size, 'finding')}"
    known = f", of which {counted(now.matched, 'is', 'are')} known and not shown" if now.size else ""
    texts = [held + (f", {now.added:,} of them new" if now.added else "") + known]
    if now.gone and now.change:
        texts.append(f"{counted(now.gone, 'finding that is gone was', 'findings that are gone were')} dropped from it")
    elif now.gone:
        texts.append(
            f"{now.gone:,} of its findings {'is' if now.gone == 1 else 'are'} gone (--update-baseline drops them)"
        )
    if now.reopened > now.added:
        again = (
            "is shown again, for its function has" if now.reopened == 1 else "are shown again, for their functions have"
        )
        texts.append(f"{now.reopened:,} {again} changed")
    return texts


def mended(fixed: Sequence[Finding], left: Sequence[Finding], *, shown: bool) -> str:
    """What was made of the edits, in one line; or (`shown`) what would be."""
    if not fixed and not left:
        return "nothing here has an edit that is safe\n"
    files = {edit.place.path for f in fixed if f.fix is not None for edit in f.fix.edits}
    done = f"{'would mend' if shown else 'mended'} {counted(len(fixed), 'finding')} in {counted(len(files), 'file')}"
    rest = f"; {counted(len(left), 'edit')} left out: with them something else would speak" if left else ""
    return f"{done}{rest}\n"
