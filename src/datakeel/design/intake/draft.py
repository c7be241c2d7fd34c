"""A smaller draft for a domain that is not known: its nouns as tables, its verbs as events. It must be gone over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.quantities import ADVERBS, MULTIPLES, PERIODS, SIZES, WORDS
from datakeel.design.intake.text import Text, Token, verb_forms
from datakeel.design.intake.vocabulary import lexicon, pairs
from datakeel.requirements import Access, Aggregate, Domain, Event, Field, Table

TYPES = (
    (r"(date|birthday|birth|deadline|dob)$", "date"),
    (r"(price|cost|fee|salary|budget|amount|total|balance|fare|rent|premium|wage|revenue)$", "money"),
    (r"(_at|time|timestamp|arrival|departure)$", "timestamp"),
    (
        r"(count|quantity|number|age|size|score|points|credit|credits|copies|seats|capacity|stock|level|miles|duration|mileage|votes)$",
        "integer",
    ),
    (r"(weight|height|distance|temperature|latitude|longitude|rating|percentage|humidity|speed)$", "decimal"),
    (r"^(is|has)_|(active|enabled|done|paid)$", "boolean"),
)


class Draft(Struct, frozen=True):
    domain: Domain
    reasons: dict[str, str]


def draft(request: Text, taken: Iterable[int] = ()) -> Draft | None:
    """Tables for the things that a request names, or None where it names none that a system could keep."""
    used = set(taken)
    events = list(acts(request))
    done = {thing for thing, _ in events}
    things = [t for t in dict.fromkeys([*_listed_things(request, used)]) if t not in done]
    things = things or [t for t in dict.fromkeys(_others(request, used)) if t not in done][:3]
    if not events and not (things and _is_system(request)):
        return None
    aggregates = [aggregate(thing, verbs) for thing, verbs in events]
    kept = things[: 6 - len(aggregates)]
    tables = _tables(request, kept)
    reasons = {
        f"domain.aggregates.{a.name}": f"a draft: from the verbs {_listed(v)}; go over it"
        for a, (_, v) in zip(aggregates, events, strict=True)
    }
    reasons |= {
        f"domain.tables.{t.name}": f"a draft: this kind of system is not known, so “{t.name}” is a table: go over it"
        for t in tables
    }
    return Draft(Domain(aggregates=tuple(aggregates), tables=tuple(tables)), reasons)


def _listed(verbs: Iterable[str]) -> str:
    return ", ".join(verbs)


def _is_system(request: Text) -> bool:
    """Whether somebody speaks of keeping something: a kind of software, a verb of keeping, or an amount of data."""
    words = {t.one for t in request.tokens} | {t.low for t in request.tokens}
    return bool(
        words & lexicon("software") or request.verbs() & lexicon("keeping") or words & {"data", "row", "table", "rows"}
    )


def _listed_things(request: Text, used: set[int]) -> Iterator[str]:
    """Nouns after a verb of keeping (``track loans and books``) or the word for the software (``a system for …``)."""
    tokens = request.tokens
    starts = [i + 1 for i, t in enumerate(tokens) if verb_forms(t.low) & lexicon("keeping") and i not in used]
    for i, token in enumerate(tokens[:-2]):
        follows = tokens[i + 1].low
        if token.one in lexicon("software") and (
            follows in ("for", "of") or (follows == "with" and tokens[i + 2].one != tokens[i + 2].low)
        ):
            starts.append(i + 2)
    for start in sorted(set(starts)):
        theirs = tokens[start - 1].low == "for"  # whose it is, and not what it keeps: an app for engineers
        yield from (t for t in _list(request, start, used) if not (theirs and t.split()[-1] in lexicon("people")))


def _others(request: Text, used: set[int]) -> list[str]:
    """What else may be kept, where nobody says outright."""
    return [*_whole(request, used)] or [*_plurals(request, used)]


def _whole(request: Text, used: set[int]) -> Iterator[str]:
    """What the software is called after: ``a recipe app``."""
    for i, token in enumerate(request.tokens):
        if token.one in lexicon("software") and i and i not in used:
            yield from _phrase_before(request.tokens, i, used)


def _plurals(request: Text, used: set[int]) -> Iterator[str]:
    """Nouns in the plural, wherever they stand; people only where there is nothing else."""
    found = [t.one for i, t in enumerate(request.tokens) if i not in used and t.one != t.low and _is_thing(t)]
    return iter([t for t in found if t not in lexicon("people")] or found)


def _phrase_before(tokens: tuple[Token, ...], at: int, used: set[int]) -> Iterator[str]:
    words: list[str] = []
    i = at - 1
    while i >= 0 and len(words) < 2 and i not in used and _is_thing(tokens[i]):
        words.insert(0, tokens[i].one)
        i -= 1
    if words:
        yield " ".join(words)


def _list(request: Text, start: int, used: set[int]) -> Iterator[str]:
    """``books, members and loans``: the head of each, until a word that ends the list."""
    words: list[str] = []
    for i in range(start, min(start + 14, len(request.tokens))):
        token = request.tokens[i]
        if i not in used and _is_thing(token) and len(words) < 2:
            words.append(token.one)
            continue
        if words:
            yield " ".join(words)
            words = []
            if token.text != "," and token.low not in ("and", "or", "&", "their", "its"):
                return
        elif (
            not (token.low in lexicon("small") and token.low not in ("for", "with", "in", "by", "at"))
            and token.text != ","
            and not token.is_number
        ):
            return
    if words:
        yield " ".join(words)


def _is_thing(token: Token) -> bool:
    low, one = token.low, token.one
    return (
        low.isalpha()
        and low.isascii()
        and len(one) > 2
        and not {low, one} & lexicon("small")
        and not {low, one} & lexicon("abstract")
        and one not in lexicon("software")
        and one not in {*PERIODS, *SIZES, *MULTIPLES, *WORDS, *ADVERBS}
        and not low.endswith(("ly", "ing"))
    )


def _tables(request: Text, things: list[str]) -> list[Table]:
    return [Table(name=thing, fields=fields) for thing in things for fields in [_fields(request, thing, things)]]


def _fields(request: Text, thing: str, things: list[str]) -> tuple[Field, ...]:
    """``patients with name and blood type``: what stands after with; else a name and when it was made."""
    said: list[Field] = []
    for _, end in request.places(thing):
        if request.tokens[end : end + 1] and request.tokens[end].low in (
            "with",
            "have",
            "has",
            "having",
            "(",
            "including",
            ":",
        ):
            said += [field(n) for n in _field_names(request, end + 1)]
    unique = {f.name: f for f in said if f.name not in things}
    own = list(unique.values()) or [Field(name="name")]
    return (*own, Field(name="created_at", type="timestamp"))


def _field_names(request: Text, start: int) -> Iterator[str]:
    words: list[str] = []
    for token in request.after(start, 30):
        if token.low in ("a", "an", "the", "their", "its", "unique"):
            continue
        if (
            token.is_word
            and token.low.isascii()
            and token.low
            not in ("and", "or", "for", "to", "in", "that", "which", "who", "on", "so", "with", "by", "must", "should")
        ):
            words.append(token.low)
            continue
        if 0 < len(words) <= 3:
            yield "_".join(words)
        words = []
        if token.text != "," and token.low not in ("and", "or"):
            return
    if 0 < len(words) <= 3:
        yield "_".join(words)


def field(name: str) -> Field:
    """A field of the type that its name suggests.

    >>> field("date_of_birth").type, field("price").type, field("email").type
    ('date', 'money', 'text')
    """
    kind = next((k for pattern, k in TYPES if re.search(pattern, name)), "text")
    return replace(Field(name=name), type=kind)


_DOING = re.compile(
    r"\b(?P<verbs>[a-z]+(?:(?:, (?:and |or )?| and | or )[a-z]+)+) (?P<thing>(?:[a-z]+ ){0,3}?[a-z]+s)\b"
)
_DONE = re.compile(
    r"\b(?P<thing>[a-z]+s) (?:can be|are|get|is|must be|may be) "
    r"(?P<verbs>(?:first )?[a-z]+(?:(?:, (?:and |or |then )?| and then | then | and | or )[a-z]+)+)"
)
_JOINING = frozenset(("and", "or", "then", "first"))


def acts(request: Text) -> Iterator[tuple[str, list[str]]]:
    """What is done to a thing by several verbs: ``submit and pay invoices``, ``tickets are opened and closed``."""
    written = request.written.lower()
    found = [(_thing_after(request, m["thing"]), _verbs(m["verbs"])) for m in _DOING.finditer(written)]
    found += [(_thing_after(request, m["thing"]), _participles(m["verbs"])) for m in _DONE.finditer(written)]
    seen = set()
    for thing, verbs in found:
        if thing and thing not in seen and len(verbs) >= 2:
            seen.add(thing)
            yield thing, verbs


def _verbs(said: str) -> list[str]:
    """The verbs of a list, if all of it are verbs."""
    found = [w for w in re.findall(r"[a-z]+", said) if w not in _JOINING]
    return found if set(found) <= lexicon("acts") else []


def _participles(said: str) -> list[str]:
    return [v for w in re.findall(r"[a-z]+", said) if w not in _JOINING and (v := _base(w))]


def _thing_after(request: Text, words: str) -> str:
    first = next((w for w in words.split() if w not in lexicon("small")), "")
    return next((t.one for t in request.tokens if t.low == first and t.one != t.low), "")


def _base(participle: str) -> str | None:
    return next((v for v in sorted(verb_forms(participle), key=len) if v in lexicon("acts")), None)


def participle(verb: str) -> str:
    """
    >>> participle("ship"), participle("pay"), participle("deny"), participle("place"), participle("enrol")
    ('Shipped', 'Paid', 'Denied', 'Placed', 'Enrolled')
    """
    if verb in pairs("participles"):
        return pairs("participles")[verb].capitalize()
    if verb.endswith("e"):
        return f"{verb}d".capitalize()
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ied".capitalize()
    return f"{verb}{'led' if verb == 'enrol' else 'ed'}".capitalize()


def aggregate(thing: str, verbs: list[str]) -> Aggregate:
    """Events in the order of the verbs: each follows the one before; what ends things may follow any other."""
    name = "".join(w.capitalize() for w in thing.split())
    events: list[Event] = []
    open_: list[str] = []
    for verb in dict.fromkeys(verbs):
        done = participle(verb)
        negative = verb in lexicon("endings") and events
        after = () if not events else tuple(open_) if negative else (open_[-1],)
        first = (Field(name="name"),) if not events else (Field(name="reason"),) if negative else ()
        events.append(Event(name=f"{name}{done}", fields=first, after=after, state=done.lower()))
        if not negative:
            open_.append(done.lower())
    return Aggregate(name=name, events=tuple(events))


def accessed(table: Table, access: Access) -> Table:
    return table if access in table.access else replace(table, access=(*table.access, access))
