"""The story of `--fix`: review, edit, review again what would be written, and write it only where that is better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from datakeel.baseline import Baseline
from datakeel.config import Config
from datakeel.finding import Confidence, Edit, Finding, Review
from datakeel.mend.edits import edited as edited_of
from datakeel.mend.edits import tidy
from datakeel.mend.text import applied, data_of, difference, overlap, text_of, write
from datakeel.reviewer import Progress, review

ROUNDS = 4
Spot = tuple[str, str, str]  # a rule, a file, a function


class Mended(Struct, frozen=True, kw_only=True):
    """What edits would do. `fixed` are the findings that they cure; `left` have edits too, which were not taken: what
    they give is not better. `review` is that of the files as they are with the edits."""

    fixed: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()
    before: dict[str, bytes] = {}
    after: dict[str, bytes] = {}
    review: Review = Review()

    def difference(self) -> str:
        """All that changes, as a unified diff."""
        changed = ((path, text_of(self.before[path]), text_of(self.after[path])) for path in sorted(self.after))
        return "".join(difference(path, old or "", new or "") for path, old, new in changed)

    def write(self) -> None:
        """Writes all files, or none. Raises Mistake."""
        write({Path(self.review.root, path): data for path, data in self.after.items()})


def mended(
    paths: Sequence[Path | str],
    *,
    config: Config | None = None,
    confidence: Confidence = Confidence.MEDIUM,
    progress: Progress | None = None,
    known: Baseline | None = None,
) -> Mended:
    """The edits of a review that hold: with them each finding that they cure is gone, and nothing new speaks. What is
    `known` stays as it is. Writes nothing. Raises Mistake as a review does."""

    def again(texts: dict[str, bytes], known: Baseline | None = None) -> Review:
        done = review(paths, config=config, confidence=confidence, progress=progress, texts=texts, known=known)
        return with_edits(done, texts)

    now = again({})
    shown = again({}, known) if known is not None else now
    left, fixed, after = offered(shown), list[Finding](), dict[str, bytes]()
    waiting = left
    for _ in range(ROUNDS):
        chosen = apart(waiting)
        next_ones = spots(f for f in waiting if f not in chosen)  # they want the same text: after these
        cured, now, after = taken(chosen, now, after, again)
        for one in cured:
            fixed.append(next(f for f in left if spot_of(f) == spot_of(one)))
            left.remove(fixed[-1])
        shown = again(after, known) if known is not None else now
        waiting = [f for f in offered(shown) if next_ones[spot_of(f)]]
        if not waiting:
            break
    return Mended(
        fixed=tuple(fixed),
        left=tuple(left),
        before={path: Path(now.root, path).read_bytes() for path in after},
        after=after,
        review=shown,
    )


def offered(done: Review) -> list[Finding]:
    return [f for f in done.findings if f.fix is not None and f.fix.edits]


def taken(
    chosen: list[Finding], first: Review, texts: dict[str, bytes], again: Callable[[dict[str, bytes]], Review]
) -> tuple[list[Finding], Review, dict[str, bytes]]:
    """Those of the chosen findings whose edits hold, the review with them, and all texts with them; `first` and `texts`
    where none does."""
    for _ in range(ROUNDS):
        if not chosen:
            break
        after = {**texts, **edited(contents(first, texts, chosen), chosen)}
        second = again(after)
        doubtful = in_doubt(first, second, chosen)
        if not doubtful:
            return chosen, second, after
        chosen = [f for f in chosen if f not in doubtful]
    return [], first, texts


def with_edits(done: Review, texts: Mapping[str, bytes] = MappingProxyType({})) -> Review:
    """A review whose fixes have their edits, where the language can make them in the files as they are now, or in the
    `texts` that stand in their place."""

    def text(path: str) -> str | None:
        try:
            return text_of(texts[path] if path in texts else Path(done.root, path).read_bytes())
        except OSError:
            return None

    return replace(done, findings=edited_of(done.findings, text), doubtful=edited_of(done.doubtful, text))


def apart(offered: Iterable[Finding]) -> list[Finding]:
    """The findings, in the order of the report, whose edits do not overlap those of one before."""
    taken: list[Edit] = []
    chosen = []
    for finding in offered:
        edits = finding.fix.edits if finding.fix is not None else ()
        if not any(overlap(one, other) for one in edits for other in taken):
            taken += edits
            chosen.append(finding)
    return chosen


def contents(first: Review, texts: Mapping[str, bytes], chosen: Iterable[Finding]) -> dict[str, bytes]:
    paths = {edit.place.path for f in chosen if f.fix is not None for edit in f.fix.edits}
    return {p: texts[p] if p in texts else Path(first.root, p).read_bytes() for p in sorted(paths)}


def edited(before: dict[str, bytes], chosen: Iterable[Finding]) -> dict[str, bytes]:
    edits = dict.fromkeys(edit for f in chosen if f.fix is not None for edit in f.fix.edits)
    return {
        path: data_of(changed(path, text_of(data) or "", [e for e in edits if e.place.path == path]), data)
        for path, data in before.items()
    }


def changed(path: str, text: str, edits: list[Edit]) -> str:
    return tidy(path, text, applied(text, edits))


def in_doubt(first: Review, second: Review, chosen: Sequence[Finding]) -> list[Finding]:
    """Those whose finding is still there, and those where something new speaks or the file cannot be read any more."""
    was, now = spots(first.findings), spots(second.findings)
    cured = spots(chosen)
    failed = {spot for spot in cured if now[spot] > was[spot] - cured[spot]}
    new = {spot for spot in now if now[spot] > was[spot]}
    broken = {r.path for r in second.summary.remarks} - {r.path for r in first.summary.remarks}
    found = [f for f in chosen if spot_of(f) in failed or f.place.path in broken]
    for _, path, symbol in sorted(new):
        near = [f for f in chosen if f.place.path == path and f.symbol == symbol]
        found += near or [f for f in chosen if f.place.path == path] or chosen
    return found


def spots(findings: Iterable[Finding]) -> Counter[Spot]:
    return Counter(map(spot_of, findings))


def spot_of(finding: Finding) -> Spot:
    return finding.rule, finding.place.path, finding.symbol
