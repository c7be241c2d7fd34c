"""`swallowed-failure`: an error of a remote or storage call is caught and dropped, and the flow reports success."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Entry, Handler, Operation
from datakeel.rules.facts.clocks import reading
from datakeel.rules.facts.decisions import deciding_reads, says_absent
from datakeel.rules.facts.failures import (
    ALL,
    DATABASES,
    WIDE,
    body_effects,
    catches_databases,
    inside_handler,
    keeps_going,
    marked_after,
    only_logs,
    recorded_inside,
    started_alone,
    telling_name,
    tries,
    wide,
)
from datakeel.rules.facts.limits import near
from datakeel.rules.facts.stakes import valuable
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import way

KEPT = (
    StoreKind.RELATIONAL,
    StoreKind.DOCUMENT,
    StoreKind.WIDE_COLUMN,
    StoreKind.GRAPH,
    StoreKind.OBJECT,
    StoreKind.SEARCH,
)


NOTES = re.compile(r"(?:^|_|(?<=[a-z]))(?:logs?|log_?entry|log_?entries|log_?records?|audits?|activity|activities)$")
TELLING = ("'POST'", "'PATCH'")
WITHOUT_INPUT = frozenset(("task", "schedule", "command", "event", "main"))
PASSED_BY_ALL = frozenset(("self", "args", "kwargs", "options"))


@rule(Severity.MAJOR, Record(15, 32), sure=False)
def swallowed_failure(operation: Operation) -> Iterator[Hit]:
    """A failed write, message or call is caught and dropped, and the flow goes on as if it had happened."""
    if telling_name(operation):
        return
    spoken: set[int] = set()  # one try is one cause, however many handlers it has
    for handler in operation.handlers:
        if (
            handler.number in spoken
            or (handler.told and not unheard(operation, handler))
            or not wide(handler)
            or not only_logs(handler)
            or not (keeps_going(operation, handler) or of_batch(operation, handler))
        ):
            continue
        lost = [
            e
            for e in tried(operation, handler)
            if matters(e) and fails_here(operation, handler, e) and not made_by_need(operation, e)
        ]
        if not lost or inside_handler(operation, handler) or recorded_inside(operation, handler):
            continue
        if started_alone(operation) or not marked_after(operation, handler, lost[0]):
            spoken.add(handler.number)
            yield hit(operation, handler, lost[0])


def of_batch(operation: Operation, handler: Handler) -> bool:
    """Whether it goes on with the next record of a batch that a queue has handed to a function: what returns without an
    error is taken for done, and is not delivered again."""
    if "break" in handler.does or not any(e.kind == "event" and e.place == operation.place for e in operation.entries):
        return False
    overs = [s.over for s in handler.scopes if s.kind == "loop" and s.over is not None]
    records = any(o.root.startswith("parameter:") and o.path[:1] == ("Records",) for o in overs)
    reports = any(x.kind == "return" and x.text not in ("", "None") for x in operation.exits)
    return records and not reports


def tried(operation: Operation, handler: Handler) -> Iterator[Effect]:
    """What happens in the try; of a batch's records, also where a function that is called answers to one error."""
    yield from body_effects(operation, handler)
    if of_batch(operation, handler):
        yield from (e for e in operation.effects if e.chain and handler.number in tries(e))


def unheard(operation: Operation, handler: Handler) -> bool:
    """Whether it leaves a job or a message's function without a word, as success does: nobody asks such a function what
    it gives."""
    own = [e for e in operation.entries if e.place == operation.place]
    alone = bool(own) and all(e.kind in ("task", "consumer") for e in own)
    gives = {x.text for x in operation.exits if x.kind == "return"}
    return alone and handler.does == ("return",) and gives <= {"None"}


def matters(effect: Effect) -> bool:
    """Whether something is missing for good when this fails: not for what is read, cached, measured or cleaned up, nor
    for the moment of the last time, which the next one writes anew, or for a note of what is done."""
    if effect.when != When.NOW or effect.verb in ("delete", "relation", "close") or near(effect):
        return False
    if effect.kind == Kind.WRITE:
        return effect.store in KEPT and not only_when(effect) and not NOTES.search(effect.dataset)
    if effect.kind == Kind.PUBLISH:
        return effect.store != StoreKind.MEMORY  # a queue of the process is not down
    asked = effect.option("method")
    told = asked is not None and asked.value in TELLING  # a key lets it be repeated; nobody repeats what is dropped
    return effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE and (told or effect.idempotent != Answer.YES)


def only_when(write: Effect) -> bool:
    """Whether a change says nothing but when it was made."""
    given = [a.sources for a in write.assigned]
    return write.verb in ("update", "save") and bool(given) and all(map(reading, given))


def made_by_need(operation: Operation, effect: Effect) -> bool:
    """Whether a function that is called makes a row because it is asked for: whoever asks next makes it again."""
    if not effect.chain:
        return False
    return effect.verb == "get-or-create" or any(
        read.dataset == effect.dataset and says_absent(guard, read) for guard, read in deciding_reads(operation, effect)
    )


def fails_here(operation: Operation, handler: Handler, effect: Effect) -> bool:
    """Whether the effect's failure shows inside the try, and is of a class that is caught: an object that is only
    changed in memory is written by the commit; a database's errors are none of the network's, nor of files."""
    if effect.store == StoreKind.RELATIONAL and handler.exceptions and not catches_databases(handler):
        return False
    if answered_before(operation, handler, effect):
        return False
    if effect.technology != "sqlalchemy":
        return True
    return any(c.kind == Kind.COMMIT and c.number > effect.number for c in body_effects(operation, handler))


def answered_before(operation: Operation, handler: Handler, effect: Effect) -> bool:
    """Whether a handler of the same try that stands before it is for errors such as the effect's."""
    own = DATABASES if effect.store == StoreKind.RELATIONAL else WIDE - DATABASES
    return any(
        n.rpartition(".")[2] in own - ALL
        for h in operation.handlers
        if h.number == handler.number and position(h) < position(handler)
        for n in h.exceptions
    )


def position(handler: Handler) -> int:
    return int(handler.arm.rpartition(":")[2])


def comes_again(operation: Operation) -> bool:
    """Whether whatever starts it gives it nothing of its own to do: what a failed run left undone may be done by the
    next, of a schedule, or of whoever reads the log of a command. (Of 15 such findings in public code 4 were true, and
    all of them in consumers of messages.)"""
    if not operation.entries or any(True for _ in operation.of(Kind.CONSUME)):
        return False
    own = [e for e in operation.entries if e.place == operation.place]
    if own:
        return all(planned(e) for e in own) or (all(e.kind in WITHOUT_INPUT for e in own) and not given(operation))
    return not operation.parameters and all(e.kind == "task" for e in operation.entries)


def planned(entry: Entry) -> bool:
    """Whether it is started by a plan, or with its process: nobody hands it anything, and all of it is done again."""
    return entry.kind == "schedule" or (entry.kind == "event" and entry.name == "startup")


def given(operation: Operation) -> bool:
    """Whether a function is given something to work on."""
    return bool(set(operation.parameters) - PASSED_BY_ALL)


def aside(operation: Operation, handler: Handler, lost: Effect) -> bool:
    """Whether only others are told of what is done already, and the team is told that they were not: a message whose
    loss is logged, or what a signal's receiver sends. It is meant so, more often than not, where no message is
    consumed."""
    if lost.kind == Kind.PUBLISH and "log" in handler.does and not any(e.kind == "consumer" for e in operation.entries):
        return True
    if lost.kind not in (Kind.PUBLISH, Kind.CALL) or any(e.kind in ("consumer", "task") for e in operation.entries):
        return False
    if operation.entries and all(e.kind == "signal" for e in operation.entries):
        return True
    job = started_alone(operation)
    return "log" in handler.does and (lost.kind == Kind.PUBLISH or not job)


def surely_missed(operation: Operation, handler: Handler, lost: Effect) -> bool:
    """Whether it is of a form whose findings were true: a message or a job is taken for done, which comes no more (by
    the function itself: of seven that consumers came to through others one was); a program of its own sends messages or
    commits, and ends as if it had; or money or goods are at stake. What else was judged was as often meant so: the work
    goes on without a part that may fail, and somebody sees the log."""
    taken = any(not e.chain and e.number < lost.number for e in operation.of(Kind.CONSUME))
    ends = (Kind.PUBLISH, Kind.COMMIT)
    ends_well = started_alone(operation) and any(e.kind in ends for e in body_effects(operation, handler))
    return taken or ends_well or of_batch(operation, handler) or marked_done(operation, handler, lost) or worth(lost)


def marked_done(operation: Operation, handler: Handler, lost: Effect) -> bool:
    """Whether a row that was taken before, by a change or under a lock, is changed behind the failure as it is behind
    success: a job of a table that counts as done."""
    for mark in operation.of(Kind.WRITE):
        if mark.number < lost.number or any(s.number == handler.number for s in mark.scopes):
            continue
        found = (operation.effect(s.number) for p in mark.predicates for s in p.sources if s.kind == "read")
        if any(taken_by(row, mark, lost) for row in found if row is not None):
            return True
    return False


def taken_by(row: Effect, mark: Effect, lost: Effect) -> bool:
    locked = row.selection is not None and bool(row.selection.lock)
    return row.dataset == mark.dataset and row.number < lost.number and (row.kind == Kind.WRITE or locked)


def worth(lost: Effect) -> bool:
    """Whether what is lost is money or goods, by the name of what it is kept in, sent to, or written as."""
    return valuable(lost.dataset, lost.text, *(a.column for a in lost.assigned))


def unsure(operation: Operation, handler: Handler) -> int:
    """How much nobody knows of a function that requests come to by others, or that nothing in view starts: its caller
    may do the one thing that it left undone, or never count on it. It counts on what is answered; what is committed, or
    done in several steps, it has no hold of."""
    if operation.entries:
        return 2 * int(by_request_below(operation))
    body = list(body_effects(operation, handler))
    several = len([e for e in body if e.kind == Kind.WRITE]) > 1 or any(e.kind == Kind.COMMIT for e in body)
    answers = any(x.kind == "return" and x.text != "None" for x in operation.exits)
    return 1 if several or answers else 2


def by_request_below(operation: Operation) -> bool:
    """Whether it is a function that people's requests only come to through others: what it does is a part of what was
    asked, and often one that may fail. (Of seven such findings in public code none was worth a change.)"""
    kinds = {e.kind for e in operation.entries}
    return (
        "request" in kinds
        and kinds <= {"request", "command", "signal"}
        and all(e.place != operation.place for e in operation.entries)
    )


def hit(operation: Operation, handler: Handler, lost: Effect) -> Hit:
    what = thing(lost)
    caught = ", ".join(n.rpartition(".")[2] for n in handler.exceptions) or "everything"
    does = "a line is logged" if "log" in handler.does else "nothing is done about it"
    return Hit(
        place=handler.place,
        message=f"when {what} fails, it is left undone, and {operation.symbol} reports success: the failure ends here",
        story=(
            *way(lost),
            Step(lost.place, f"{what} fails: the other side is down, slow, or refuses it"),
            Step(handler.place, f"{caught} is caught here, {does}, and control goes on as after success"),
            Step(
                operation.place,
                f"whoever started {operation.symbol} sees that it went well, and has no reason to try again",
            ),
        ),
        rests_on=(lost,),
        apart=surely_missed(operation, handler, lost),
        doubts=2 if comes_again(operation) or aside(operation, handler, lost) else unsure(operation, handler),
        datasets=(lost.dataset,) if lost.dataset else (),
        fix=Fix(
            title="let the failure out, or record it where something will try again",
            text=f"except {caught if handler.exceptions else 'Exception'}:\n    logger.exception(…)\n    raise",
        ),
    )
