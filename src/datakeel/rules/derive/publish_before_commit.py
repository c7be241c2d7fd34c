"""`publish-before-commit`: an event or job leaves inside the transaction whose rows it speaks of."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Change, Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Exit, Operation
from datakeel.model.system import System
from datakeel.rules.facts.decisions import first_filling, of_old_rows, where_missing
from datakeel.rules.facts.derivation import about, committed_between, marks, named_in, record_writes, together, unit
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.losable import for_devices, kept_nowhere
from datakeel.rules.facts.needs import busy_taker, needs
from datakeel.rules.facts.stakes import race
from datakeel.rules.rule import Hit, rule
from datakeel.rules.story import early, way

NO_DELAY = ("None", "0", "0.0")
NEEDED = (Answer.YES, Answer.UNKNOWN, Answer.NO)


@rule(Severity.CRITICAL, sure=False)
def publish_before_commit(operation: Operation, system: System) -> Iterator[Hit]:
    """An event or job leaves while the transaction that wrote its rows is still open."""
    found = [(doubts(operation, p, w, system), p, w) for p, w in early_ones(operation, system)]
    told: list[Effect] = []
    for doubt, publish, write in sorted(found, key=lambda f: (f[0], f[1].number)):
        if any(t.dataset and t.dataset == publish.dataset and operation.exclusive(t, publish) for t in told):
            continue  # the same job, started in either case
        told.append(publish)
        apart = by_itself(operation, publish)
        yield hit(operation, publish, write, doubt, alone=apart, read=may_read(publish, write, system))


def early_ones(operation: Operation, system: System) -> Iterator[tuple[Effect, Effect]]:
    """The messages that leave too early, each with what is written and not there yet."""
    for publish in operation.of(Kind.PUBLISH):
        if publish.when != When.NOW or publish.store == StoreKind.RELATIONAL or delayed(publish):
            continue
        if first_filling(operation, publish) or of_old_rows(operation, publish) or outside(publish):
            continue
        apart = by_itself(operation, publish)
        write = unwritten(operation, publish, system) if apart else uncommitted(operation, publish, system)
        if write is not None:
            yield publish, write


def by_itself(operation: Operation, publish: Effect) -> bool:
    """Whether no transaction is open that has written anything when a message leaves: there is none; or a read has
    begun one, as a session does, and what comes later in it is another matter, or a change that is named in it."""
    if unit(operation, publish) is None:
        return True
    transaction = operation.transaction_of(publish)
    if transaction is None or transaction.kind != "session":
        return False
    written = (w for w in record_writes(operation) if w.number < publish.number)
    return not any(w.transaction == publish.transaction for w in written)


def outside(publish: Effect) -> bool:
    """Whether it is sent at once only where no transaction is open."""
    return any(g.test == "in-transaction" and not g.polarity for g in publish.guards)


def delayed(publish: Effect) -> bool:
    """Whether it is sent later than any transaction lasts."""
    return any(o.word == "delay" and o.given and o.value not in NO_DELAY for o in publish.options)


def uncommitted(operation: Operation, publish: Effect, system: System) -> Effect | None:
    """A write of the same transaction that may be rolled back, or not be visible yet, when the message arrives: first
    of all one that whoever takes it needs, and of those one that the message tells of."""
    found = [
        w
        for w in record_writes(operation)
        if together(operation, w, publish)
        and not operation.exclusive(w, publish)
        and not (w.number > publish.number and marks(w))
        and not committed_between(operation, w, publish)
        and not first_filling(operation, w)
        and not one_for_all(operation, w, publish)
    ]
    open_writes = [w for w in found if operation.meet_here(publish, w)]
    if len(open_writes) < len(found):
        return None  # the function that sends it holds such a write too: it is told there
    told = [w for w in open_writes if about(w, (*publish.payload, *publish.key_sources))]
    before = [w for w in open_writes if w.number < publish.number]
    return min((*told, *before), key=lambda w: NEEDED.index(needs(publish, w, system)), default=None)


def one_for_all(operation: Operation, write: Effect, publish: Effect) -> bool:
    """Whether a row is made where there is none, and is the same one for every run: it is made once in a system's
    life. One of constants alone is so where the message does not tell of it."""
    if write.verb not in ("get-or-create", "insert"):
        return False
    if where_missing(operation, write, of_constants):
        return True
    constant = all(a.how in ("constant", "default") for a in write.assigned)
    alike = write.verb == "insert" and bool(write.assigned) and constant
    return alike and not about(write, (*publish.payload, *publish.key_sources))


def of_constants(asked: Effect) -> bool:
    """Whether it is the same row that every run looks for."""
    return bool(asked.predicates) and all(p.value.startswith(("const:", "global:")) for p in asked.predicates)


def unwritten(operation: Operation, publish: Effect, system: System) -> Effect | None:
    """A change of the row that a job names, and will read, which comes only after the job has left."""
    if publish.verb != "task":
        return None
    for write in record_writes(operation):
        later = write.number > publish.number and not operation.exclusive(write, publish)
        if not later or write.verb not in ("update", "save", "upsert") or marks(write) or notes(write, publish):
            continue
        if named_in(write, publish) and may_read(publish, write, system) and not of_earlier(operation, publish, write):
            return write if operation.meet_here(publish, write) else None
    return None


def notes(write: Effect, publish: Effect) -> bool:
    """Whether a write keeps nothing but what sending the job gave: its number."""
    return bool(write.assigned) and all(
        a.sources and all(s.kind == "result" and s.number == publish.number for s in a.sources) for a in write.assigned
    )


def may_read(publish: Effect, write: Effect, system: System) -> bool:
    """Whether the job looks at the table: one that is known, and does not, has all that it needs in its message."""
    job = system.operation(publish.dataset)
    return job is None or any(e.dataset in (write.dataset, "") for e in job.effects if e.store == write.store)


def of_earlier(operation: Operation, publish: Effect, write: Effect) -> bool:
    """Whether the function that sends the job has just written the row itself: it is that which the job is told."""
    return bool(publish.chain) and any(
        w.number < publish.number and here(w) == here(publish) and w.rows is not None and w.rows == write.rows
        for w in record_writes(operation)
    )


def doubts(operation: Operation, publish: Effect, write: Effect, system: System) -> int:
    """What speaks against harm: it goes to another part of this very process, which seldom runs before the commit, and
    needs no row; at other times the message is put aside, and something else sends it, after the commit
    as like as not; or who takes it needs nothing of what was written; or it does not tell of what was written, and
    where its session ends is not plain to see; or a job leaves before a write that another function makes, or that not
    every run comes to; or no caller is seen that brings it into its transaction."""
    if publish.store == StoreKind.MEMORY or any(s.kind == "branch" and s.text == "aside" for s in publish.scopes):
        return 2
    if harmless(operation, publish, write, system) and not left_out(operation, publish, write):
        return 2
    told = about(write, (*publish.payload, *publish.key_sources))
    transaction = operation.transaction_of(publish)
    number = unit(operation, publish)
    if by_itself(operation, publish):
        return 1 if plainly(operation, publish, write) else 2
    if number == 0 and not brought(publish, system):
        return 2
    if told:
        return 0
    return 2 if transaction is not None and transaction.kind == "session" else 1


def harmless(operation: Operation, publish: Effect, write: Effect, system: System) -> bool:
    """Whether whoever takes the message does without what was written: he needs nothing of it, or is a machine; or it
    is written after the job has left, and the job is not seen to look at it; or after a message that only those get who
    listen then."""
    needed = needs(publish, write, system)
    if needed == Answer.NO or (needed == Answer.UNKNOWN and for_devices(publish)):
        return True
    if kept_nowhere(publish) and write.number > publish.number:
        return True
    return by_itself(operation, publish) and needed == Answer.UNKNOWN and busy_taker(publish, system)


def left_out(operation: Operation, publish: Effect, write: Effect) -> bool:
    """Whether the function may leave with the message sent, and the write that it tells of never made: by a way out
    behind it, or in a later turn of its loop."""
    if not by_itself(operation, publish):
        return False
    turns = {s.number for s in publish.scopes if s.kind == "loop"} - {s.number for s in write.scopes}
    return any(
        x.kind in ("return", "raise")
        and x.number < write.number
        and (any(s.number in turns for s in x.scopes) or (x.number > publish.number and together_on(publish, x)))
        for x in operation.exits
    )


def together_on(publish: Effect, way_out: Exit) -> bool:
    """Whether a run that has sent the message may come to a way out behind it: they are in no two arms of a branch."""
    arms = {s.number: s.arm for s in publish.scopes if s.kind == "branch"}
    return all(arms.get(s.number, s.arm) == s.arm for s in way_out.scopes)


def brought(publish: Effect, system: System) -> bool:
    """Whether some function is seen to send it inside a transaction: who holds one may hand in an argument by which
    nothing is sent."""
    return any(
        e.place == publish.place
        and (e.transaction or any(entry.atomic for entry in o.entries))
        and not of_old_rows(o, e)
        for o, e in system.senders(publish.dataset)
    )


def plainly(operation: Operation, publish: Effect, write: Effect) -> bool:
    """Whether a job and the write after it stand in the function's own text, and no condition between the two."""
    return not publish.chain and write.own and operation.before_on_all_paths_after(publish, write)


def hit(operation: Operation, publish: Effect, write: Effect, doubt: int, *, alone: bool, read: bool) -> Hit:
    what = f"the message to {publish.dataset}" if publish.dataset else "the message"
    transaction = operation.transaction_of(publish)
    begun = transaction.place if transaction is not None else None
    return Hit(
        place=here(publish),
        message=f"{what} leaves before {write.dataset or 'the row'} is written"
        if alone
        else f"{what} leaves before the transaction that writes {write.dataset or 'its rows'} commits",
        story=ahead(publish, write, what)
        if alone
        else early(begun or operation.place, publish, what, read=read, begun=begun is not None),
        rests_on=(publish, write),
        doubts=doubt,
        datasets=tuple(d for d in (write.dataset, publish.dataset) if d),
        severity=race(write) if read else Severity.MAJOR,
        fix=Fix(
            title="send it after the commit, or write it to an outbox in the same transaction",
            text=deferral(publish, write),
            changes=deferred(operation, publish, write) if not alone else (),
        ),
    )


def ahead(publish: Effect, write: Effect, what: str) -> tuple[Step, ...]:
    """A job is started, and only then is the row written that it reads."""
    return (
        *way(publish),
        Step(publish.place, f"{what} leaves: a worker takes it at once"),
        Step(publish.place, f"the worker reads {write.dataset or 'the row'} as it was"),
        *way(write),
        Step(write.place, f"{write.dataset or 'the row'} is written, and no job sees it"),
    )


def deferred(operation: Operation, publish: Effect, write: Effect) -> tuple[Change, ...]:
    """The statement that sends it waits for the commit, where it stands in this function and on the write's own
    database: outside any transaction Django sends it at once."""
    default = publish.result_used is False and write.connection in ("", "default") and write.technology == "django"
    return (Change("defer", publish.place, "django"),) if default and not publish.chain else ()


def deferral(publish: Effect, write: Effect) -> str:
    """How the message is sent after the commit, in the words of the library that the code uses."""
    name = publish.dataset.rpartition(".")[2]
    called = publish.verb == "task" and name.isidentifier() and not name.isupper()  # a setting's name calls nothing
    call = f"{name}.delay(…)" if called else "…"
    if write.technology == "django":
        return f"transaction.on_commit(lambda: {call})"
    return f"# behind the commit:\n{call}" if called else "# behind the commit: send it"
