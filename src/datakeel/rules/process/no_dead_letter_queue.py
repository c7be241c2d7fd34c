"""`no-dead-letter-queue`: a message that always fails comes again for ever, or vanishes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, Scope, StoreKind
from datakeel.model.operation import Handler, Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.cursors import Cursor, cursors
from datakeel.rules.facts.failures import inside_handler
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.relays import Forwarded, forwarded
from datakeel.rules.rule import Hit, rule

ALL = ("", "builtins.Exception", "builtins.BaseException", "Exception", "BaseException")
UNREADABLE = ("ValueError", "JSONDecodeError", "UnicodeDecodeError", "ValidationError", "DecodeError")
ASIDE = re.compile(r"dead|fail|error|refus|reject|poison|quarantine", re.I)
FORWARDS = "x-dead-letter-exchange"


@rule(Severity.MAJOR)
def no_dead_letter_queue(noun: Operation | System, system: System) -> Iterator[Hit]:
    """A message that always fails comes again for ever, or vanishes."""
    if isinstance(noun, Operation):
        yield from refused(noun, system)
        yield from held_up(noun)
    else:
        yield from behind_a_place(system)


def refused(operation: Operation, system: System) -> Iterator[Hit]:
    """Messages that are given back to their broker."""
    for refusal in operation.of(Kind.ACK):
        if refusal.chain or refusal.verb != "nack":
            continue
        requeue = refusal.option("requeue")
        again = requeue is not None and requeue.value == "True" and refusal.store == StoreKind.QUEUE
        handler = answering(operation, refusal, catches_unreadable if again else catches_all)
        if handler is None or aside(operation, handler):
            continue
        if requeue is None and refusal.store == StoreKind.LOG:
            yield for_ever(refusal, "the consumer goes back to it: all that is behind it in its partition waits")
        elif requeue is not None and requeue.value == "True":
            yield for_ever(refusal, "it is put back into its queue, and delivered again at once")
        elif requeue is not None and requeue.value == "False" and dropped(system):
            yield vanishes(refusal)


def held_up(operation: Operation) -> Iterator[Hit]:
    """Rows that wait in a table for a service: the first of them are taken, and one that the service refuses is among
    the first for ever."""
    for one in forwarded(operation):
        limited = one.read.selection is not None and one.read.selection.limit is not None
        if limited and not any(lets_go(e, one) for e in operation.effects if e.number > one.read.number):
            yield first_for_ever(one)
            return


def lets_go(effect: Effect, one: Forwarded) -> bool:
    """Whether an effect lets a row go otherwise than as sent: a note of the failure, an attempt that is counted, a row
    of dead letters, or anything that a handler writes."""
    if effect.kind not in (Kind.WRITE, Kind.PUBLISH):
        return False
    if any(s.kind == "try" and s.arm.startswith("handler") for s in effect.scopes):
        return True
    if effect.dataset != one.read.dataset:
        return effect.verb in ("insert", "upsert", "save") and bool(ASIDE.search(effect.dataset))
    told = {a.column for a in effect.assigned} <= {a.column for a in one.mark.assigned}
    named = any(one.read.gave(s) for p in effect.predicates for s in p.sources)
    return not told or (effect.verb == "delete" and named)


def first_for_ever(one: Forwarded) -> Hit:
    what = one.read.dataset
    return Hit(
        place=here(one.call),
        message=f"a row of {what} that is refused is sent again for ever, and holds up those behind it",
        story=(
            Step(one.read.place, f"the first rows of {what} that wait are read"),
            Step(one.call.place, "one of them is refused: by its content, or because what it speaks of is gone"),
            Step(one.mark.place, "it is not marked, and nothing else takes it out of those that wait"),
            Step(one.read.place, "it is among the first again, as it always will be"),
        ),
        rests_on=(one.read, one.call, one.mark),
        doubts=1,
        datasets=(what,),
        fix=Fix(
            title="note what was refused beside the row, and go on with those behind it",
            text=f"UPDATE {what} SET dead_at = now(), reason = :reason WHERE id = :id  -- where attempts >= 5",
        ),
    )


def behind_a_place(system: System) -> Iterator[Hit]:
    """Messages of a table whose reader keeps its place: whatever fails is caught, and either taken again, or passed."""
    product = [o for o in system.operations if o.role == Role.PRODUCT and not o.unused]
    readers = [c for o in product for c in cursors(o)]
    for operation in product if readers else ():
        for handler in filter(catches_all, operation.handlers):
            yield from given_up(operation, handler, readers, system)


def given_up(operation: Operation, handler: Handler, readers: list[Cursor], system: System) -> Iterator[Hit]:
    body = [e for e in operation.effects if caught_first(e, handler)]
    places = {e.place for e in body}
    for cursor in readers:
        if {cursor.taken.place, cursor.moved.place} <= places:
            if stays(operation, handler) and not put_aside_above(cursor, system):
                yield again_behind(operation, handler, cursor)
                return
        elif passes(operation, handler) and worked_between(body, cursor, system):
            yield passed_by(operation, handler, cursor)
            return


def caught_first(effect: Effect, handler: Handler) -> bool:
    """Whether an effect stands in a handler's try, and no other that takes any failure stands between."""
    standing = [s for s in effect.scopes if s.kind == "try" and s.arm == "body"]
    own = next((i for i, s in enumerate(standing) if s.number == handler.number), None)
    return own is not None and not any(n in (*ALL, "*") for s in standing[own + 1 :] for n in s.text.split())


def stays(operation: Operation, handler: Handler) -> bool:
    """Whether a handler leaves what failed as it is: it does nothing but tell of it, and passes it on."""
    return (
        "raise" in handler.does
        and not handler.calls
        and not any(
            same(handler, s) for e in operation.effects if e.kind in (Kind.PUBLISH, Kind.WRITE) for s in e.scopes
        )
    )


def passes(operation: Operation, handler: Handler) -> bool:
    """Whether a way out of a handler, or past it, says that all is well, and nothing but a line in the log was done
    before."""
    if not handler.calls and not {"raise", "assign", "answer", "break"} & set(handler.does):
        return not aside(operation, handler)
    ways = [x for x in operation.exits if x.kind in ("return", "continue") and any(same(handler, s) for s in x.scopes)]
    done = [e.place.line for e in operation.effects if e.kind != Kind.LOG and any(same(handler, s) for s in e.scopes)]
    lines = [*done, *(c.line for c in handler.calls)]
    return any(not any(handler.place.line < line <= x.place.line for line in lines) for x in ways)


def worked_between(body: list[Effect], cursor: Cursor, system: System) -> bool:
    """Whether what a try does is done for the messages that a reader has taken, before it moves its place."""
    work = {e.place for e in body if e.kind == Kind.WRITE}
    for operation in system.operations if work else ():
        done = [e for e in operation.of(Kind.WRITE) if e.place in work]
        moves = [e for e in operation.of(Kind.WRITE) if e.place == cursor.moved.place] if done else []
        taken = [e for e in operation.of(Kind.READ) if e.place == cursor.taken.place] if moves else []
        if any(t.number < d.number < m.number for t in taken for d in done for m in moves):
            return True
    return False


def put_aside_above(cursor: Cursor, system: System) -> bool:
    """Whether somebody further up who catches what fails writes something, or sends it."""
    for operation in system.operations:
        moves = [e for e in operation.of(Kind.WRITE) if e.place == cursor.moved.place]
        tries = {s.number for e in moves for s in e.scopes if s.kind == "try" and s.arm == "body"}
        if any(
            s.number in tries and s.arm.startswith("handler")
            for e in operation.of(Kind.WRITE, Kind.PUBLISH)
            if moves
            for s in e.scopes
        ):
            return True
    return False


def again_behind(operation: Operation, handler: Handler, cursor: Cursor) -> Hit:
    return Hit(
        place=handler.place,
        symbol=operation.symbol,
        message=f"a message of {what_of(cursor)} that always fails comes again for ever, and holds up those behind it",
        story=(
            Step(cursor.held.place, f"the place up to which {what_of(cursor)} is read is looked up"),
            Step(cursor.taken.place, "what lies behind it is taken, and one message cannot be handled"),
            Step(
                handler.place, "the failure is told and passed on: nothing is noted, and the place stays where it was"
            ),
            Step(cursor.taken.place, "the same messages are taken again, and the same one fails, as it always will"),
        ),
        rests_on=(cursor.held, cursor.taken, cursor.moved),
        doubts=1,
        datasets=(cursor.held.dataset,),
        fix=parked(),
    )


def passed_by(operation: Operation, handler: Handler, cursor: Cursor) -> Hit:
    return Hit(
        place=handler.place,
        symbol=operation.symbol,
        message=f"a message of {what_of(cursor)} that fails once is passed by for good: nothing but a line in the log "
        "is left of it",
        story=(
            Step(cursor.taken.place, f"messages of {what_of(cursor)} are taken"),
            Step(handler.place, "one of them fails, is told, and counts as handled"),
            Step(cursor.moved.place, "the place is moved behind it: it is never taken again"),
        ),
        rests_on=(cursor.taken, cursor.moved),
        doubts=1,
        datasets=(cursor.held.dataset,),
        fix=parked(),
    )


def what_of(cursor: Cursor) -> str:
    return cursor.taken.dataset or "the table"


def parked() -> Fix:
    return Fix(
        title="put aside what fails by itself, with the reason, and go on with what is behind it",
        text="INSERT INTO dead_letters (message_id, reason) VALUES (…, …)  -- in the transaction that moves the place",
    )


def answering(operation: Operation, refusal: Effect, asked: Callable[[Handler], bool]) -> Handler | None:
    """The handler (of whatever may go wrong, or of what always will) that a message is refused in, where nothing
    further decides on it: neither how often it came, nor what went wrong."""
    scopes = [s for s in refusal.scopes if s.kind in ("try", "branch", "loop")]
    last = scopes[-1] if scopes else None
    if last is None or last.kind != "try" or not last.arm.startswith("handler"):
        return None
    return next((h for h in operation.handlers if same(h, last) and asked(h)), None)


def same(handler: Handler, scope: Scope) -> bool:
    return (handler.number, handler.arm) == (scope.number, scope.arm)


def catches_all(handler: Handler) -> bool:
    return not handler.exceptions or any(name in ALL for name in handler.exceptions)


def catches_unreadable(handler: Handler) -> bool:
    """Whether it is there for messages that cannot be read, which they never will be, or for all."""
    return catches_all(handler) or any(name.rpartition(".")[2] in UNREADABLE for name in handler.exceptions)


def aside(operation: Operation, handler: Handler) -> bool:
    """Whether the handler puts the message, or a note of it, somewhere else."""
    return any(
        e.kind in (Kind.PUBLISH, Kind.WRITE) and any(same(handler, s) for s in e.scopes) for e in operation.effects
    ) and inside_handler(operation, handler)


def dropped(system: System) -> bool:
    """Whether queues are declared in view, and none of them hands on what it refuses."""
    made = [
        o.value
        for operation in system.operations
        for e in operation.of(Kind.ALTER)
        if e.verb == "create-queue" and not e.chain and (o := e.option(FORWARDS)) is not None
    ]
    return bool(made) and all(value == "None" for value in made)


def for_ever(refusal: Effect, then: str) -> Hit:
    return Hit(
        place=refusal.place,
        message="a message that always fails comes again for ever, and holds up those behind it",
        story=(
            Step(refusal.place, "a message that cannot be handled (a field is missing, a row is gone) is refused"),
            Step(refusal.place, then),
            Step(refusal.place, "it fails again, as it always will: the consumer does nothing else any more"),
        ),
        rests_on=(refusal,),
        datasets=(refusal.dataset,) if refusal.dataset else (),
        fix=Fix(
            title="count the attempts, and put aside what fails again",
            text="if attempts(message) >= 5:\n    publish(f'{queue}.dead', message)  # and acknowledge it",
        ),
    )


def vanishes(refusal: Effect) -> Hit:
    return Hit(
        place=refusal.place,
        message="a message that fails once is thrown away: its queue hands on to nobody what is refused",
        story=(
            Step(refusal.place, "handling it fails: by a bug, or because a database is away for a moment"),
            Step(
                refusal.place,
                "it is refused and not put back: its queue has no dead letters, and discards it",
            ),
            Step(refusal.place, "nobody can look at it, or try it again, once the reason is gone"),
        ),
        rests_on=(refusal,),
        doubts=1,  # a policy of the broker may say where it goes
        datasets=(refusal.dataset,) if refusal.dataset else (),
        fix=Fix(
            title="declare where refused messages go",
            text='channel.queue_declare(queue, durable=True, arguments={"x-dead-letter-exchange": "refused"})',
        ),
    )
