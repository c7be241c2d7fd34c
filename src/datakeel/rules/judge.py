"""Feeds each rule its noun, lets only the most specific rule speak of one pair of places, and puts the findings in
order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import cast

from datakeel.finding import Confidence, Finding, Step
from datakeel.model.certainty import Origin
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect
from datakeel.model.migration import Migration
from datakeel.model.operation import Operation, Resource, Role
from datakeel.model.place import Place
from datakeel.model.system import Remark, System
from datakeel.rules.facts.tables import snake
from datakeel.rules.memory import Findings, Held, Memory, Parts, Watched
from datakeel.rules.rule import Hit, Rule, rules

# of one pair of places only the first speaks
PRECEDENCE: tuple[tuple[str, ...], ...] = (
    ("publish-before-commit", "publish-after-commit", "dual-write"),
    ("cache-update-race", "dual-write"),
    ("lost-update", "unguarded-state-transition", "write-skew"),
    ("publish-before-commit", "remote-call-in-transaction"),
    ("check-then-insert", "write-skew"),
    ("lease-shorter-than-work", "lock-without-fencing"),
    ("hand-rolled-leader-election", "clock-dependent-ordering"),
    ("hand-rolled-leader-election", "unguarded-state-transition"),
    ("hand-rolled-leader-election", "check-then-insert", "write-skew"),
    ("long-transaction", "row-by-row-write"),
    ("wrong-storage-engine", "unbounded-partition", "time-series-without-retention"),
    ("graph-walk-in-application", "query-in-loop"),
    ("saga-without-compensation", "synchronous-call-chain"),
    ("saga-without-compensation", "retry-without-idempotency"),
    ("saga-without-compensation", "non-idempotent-consumer"),
    ("unbounded-buffer", "lost-background-task"),
    ("ack-before-processing", "lost-background-task"),
    ("process-dependent-hash", "hash-mod-n-routing"),
    ("language-specific-serialization", "no-schema-evolution"),
    ("range-scan-on-hashed-key", "allow-filtering", "scatter-gather-query"),
    ("publish-before-commit", "publish-after-commit", "dual-write", "unchecked-publish"),
    ("outbox-relay-defect", "unchecked-publish"),
    ("slow-poll-loop", "blocking-call-in-async"),
)
TRIALS = re.compile(
    r"(?:^|[_./])(?:(?:seed|test|demo|sample|dummy|fake)_?(?:data|jobs?|fixtures?)"
    r"|(?:create|make|add)_(?:test|demo|sample|dummy|fake)|debug|monkey_?patch|load_?data)(?:[_./]|$)"
)
# kept, and run no more
RETIRED = re.compile(r"(?:^|/)(?:obsolete|retired|deprecated|abandoned|attic|(?:\w+[_-])?notebooks?)/")
JUDGED = (Role.PRODUCT, Role.SCRIPT)

Runs = Callable[[str, str], bool]
Noun = tuple[object, Operation | None]  # what a rule judges, and the function that it is of
Named = tuple[object, Operation | None, str]  # and the name under which what is found in it is kept; empty: it is not
# what one rule finds, where it failed; what it found in what has a name, and the parts of the system it asked for then
Answer = tuple[list[Finding], list[Remark], dict[str, Findings], dict[str, Parts]]
Asked = Callable[[Rule], Answer]
Sharing = Callable[[Asked, Sequence[Rule]], Iterable[Answer]]  # what `map` does, perhaps in several processes


def judge(
    system: System,
    runs: Runs = lambda rule, category: True,
    failed: list[Remark] | None = None,
    share: Sharing = map,
    memory: Memory | None = None,
) -> tuple[Finding, ...]:
    """Every finding of every rule that `runs`, most severe first, without those that a more specific rule covers. Where
    a rule fails, which is a fault of datakeel, it is noted in `failed`, and what else it judges is not lost. `share`
    asks the rules and gives their answers in their order; `memory` has what the last review found, and gets what this
    one does."""
    memory = memory or Memory(system, {})
    given = cache(lambda kind: tuple((n, o, memory.name(n)) for n, o in nouns(kind, system) if acts(n)))

    def asked(rule: Rule) -> Answer:
        faults: list[Remark] | None = None if failed is None else []
        session = Session(rule, system, memory)
        return list(session.findings(given, faults)), faults or [], session.found, session.asked

    found: list[Finding] = []
    due = [rule for rule in rules() if runs(rule.name, rule.category)]
    for rule, (findings, faults, named, parts) in zip(due, share(asked, due), strict=True):
        found += findings
        memory.take(rule.name, named, parts)
        if failed is not None:
            failed += faults
    return tuple(sorted(distinct(silenced(found)), key=order))


def order(finding: Finding) -> tuple[object, ...]:
    return (finding.severity, finding.confidence, finding.place, finding.rule, finding.message)


class Session:
    """One rule, asked of all that it judges."""

    def __init__(self, rule: Rule, system: System, memory: Memory | None = None) -> None:
        self.rule = rule
        self.system = system
        held = memory.held(rule.name) if memory is not None else Held()
        self.held, self.found, self.asked = held.names, held.found, held.asked

    def findings(
        self, given: Callable[[type], Iterable[Named]], failed: list[Remark] | None = None
    ) -> Iterator[Finding]:
        """What it finds. Where it fails, that is noted in `failed`; without such a list, raises what it raises."""
        for noun, operation, name in (found for kind in self.rule.nouns for found in given(kind)):
            if name in self.held:
                yield from self.found.get(name, ())
                continue
            watched = Watched(self.system)
            try:
                found = tuple(self.judged(noun, operation, cast(System, watched)))
            except Exception as fault:
                if failed is None:
                    raise
                failed.append(self.failure(noun, operation, fault))
                continue
            if found and name:
                self.found[name] = found
            if watched.asked and name:
                self.asked[name] = frozenset(watched.asked)
            yield from found

    def judged(self, noun: object, operation: Operation | None, system: System) -> Iterator[Finding]:
        rule = self.rule
        for hit in tuple(rule.judge(noun, system) if rule.wants_system else rule.judge(noun)):
            yield finding_of(rule, hit, operation, system)

    def failure(self, noun: object, operation: Operation | None, fault: Exception) -> Remark:
        place = getattr(operation or noun, "place", None) or Place("", 0)
        what = f"{self.rule.name} could not be judged: {type(fault).__name__}: {fault}"
        return Remark(place.path, place.line, what[:300])


def nouns(kind: type, system: System) -> Iterator[Noun]:
    """What rules of one kind of noun judge, each with the function that it is of."""
    if kind is Operation:
        yield from ((o, o) for o in system.operations if o.role in JUDGED)
    elif kind is Resource:
        for operation in system.operations:
            if operation.role in JUDGED:
                yield from ((r, operation) for r in operation.resources if not r.chain)
        yield from ((r, None) for r in system.resources)
    elif kind is Dataset:
        yield from ((d, None) for d in system.datasets)
    elif kind is Migration:
        yield from ((m, None) for m in system.migrations)
    else:
        yield system, None


def acts(noun: object) -> bool:
    """Half of a project's functions do nothing to the world: of these no rule of ours has anything to say."""
    return not isinstance(noun, Operation) or bool(noun.effects or noun.resources or noun.retries)


def finding_of(rule: Rule, hit: Hit, operation: Operation | None, system: System) -> Finding:
    page = rule.page
    return Finding(
        rule=rule.name,
        category=rule.category,
        severity=hit.severity if hit.severity is not None else rule.severity,
        confidence=confidence(hit, operation, rule, system),
        pillar=page.pillar,
        place=hit.place,
        symbol=hit.symbol or (operation.symbol if operation is not None else ""),
        message=hit.message,
        why=page.why,
        pattern=page.pattern,
        story=hit.story or (Step(hit.place, hit.message),),
        reached_from=tuple(f"{e.kind} {e.name}" for e in operation.entries) if operation is not None else (),
        datasets=hit.datasets,
        fix=hit.fix,
    )


def confidence(hit: Hit, operation: Operation | None, rule: Rule, system: System) -> Confidence:
    """As sure as the weakest fact that the finding rests on; one step less for each place where a guard may stand
    unseen; low in a function that nobody uses, for a race in one that nothing is seen to start, though the program's
    ways in are known, and of a rule whose findings were mostly not true."""
    if rule.record is not None and not hit.apart:
        return Confidence.LOW
    weakest = max((r.origin for r in hit.rests_on), default=Origin.RESOLVED)
    level = {Origin.RESOLVED: 0, Origin.CONVENTION: 1, Origin.ASSUMED: 2}[weakest] + hit.doubts
    level = max(level, int(hit.likely or not rule.sure))
    if rule.race and operation is not None and nothing_starts(operation, rule, system):
        level += 2  # of 58 such findings in public code 16 were true, of 11 under unknown decorators one; of 94 that
        # only requests come to, 79
    if operation is not None and (operation.unused or for_trials(operation) or RETIRED.search(operation.place.path)):
        level += 2  # what is never run does no harm; nor does what makes data for somebody who tries the program out
    return Confidence(min(level, 2))


def nothing_starts(operation: Operation, rule: Rule, system: System) -> bool:
    """Whether nothing is seen to start a function, of which a rule says what two runs do to each other, in a whole
    program, or one whose ways in are known."""
    known = system.served or system.large
    return known and not operation.entries and not (rule.sure and operation.decorated)


def for_trials(operation: Operation) -> bool:
    """Whether a function says by its name, or by that of its class or module, that it makes data to try the program
    with."""
    named = f"{operation.place.path.removesuffix('.py')}.{operation.symbol}"
    return TRIALS.search(snake(named)) is not None


def silenced(found: list[Finding]) -> list[Finding]:
    """One cause, one finding: where a more specific rule speaks of the same places, the others become `related`."""
    related: dict[int, list[str]] = {}
    dropped: set[int] = set()
    by_rule: dict[str, list[int]] = {}
    for index, finding in enumerate(found):
        by_rule.setdefault(finding.rule, []).append(index)
    for chain in PRECEDENCE:
        for position, strong in enumerate(chain):
            for weak in chain[position + 1 :]:
                for one in by_rule.get(strong, ()):
                    for other in by_rule.get(weak, ()):
                        if overlap(found[one], found[other]):
                            dropped.add(other)
                            related.setdefault(one, []).append(weak)
    return [with_related(f, related.get(i, ())) for i, f in enumerate(found) if i not in dropped]


def with_related(finding: Finding, names: Iterable[str]) -> Finding:
    from msgspec.structs import replace  # noqa: PLC0415

    return replace(finding, related=tuple(sorted(set(names)))) if names else finding


def overlap(a: Finding, b: Finding) -> bool:
    """Whether two findings speak of the same pair of places."""
    if a.place.path != b.place.path and a.symbol != b.symbol:
        return False
    return bool(lines(a) & lines(b)) and a.symbol == b.symbol


def lines(finding: Finding) -> set[tuple[str, int]]:
    return {(finding.place.path, finding.place.line)} | {(s.place.path, s.place.line) for s in finding.story}


def distinct(found: Iterable[Finding]) -> Iterator[Finding]:
    """One rule speaks once of one place: the surest finding stands for the others."""
    best: dict[tuple[str, Place], Finding] = {}
    for finding in found:
        key = (finding.rule, Place(finding.place.path, finding.place.line))
        known = best.get(key)
        if known is None or (finding.confidence, finding.severity, len(finding.story)) < (
            known.confidence,
            known.severity,
            len(known.story),
        ):
            best[key] = finding
    return iter(best.values())


__all__ = ["Effect", "judge"]
