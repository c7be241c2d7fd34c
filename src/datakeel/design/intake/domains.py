"""The domains that are known: one file each in ``design/domains``, found by walking; the words that call them, and the
parts of them that a request asks for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.text import Text, phrase_words
from datakeel.requirements import Domain, Field, Step, Workload
from datakeel.requirements.short import field

FOLDER = Path(__file__).parent.parent / "domains"
KINDS = (
    "aggregates", "tables", "documents", "series", "graphs", "views", "sagas", "streams", "batches", "services",
    "replicated",
)  # fmt: skip


class Known(Struct, frozen=True, kw_only=True):
    """A domain's file. `words` call it, those of `weak` where nothing else is called, those of `apart` only look so;
    beside a word of `unless` it is not meant; `aside`: it is kept beside what a request is about; `replaced` are tables
    whose rows each write replaces. `pieces` are the nouns of system.yaml, with fields in the short form that `field`
    reads, and besides: ``when`` and ``unless`` (words, or ``@facet``), ``said`` (fields that are there when their own
    word is), ``needs`` (another piece), ``why``."""

    name: str
    about: str
    words: tuple[str, ...]
    weak: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    aside: bool = False
    replaced: tuple[str, ...] = ()
    assume: Workload = Workload()
    names: dict[str, dict[str, Any]] = {}
    limit: int | None = None
    steps: tuple[dict[str, Any], ...] = ()
    pieces: dict[str, Any] = {}


class Called(Struct, frozen=True):
    """A domain that a request calls: by which words, and where they stand."""

    domain: Known
    said: str
    places: tuple[int, ...]
    weak: bool = False  # only by words that may mean something else


@cache
def known() -> tuple[Known, ...]:
    return tuple(_load(path) for path in sorted(FOLDER.glob("*.toml")))


def _load(path: Path) -> Known:
    raw = tomllib.loads(path.read_text("utf-8"))
    pieces = {kind: raw.pop(kind) for kind in KINDS if kind in raw}
    return msgspec.convert({"name": path.stem, "pieces": pieces, **raw}, Known)


def called(request: Text, taken: set[int]) -> list[Called]:
    """The domains that a request speaks of, in the order in which it names them. The longest phrase wins; `taken` are
    the words that mean something else (an external party, a product)."""
    meant = [d for d in known() if not request.has(d.unless)]
    apart = [(w, None) for d in known() for w in d.apart]
    strong: list[tuple[str, Known | None]] = [*((w, d) for d in meant for w in d.words), *apart]
    weak: list[tuple[str, Known | None]] = [*((w, d) for d in meant for w in d.weak), *apart]
    return _calls(request, taken, strong) or [replace(c, weak=True) for c in _calls(request, taken, weak)]


def _calls(request: Text, taken: set[int], phrases: list[tuple[str, Known | None]]) -> list[Called]:
    taken = taken | _idle_orders(request) | _logging(request)
    found: dict[str, list[int]] = {}
    by_name = {domain.name: domain for _, domain in phrases if domain is not None}
    for phrase, domain in sorted(phrases, key=lambda p: (-len(phrase_words(p[0])), p[0])):
        for start, end in request.places(phrase):
            if not taken & set(range(start, end)):
                taken |= set(range(start, end))
                if domain is not None:
                    found.setdefault(domain.name, []).extend(range(start, end))
    calls = [
        Called(by_name[name], _first_words(request, places), tuple(sorted(places))) for name, places in found.items()
    ]
    return sorted(calls, key=lambda c: c.places[0])


def _first_words(request: Text, places: list[int]) -> str:
    """The first run of words among these places."""
    first = last = min(places)
    while last + 1 in places:
        last += 1
    return request.said(first, last + 1)


def _logging(request: Text) -> set[int]:
    """Where ``logs`` is what one does: ``each tank logs its temperature``."""
    tokens = request.tokens
    return {
        i
        for i in request.index.get("logs", ())
        if i > 1 and tokens[i - 2].low in ("each", "every") and tokens[i - 1].one == tokens[i - 1].low
    }


def _idle_orders(request: Text) -> set[int]:
    """Where ``order`` is no order: ``in order to``, ``per conversation order``, ``order by``, ``out of order``."""
    found = set()
    for i, token in enumerate(request.tokens):
        if token.one != "order":
            continue
        before = [t.low for t in request.tokens[max(0, i - 3) : i]]
        after = request.tokens[i + 1].low if i + 1 < len(request.tokens) else ""
        sorting = before[-1:] and before[-1] in (
            "in", "sort", "any", "time", "reverse", "chronological", "total", "causal", "strict", "this", "that",
            "right", "same", "message", "preserve", "keep", "descending", "ascending", "alphabetical", "conversation",
        )  # fmt: skip
        if token.low == "order" and (
            sorting or after in ("to", "by", "of") or before[-2:-1] == ["per"] or before[-2:] == ["out", "of"]
        ):
            found.add(i)
    return found


class Selection(Struct, frozen=True):
    """What of a domain a request asks for. `why`: by the piece's path, the words that asked for it."""

    domain: Domain
    why: dict[str, str]
    steps: tuple[tuple[int, Step], ...] = ()


def select(one: Known, request: Text, facets: Mapping[str, str]) -> Selection:
    """The pieces of a domain that a request with these facets (and the words that called each) asks for."""
    chosen = _Choice(request, facets, _names(one, request))
    pieces = {kind: list(chosen.pieces(one.pieces.get(kind, ()), kind)) for kind in KINDS}
    _drop_sourceless(pieces)
    _drop_unknown_fields(pieces)
    steps = () if "saga" not in facets else tuple((s["at"], _step(s)) for s in one.steps)
    return Selection(msgspec.convert(pieces, Domain), chosen.why, steps)


def _step(raw: dict[str, Any]) -> Step:
    return msgspec.convert({k: v for k, v in raw.items() if k != "at"}, Step)


def _names(one: Known, request: Text) -> dict[str, str]:
    """For each placeholder the word that the request uses, or the file's own."""
    return {key: _name(options, request) for key, options in one.names.items()}


def _name(options: Mapping[str, Any], request: Text) -> str:
    """The first of a file's names of which the request has a word."""
    spoken = (name for name, words in options.items() if name != "otherwise" and request.has(words))
    return next(spoken, str(options["otherwise"])).replace("_", " ")


class _Choice:
    """Picks pieces, and keeps the words that asked for each."""

    def __init__(self, request: Text, facets: Mapping[str, str], names: dict[str, str]) -> None:
        self.request, self.facets, self.names = request, facets, names
        self.verbs = request.verbs()
        self.why: dict[str, str] = {}
        self.present: set[str] = set()

    def pieces(self, raw: Any, path: str) -> Iterator[dict[str, Any]]:
        for piece in raw:
            asked = self._asked(piece.get("when", ()))
            if asked is None or (piece.get("unless") and self._asked(piece["unless"])):
                continue
            if not set(self._put(piece.get("needs", []))) <= self.present:
                continue
            one = self._resolved(piece, f"{path}.{self._put(piece.get('name', ''))}")
            self.present.add(one.get("name", ""))
            if asked or piece.get("why"):
                self.why[f"{path}.{one.get('name')}"] = piece.get("why") or asked
            yield one

    def _asked(self, when: Any) -> str | None:
        """The word that asks, of those that a piece waits for; "" where it waits for none."""
        for word in when:
            if word.startswith("@"):
                if word[1:] in self.facets:
                    return self.facets[word[1:]]
            elif self.request.has([word]) or word in self.verbs:
                return str(word)
        return None if when else ""

    def _resolved(self, piece: Mapping[str, Any], path: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for also in piece.get("also", ()):
            piece = {**piece, **also} if self._asked(also["when"]) else piece
        for key, value in piece.items():
            if key in ("when", "unless", "needs", "why", "said", "instead", "also"):
                continue
            if key in ("events", "holds"):
                made[key] = list(self.pieces(value, f"{path}.{key}"))
            elif key in ("fields", "key", "values") and isinstance(value, dict):
                made[key] = [field(self._put(n), self._put(t)) for n, t in value.items()]
            else:
                made[key] = self._put(value)
        self._say(piece, made, path)
        if isinstance(piece.get("key"), dict):
            made["key"] = made["key"][0]
        _drop_unknown_states(made)
        return made

    def _say(self, piece: Mapping[str, Any], made: dict[str, Any], path: str) -> None:
        """Adds the fields that the request names."""
        into = "values" if "values" in made else "fields"
        held = {f.name for f in made.get(into, ()) if isinstance(f, Field)}
        said = (n for n in piece.get("said", {}) if n not in held)
        spoken = [n for n in said if self.request.has([n.replace("_", " ")])]
        fields = [field(n, piece["said"][n]) for n in spoken]
        if fields:
            dropped = piece.get("instead", ())
            made[into] = [f for f in made.get(into, []) if f.name not in dropped] + fields
            for one in fields:
                self.why[f"{path}.{into}.{one.name}"] = one.name.replace("_", " ")
        if into == "values" and made.get("values"):
            self.names["first"] = made["values"][0].name

    def _put(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.format(**self.names) if "{" in value else value
        if isinstance(value, list):
            return [self._put(v) for v in value]
        if isinstance(value, dict):
            return {self._put(k): self._put(v) for k, v in value.items()}
        return value


def _drop_sourceless(pieces: dict[str, list[dict[str, Any]]]) -> None:
    """What is derived from something that the request leaves to a service of its own is left out with it."""
    held = {
        one["name"] for kind in KINDS if kind not in ("views", "streams", "batches", "services") for one in pieces[kind]
    }
    pieces["tables"] = [
        t for t in pieces["tables"] if {f.references for f in t.get("fields", ()) if f.references} <= held
    ]
    pieces["views"] = [v for v in pieces["views"] if set(v["sources"]) <= held]
    for kind in ("streams", "batches"):
        pieces[kind] = [one for one in pieces[kind] if one["source"] in held]


def _drop_unknown_fields(pieces: dict[str, list[dict[str, Any]]]) -> None:
    """A view has the fields that its source has here: who does not speak of cities does not search by them."""
    for view in pieces["views"]:
        known = {"state"}
        for source in (s for kind in KINDS for s in pieces[kind] if s["name"] in view["sources"]):
            known |= _field_names(source)
        for key in ("fields", "dimensions"):
            view[key] = [f for f in view.get(key, ()) if f in known]


def _field_names(source: dict[str, Any]) -> set[str]:
    held = [*source.get("fields", ()), *source.get("values", ())]
    held += [f for e in source.get("events", ()) for f in e.get("fields", ())]
    return {f.name for f in held if isinstance(f, Field)} | ({source["key"].name} if "key" in source else set())


def _drop_unknown_states(made: dict[str, Any]) -> None:
    """An event follows only states that there are: who does not pay for orders has no paid ones."""
    if "events" in made:
        states = {e.get("state") for e in made["events"]}
        for event in made["events"]:
            event["after"] = [s for s in event.get("after", ()) if s in states]
