"""What belongs to a saga: steps that are done for good in other systems, and what takes them back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, Option, StoreKind, When
from datakeel.model.operation import Handler, Operation, Resource
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.derivation import committed_before
from datakeel.rules.facts.guards import here
from datakeel.rules.facts.idempotence import ASKING, MONEY
from datakeel.rules.facts.words import host

_UNDOING = (
    "compensat|cancel|releas|refund|revert|roll_?back|undo|unreserve|unbook|restock|void|revers|abort|deprovision"
    "|destroy|delete|remove|revoke|terminate|withdraw"
)
UNDOING = re.compile(rf"(^|[^a-z])({_UNDOING})", re.I)
SAGA = re.compile(r"saga|compensat", re.I)
PAID = frozenset(
    ["charge", "pay", "payment", "refund", "capture", "invoice", "card", "money", "void", "deposit", "debit", "credit"]
)
STOCK = frozenset(["stock", "inventory", "restock", "unreserve", "warehouse"])
_VERBS = """
    create make post add put send do start begin open request register place new call run get set update the a an and of
    for to in on by with api v1 v2 v3 rest http https www service client id all step saga action execute compensate
    compensation cancel release undo revert rollback roll back delete remove reverse abort destroy revoke terminate
    reserve book unbook hold confirm order orders try maybe safe
    """
VERBS = frozenset(_VERBS.split())
WORD = re.compile(r"[A-Z]?[a-z]+|\d+")
LIBRARIES = {"requests": "http", "httpx": "http", "aiohttp": "http", "urllib3": "http", "stripe": "stripe"}
DATABASES = ("django", "sqlalchemy", "psycopg", "psycopg2", "asyncpg", "sqlite3", "pymongo")
FAILING = (StoreKind.REMOTE, StoreKind.RELATIONAL, StoreKind.DOCUMENT, StoreKind.QUEUE, StoreKind.LOG)


def steps(operation: Operation, handler: Handler) -> list[Effect]:
    """What the body of a handler's try does in other systems, or what is surely done there before it."""
    return [e for e in operation.effects if (step(e) or told(e)) and (in_body(e, handler) or before(e, handler))]


def costs(effect: Effect) -> bool:
    """Whether it harms somebody by what it is called, when it stays: a charge, a booking, a reservation."""
    return bool(MONEY.search(words(effect)))


def step(effect: Effect) -> bool:
    """Whether an effect changes another system for good, and by what it is called does more than ask or tell."""
    if effect.kind != Kind.CALL or effect.store != StoreKind.REMOTE or effect.when != When.NOW:
        return False
    said = words(effect)
    return changes(effect) and bool(said) and (bool(MONEY.search(said)) or not ASKING.search(said))


def changes(effect: Effect) -> bool:
    """Whether a call is one that changes something, also where a key makes it safe to repeat."""
    option = effect.option("method")
    method = option.value.strip("'").upper() if option is not None else ""
    if method:
        return method in ("POST", "PUT", "PATCH")
    key = effect.option("idempotency_key")
    return effect.idempotent == Answer.NO or (key is not None and key.given)


def told(effect: Effect) -> bool:
    """Whether somebody is told something that cannot be unsaid."""
    return effect.kind == Kind.CALL and effect.store == StoreKind.MAIL and effect.when == When.NOW


def undoings(operation: Operation, handler: Handler) -> list[Effect]:
    """What a handler does to other systems and stores."""
    return [
        e
        for e in operation.effects
        if e.kind in (Kind.CALL, Kind.WRITE)
        and e.when == When.NOW
        and any(s.number == handler.number and s.arm == handler.arm for s in e.scopes)
    ]


def undoes(undoing: Effect, done: Effect) -> bool:
    """Whether an effect may take back what another did: it speaks to the same system of the same thing."""
    if told(done):
        return told(undoing)  # nothing but a second message
    if undoing.store != done.store:
        return False
    if undoing.technology != done.technology and "http" not in (undoing.technology, done.technology):
        return False
    one, other = address(undoing), address(done)
    if one and other and one != other:
        return False
    first, second = nouns(undoing), nouns(done)
    return not first or not second or bool(first & second)


def surely_undoes(undoing: Effect, done: Effect) -> bool:
    """`undoes`, where what it is called says so."""
    option = undoing.option("method")
    deletes = option is not None and option.value == "'DELETE'"
    return undoes(undoing, done) and (deletes or bool(UNDOING.search(words(undoing))))


def address(effect: Effect) -> str:
    """The host that a call goes to, where that is known."""
    found = host(effect) if "://" in effect.text else ""
    return "" if "…" in found else found


def nouns(effect: Effect) -> frozenset[str]:
    """What an effect speaks of: the words of its path and of the function that it stands in, without those that say
    what is done to it."""
    found = {w.lower().rstrip("s") for w in WORD.findall(words(effect))} - VERBS
    for group in (PAID, STOCK):
        if found & group:
            found |= group
    return frozenset(found)


def words(effect: Effect) -> str:
    """What the code calls an effect: the function on the way to it, and its address without the host."""
    path = re.sub(r"https?://[^/]*", "", effect.text).partition("?")[0].replace("\ufffc", "")
    return f"{effect.callee.rpartition('.')[2]} {path}".strip(" /")


def in_body(effect: Effect, handler: Handler) -> bool:
    return any(s.kind == "try" and s.number == handler.number and s.arm == "body" for s in effect.scopes)


def before(effect: Effect, handler: Handler) -> bool:
    """Whether it is done whenever the try is reached."""
    outside = {(s.number, s.arm) for s in handler.scopes}
    return effect.number < handler.number and all((s.number, s.arm) in outside for s in effect.scopes)


def follows(operation: Operation, first: Effect, second: Effect) -> bool:
    """Whether one effect comes after another in some run, also as a later one of several that a loop goes through."""
    if first.number >= second.number or (here(first) == here(second) and not chosen(first, second)):
        return False
    return chosen(first, second) or not operation.exclusive(first, second)


def chosen(first: Effect, second: Effect) -> bool:
    """Whether both are what one call reaches in different turns of a loop."""
    arms = {s.number: s.arm for s in first.scopes if s.arm.startswith("choice:")}
    loops = any(s.kind == "loop" for s in first.scopes)
    return loops and any(s.number in arms and arms[s.number] != s.arm for s in second.scopes)


def failing(operation: Operation, handler: Handler, done: Effect) -> Effect | None:
    """What fails after a step and leads to the handler."""
    return next(
        (
            e
            for e in operation.effects
            if e.kind in (Kind.CALL, Kind.WRITE, Kind.PUBLISH)
            and e.store in FAILING
            and e.when == When.NOW
            and in_body(e, handler)
            and follows(operation, done, e)
            and caught(handler, e)
        ),
        None,
    )


def caught(handler: Handler, effect: Effect) -> bool:
    """Whether a handler takes an effect's failure: unless all that it names are another library's errors."""
    return not handler.exceptions or any(takes(name, effect) for name in handler.exceptions)


def takes(name: str, effect: Effect) -> bool:
    library = name.partition(".")[0]
    if library in LIBRARIES:
        return effect.technology == LIBRARIES[library]
    return effect.store not in (StoreKind.REMOTE, StoreKind.MAIL) if library in DATABASES else True


def unseen(operation: Operation, handler: Handler) -> bool:
    """Whether a handler calls what nothing is known of, or leaves the rest to a job: either may undo the step."""
    inside = [e for e in operation.effects if any((s.number, s.arm) == (handler.number, handler.arm) for s in e.scopes)]
    lines = {(here(e).path, here(e).line) for e in inside if e.verb != "hand-over"}
    if any(e.kind in (Kind.PUBLISH, Kind.SPAWN) for e in inside):
        return True
    return any((c.path, c.line) not in lines for c in handler.calls)


def undone_elsewhere(operation: Operation, done: Effect, system: System) -> bool:
    """Whether something after a step undoes it, here or in a function that calls this one."""
    if any(undone(e, done) for e in operation.effects if e.number > done.number):
        return True
    return any(
        any(undone(u, done) for u in other.effects if u.number > e.number)
        for other in system.operations
        if other.name != operation.name
        for e in other.of(done.kind)
        if brings(e, done)
    )


def brings(theirs: Effect, done: Effect) -> bool:
    """Whether an effect of a caller is one that this function has, seen from there."""
    depth = len(theirs.chain) - len(done.chain)
    return depth > 0 and theirs.place == done.place and theirs.chain[depth:] == done.chain


def undone(undoing: Effect, done: Effect) -> bool:
    if told(done):
        return False
    return undoing.kind in (Kind.CALL, Kind.WRITE) and surely_undoes(undoing, done)


def missed(operation: Operation, handler: Handler, system: System) -> Iterator[tuple[Effect, Effect, Effect, Effect]]:
    """Steps that stay done although a later one failed and the handler takes back others: the step, what fails after
    it, a step that is taken back, and what does so."""
    undoing = undoings(operation, handler) if handler.calls else []
    if not undoing or unseen(operation, handler):
        return
    done = steps(operation, handler)
    known = [(u, s) for u in undoing for s in done if surely_undoes(u, s)]
    if not known or any(not any(undoes(u, s) for s in done) for u in undoing if u.store == StoreKind.REMOTE):
        return  # it may undo what is not seen to be undone
    for one in done:
        if before(one, handler) and not costs(one):
            continue  # what is made once, and left for the next attempt: a customer, a folder
        if any(undoes(u, one) for u in undoing) or undone_elsewhere(operation, one, system):
            continue
        later = failing(operation, handler, one)
        if later is not None:
            yield (one, later, known[0][1], known[0][0])


# Lists of steps -------------------------------------------------------------------------------------------------------


class Planned(Struct, frozen=True):
    """One step of a list: the function that acts, the one that takes it back (None: nothing does), and where it
    stands; `known` False: whether something takes it back is not known."""

    action: Operation
    compensation: Operation | None
    place: Place
    known: bool = True

    def done(self) -> Effect | None:
        """What the step changes in another system, or whom it tells."""
        return next((e for e in self.action.effects if step(e) or told(e)), None)

    def unmade(self) -> bool:
        """Whether what the step has done stays as it is."""
        return self.known and (self.compensation is None or idle(self.compensation))


def plans(resources: Iterable[Resource], system: System) -> Iterator[tuple[Resource, tuple[Planned, ...]]]:
    """The lists of steps among resources that are sagas: some step's compensation does something."""
    for resource in resources:
        if resource.kind != "steps" or resource.chain:
            continue
        pairs = zip(resource.options[::2], resource.options[1::2], strict=True)
        found = [planned(action, undo, system) for action, undo in pairs]
        known = tuple(p for p in found if p is not None)
        if len(known) == len(found) and any(p.compensation is not None and takes_back(p) for p in known):
            yield resource, known


def planned(action: Option, undo: Option, system: System) -> Planned | None:
    act, back = system.operation(action.value), system.operation(undo.value)
    if act is None:
        return None
    return Planned(act, back, action.place or act.place, known=back is not None or undo.value == "None")


def takes_back(pair: Planned) -> bool:
    """Whether the second of two functions undoes something by what it is called, and does anything at all."""
    assert pair.compensation is not None
    name = pair.compensation.symbol.rpartition(".")[2]
    return bool(UNDOING.search(name)) and any(e.kind in (Kind.CALL, Kind.WRITE) for e in pair.compensation.effects)


def idle(operation: Operation) -> bool:
    """Whether a function's text does nothing."""
    return any(x.kind == "idle" for x in operation.exits) and all(e.kind == Kind.LOG for e in operation.effects)


def fails(pair: Planned) -> Effect | None:
    """What may fail in a step, so that those before it must be taken back."""
    return next((e for e in pair.action.effects if e.kind in (Kind.CALL, Kind.WRITE) and e.store in FAILING), None)


# Compensations that run twice -----------------------------------------------------------------------------------------


def compensates(operation: Operation) -> bool:
    """Whether a function is a saga's compensation, by its name and by what it stands in."""
    name = operation.symbol.rpartition(".")[2]
    return bool(UNDOING.match(name)) and bool(SAGA.search(f"{operation.name} {operation.service}"))


def begun_again(operation: Operation, undoing: Effect) -> tuple[Place, str] | None:
    """What runs a compensation a second time: a retry round it, a broker, or a sweep for sagas that were left
    half-way; where that stands, in words."""
    sweep = next((r for r in operation.of(Kind.READ) if sweeps(operation, r, undoing)), None)
    if sweep is not None:
        return here(sweep), "the next sweep"
    if not compensates(operation):
        return None
    for retry in operation.retries:
        if any(s.kind == "retry" and s.number == retry.number for s in undoing.scopes):
            return retry.place, "the retry"
    entry = next((e for e in operation.entries if e.redelivered or e.retried), None)
    return (entry.place, "the broker") if entry is not None else None


def sweeps(operation: Operation, read: Effect, undoing: Effect) -> bool:
    """Whether a read finds the sagas that are to be taken back, and only a later commit says which of them are."""
    return (
        finds_sagas(read)
        and read.number < undoing.number
        and any(
            w.dataset == read.dataset
            and w.number > undoing.number
            and (undoing.store == StoreKind.REMOTE or committed_before(operation, undoing, w))
            for w in operation.of(Kind.WRITE)
        )
    )


def finds_sagas(read: Effect) -> bool:
    return read.selection is not None and any(SAGA.search(p.value) for p in read.selection.predicates)


def may_run_twice(operation: Operation) -> bool:
    """Whether it is a compensation, or sweeps up what was left half-way: all others need not be looked at."""
    return compensates(operation) or any(finds_sagas(r) for r in operation.of(Kind.READ))


def decided(operation: Operation, effect: Effect) -> bool:
    """Whether something that was read or claimed decides on it: what was taken back already is not taken back again."""
    read = {e.number for e in operation.of(Kind.READ, Kind.WRITE)}
    return any(s.number in read for g in effect.guards for s in g.sources)
