"""A smaller draft for a domain that is not known: its nouns as tables, its verbs as events. It must be gone over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.quantities import ADVERBS, MEASURES, MULTIPLES, PERIODS, SIZES, WORDS, Quantity
from datakeel.design.intake.text import Text, Token, singular, verb_forms
from datakeel.design.intake.vocabulary import lexicon, pairs
from datakeel.requirements import Access, Aggregate, Domain, Event, Field, Invariant, Table

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


OPENING = frozenset(("with", "have", "has", "having", "(", "including"))  # before the fields of a thing


NONE_KEPT = ("reads", "requests", "changes", "people", "sent", "unnamed")  # of which no row each is kept


class Draft(Struct, frozen=True):
    domain: Domain
    reasons: dict[str, str]


def draft(request: Text, taken: Iterable[int], *, evidence: bool) -> Draft | None:
    """Tables for the things that a request names, or None where it asks for no system. `evidence`: something else (a
    rate, a number of users, two products) says that it does."""
    used = set(taken)
    events = dict(acts(request)) | dict(_done_to_them(request)) | dict(_moves_by_people(request, used))
    done = {verb for verbs in events.values() for verb in verbs}
    things = [t for t in _things(request, used, events) if not verb_forms(t.split()[-1]) & done]  # finance pays
    things = [t for t in things if not (t.split()[0] in lexicon("acts") and t.partition(" ")[2] in things)]
    if not things and not events and not evidence:
        return None
    spoken = (things and _is_system(request)) or _is_named(request) or _is_told_of(request, things)
    if not events and not evidence and not spoken:
        return None
    things = things or ([] if events else ["record"])
    return _draft(request, things[: 6 - len(events)], events, "this kind of system is not known")


def with_happenings(made: Draft, request: Text, found: Iterable[Quantity]) -> Draft:
    """A draft of tables with one for what a rate is of, where that is none of them: of 100k likes a second on posts, a
    row is kept of each like, and not of a post."""
    tables = made.domain.tables
    if made.domain.aggregates or not tables:
        return made  # it happens to them
    names = {name.split()[-1] for name in (table.name for table in tables)}
    none = {word for name in NONE_KEPT for word in lexicon(name)} | {*MEASURES, *names}
    none |= {"visit"} if request.has(("page", "site", "website", "web")) else set()
    for q in (q for q in found if q.kind == "rate" and q.of and q.value > 0 and len(tables) < 6):
        name = _happening(request, q)
        if name is None or set(q.of) & none:
            continue
        about = tables[0]
        thing = Field(name=about.name, type="uuid", references=about.name)
        made_at = Field(name="created_at", type="timestamp")
        row = Table(name=name, fields=(thing, made_at), access=(Access(by=(about.name,)),))
        why = {
            f"domain.tables.{row.name}": f"a draft: “{request.said(q.first, q.last)}”, of each of which a row is kept"
        }
        return Draft(replace(made.domain, tables=(*tables, row)), made.reasons | why)
    return made


def _happening(request: Text, q: Quantity) -> str | None:
    """The name of what happens so often, in the singular, if it stands in the plural: ``likes``, ``check-ins``."""
    several = [t for t in request.tokens[q.first : q.last] if t.one == q.of[-1] and t.low.isascii() and t.low.isalpha()]
    if len(q.of) > 1 and q.of[-1] in ("ins", "outs", "ups"):
        return f"{q.of[-2]} {q.of[-1][:-1]}"
    plural = several and several[0].one != several[0].low and several[0].low not in lexicon("small")
    return several[0].one if plural and len(several[0].one) > 2 else None


def tells_life(request: Text, taken: Iterable[int]) -> bool:
    """Whether people do several things to one thing that is named: ``employees submit receipts, managers approve``."""
    return any(_moves_by_people(request, set(taken)))


def beside(request: Text, taken: Iterable[int], held: set[str], *, named: bool = False) -> Draft:
    """What a request lists beside the domains that are known: ``patients, doctors, appointments and prescriptions``.
    `named`: also what it only names."""
    listed = [one for items in _lists(request, set(taken)) if len(items) > 1 for one, plural in items if plural and one]
    listed = [one for one in listed if one not in lexicon("acts")]  # sends and opens are no things
    events = {thing: verbs for thing, verbs in acts(request) if thing not in held}
    listed = _things(request, set(taken), events) if named else listed
    things = [t for t in dict.fromkeys(listed) if t not in held and t not in events]
    return _draft(request, things[:5], events, "it is named beside what is known")


def _draft(request: Text, things: list[str], events: dict[str, list[str]], why: str) -> Draft:
    aggregates = tuple(aggregate(thing, verbs) for thing, verbs in events.items())
    tables = tuple(_staged(request, Table(name=t, fields=_fields(request, t, things))) for t in things)
    reasons = {
        f"domain.aggregates.{a.name}": f"a draft, from the verbs {', '.join(verbs)}: go over it"
        for a, verbs in zip(aggregates, events.values(), strict=True)
    }
    reasons |= {f"domain.tables.{t.name}": f"a draft: {why}, so “{t.name}” is a table: go over it" for t in tables}
    return Draft(Domain(aggregates=aggregates, tables=tables), reasons)


def _is_system(request: Text) -> bool:
    """Whether somebody speaks of keeping something: a kind of software, a verb of keeping, or data."""
    words = {w for t in request.tokens for w in (t.one, t.low)}
    return bool(words & (lexicon("software") | {"data", "row", "table"}) or request.verbs() & lexicon("keeping"))


def lists_several(request: Text) -> bool:
    return _listed(request, 2)


def lists_something(request: Text) -> bool:
    return _listed(request, 1)


def _listed(request: Text, least: int) -> bool:
    return any(sum(plural for _, plural in items) >= least for items in _lists(request, set()))


def _is_named(request: Text) -> bool:
    """Whether things are listed, or a kind of software is named."""
    return lists_several(request) or any(t.one in lexicon("titles") | set(pairs("holds")) for t in request.tokens)


def _is_told_of(request: Text, things: list[str]) -> bool:
    """Whether somebody says what a thing has (``tickets have tags and comments``), what must hold of it (``doctors must
    see results``), or who tells of it (``citizens report potholes``)."""
    if any(_fields(request, thing, things)[0].name != "name" for thing in things):
        return True
    if things and _RULE.search(request.written):
        return True
    for who, verb, what in zip(request.tokens, request.tokens[1:], request.tokens[2:], strict=False):
        people = who.one in lexicon("people") and who.one != who.low
        told = verb.low in lexicon("acts") | lexicon("keeping") or verb.low == "report"
        if people and told and what.one != what.low and _is_thing(what):
            return True
    return False


def _things(request: Text, used: set[int], events: Iterable[str]) -> list[str]:
    """What is listed; else what the software is called after, and other nouns in the plural."""
    lists = [[one for one, _ in items if one] for items in _lists(request, used)]
    several, listed = [t for ts in lists if len(ts) > 1 for t in ts], [t for ts in lists for t in ts]
    whole = list(_whole(request, used))
    holds = [pairs("holds")[t.one] for t in request.tokens if t.one in pairs("holds")]
    plurals = list(_plurals(request, used))
    held = {singular(f.name) for thing in plurals for f in _fields(request, thing, [])}
    plurals = [thing for thing in plurals if thing not in held]  # tickets have tags
    found = next((f for f in (several, [*whole, *plurals] if whole else [], listed, holds, plurals) if f), [])
    longer = [t for t in found if t.split()[0] not in lexicon("acts")]
    found = [t for t in found if not any(other.endswith(f" {t}") for other in longer)]  # lab results, and results
    return [t for t in dict.fromkeys(found) if not {t, t.split()[-1]} & set(events)]


def _lists(request: Text, used: set[int]) -> Iterator[list[tuple[str, bool]]]:
    """Nouns after a verb of keeping (``track loans and books``) or the word for the software (``a system
    for …``), each with whether it stands in the plural."""
    tokens = request.tokens
    starts = {i + 1 for i, t in enumerate(tokens) if verb_forms(t.low) & lexicon("keeping") and i not in used}
    starts |= {i + 1 for i, t in enumerate(tokens) if t.text == ":"}
    for i, token in enumerate(tokens[:-2]):
        if _is_software(token) and _opens_list(tokens[i + 1], tokens[i + 2]):
            starts.add(i + 2)
    for start in sorted(starts):
        theirs = tokens[start - 1].low == "for"  # whose it is, and not what it keeps: an app for engineers
        items = list(_list(request, start, used))
        yield [item for item in items if not (theirs and item[0].split(" ")[-1] in lexicon("people"))]


def _is_software(token: Token) -> bool:
    papers = token.one in lexicon("papers") and token.low != token.one  # loan applications
    return token.one in lexicon("software") and not papers


def _opens_list(sign: Token, first: Token) -> bool:
    return sign.low in ("for", "of") or (sign.low == "with" and first.one != first.low)


def _whole(request: Text, used: set[int]) -> Iterator[str]:
    """What the software is called after: ``a recipe app``."""
    for i, token in enumerate(request.tokens):
        if _is_software(token) and i and i not in used:
            found = _phrase_before(request.tokens, i, used)
            yield from (f"{n.split()[-1]} record" for n in found) if token.low == "records" else found


def _plurals(request: Text, used: set[int]) -> Iterator[str]:
    """Nouns in the plural, wherever they stand; people only where there is nothing else."""
    plural = [i for i, t in enumerate(request.tokens) if i not in used and t.one != t.low and _is_thing(t)]
    plural = [i for i in plural if not _is_done_by_one(request.tokens, i)]
    found = [" ".join([*_adjective(request.tokens, i, used), request.tokens[i].one]) for i in plural]
    return iter([t for t in found if t.split()[-1] not in lexicon("people")] or found)


def _is_done_by_one(tokens: tuple[Token, ...], at: int) -> bool:
    """``the city assigns and fixes them``, ``each taxi drives``, ``a spot costs 2 euros``: verbs, and no things."""
    each = at > 1 and tokens[at - 2].low in ("each", "every") and _is_one_thing(tokens[at - 1])
    of = [i for i in range(max(0, at - 6), at - 2) if tokens[i].low in ("each", "one") and tokens[i + 1].low == "of"]
    each = each or (at > 0 and tokens[at - 1].low == "each" and tokens[at].low != tokens[at].one)  # each sees
    each = each or bool(of and tokens[at - 1].low != tokens[at - 1].one)  # each of our 40 shops sells
    following = tokens[at + 1].low if at + 1 < len(tokens) else ""
    does = following in ("a", "an", "the", "its", "up", "in", "out") or following[:1].isdigit()
    each = each or (does and at > 1 and tokens[at - 2].low in ("a", "an") and _is_one_thing(tokens[at - 1]))
    if each or (tokens[at].low == "costs" and at + 1 < len(tokens) and not tokens[at + 1].is_word):
        return True
    if tokens[at].one not in lexicon("acts") | lexicon("keeping"):
        return False
    one = at > 1 and tokens[at - 2].low in ("the", "a", "an", "each", "every") and _is_one_thing(tokens[at - 1])
    by_one = one or (at > 0 and tokens[at - 1].low in lexicon("people") | _EACH)  # the adjuster assesses, each signs
    return by_one or bool({"them", "it"} & {t.low for t in tokens[at + 1 : at + 2]})


def _adjective(tokens: tuple[Token, ...], at: int, used: set[int]) -> list[str]:
    """The noun before a noun: ``inspection forms``."""
    token = tokens[at - 1] if at and at - 1 not in used else None
    verb = token is None or bool(verb_forms(token.low) & (lexicon("acts") | lexicon("keeping")))
    verb = verb or (at > 1 and _is_done_by_people([tokens[at - 2]], tokens[at - 1]))
    verb = verb or (at > 1 and tokens[at - 2].low in _MODAL)  # must see results
    return [token.one] if token is not None and not verb and _is_thing(token) and token.one == token.low else []


def _phrase_before(tokens: tuple[Token, ...], at: int, used: set[int]) -> Iterator[str]:
    words: list[str] = []
    i = at - 1
    if i > 0 and tokens[i].low.endswith("ing") and not tokens[i - 1].low.endswith("ed"):  # a recipe sharing site
        i -= 1
    while i >= 0 and len(words) < 2 and i not in used and _is_thing(tokens[i]):
        words.insert(0, tokens[i].one)
        i -= 1
    if words:
        yield " ".join(words)


def _list(request: Text, start: int, used: set[int]) -> Iterator[tuple[str, bool]]:
    """``books, members and loans``, until a word that ends the list. What is `used` counts, and is nameless."""
    words: list[Token] = []
    after_colon = request.tokens[start - 1].text == ":"
    for i, token in _outside_brackets(request, start):
        if {"them", "it"} & {t.low for t in request.tokens[i + 1 : i + 2]} and token.is_word:
            words = []  # categorise them
        elif i in used:
            yield "", True
            words = []
        elif words and _is_done_by_one(request.tokens, i):  # a spot costs 2 euros
            return
        elif (words and words[-1].one in lexicon("people") and token.low in lexicon("keeping")) or _is_done_by_people(
            words, token
        ):  # employees log hours
            words = []
        elif words and token.low in lexicon("acts") and _renews_itself(words[-1], request.tokens[i + 1 : i + 2]):
            yield _noun(words)
            words = []
        elif (words and token.low in lexicon("acts")) or _is_participle(token):  # employees submit, picked
            if words and words[-1].low != words[-1].one and words[-1].one not in lexicon("people"):
                yield _noun(words)  # blood bags expire
            return
        elif not words and (token.low in lexicon("keeping") or (after_colon and _is_told(request, i))):
            continue  # users upload videos; invite signers
        elif token.low != token.one and token.one in lexicon("acts") and _EACH & {request.tokens[i - 1].low}:
            return  # each signs once
        elif _is_thing(token):
            words.append(token)
        elif words:
            yield _noun(words)
            words = []
            if token.text != "," and token.low not in ("and", "or", "&"):
                return
        elif not _passed_over(token) and not (token.is_number and i == start):
            return
    if words:
        yield _noun(words)


def _renews_itself(thing: Token, following: tuple[Token, ...]) -> bool:
    """``subscriptions renew monthly``: things in the plural that do something, and nobody who does it to others."""
    return thing.low != thing.one and thing.one not in lexicon("people") and any(t.low in ADVERBS for t in following)


def _is_told(request: Text, at: int) -> bool:
    """Whether a word says what to do with what follows: ``accept events``, ``upload a contract``."""
    verb, following = request.tokens[at].low in lexicon("acts"), request.tokens[at + 1 : at + 2]
    return verb and any(t.low in lexicon("articles") or t.low != t.one for t in following)


def _is_done_by_people(words: list[Token], token: Token) -> bool:
    """Whether a word after people in the plural is what they do, and no noun."""
    people = bool(words) and words[-1].one in lexicon("people") and words[-1].one != words[-1].low
    return people and _is_thing(token) and token.one == token.low and token.low not in lexicon("acts")


def _is_participle(token: Token) -> bool:
    return token.low.endswith("ed") and _base(token.low) is not None


def _outside_brackets(request: Text, start: int) -> Iterator[tuple[int, Token]]:
    aside = False
    for i in range(start, min(start + 30, len(request.tokens))):
        token = request.tokens[i]
        if aside or token.text == "(":
            aside = token.text != ")"
        else:
            yield i, token


def _noun(words: list[Token]) -> tuple[str, bool]:
    return " ".join(w.one for w in words[-2:]), words[-1].one != words[-1].low


def _passed_over(token: Token) -> bool:
    ends = {"for", "with", "in", "by", "at", "must", "should", "may", "can"} | lexicon("refused")
    small = token.low in lexicon("small") and token.low not in ends
    return small or token.text == ","


def _is_thing(token: Token) -> bool:
    low, one = token.low, token.one
    return (
        low.isalpha()
        and low.isascii()
        and len(one) > 2
        and not {low, one} & lexicon("small")
        and not {low, one} & lexicon("abstract")
        and not _is_software(token)
        and one not in MEASURES
        and one not in {*PERIODS, *SIZES, *MULTIPLES, *WORDS, *ADVERBS}
        and not low.endswith(("ly", "ing"))
        and not (len(low) > 5 and low.endswith("ed") and low != "newsfeed")
    )


_STAGES = re.compile(
    r"\b(?P<thing>[a-z]+?)s? (?:move|go|progress|advance|pass|change|moving|going)s? from (?P<first>[a-z]+)"
    r"(?P<rest>(?: (?:to|then|or|and) [a-z]+|/[a-z]+)+)",
    re.I,
)


def _staged(request: Text, table: Table) -> Table:
    """``deals move from lead to qualified to won or lost``: a status, and the moves that it may make."""
    found = next((m for m in _STAGES.finditer(request.written) if m["thing"].lower() == table.name), None)
    if found is None:
        return table
    states, moves = [[found["first"].lower()]], []
    for joint, state in re.findall(r"(to |then |or |and |/)([a-z]+)", found["rest"].lower()):
        if joint in ("or ", "and ", "/"):
            states[-1].append(state)
        else:
            states.append([state])
    for before, after in pairwise(states):
        moves += [(a, b) for a in before for b in after]
    values = tuple(dict.fromkeys(s for step in states for s in step))
    fields = (*table.fields, Field(name="status", type="enum", values=values))
    transitions = Invariant(kind="transitions", fields=("status",), moves=tuple(moves))
    return replace(table, fields=fields, invariants=(*table.invariants, transitions))


def _fields(request: Text, thing: str, things: list[str]) -> tuple[Field, ...]:
    """``patients with name and blood type``: what stands after with; else a name and when it was made."""
    said: list[Field] = []
    for _, end in request.places(thing):
        if request.tokens[end : end + 1] and request.tokens[end].low in OPENING:
            said += [field(n) for n in _field_names(request, end + 1)]
    unique = {f.name: f for f in said if not {f.name, singular(f.name)} & set(things)}
    own = list(unique.values()) or [Field(name="name")]
    return (*own, Field(name="created_at", type="timestamp"))


def _field_names(request: Text, start: int) -> Iterator[str]:
    words: list[str] = []
    for token in request.after(start, 30):
        if token.low in ("a", "an", "the", "their", "its", "unique"):
            continue
        if token.is_word and token.low.isascii() and token.low not in lexicon("parting"):
            words.append(token.low)
            continue
        if _is_clause(words) or token.is_number:  # with at most 40 patients
            return
        if 0 < len(words) <= 3 and not _how_often(words):
            yield "_".join(words)
        words = []
        if token.text != "," and token.low not in ("and", "or"):
            return
    if 0 < len(words) <= 3 and not _how_often(words) and not _is_clause(words):
        yield "_".join(words)


def _is_clause(words: list[str]) -> bool:
    """``managers approve``, ``payouts approved``, ``search``: what somebody does, and no field."""
    if len(words) < 2:
        return bool(words) and words[0] in lexicon("small")
    people = singular(words[0]) in lexicon("people") and singular(words[0]) != words[0]
    people = people or words[0] in ("others", "they", "we", "you", "everyone", "everybody", "nobody")
    does = words[-1] != singular(words[-1]) and singular(words[-1]) in lexicon("acts")
    done = words[-1].endswith("ed") and bool(verb_forms(words[-1]) & lexicon("acts"))
    return people or does or done or bool({"them", "it"} & set(words))


def _how_often(words: list[str]) -> bool:
    """``with retries, at least once, per customer`` names no fields."""
    return words[0] in ("at", "per") or words[-1] in ("retry", "retries")


def field(name: str) -> Field:
    """A field of the type that its name suggests.

    >>> field("date_of_birth").type, field("price").type, field("email").type
    ('date', 'money', 'text')
    >>> field("tags").many, field("notes").many
    (True, False)
    """
    kind = next((k for pattern, k in TYPES if re.search(pattern, name)), "")
    last = name.rpartition("_")[2]
    several = not kind and singular(last) != last and last not in lexicon("single")
    return replace(Field(name=name, many=several), type=kind or "text")


_DOING = re.compile(
    r"\b(?P<verbs>[a-z]+(?:(?:, (?:and |or )?| and | or )[a-z]+)+) (?P<thing>(?:[a-z]+ ){0,3}?[a-z]+s)\b"
)
_PAST = r"(?:first )?[a-z]+(?: up| in| out| off)?(?: (?:by|to|from) (?:an? |the )?[a-z]+)?"
_DONE = re.compile(
    r"\b(?P<thing>[a-z]+s)(?: (?:can be|are|get|is|must be|may be))? "
    rf"(?P<verbs>{_PAST}(?:(?:, (?:and |or |then )?| and then | then | and | or ){_PAST})+)"
)
_LIFE = re.compile(rf"\b(?P<thing>[a-z]+): ?(?P<verbs>{_PAST}(?:(?:, (?:and |or |then )?| and | or |/){_PAST}){{2,}})")
_RULE = re.compile(
    r"\b(?:must|may|should|shall|can|has to|have to)\b|\bcannot\b|\bnever\b|\bno (?:double|duplicate|two)\b",
    re.I,
)
_MODAL = frozenset(("must", "can", "may", "should", "will"))
_EACH = frozenset(("each", "everyone", "everybody", "who"))
_JOINING = frozenset(("and", "or", "then", "first"))


def acts(request: Text) -> Iterator[tuple[str, list[str]]]:
    """What is done to a thing by several verbs: ``submit and pay invoices``, ``tickets are opened and closed``."""
    written = request.written.lower()
    found = [(_thing_after(request, m["thing"]), _verbs(m["verbs"])) for m in _DOING.finditer(written)]
    for pattern in (_DONE, _LIFE):
        found += [(_thing_after(request, m["thing"]), _participles(m["verbs"])) for m in pattern.finditer(written)]
    seen = set()
    for thing, verbs in found:
        if thing and thing not in seen and len(verbs) >= 2:
            seen.add(thing)
            yield thing, verbs


def done_by_whom(request: Text, thing: str) -> list[str]:
    """What is done to a thing by one after the other: ``customers place orders, restaurants accept them``."""
    named = rf"(?:the |an? |their )?{re.escape(thing)}s?"
    found = re.finditer(
        rf"\b[a-z]+s (?P<verbs>[a-z]+(?:(?:, | or | and )[a-z]+)*) (?P<what>them|it|{named})\b", request.written.lower()
    )
    said = [(_verbs(m["verbs"]), m["what"]) for m in found]
    about = any(verbs and what not in ("them", "it") for verbs, what in said)
    return list(dict.fromkeys(verb for verbs, _ in said for verb in verbs)) if about else []


def _moves_by_people(request: Text, used: set[int]) -> Iterator[tuple[str, list[str]]]:
    """``track requests: employees submit, managers approve or reject``: people do it to the one thing there is."""
    tokens = request.tokens
    verbs: list[str] = []
    for i, token in enumerate(tokens[1:], 1):
        verb = next((v for v in sorted(verb_forms(token.low)) if v in lexicon("acts") | {"report"}), None)
        who = tokens[i - 1]
        acting = (verb, f"{verb}s", f"{verb}es") if verbs else (verb,)
        by_people = token.low in acting and who.one in lexicon("people")
        by_people = by_people or (bool(verbs) and token.low == verb and who.low in ("we", "they"))
        by_people = by_people or (bool(verbs) and token.low in (f"{verb}s", f"{verb}es") and _is_one_thing(who))
        joined = (
            tokens[i - 1].low in ("or", "and", ",") and bool(verbs) and token.low in (verb, f"{verb}s", f"{verb}es")
        )
        verbs += [verb] if verb and (by_people or joined) and verb not in verbs else []
    things = [one for items in _lists(request, used) for one, _ in items if one and one not in lexicon("people")]
    things = [*_headed(tokens)] or things or [*_done_to(tokens, verbs)]
    if len(verbs) >= 2 and len(set(things)) == 1:
        yield things[0], verbs


def _done_to_them(request: Text) -> Iterator[tuple[str, list[str]]]:
    """``admit patients, transfer them between wards and discharge them``."""
    tokens, thing = request.tokens, ""
    verbs: list[str] = []
    for token, what in pairwise(tokens):
        if token.low not in lexicon("acts"):
            continue
        if what.low in ("them", "it") and thing:
            verbs += [token.low] if token.low not in verbs else []
        elif not thing and what.low != what.one and _is_thing(what) and what.one not in lexicon("acts"):
            thing, verbs = what.one, [token.low]
    if len(verbs) >= 2:
        yield thing, verbs


def _is_one_thing(token: Token) -> bool:
    """``finance pays``: one that acts, and neither many nor a verb (``borrow books``)."""
    return _is_thing(token) and token.low == token.one and token.low not in lexicon("acts")


def _done_to(tokens: tuple[Token, ...], verbs: list[str]) -> Iterator[str]:
    """What people do it to: ``members borrow books, return them``."""
    for before, token in pairwise(tokens):
        if before.low in verbs and token.low != token.one and _is_thing(token) and token.one not in lexicon("people"):
            yield token.one


def _headed(tokens: tuple[Token, ...]) -> Iterator[str]:
    """What a request is about, before its first colon: ``leave requests: …``, ``expense reports: …``."""
    colon = next((i for i, t in enumerate(tokens) if t.text == ":"), 0)
    at = next((i for i, t in enumerate(tokens[:colon]) if i and t.low in ("for", "of", "in", "at")), colon)
    if at < colon and tokens[at - 1].low != tokens[at - 1].one and _is_thing(tokens[at - 1]):
        yield " ".join([*_adjective(tokens, at - 1, set()), tokens[at - 1].one])  # parking permits for a city: …
        return
    filed = at > 1 and tokens[at - 1].one == "report" and tokens[at - 2].low in lexicon("filed")
    plural = at > 1 and tokens[at - 1].low != tokens[at - 1].one
    if plural and (filed or (_is_thing(tokens[at - 1]) and _adjective(tokens, at - 1, set()))):
        yield f"{tokens[at - 2].one} {tokens[at - 1].one}"


def _verbs(said: str) -> list[str]:
    """The verbs of a list, if all of it are verbs."""
    found = [w for w in re.findall(r"[a-z]+", said) if w not in _JOINING]
    return found if set(found) <= lexicon("acts") else []


def _participles(said: str) -> list[str]:
    """The verbs of a list of participles; none where it begins with something else. Beside two that are known, a word
    that looks like one is one: ``submitted, scored, approved``."""
    parts = [p.split() for p in re.split(r",|/|\band\b|\bor\b|\bthen\b|\bfirst\b", said) if p.strip()]
    verbs = [_base(p[0]) for p in parts]
    past = bool(verbs) and verbs[0] is not None and verbs[0] != parts[0][0]
    if sum(v is not None for v in verbs) > 1:
        verbs = [v or _regular(p[0]) for v, p in zip(verbs, parts, strict=True)]
    return [v for v in verbs if v] if past else []


def _regular(word: str) -> str | None:
    """The verb of a participle that nobody listed: ``scored`` of ``score``."""
    regular = re.fullmatch(r"[a-z]{3,}[^aeiouy]ed", word) and word[-3] != word[-4]
    whole = re.search(r"(ck|mp|[cfplrskn]t|sh|ch|[nrl]d|[lr]k|sk|lp|r[mn]|x|w)ed$", word)  # stamped, not scored
    return word[:-2] if regular and whole else word[:-1] if regular else None


def _thing_after(request: Text, words: str) -> str:
    first = next((w for w in words.split() if w not in lexicon("small")), "")
    for i, token in enumerate(request.tokens):
        if token.low == first and token.one != token.low:
            whose = _whose(request.tokens, i) if token.one in lexicon("papers") else []
            return " ".join([*whose, token.one])
    return ""


def _whose(tokens: tuple[Token, ...], at: int) -> list[str]:
    """``loan`` of *loan applications*, ``leave`` of *leave requests*; none of *we submit applications*."""
    before = tokens[at - 1] if at else None
    acted = before is not None and at > 1 and tokens[at - 2].is_word  # by whoever stands before that
    named = before is not None and (before.low in lexicon("acts") or _is_thing(before))
    return [before.one] if before is not None and named and not acted else _adjective(tokens, at, set())


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
