"""`ack-before-processing`: a message is acknowledged before its effect is durable, and a crash loses it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Option
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.acks import automatic, durable, handed, meanwhile
from datakeel.rules.facts.decided import elsewhere
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.inbox import INBOX, given_key, of_many
from datakeel.rules.facts.relays import behind
from datakeel.rules.rule import Hit, rule

PLACE = re.compile(r"position|offset|cursor|checkpoint|watermark|sequence|(^|_)last(_|$)", re.I)


@rule(Severity.CRITICAL, sure=False)
def ack_before_processing(operation: Operation, system: System) -> Iterator[Hit]:
    """A message is acknowledged before its effect is durable, and a crash loses it."""
    for consume in operation.of(Kind.CONSUME):
        option = automatic(consume) if not consume.chain else None
        if option is None:
            continue
        work = work_for(operation, consume)
        if work is not None and meanwhile(operation, consume, work, option):
            yield by_itself(operation, consume, work, option)
    yield from acknowledged_first(operation)
    yield from noted_first(operation, system)


def work_for(operation: Operation, consume: Effect) -> Effect | None:
    """What is done for a message that would be lost with it: what surely is an effect, else the code not in view that
    the message is handed to."""
    later = [e for e in operation.effects if e.number > consume.number and not operation.exclusive(consume, e)]
    given = next((e for e in later if handed(e, {consume.number})), None)
    return next((e for e in later if durable(e)), given)


def acknowledged_first(operation: Operation) -> Iterator[Hit]:
    """An explicit acknowledgement that stands before the work."""
    consumed = {e.number for e in operation.of(Kind.CONSUME)}
    for ack in operation.of(Kind.ACK):
        if ack.chain or ack.verb in ("nack", "reject"):
            continue
        work = [e for e in operation.effects if (durable(e) or handed(e, consumed)) and not operation.exclusive(e, ack)]
        later = next((e for e in work if e.number > ack.number), None)
        if later is None or any(e.number < ack.number for e in work):
            continue
        if operation.before_on_some_path(ack, later) and operation.meet_here(ack, later):
            yield in_order(ack, later)


def noted_first(operation: Operation, system: System) -> Iterator[Hit]:
    """A note that a message was handled, or how far a consumer is, which is committed before what is done: when the
    message comes again, it is known, and it does not come at all."""
    for commit in operation.of(Kind.COMMIT):
        writes = [w for w in operation.of(Kind.WRITE) if w.transaction == commit.transaction]
        note = writes[0] if len(writes) == 1 and commit.transaction is not None else None
        if note is None or note.number > commit.number or not operation.meet_here(note, commit):
            continue
        inputs = {0} if notes_messages(note, system) else {r.number for r in behind_place(operation, note)}
        works = [e for e in operation.effects if inputs and (handed(e, inputs) or acts(e, inputs))]
        if any(min(inputs) < w.number < note.number for w in works):
            continue
        later = (w for w in works if w.number > commit.number)
        work = next((w for w in later if operation.before_on_all_paths(commit, w)), None)
        if work is not None:
            yield known_too_soon(note, commit, work)
            return


def acts(effect: Effect, inputs: set[int]) -> bool:
    """Whether something durable is done with what was read; number 0 is what the function itself is given."""
    asked = (s for p in effect.predicates for s in p.sources)
    given = (*effect.computed_from, *effect.payload, *effect.key_sources, *asked)
    return durable(effect) and (0 in inputs or any(s.number in inputs for s in given))


def notes_messages(note: Effect, system: System) -> bool:
    once = note.verb == "insert" and note.conflict == "ignore" and bool(INBOX.search(note.dataset))
    return once and (of_many(note) or given_key(note, system))


def behind_place(operation: Operation, moved: Effect) -> list[Effect]:
    """What was read from another table, behind the place that a write moves on, in the transaction that holds it."""
    if moved.verb not in ("update", "save") or not any(PLACE.search(a.column) for a in moved.assigned):
        return []
    found: list[Effect] = []
    for place in operation.of(Kind.READ):
        if place.dataset != moved.dataset or place.number > moved.number:
            continue
        held = place.selection is not None and place.selection.lock == "update"
        between = (r for r in operation.of(Kind.READ) if place.number < r.number < moved.number)
        others = [r for r in between if r.dataset != place.dataset and r.transaction == moved.transaction]
        found += others if held else [r for r in others if behind(r, place)]
    return found


def known_too_soon(note: Effect, commit: Effect, work: Effect) -> Hit:
    return Hit(
        place=here(commit),
        message=f"messages are lost when this process dies: {note.dataset} says that they were handled before they are",
        story=(
            Step(note.place, f"{note.dataset} is told of the messages"),
            Step(commit.place, "that is committed"),
            Step(work.place, "the process dies here, or this fails: the effect is not there"),
            Step(note.place, f"whoever comes next goes by {note.dataset}, and leaves them out"),
        ),
        rests_on=(note, commit, work),
        datasets=tuple(d for d in (note.dataset, work.dataset) if d),
        fix=Fix(title="commit the note together with the effect"),
    )


def by_itself(operation: Operation, consume: Effect, work: Effect, option: Option) -> Hit:
    made = option.place if option.place is not None and elsewhere(operation, option.place) else consume.place
    return Hit(
        place=made,
        message=f"messages are lost when this consumer dies: {option.name} acknowledges them before they are handled",
        story=(
            Step(option.place or consume.place, f"{option.name} is on{'' if option.given else ' by default'}"),
            Step(consume.place, "a message is handed out, and acknowledged in the background"),
            Step(work.place, "the process dies here, before the effect is durable"),
            Step(consume.place, "after the restart the broker goes on behind the message: its effect never happens"),
        ),
        rests_on=(consume, work),
        datasets=tuple(d for d in (consume.dataset, work.dataset) if d),
        fix=Fix(
            title="turn it off, and acknowledge after the effect",
            text=f'"{option.name}": False  # then acknowledge after the work',
        ),
    )


def in_order(ack: Effect, work: Effect) -> Hit:
    return Hit(
        place=ack.place,
        message="a message is lost when this consumer dies: it is acknowledged before its work is done",
        story=(
            Step(ack.place, "the message is acknowledged: the broker forgets it"),
            Step(work.place, "the process dies here, before the effect is durable"),
            Step(ack.place, "nobody has the message any more"),
        ),
        rests_on=(ack, work),
        datasets=tuple(d for d in (ack.dataset, work.dataset) if d),
        fix=Fix(title="acknowledge after the effect"),
    )
