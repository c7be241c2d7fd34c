"""`retry-without-idempotency`: what is not idempotent is tried again without a key, and happens twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from datakeel.finding import Fix, Severity, Step
from datakeel.model.certainty import Answer
from datakeel.model.effect import Effect, Kind, StoreKind, When
from datakeel.model.operation import Operation, Retry
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules.facts.claimed import COUNT, claimed_for, counted, told_below
from datakeel.rules.facts.derivation import committed_before
from datakeel.rules.facts.idempotence import adds_up
from datakeel.rules.facts.retries import ACTS, inside, one_caller, refused_before
from datakeel.rules.facts.running import one_off
from datakeel.rules.facts.words import thing
from datakeel.rules.rule import Hit, Record, rule

LOST = re.compile(r"RequestException|Transport|Timeout|Connect|HTTPError$")  # also where the other side has done it


@rule(Severity.CRITICAL, Record(1, 4), sure=False)
def retry_without_idempotency(operation: Operation, system: System) -> Iterator[Hit]:
    """What is not idempotent is tried again, and its first try may have succeeded."""
    for retry in operation.retries:
        if not retry.chain and not refused_before(retry) and retry.attempts != "1":
            yield from repeated(operation, retry, system, int(one_caller(operation) or one_off(operation, system)))
    for entry in operation.entries:
        if entry.kind == "task" and entry.redelivered and entry.place == operation.place:
            yield from redelivered(operation, system)
            break
    if any(e.kind == "schedule" and e.retried == "failure" and e.place == operation.place for e in operation.entries):
        yield from planned(operation, system)
    yield from unkeyed(operation)
    yield from reclaimed(operation, system)


def repeated(operation: Operation, retry: Retry, system: System, watched: int) -> Iterator[Hit]:
    """Calls that may have succeeded when they fail, and what is done before another step fails. `watched`: somebody
    runs it, and sees what comes of it."""
    tried = [e for e in inside(operation, retry) if e.when == When.NOW]
    for effect in tried:
        sure = True if drawn_anew(effect, retry) or numbered(effect, retry) else adds_up(operation, effect, system)
        if sure is False:
            continue
        if effect.kind == Kind.CALL and effect.store == StoreKind.REMOTE:
            yield hit(
                effect,
                retry.place,
                "the retry",
                "the answer is lost on its way back, or comes too late",
                sure,
                watched=watched,
                plain=posted(operation, effect, retry, tried),
            )
            return
        failing = next((f for f in tried if fails_after(operation, effect, f)), None)
        if failing is not None:
            yield hit(effect, retry.place, "the retry", f"{thing(failing)} fails after it", sure, failing, watched)
            return


def drawn_anew(effect: Effect, retry: Retry) -> bool:
    """Whether a call has a key that the function which is repeated draws by lot: each attempt has another."""
    if effect.kind != Kind.CALL or effect.store != StoreKind.REMOTE or effect.chain or retry.kind == "loop":
        return False
    return bool(effect.key_sources) and all(s.kind == "random" for s in effect.key_sources)


def numbered(effect: Effect, retry: Retry | None = None) -> bool:
    """Whether a call's key is made of the number of the attempt, in the text of the function that calls: each has
    another. (A number is told by its name, or is that of the turn where the loop of attempts is the only one.)"""
    if effect.kind != Kind.CALL or effect.store != StoreKind.REMOTE or effect.chain:
        return False
    if any(COUNT.search(s.path[-1] if s.path else s.name) for s in effect.key_sources):
        return True
    loops = [s for s in effect.scopes if s.kind == "loop"]
    own = retry is not None and retry.kind == "loop" and len(loops) == 1
    return own and any(s.kind == "loop" for s in effect.key_sources)


def posted(operation: Operation, effect: Effect, retry: Retry, tried: list[Effect]) -> bool:
    """Whether a job whose framework repeats it when the network fails posts something by itself, and asks nobody before
    whether it is there already. What was judged false were other loops, and a job that asks first."""
    method = effect.option("method")
    lost = retry.kind != "loop" and any(LOST.search(name) for name in retry.on)
    asks = any(e.kind == Kind.CALL and e.number < effect.number for e in tried)
    posts = method is not None and method.value.strip("'").upper() == "POST"
    return lost and posts and not effect.chain and not asks and not decided(operation, effect)


def fails_after(operation: Operation, effect: Effect, later: Effect) -> bool:
    """Whether a later step of the same attempt can fail when the effect is already done for good."""
    if later.number <= effect.number or later.kind not in ACTS or later.when != When.NOW:
        return False
    if later.store not in (StoreKind.REMOTE, StoreKind.OBJECT):
        return False
    if operation.exclusive(effect, later):
        return False
    return effect.store != StoreKind.RELATIONAL or committed_before(operation, effect, later)


def redelivered(operation: Operation, system: System) -> Iterator[Hit]:
    """Charges of a task whose broker delivers it again when its worker dies."""
    for effect in operation.of(Kind.CALL):
        if effect.store == StoreKind.REMOTE and adds_up(operation, effect, system) and not decided(operation, effect):
            yield hit(effect, operation.place, "the broker", "the worker dies before the task is acknowledged", True)
            return


def planned(operation: Operation, system: System) -> Iterator[Hit]:
    """What a job of a plan posts by itself, which is run again when it fails."""
    for effect in operation.own():
        method = effect.option("method")
        posts = effect.kind == Kind.CALL and method is not None and method.value == "'POST'"
        if posts and adds_up(operation, effect, system) is not False and not decided(operation, effect):
            how = "the answer is lost on its way back, or comes too late"
            yield hit(effect, operation.place, "the plan's retry", how, None, plain=True)
            return


def reclaimed(operation: Operation, system: System) -> Iterator[Hit]:
    """Calls for rows that are taken for a time, each time counted as an attempt: a row whose worker ended, or had no
    answer, is taken again."""
    for effect in operation.of(Kind.CALL):
        claim = next(filter(counted, claimed_for(operation, effect)), None)
        if claim is None or told_below(effect, system):
            continue
        sure = True if any(map(numbered, system.effects_at(effect.place))) else adds_up(operation, effect, system)
        if sure is not False and (sure or addressed(effect)) and not decided(operation, effect, counted(claim)):
            who, how = "the next claim", f"its worker ends, or the answer is lost, and {claim.until} passes"
            yield replace(hit(effect, claim.taken.place, who, how, sure, plain=True), place=effect.place)
            return


def addressed(effect: Effect) -> bool:
    """Whether something is known of the address of a POST: one that stands whole in a row is a subscriber's, who
    expects to be told again."""
    method = effect.option("method")
    return method is not None and method.value.strip("'").upper() == "POST" and "/" in effect.text


def decided(operation: Operation, effect: Effect, but: str = "") -> bool:
    """Whether something that was read or claimed decides on it: what was done already is not done again. (Not a column
    that only counts, `but`.)"""
    read = {e.number for e in operation.of(Kind.READ, Kind.WRITE)}
    asked = (g.sources for g in effect.guards if not (but and any(s.path[-1:] == (but,) for s in g.sources)))
    return any(s.number in read for sources in asked for s in sources)


def unkeyed(operation: Operation) -> Iterator[Hit]:
    """Calls without a key beside calls that carry one: the flow is made to be repeated, but for them."""
    calls = [e for e in operation.own() if e.kind == Kind.CALL and e.option("idempotency_key") is not None]
    keyed = {e.technology for e in calls if e.idempotent != Answer.NO and e.option("idempotency_key").given}  # type: ignore[union-attr]
    for call in calls:
        if call.idempotent == Answer.NO and call.technology in keyed:
            yield hit(
                call, operation.place, "the flow", "the answer is lost: the other calls carry a key for this", True
            )


def hit(
    effect: Effect,
    again: Place,
    who: str,
    how: str,
    sure: bool | None,
    failing: Effect | None = None,
    watched: int = 0,
    plain: bool = False,
) -> Hit:
    what = thing(effect)
    place = effect.chain[0] if effect.chain else effect.place
    return Hit(
        place=place,
        message=f"{what} may have succeeded when {who} repeats it: it then happens twice",
        story=(
            Step(place, f"{what} is done"),
            Step(failing.place if failing is not None else place, how),
            Step(again, f"{who} tries the whole of it again"),
            Step(place, f"{what} is done a second time: nothing tells the other side that it is the same one"),
        ),
        rests_on=(effect,),
        apart=bool(sure) or plain,  # only what may do no harm twice was judged
        doubts=(0 if sure else 1) + watched,
        severity=None if sure else Severity.MAJOR,
        datasets=(effect.dataset,) if effect.dataset else (),
        fix=fix(effect),
    )


def fix(effect: Effect) -> Fix:
    title = "give it a key that is the same in every attempt, made of what it is about"
    if effect.technology == "stripe":
        return Fix(title=title, text='idempotency_key=f"order-{order.id}-charge"')
    if effect.kind == Kind.WRITE:
        return Fix(
            title=title,
            text=f"INSERT INTO {effect.dataset or '…'} (request_id, …) … ON CONFLICT (request_id) DO NOTHING",
        )
    if effect.kind == Kind.PUBLISH or effect.store == StoreKind.MAIL:
        return Fix(title="leave it out of what is repeated: send it last, or once from an outbox", text="")
    return Fix(title=title, text='headers={"Idempotency-Key": f"order-{order.id}"}')
