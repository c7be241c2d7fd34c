"""`check-then-insert`: existence is asked, then a row inserted, and nothing refuses the second of two runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from msgspec.structs import replace

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Predicate, Source, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.atomicity import together
from datakeel.rules.facts.cures import insert_once
from datakeel.rules.facts.decisions import asks_for, closed_before, deciding_reads, says_absent, written_as_asked
from datakeel.rules.facts.duplicates import caught, keyed, refused_twice, violation_handled
from datakeel.rules.facts.guards import excluded, here, now, rows_of, stopped
from datakeel.rules.facts.running import one_off
from datakeel.rules.facts.slow import slow_between
from datakeel.rules.facts.stakes import race
from datakeel.rules.facts.ticks import by_timer
from datakeel.rules.facts.words import HOLE
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import and_so_in, both_insert, further

CONDITION = re.compile(r"\bif\s+(not\s+)?exists\b|\bif\s+\w+\s*[=<>!]", re.I)
NEAR = 1  # calls to where a row is looked for, or inserted: further off, they may be about different things
KEY = 5  # columns of a key at most: who looks for more of them looks for just that row, and no key is made of it
SEVERAL = ("MultipleObjectsReturned", "MultipleResultsFound")
ATTENDED = ("request", "command", "main")
STORES = (StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.WIDE_COLUMN)


@rule(Severity.CRITICAL, race=True, sure=False)
def check_then_insert(operation: Operation, system: System) -> Iterator[Hit]:
    """Existence is checked, then inserted, and nothing refuses the second of two runs that both found nothing."""
    read_too = {e.dataset for e in operation.of(Kind.READ)}
    for write in operation.of(Kind.WRITE):
        if write.store not in STORES or not now(write) or not write.dataset:
            continue
        if write.verb == "get-or-create" and not write.chain:
            yield from unbacked(operation, write, system)
        if write.verb != "insert" or write.conflict or write.dataset not in read_too:
            continue
        yield from superseding(operation, write, system)
        for guard, read in deciding_reads(operation, write):
            columns = asked_columns(operation, read, write)
            if not columns or not says_absent(guard, read) or not operation.meet_here(read, write):
                continue
            if told_by_callee(read, write, system):
                break
            answer = stopped(operation, read, write, system)
            if answer != Answer.YES:
                yield from judged(operation, read, write, columns, answer, system)
            break


def told_by_callee(read: Effect, write: Effect, system: System) -> bool:
    """Whether a function that is called, here more than once, looks and inserts by itself: at once, or further down."""
    if not (read.chain and write.chain):
        return False
    if system.standing_at(read.place) & system.standing_at(write.place):
        return True
    callee = system.operation(write.callee)
    places = {e.place for e in callee.effects} if callee is not None else set()
    return read.place in places and write.place in places


def asked_columns(operation: Operation, read: Effect, write: Effect) -> tuple[str, ...]:
    """The columns by which the row was looked for, where the insert fills them as asked; none when it looks
    elsewhere."""
    if read.kind != Kind.READ or read.dataset != write.dataset or read.selection is None:
        return ()
    asked = read.selection.predicates
    if any(p.operator not in ("=", "is-null", "like", "not-null") for p in asked):
        return ()  # whether one overlaps, or is of an age, is another question
    if any(map(unmatched, asked)):
        return ()
    if write.store == StoreKind.RELATIONAL and any("." in p.column for p in asked):
        return ()  # what a joined row says is no column of the new one: a key cannot be made of it
    answers = [written_as_asked(operation, p, write) for p in asked]
    if False in answers or True not in answers:
        return ()
    return tuple(p.column for p in asked)


def unmatched(predicate: Predicate) -> bool:
    """Whether no other run looks for the same, by a value that this one has drawn by lot, the moment or a row that it
    has made; or it is not known by which column: one whose name is put together may be one of a key's."""
    return HOLE in predicate.column or any(s.kind in ("random", "new", "clock") for s in predicate.sources)


def made_by_callers(write: Effect, system: System) -> bool:
    """Whether each known caller looks for a value that it has drawn by lot, or a row that it has made itself."""
    asked = [
        e.selection.predicates for o, e in system.brought(write) if o.role != Role.TEST and e.selection is not None
    ]
    known = [ps for ps in asked if not any(s.kind == "parameter" for p in ps for s in p.sources)]
    return bool(known) and all(any(map(unmatched, predicates)) for predicates in known)


def superseding(operation: Operation, write: Effect, system: System) -> Iterator[Hit]:
    """The one row of a key is looked for and, where there is one, closed; in any case the next is inserted: of two
    runs, both find none to close."""
    for read, change in closed_before(operation, write):
        columns = asked_columns(operation, read, write)
        if not columns or not operation.meet_here(read, change, write) or operation.exclusive(change, write):
            continue
        answer = stopped(operation, read, write, system)
        if answer != Answer.YES:
            yield from judged(operation, read, write, columns, answer, system)
        return


def judged(
    operation: Operation, read: Effect, write: Effect, columns: tuple[str, ...], answer: Answer, system: System
) -> Iterator[Hit]:
    """How bad it is depends on the table: without a unique key there will be two rows, with one an error."""
    if write.store == StoreKind.WIDE_COLUMN:
        yield from overwritten(operation, read, write, columns, system)
        return
    unique = refused(operation, read, write, columns, system)
    if (
        keyed(write, system)
        or changed_owner(operation, read, write, columns)
        or claimed_before(operation, read, write, system)
        or (unique != Answer.NO and violation_handled(operation, write))
    ):
        return
    told = telling(read, write, columns)
    key = ", ".join(told)
    seen = system.dataset_of(write) is not None  # then a key of it is not known, or takes in what both may fill alike
    doubts = (
        (1 + seen) * int(unique == Answer.UNKNOWN)
        + int(answer == Answer.UNKNOWN)
        + hardly_meet(operation, read, system)
    )
    any_yet = first_child(read, write, columns, system) and not refuses(operation, read)
    doubts += 2 * int(any_yet or several_expected(operation, read))
    doubts += 2 * int(len(read.chain) > NEAR and len(write.chain) > NEAR)
    if unique == Answer.YES:
        doubts += 1 + borne(operation, read, write, system)  # of four such findings in public code one was true
        message = f"of two runs at once, one fails: the unique key of {write.dataset} ({key}) refuses it, unhandled"
    else:
        message = f"two runs at once insert two rows of {write.dataset} with the same {key}: nothing refuses the second"
    yield Hit(
        place=here(write),
        message=message,
        story=both_insert(read, write, key, refused=unique == Answer.YES),
        rests_on=(read, write),
        likely=True,
        doubts=doubts,
        datasets=(write.dataset,),
        severity=Severity.MINOR if unique == Answer.YES else race(write),
        fix=insert_once(write, told, system, among=constants(read, told)),
    )


def refused(operation: Operation, read: Effect, write: Effect, columns: tuple[str, ...], system: System) -> Answer:
    """Whether the table refuses the second row: by what was asked, or by what else was, where that found nothing."""
    answer = refused_twice(write, filled(read, columns), system)
    if answer == Answer.YES:
        return answer
    for guard, other in deciding_reads(operation, write):
        asked = asked_columns(operation, other, write) if other != read and says_absent(guard, other) else ()
        if asked and refused_twice(write, filled(other, asked), system) == Answer.YES:
            return Answer.YES
    return answer


def overwritten(
    operation: Operation, read: Effect, write: Effect, columns: tuple[str, ...], system: System
) -> Iterator[Hit]:
    """Where an insert under a key that is there replaces its row, the first of two runs has claimed it for nothing."""
    dataset = system.dataset_of(write)
    keys = dataset.schema.primary_key() if dataset is not None else ()
    told = {s for a in write.assigned if a.column not in keys for s in a.sources if s.kind != "clock"}
    if not keys or not set(keys) <= set(columns) or not told or CONDITION.search(write.text):
        return
    key = ", ".join(keys)
    yield Hit(
        place=here(write),
        message=f"of two runs at once, the second takes the row of {write.dataset} with the {key} that the first has "
        "just made: an insert replaces it",
        story=both_insert(read, write, key, refused=False),
        rests_on=(read, write),
        likely=True,
        doubts=hardly_meet(operation, read, system),
        datasets=(write.dataset,),
        fix=Fix(
            title="let the store insert it only where there is none, and look whether it did",
            text="INSERT … IF NOT EXISTS  -- result.was_applied",
        ),
    )


def borne(operation: Operation, read: Effect, write: Effect, system: System) -> int:
    """The doubts that a refusal does harm: callers are ready for it; or somebody sees it at once, who would have been
    refused in any case, or asks again. (Of ten such findings in public code seven were true, and none worth a change.)
    """
    if handled_by_callers(operation, write, system):
        return 2
    if not taken(read) and any(e.kind in ATTENDED for e in operation.entries):
        return 2
    return 2 * int(seen_at_once(operation, read, write))


def seen_at_once(operation: Operation, read: Effect, write: Effect) -> bool:
    """Whether a refused row only makes a request fail whose sender sees it and asks again, and the two have to come
    within a moment of each other: no job is lost, and nothing slow stands between."""
    job = any(e.kind not in ATTENDED for e in operation.entries)
    return not job and slow_between(operation, read, write) is None


def taken(read: Effect) -> bool:
    """Whether the row that is there is read, to be used: then the loser could take it as well. Where it is only asked
    whether there is one, he is refused in any case."""
    return read.selection is not None and not read.selection.aggregate


def handled_by_callers(operation: Operation, write: Effect, system: System) -> bool:
    """Whether all known callers are ready for the refusal, or theirs are, and nothing else starts the function."""
    brought = [(o, e) for o, e in system.brought(write) if o.role != Role.TEST and o.name != operation.name]
    return answered_above(operation, {write.chain}, brought)


def answered_above(
    operation: Operation, chains: set[tuple[Place, ...]], brought: list[tuple[Operation, Effect]]
) -> bool:
    """Whether all are ready for the refusal that call a function, which comes to it by these chains of calls, or those
    that call them. (What comes to it in several ways may stand once, in its callers.)"""
    above: dict[str, list[tuple[Operation, Effect]]] = {}
    for caller, effect in brought:
        if effect.chain and effect.chain[1:] in chains:
            above.setdefault(caller.name, []).append((caller, effect))
    if not above or any(e.place == operation.place for e in operation.entries):
        return False
    return all(
        all(violation_handled(o, e) for o, e in found)
        or answered_above(found[0][0], {e.chain for _, e in found}, brought)
        for found in above.values()
    )


def hardly_meet(operation: Operation, read: Effect, system: System) -> int:
    """Two doubts where two runs hardly ever meet: a timer starts them one after the other; or they look for a row that
    there is one of, and that is there from the first run on."""
    asked = read.predicates
    of_one = all(p.value.startswith("const:") for p in asked)
    return 2 * int(of_one or by_timer(operation, asked, system) or one_off(operation, system))


def first_child(read: Effect, write: Effect, columns: tuple[str, ...], system: System) -> bool:
    """Whether it is only asked if a parent has a child yet, where the schema lets it have many, and the new one says
    more than whose it is: a first one of several, which may well be right twice."""
    dataset = system.dataset_of(write)
    column = dataset.column(columns[0]) if dataset is not None and len(columns) == 1 else None
    if column is None or not column.references or taken(read):
        return False
    return any(a.how == "constant" or a.column not in columns for a in write.assigned)


def refuses(operation: Operation, read: Effect) -> bool:
    """Whether who finds a row is refused: then a second one was never right."""
    return any(
        leave.kind == "raise" and any(asks_for(g, read) and not says_absent(g, read) for g in leave.guards)
        for leave in operation.exits
    )


def several_expected(operation: Operation, read: Effect) -> bool:
    """Whether who looks for the row is ready to find several: they are right, or do no harm."""
    return any(s in names for names in caught(operation, read) for s in SEVERAL)


def constants(read: Effect, columns: tuple[str, ...]) -> dict[str, str]:
    """Which rows count, where the row is looked for among those of one state: later ones of the same key are right."""
    asked = read.predicates
    return {
        p.column: p.value.removeprefix("const:")
        for p in asked
        if p.operator == "=" and p.column in columns and p.value in ("const:True", "const:False")
    }


def filled(read: Effect, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that hold something in the row that was looked for: NULLs do not collide, and a key that takes one in
    refuses nothing."""
    asked = read.predicates
    empty = {p.column for p in asked if p.operator == "is-null" or p.value == "const:None"}
    return tuple(c for c in columns if c not in empty)


def telling(read: Effect, write: Effect, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that tell the row from others: ``deleted_at IS NULL``, which the insert leaves alone, says which rows
    count, and not which one it is."""
    given = {a.column for a in write.assigned}
    asked = read.predicates
    empty = {p.column for p in asked if "null" in p.operator and p.column not in given}
    return tuple(c for c in columns if c not in empty) or columns


def missing(write: Effect) -> tuple[str, ...]:
    """The key that would have to stand behind a `get_or_create`."""
    asked = write.predicates
    return (write.dataset, *sorted(p.column for p in asked))


def unbacked(operation: Operation, write: Effect, system: System) -> Iterator[Hit]:
    """`get_or_create` looks first and inserts then: only a unique key makes it safe. A key that is missing is one
    cause, however many functions run into it: told at the surest of them."""
    if not may_double(operation, write, system):
        return
    alike = [(o, e) for o, e in system.writers(write.dataset) if same_missing(o, e, write, system)]
    if any(rank(o, e, system) < rank(operation, write, system) for o, e in alike):
        return
    key = ", ".join(p.column for p in write.predicates)
    others = further(write.place, (e.place for _, e in alike))
    yield Hit(
        place=write.place,
        message=f"two runs at once create two rows of {write.dataset} with the same {key}: no unique "
        f"key stands behind get_or_create{and_so_in(others, 'place')}",
        story=(
            *both_insert(write, write, key, refused=False),
            *(Step(p, f"here too {write.dataset} is looked for and created by {key}") for p in others),
        ),
        rests_on=(write,),
        doubts=hardly_meet(operation, write, system)
        + 2 * int(len(write.predicates) > KEY or several_expected(operation, write)),
        datasets=(write.dataset,),
        severity=Severity.MAJOR,
        fix=Fix(
            title=f"give {write.dataset} a unique key on {key}",
            text=f"ALTER TABLE {write.dataset} ADD UNIQUE ({key})",
        ),
    )


def may_double(operation: Operation, write: Effect, system: System) -> bool:
    """Whether two runs of a `get_or_create` may both insert: neither a key nor a lock refuses the second, and both may
    look for the same. (By what a joined row says no row is made.)"""
    predicates = write.predicates
    asked = tuple(p.column for p in predicates)
    return (
        bool(asked)
        and not any(map(unmatched, predicates))
        and not (write.store == StoreKind.RELATIONAL and any("." in column for column in asked))
        and refused_twice(write, asked, system) == Answer.NO
        and not made_by_callers(write, system)
        and not queued(operation, write, asked, system)
        and excluded(operation, write, write, system) != Answer.YES
    )


def queued(operation: Operation, write: Effect, key: Collection[str], system: System) -> bool:
    """Whether runs of a `get_or_create` wait for each other: the function, or each known caller, holds the owner's
    lock."""
    if changed_owner(operation, write, write, key):
        return True
    callers = [(o, e) for o, e in system.brought(write) if o.role != Role.TEST]
    return bool(callers) and all(changed_owner(o, e, e, key) for o, e in callers)


def changed_owner(operation: Operation, read: Effect, write: Effect, key: Collection[str]) -> bool:
    """Whether the row that a column of the new one's key names was changed before anybody looked, in the same
    transaction: whoever comes second waits for its lock, and then finds the new row."""
    named = [(p.column, p.sources) for p in write.predicates] + [(a.column, a.sources) for a in write.assigned]
    sources = [s for column, told in named if column in key for s in told]
    owners = {rows_of(s if s.path else replace(s, path=("id",))) for s in sources} - {None}  # a row stands for its key
    return any(
        e.verb in ("save", "update")
        and e.rows in owners
        and operation.before_on_all_paths(e, read)
        and together(operation, e, write) == Answer.YES
        for e in operation.of(Kind.WRITE)
    )


def claimed_before(operation: Operation, read: Effect, write: Effect, system: System) -> bool:
    """Whether the same transaction has inserted a row of another table before, whose unique key is made of what was
    asked: that refuses the second run."""
    asked = {named(s) for p in read.predicates for s in p.sources}
    for earlier in operation.of(Kind.WRITE):
        if earlier.verb != "insert" or earlier.dataset == write.dataset or earlier.number > write.number:
            continue
        alike = tuple(a.column for a in earlier.assigned if a.sources and asked.issuperset(map(named, a.sources)))
        if (
            alike
            and operation.before_on_all_paths(earlier, write)
            and together(operation, earlier, write) == Answer.YES
            and refused_twice(earlier, alike, system) == Answer.YES
        ):
            return True
    return False


def named(source: Source) -> Source:
    """What a value comes from; a row stands for its key."""
    return replace(source, path=source.path[:-1]) if source.path[-1:] in (("id",), ("pk",)) else source


def same_missing(operation: Operation, other: Effect, write: Effect, system: System) -> bool:
    """Whether another `get_or_create`, in its own function's text, lacks the same key."""
    return (
        other.verb == "get-or-create"
        and not other.chain
        and operation.role in (Role.PRODUCT, Role.SCRIPT)
        and missing(other) == missing(write)
        and may_double(operation, other, system)
    )


def rank(operation: Operation, write: Effect, system: System) -> tuple[bool, int, Place]:
    return operation.unused, hardly_meet(operation, write, system), write.place
