"""What machines in great number send every so often: a series, whatever they are."""

from __future__ import annotations

from msgspec.structs import replace

from datakeel.design.intake import domains
from datakeel.design.intake.domains import Called
from datakeel.design.intake.givers import givers
from datakeel.design.intake.quantities import DAY, HOUR, SECOND, Quantity
from datakeel.design.intake.text import Text, verb_forms
from datakeel.design.intake.vocabulary import lexicon

_OTHERS = lexicon("people") | lexicon("regions") | lexicon("uncounted") | lexicon("sent")  # that send nothing
_SENDING = lexicon("sending") - {"meter", "sample", "reading"}  # as verbs alone
_EVERY = frozenset(("every", "each", "once"))
SENT, MACHINES = "readings", 10  # the domain of what is sent, and how many are many


def sent(words: Text, calls: list[Called], found: list[Quantity]) -> list[Called]:
    """The domains that a request calls; where it calls none but by what something sends, the series of that."""
    return (_senders(words, found) or calls) if _are_sent(calls, found) else calls


def _senders(words: Text, found: list[Quantity]) -> list[Called]:
    """Things in great number that send something every so often: what they send is a series, whatever they are."""
    machines = [q for q in found if _number_of_senders(q) >= MACHINES and _thing(words, q)]
    paces = [_pace(words, found, machines, q) for q in found]
    pace = min((one for one in paces if one is not None), default=DAY)
    at = next((i for i, t in enumerate(words.tokens) if verb_forms(t.low) & _SENDING or t.one in lexicon("sent")), None)
    if not machines or pace > HOUR or (at is None and pace > SECOND):
        return []
    sender = min(machines, key=lambda q: 0 if at is None else abs(q.first - at))
    said = words.said(sender.first, sender.last) if at is None else words.tokens[at].text
    series = next(d for d in domains.known() if d.name == SENT)
    return [Called(replace(series, names={"device": {"otherwise": _thing(words, sender)}}), said, ())]


def _number_of_senders(q: Quantity) -> float:
    """``600 forklifts``; ``20,000 meters report every 15 minutes``, which is a rate."""
    if q.kind == "rate" and any(verb_forms(word) & _SENDING for word in q.of):
        return q.value * (q.every or 1)
    return q.value if q.kind == "count" and q.of else 0


def _pace(words: Text, found: list[Quantity], machines: list[Quantity], q: Quantity) -> float | None:
    """How many seconds there are between two that one machine sends, where a quantity says it."""
    if q.kind == "period":
        return q.value if _EVERY & {t.low for t in words.before(q.first, 2)} else None
    if q.kind == "flow" or q in machines:
        return q.every
    if q.kind == "rate" and q.value > 0 and set(machines) & set(givers(words, found, q).counts):
        return 1 / q.value
    return None


def _thing(words: Text, sender: Quantity) -> str:
    """What senders are called (``trucks sending``; of ``600 of them`` the first plural before), or nothing."""
    if "them" in sender.of:
        names = [t.one for t in words.tokens[: sender.first] if t.low != t.one and t.one not in lexicon("small")]
        return next((name for name in names if name not in _OTHERS), "")
    own = [t for t in words.tokens[sender.first : sender.last] if t.one in sender.of]
    own = own or [t for t in words.before(sender.first, 2) if t.one in sender.of]  # scooters, 12,000
    verb = next((i for i, t in enumerate(own) if verb_forms(t.low) & (_SENDING | lexicon("acts"))), len(own))
    plural = [t.one for t in own[:verb][-1:] if t.low != t.one and t.one not in _OTHERS]
    return plural[0] if plural else ""


def _are_sent(calls: list[Called], found: list[Quantity]) -> bool:
    """Whether all that calls a domain is what something sends: ``2 messages per second each``."""
    sent = [q for q in found if q.kind == "rate" and lexicon("sent") & set(q.of)]
    return all(any(q.first < at < q.last for q in sent) for call in calls for at in call.places)
