"""What is asked for when an event is wanted: ``OrderShipped`` → ship order."""

from __future__ import annotations

from datakeel import naming

# Past participles whose verb the rules below would not find, by the verb.
IRREGULAR = {
    participle: verb
    for line in """
    be been, become become, begin begun, bid bid, bind bound, break broken, bring brought, build built, buy bought,
    cast cast, catch caught, choose chosen, cut cut, deal dealt, do done, draw drawn, drive driven, fall fallen,
    feed fed, fill filled, find found, freeze frozen, get got, give given, go gone, grow grown, hide hidden, hit hit,
    hold held, keep kept, know known, lay laid, leave left, lend lent, let let, lose lost, make made, mean meant,
    meet met, overdraw overdrawn, override overridden, pay paid, put put, read read, repay repaid, reset reset,
    resend resent, rise risen, run run, see seen, sell sold, send sent, set set, shut shut, sign signed, speak spoken,
    spend spent, split split, take taken, tell told, throw thrown, undo undone, understand understood, win won,
    withdraw withdrawn, withhold withheld, write written, bill billed, call called, pull pulled, poll polled,
    install installed, roll rolled, spell spelled, pass passed, process processed, assess assessed, dismiss dismissed,
    address addressed, add added, tie tied, die died, quiz quizzed, free freed, agree agreed, offer offered,
    deliver delivered, order ordered, open opened, deposit deposited, edit edited, credit credited, debit debited,
    limit limited, visit visited, audit audited, submit submitted, commit committed, permit permitted, emit emitted,
    admit admitted, cancel cancelled, label labelled, travel travelled, model modelled, total totalled,
    signal signalled, cancel canceled, enrol enrolled, control controlled, fulfil fulfilled,
    refer referred, transfer transferred, defer deferred, prefer preferred, occur occurred, bar barred,
    register registered, enter entered, answer answered, alter altered, render rendered, recover recovered,
    trigger triggered, filter filtered, consider considered, gather gathered, restore restored, ignore ignored,
    change changed, charge charged, merge merged, exchange exchanged, acknowledge acknowledged, arrange arranged,
    pledge pledged, prepare prepared, share shared, declare declared, require required, acquire acquired,
    expire expired, hire hired, retire retired, score scored, store stored, measure measured, capture captured,
    configure configured, secure secured, schedule scheduled, handle handled, settle settled, enable enabled,
    disable disabled, assemble assembled, cycle cycled, recycle recycled, name named, rename renamed, time timed,
    resume resumed, consume consumed, assume assumed, welcome welcomed, define defined, refine refined,
    combine combined, decline declined, examine examined, determine determined, confine confined, phone phoned,
    postpone postponed, tune tuned, fine fined, pin pinned, type typed, wipe wiped, shape shaped, scrape scraped,
    swipe swiped, scope scoped, bake baked, invoke invoked, revoke revoked, provoke provoked,
    like liked, rake raked, evoke evoked, bike biked, size sized, code coded, decode decoded, encode encoded,
    trade traded, upgrade upgraded, downgrade downgraded, grade graded, include included, exclude excluded,
    conclude concluded, provide provided, decide decided, divide divided, guide guided, side sided,
    load loaded, unload unloaded, upload uploaded, download downloaded, forward forwarded, award awarded,
    reward rewarded, fund funded, refund refunded, suspend suspended, extend extended, end ended,
    amend amended, record recorded, discard discarded, board boarded, onboard onboarded, guard guarded,
    note noted, vote voted, quote quoted, promote promoted, demote demoted, delete deleted, complete completed,
    compete competed, invite invited, cite cited, unite united, site sited, ignite ignited,
    dispute disputed, execute executed, route routed, reroute rerouted, compute computed, contribute contributed,
    distribute distributed, substitute substituted, mute muted, commute commuted, escalate escalated
    """.replace("\n", " ").split(",")
    for verb, participle in [line.split()]
}
VOWELS = "aeiou"


def request(event: str) -> tuple[list[str], list[str]]:
    """The words of what is done, and of what it is done to.

    >>> request("OrderShipped"), request("GuestCheckedIn"), request("OrderShipment")
    ((['ship'], ['order']), (['check', 'in'], ['guest']), (['record'], ['order', 'shipment']))
    """
    words = naming.words(event)
    for at in range(len(words) - 1, -1, -1):
        verb = base(words[at])
        if verb is not None:
            return [verb, *words[at + 1 :]], words[:at]
    return ["record"], words


def base(participle: str) -> str | None:
    """The verb of a past participle.

    >>> [base(p) for p in ("placed", "shipped", "delivered", "paid", "carried", "created", "reserved", "shipment")]
    ['place', 'ship', 'deliver', 'pay', 'carry', 'create', 'reserve', None]
    """
    if participle in IRREGULAR:
        return IRREGULAR[participle]
    if not participle.endswith("ed") or len(participle) < 5:
        return None
    if participle.endswith("ied"):
        return f"{participle[:-3]}y"
    stem = participle[:-2]
    if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "sl":
        return stem[:-1]
    return f"{stem}e" if _ends_in_e(stem) else stem


def _ends_in_e(stem: str) -> bool:
    """Whether the verb of a participle in -ed ended in e, by what stands before it (placed, created, reserved,
    archived, closed, issued, changed)."""
    if stem.endswith(("ch", "sh", "ss", "x", "ow", "ay", "oy", "ey", "ll", "ck")):
        return False
    return stem[-1] in "cvzug" or stem.endswith(
        ("at", "ib", "ob", "as", "os", "us", "is", "rs", "ns", "ps", "bl", "tl", "pl", "dl")
    )
