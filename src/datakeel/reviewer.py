"""The story of a review: find the files, read them, link them into one system, judge it, report."""

from __future__ import annotations

import gc
import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache as once
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from datakeel import baseline, suppression
from datakeel.cache import Cache
from datakeel.config import Config, load
from datakeel.finding import Confidence, Entry, Finding, Review, Strength, Summary
from datakeel.fingerprint import digest, fingerprint, fingerprinted, normalised, structured
from datakeel.model.operation import Role
from datakeel.model.place import Place
from datakeel.model.system import Remark, System
from datakeel.read import facts
from datakeel.read.declared import declared, unmatched
from datakeel.read.proofread import proofread
from datakeel.read.source import Sources, discover
from datakeel.read.workers import spread
from datakeel.recall import Judged, Recall
from datakeel.rules import overview, team
from datakeel.rules.atlas import charted
from datakeel.rules.judge import Answer, Asked, judge, order
from datakeel.rules.memory import Memory, Verdicts, identity
from datakeel.rules.praise import SHOWN, looked, praised
from datakeel.rules.rule import Rule, rules

if TYPE_CHECKING:
    from datakeel.read.kept import Kept
    from datakeel.read.program import File

Progress = Callable[[str, int, int], None]
MANY = 3_000  # functions: of fewer, asking the rules in several processes costs more than it saves
SECONDS = 120.0  # for one rule, in another process
LONG = 4  # rules take about as long as what else is asked of a system


def review(
    paths: Path | str | Sequence[Path | str],
    *,
    config: Config | None = None,
    confidence: Confidence = Confidence.MEDIUM,
    progress: Progress | None = None,
    known: baseline.Baseline | None = None,
    texts: dict[str, bytes] | None = None,
    team_rules: bool = False,
) -> Review:
    """Reviews a folder or a file, or several, and gives what was found. `confidence`: the least that is shown; what is
    `known` is told apart; `texts`, by path: what is to be read in the place of what the disk has, or beside it;
    `team_rules`: the rules that the configuration names are run, which are code of whoever wrote it.

    Raises Mistake for what the user can mend: a path that does not exist, a configuration that cannot be used.
    """
    started = time.perf_counter()
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    tell = progress or (lambda what, done, whole: None)
    categories = {rule.name: rule.category for rule in rules()}
    config = config if config is not None else replace(load(paths, categories), trusted=team_rules)
    proofread(config.libraries, config.origins or ("library model",) * len(config.libraries))
    with no_collection():
        sources = discover(paths, exclude=config.exclusions()).with_texts(texts or {})
        cache = Cache.open(sources.root) if config.cache else Cache.none()
        read = facts.read(sources, cache, jobs=config.jobs, progress=lambda done, whole: tell("reading", done, whole))
        recall = Recall(cache, read, config)
        judged = recall.judged()
        if judged is None:
            judged, verdicts = judgement(read, config, tell, recall.linked(), cache, recall.verdicts())
            recall.keep(judged, verdicts)
        cache.save()
        trouble = [*([Remark("", 0, cache.trouble)] if cache.trouble else []), *not_run(config)]
        comparison = None if known is None else Comparison(known, read, config, paths)
        done = reported(judged, read, config, confidence, comparison)
        told = replace(done.summary, remarks=(*trouble, *done.summary.remarks), seconds=time.perf_counter() - started)
        return replace(done, summary=told)


def judgement(
    read: facts.Facts,
    config: Config,
    tell: Progress,
    kept: Kept | None = None,
    cache: Cache | None = None,
    verdicts: Verdicts | None = None,
) -> tuple[Judged, Verdicts]:
    """What the rules find in the system that the facts make; `kept` and `verdicts` are what the last review left of its
    link and of what it found in single functions, and `cache` has the library models as it read them. Gives the
    verdicts of this review, too."""
    # Most of this program, and of no use where all is recalled
    from datakeel.read import libraries, reader  # noqa: PLC0415

    tables = libraries.kept("python", cache) if cache is not None else None
    linking = partial(tell, "linking")
    system = reader.system(read, config.libraries, config.jobs, linking, kept, tables)
    given = msgspec.structs.asdict(config.facts)
    source = os.path.relpath(config.source or ".", read.sources.root)
    idle = [Remark(source, 0, text) for text in unmatched(system, **given)]
    system = declared(system, **given)
    tell("judging", 0, 0)
    categories = {rule.name: rule.category for rule in rules()}
    lost = sorted(set(system.remarks) - set(read.remarks()))
    failed: list[Remark] = []
    texts = kept.blobs if kept is not None else {}
    functions = {o.name: identity(o, text) for o in system.operations if (text := texts.get(o.place.path)) is not None}
    memory = Memory(system, functions, verdicts)
    share = Shared(
        config.jobs or facts.cores(),
        system,
        partial(looked, system, lambda rule: config.runs(rule, categories[rule])),
        partial(charted, system),
        partial(overview.portrait, system),
    )
    found = judge(system, config.runs, failed, share, memory)
    places, atlas, portrait = share.beside()
    own, said = team.verdict(own_rules(config), system, config.runs, shown_from(read.sources.root))
    every = tuple(sorted((*found, *own), key=order))
    whole = system.whole and not said and not failed
    remarks = (*idle, *lost, *said, *failed)
    judged = Judged(every, portrait, remarks, whole, praised(places, found), atlas)
    return judged, memory.verdicts()


class Shared:
    """Asks the rules, and does what else is `asked_for` of the system, in several processes, which all have it; what
    one of them lost is done here."""

    def __init__(self, jobs: int, system: System, *asked_for: Callable[[], Any]) -> None:
        self.jobs = jobs
        self.system = system
        self.others = asked_for
        self.done: list[Any] = []

    def __call__(self, asked: Asked, due: Sequence[Rule]) -> Iterator[Answer]:
        rules = [partial(asked, rule) for rule in due]
        if self.jobs <= 1 or len(self.system.operations) < MANY:
            yield from (work() for work in rules)
            return
        every: list[Callable[[], Any]] = [*self.others, *rules]
        weights = [*(LONG for _ in self.others), *(1 for _ in rules)]
        results = dict(spread(lambda n: pickle.dumps(every[n]()), weights, self.jobs, SECONDS))
        said = (pickle.loads(r) if isinstance(r := results[n], bytes) else work() for n, work in enumerate(every))
        self.done = [next(said) for _ in self.others]
        yield from said

    def beside(self) -> list[Any]:
        """What else came out, when the rules were asked."""
        return self.done or [work() for work in self.others]


def shown_from(root: Path) -> Callable[[Path], str]:
    return lambda file: os.path.relpath(file, root).replace(os.sep, "/")


def judging(config: Config) -> dict[str, str]:
    """The rules that a review may run, each with its category."""
    own = {r.name: r.category for r in config.team} if config.trusted else {}
    return {r.name: r.category for r in rules()} | own


def own_rules(config: Config) -> tuple[Rule, ...]:
    """The team's rules, where the user lets them run."""
    return team.loaded((r.category, Path(r.file)) for r in config.team) if config.trusted else ()


def not_run(config: Config) -> Iterator[Remark]:
    """What is said of a team's rules that were not let run."""
    if config.team and not config.trusted:
        names = ", ".join(rule.name for rule in config.team[:5])
        text = f"{len(config.team)} rules of the team were not run ({names}): they are code; --team-rules runs them"
        yield Remark(config.source, 0, text.replace("1 rules of the team were", "1 rule of the team was"))


@contextmanager
def no_collection() -> Iterator[None]:
    """The garbage collector rests: nearly all that a review makes is kept until its end, and looking through it again
    and again costs a fifth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def reported(
    judged: Judged,
    read: facts.Facts,
    config: Config,
    confidence: Confidence,
    comparison: Comparison | None = None,
) -> Review:
    """What of the findings is shown: those in the named paths, not suppressed, not known, as the team wants them."""
    named = {s.path for s in read.sources.files if s.named}
    marked = fingerprinted(judged.findings, Statements(read.sources))
    wanted = [f for f in map(config.adjusted, marked) if f is not None and f.place.path in named]
    heads = {path: read.heads[path] for path in sorted(named & set(read.heads))}
    scripts = {path: read.sql[path] for path in sorted(named & set(read.sql))}
    migrations = Migrations(read.sources, config)
    outcome = suppression.apply(
        wanted,
        {path: file.comments for path, file in (heads | scripts).items()},
        {path: blocks_of(read.files[path]) for path, head in heads.items() if head.comments},
        {name for name, category in judging(config).items() if config.runs(name, category)},
        {*(r.name for r in rules()), *(r.name for r in config.team)},
    )
    kept, suppressed = migrations.asked(outcome.kept), migrations.asked(outcome.suppressed)
    met = comparison.made(kept, confidence) if comparison is not None else baseline.Outcome(kept)
    visible = tuple(f for f in met.kept if f.confidence <= confidence)
    shown = tuple(f for f in visible if f.confidence is not Confidence.LOW)
    unread = {r.path for r in read.unread}
    elsewhere = {s.path for s in read.sources.files} - named
    said = sorted({*read.remarks(), *judged.remarks})
    return Review(
        findings=shown,
        strengths=tuple(s for s in (within(s, named) for s in judged.strengths) if s is not None),
        doubtful=tuple(f for f in visible if f.confidence is Confidence.LOW),
        suppressed=suppressed,
        baselined=met.known,
        baseline=met.standing,
        atlas=judged.atlas,
        summary=Summary(
            text=overview.paragraph(judged.portrait, shown),
            files=len(heads) + len(scripts),
            lines=sum(file.lines for file in (heads | scripts).values()),
            skipped_files=len(named - set(read.files) - set(read.sql) - unread),
            skipped_lines=read.counts.tests + read.counts.vendored + read.counts.other,
            unreadable=len(named & unread),
            functions=sum(count for path, count in judged.portrait.operations.items() if path in named),
            stores=judged.portrait.stores,
            remarks=(*(r for r in said if r.path not in elsewhere), *outcome.remarks),
            by_severity=dict(Counter(f.severity.word for f in shown)),
            hidden=len(met.kept) - len(visible),
            suppressed=len(suppressed),
            migrations=migrations.passed_over,
        ),
        root=str(read.sources.root),
    )


class Migrations:
    """Which migrations are judged. One that has run is not changed any more: only those that somebody names themselves
    are, as a pull request's check does. `rules` are those that judge them."""

    def __init__(self, sources: Sources, config: Config) -> None:
        self.rules = {r.name for r in (*rules(), *own_rules(config)) if r.of_migrations}
        self.named = {s.path for s in sources.files if s.itself}
        found = (s for s in sources.files if s.role is Role.MIGRATION and s.named and not s.itself and not s.foreign)
        running = any(config.runs(r.name, r.category) for r in rules() if r.of_migrations)
        self.passed_over = sum(1 for _ in found) if running else 0

    def judged(self, rule: str, path: str) -> bool:
        return rule not in self.rules or path in self.named

    def asked(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """Without what is found in migrations that nobody named."""
        return tuple(f for f in findings if self.judged(f.rule, f.place.path))


def blocks_of(file: File) -> tuple[suppression.Block, ...]:
    return suppression.blocks_of([*file.functions, *file.classes])


def within(strength: Strength, named: Collection[str]) -> Strength | None:
    """A strength as far as it is seen in the named paths, with the most telling of its places; None where it is not."""
    evidence = tuple(step for step in strength.evidence if step.place.path in named)
    if not evidence:
        return None
    lacking = strength.of - strength.places if len(evidence) == len(strength.evidence) else 0
    return replace(strength, evidence=evidence[:SHOWN], places=len(evidence), of=len(evidence) + lacking)


class Comparison:
    """A review's findings beside those that a baseline knows."""

    def __init__(
        self, known: baseline.Baseline, read: facts.Facts, config: Config, paths: Sequence[Path | str]
    ) -> None:
        self.known = known
        self.blocks = once(lambda path: suppression.blocks_of(read.files[path].functions if path in read.files else ()))
        self.named = {s.path: s.named for s in read.sources.files}
        self.reviewed = [reached(path, read.sources.root) for path in paths]
        running = {name for name, category in judging(config).items() if config.runs(name, category)}
        self.idle = {*(r.name for r in rules()), *(r.name for r in config.team)} - running
        self.migrations = Migrations(read.sources, config)
        self.statements = Statements(read.sources)
        self.made_of = once(
            lambda path, block: digest(structured(self.statements.text(Place(path, block.first, 0, block.end))))
        )

    def made(self, findings: Sequence[Finding], least: Confidence) -> baseline.Outcome:
        return baseline.apply(findings, self.known, self.entry, self.judged, least)

    def entry(self, finding: Finding) -> Entry:
        own = fingerprint(finding.rule, finding.symbol, self.statements(finding), finding.datasets)
        return Entry(finding.place.path, finding.symbol, finding.rule, own, self.function(finding.place))

    def function(self, place: Place) -> str:
        """The digest of the function that a place stands in; empty where it stands in none."""
        around = [block for block in self.blocks(place.path) if block.first <= place.line <= block.end]
        return self.made_of(place.path, min(around, key=lambda block: block.end - block.first)) if around else ""

    def judged(self, entry: Entry) -> bool:
        """Whether this review looked where an entry stood, for what it says."""
        within = any(not at or entry.path == at or entry.path.startswith(at + "/") for at in self.reviewed)
        asked = entry.rule not in self.idle and self.migrations.judged(entry.rule, entry.path)
        return asked and self.named.get(entry.path, within)


def reached(path: Path | str, root: Path) -> str:
    """A reviewed path as its places begin; empty for all."""
    found = os.path.relpath(os.path.realpath(path), os.path.realpath(root)).replace(os.sep, "/")
    return "" if found == "." or found.startswith("..") else found


class Statements:
    """The normalised text of a finding's statement; each file is read once."""

    def __init__(self, sources: Sources) -> None:
        self.root = sources.root
        self.texts = sources.texts
        self.lines: dict[str, list[str]] = {}

    def __call__(self, finding: Finding) -> str:
        return normalised(self.text(finding.place), sql=finding.place.path.endswith((".sql", ".cql")))

    def text(self, place: Place) -> str:
        if place.path not in self.lines:
            try:
                data = self.texts.get(place.path) or (self.root / place.path).read_bytes()
                self.lines[place.path] = data.decode("utf-8", "replace").splitlines()
            except OSError:
                self.lines[place.path] = []
        return "\n".join(self.lines[place.path][place.line - 1 : max(place.end_line, place.line)])
