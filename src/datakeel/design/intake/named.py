"""Products, languages and parties that a request names: ``on Kafka``, ``in Java``, ``a MySQL that stays``, Stripe."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from datakeel.design.intake.text import Text, Token, phrase_words, verb_forms
from datakeel.design.intake.vocabulary import lexicon
from datakeel.requirements import Existing

FILE = Path(__file__).parent / "named.toml"
REFUSED = frozenset("no not without never avoid instead than unlike drop dropping".split())  # noqa: SIM905
_STAYS = re.compile(
    r"(database |db |server |instance |cluster )?(that|which|it|and|must|has to|will|we|stays?|remains?)\b"
    r".{0,20}?\b(stays?|remains?|keeps? running|already|existing|have)\b|(database |db |server )?(stays?|remains?)\b"
)


_STAYING = frozenset(("is", "stays", "remains", "keeps", "has"))
Role = Literal["source", "sink", "peer"]


class Mention(Struct, frozen=True):
    """One product, language or party that a request names. `role` is the table of named.toml in which it stands."""

    role: str
    name: str
    first: int
    last: int


class Named(Struct, frozen=True, kw_only=True):
    """What follows from the names: each value with the words that said it, under its path in system.yaml."""

    overrides: dict[str, str] = {}
    language: str = "python"
    existing: tuple[Existing, ...] = ()
    external: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    reasons: dict[str, str] = {}
    taken: frozenset[int] = frozenset()


@cache
def table() -> tuple[tuple[str, str, str], ...]:
    """(phrase, role, name), the longest phrases first."""
    raw = tomllib.loads(FILE.read_text("utf-8"))
    rows = [
        (w, role, name if role != "parties" else w)
        for role, names in raw.items()
        for name, ws in names.items()
        for w in ws
    ]
    return tuple(sorted(rows, key=lambda r: (-len(phrase_words(r[0])), -len(r[0]), r[0])))


def named(request: Text) -> Named:
    overrides: dict[str, str] = {}
    reasons: dict[str, str] = {}
    existing: dict[str, Existing] = {}
    external: dict[str, str] = {}
    refused: list[str] = []
    language = "python"
    found = list(mentions(request))
    for one in found:
        said = f"said: “{_around(request, one)}”"
        if one.role in ("external", "parties"):
            external.setdefault(one.name, said)
        elif _refused(request, one):
            refused.append(one.name)
        elif _left_behind(request, one, found):
            continue
        elif one.role == "language":
            language = one.name
            reasons["language"] = said
        elif (role := _existing(request, one)) is not None:
            existing.setdefault(one.name, Existing(name=one.name, engine=one.name, role=role))
            reasons.setdefault(f"existing.{one.name}", said)
        elif one.role not in overrides:
            overrides[one.role] = one.name
            reasons[f"overrides.{one.role}"] = said
    for path in [path for path, name in overrides.items() if name in existing]:
        del overrides[path], reasons[f"overrides.{path}"]  # from our MySQL, and MySQL stays as it is
    reasons |= {f"domain.services.{name}": said for name, said in external.items()}
    return Named(
        overrides=overrides,
        language=language,
        existing=tuple(existing.values()),
        external=tuple(external),
        refused=tuple(dict.fromkeys(refused)),
        reasons=reasons,
        taken=frozenset(i for one in found for i in range(one.first, one.last)),
    )


def mentions(request: Text) -> Iterator[Mention]:
    """What is named, in order; of two that begin at one word the longer."""
    taken: set[int] = set()
    found = []
    for phrase, role, name in table():
        for first, last in _places(request, phrase):
            if not taken & set(range(first, last)) and _meant(request, first, role, name):
                taken |= set(range(first, last))
                found.append(Mention(role, name, first, last))
    found += [Mention("language", "go", i, i + 1) for i in _in_go(request)]
    taken |= {i for m in found for i in range(m.first, m.last)}
    found += [m for m in (*_providers(request), *_standing(request)) if not taken & set(range(m.first, m.last))]
    return iter(sorted(found, key=lambda m: m.first))


def _providers(request: Text) -> Iterator[Mention]:
    """``the mail provider``: somebody else, whatever it provides."""
    for i, token in enumerate(request.tokens[1:], 1):
        before = request.tokens[i - 1]
        if token.one == "provider" and before.is_word and before.low not in lexicon("small"):
            yield Mention("parties", f"{before.low} provider", i - 1, i + 1)


def _standing(request: Text) -> Iterator[Mention]:
    """``our existing insurance system``, ``the policy system stays``: somebody else's, to us, by no product's name."""
    for i, token in enumerate(request.tokens):
        after = [t for t in request.after(i + 1, 1) if t.is_word]
        whose = any(t.low in lexicon("standing") or t.low != t.one for t in after if t.low not in _STAYING)
        if token.low not in lexicon("standing") or whose:  # legacy software products
            continue
        first = i
        while first and i - first < 3 and _qualifies(request.tokens[first - 1]):
            first -= 1
        there = [at for at in range(max(0, first - 2), first) if request.tokens[at].low in lexicon("there")]
        verbs = {v for t in request.before(there[0] if there else first, 4) for v in verb_forms(t.low)}
        if verbs & lexicon("leaving"):
            continue
        told = " ".join(t.low for t in request.after(i + 1, 6) if t.is_word)
        if told.split()[:1] == ["is"] and any(f" {phrase} " in f" {told} " for phrase, *_ in table()):
            continue  # our database is Oracle
        stays = re.match(r"(must |has to )?(stays?|remains?)\b", told) if first == i else _STAYS.match(told)
        if there or stays:
            words = [t.text if t.text.isupper() else t.low for t in request.tokens[first : i + 1]]
            yield Mention("parties", " ".join(words), first, i + 1)


def _qualifies(token: Token) -> bool:
    """``insurance`` of *insurance system*."""
    return token.is_word and token.low not in lexicon("small") | lexicon("keeping") | lexicon("there")


def _places(request: Text, phrase: str) -> list[tuple[int, int]]:
    if phrase.isalnum() or " " in phrase or "-" in phrase:
        return request.places(phrase)
    at = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", request.written.lower())]
    covers = [[i for i, t in enumerate(request.tokens) if start <= t.start < start + len(phrase)] for start in at]
    return [(c[0], c[-1] + 1) for c in covers if c]


def _meant(request: Text, at: int, role: str, name: str) -> bool:
    """Whether a common word is a product's name here: Oracle, Spring and UPS are, in capitals; a Slack-like chat is not
    somebody else's."""
    token = request.tokens[at]
    if role == "external":
        after = request.tokens[at + 1].low if at + 1 < len(request.tokens) else ""
        before = request.tokens[at - 1].low if at else ""
        if after in ("like", "style", "clone", "alternative") or before == "like":
            return False
    if name in ("UPS", "SAP"):
        return token.text.isupper()
    if token.low in lexicon("common") and len(token.low) < 9:
        return token.text[0].isupper() or _introduced(request, at)
    return True


def _introduced(request: Text, at: int) -> bool:
    return bool(at) and request.tokens[at - 1].low in ("in", "on", "with", "using", "use", "into", "via", "from")


def _in_go(request: Text) -> Iterator[int]:
    """``in Go``, ``a Go service``: the verb is written small."""
    for i, token in enumerate(request.tokens):
        if (
            token.text in ("Go", "GO")
            and i
            and (_introduced(request, i) or request.tokens[i - 1].low in ("a", "and", "/", "or"))
        ):
            yield i


def _refused(request: Text, one: Mention) -> bool:
    before = [t.low for t in request.before(one.first, 3)]
    return any(w in REFUSED or w.endswith("n't") for w in before) and "not only" not in " ".join(before)


def _left_behind(request: Text, one: Mention, found: list[Mention]) -> bool:
    """``we use MongoDB today and want to move to PostgreSQL``: what is used until then."""
    now = {"today", "now", "currently", "still"} & {
        t.low for t in (*request.before(one.first, 3), *request.after(one.last, 2))
    }
    others = [m for m in found if m.role == one.role and m.first > one.first and m.name != one.name]
    return bool(now) and any(
        request.tokens[m.first - 1].low == "to"
        and {v for t in request.before(m.first, 4) for v in verb_forms(t.low)} & lexicon("leaving")
        for m in others
    )


def _existing(request: Text, one: Mention) -> Role | None:
    """Whether it is a system that is there already, and what it is to the new one."""
    if one.role not in ("engine", "log", "search", "cache"):
        return None
    before = [t.low for t in request.before(one.first, 4)]
    verbs = {v for t in request.before(one.first, 9) for v in verb_forms(t.low)}
    there = _stays(request, one) or bool({"existing", "legacy", "current", "old", "present"} & set(before))
    if before[-1:] == ["to"] and verbs & lexicon("leaving"):
        return None
    if "from" in before[-2:] and verbs & (lexicon("leaving") | lexicon("flowing")):
        return "source"
    own = before[-1:] == ["our"]
    if (
        one.role == "engine"
        and {"to", "into"} & set(before[-2:] if own else before[-1:])
        and verbs & lexicon("flowing")
    ):
        return "sink" if there or own or one.name not in lexicon("grounds") else None
    if not there:
        return ("source" if "from" in before else "peer") if own else None
    if {"to", "into"} & set(before) and "from" not in before:
        return "sink"
    return "source" if "from" in before or one.role == "engine" else "peer"


def _stays(request: Text, one: Mention) -> bool:
    """``a MySQL that stays``, ``the Oracle database which must remain``."""
    after = " ".join(t.low for t in request.after(one.last, 8) if t.is_word)
    if {"stays", "stay", "remains", "remain"} & {t.low for t in request.before(one.first, 3)}:
        return True  # the truth stays in MySQL
    return bool(_STAYS.match(after)) or ("leave" in [t.low for t in request.before(one.first, 3)] and "alone" in after)


def _around(request: Text, one: Mention) -> str:
    first = max(0, one.first - 2)
    while first < one.first and not request.tokens[first].is_word:
        first += 1
    return request.said(first, one.last)
