"""What one review's link leaves for the next: the answers to its roots, and what they rest on.

After an edit inside functions those answers hold that rest on no text that changed; places move with their lines. An
edit of anything else (a signature, a class, an import, a module's own statements) lets all of them fall.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from datakeel.model.place import Place
from datakeel.model.system import Remark
from datakeel.read.facts import Facts, Shelf
from datakeel.read.ledger import DECLARATIONS, NAME, TEXT, Ledger, Root, Thing
from datakeel.read.moved import Changed, Moves, moves
from datakeel.read.program import decode

Answers = dict[Root, object]
GROWN = 1.5  # times the ledger's size: then what is of no use any more is looked for, and left out
REBUILD = ("msgspec._utils", "rebuild")  # by which records with named fields are made again
BY_NAME = ("builtins", "getattr")  # how Python 3.11.0 to 3.11.3 keep an enumeration's member


class Index(Struct, frozen=True):
    """What is kept of one link: the keys of the facts that it rests on, and of the blobs with the ledger and with the
    answers, by the file that these are about (empty: about all). `things`: how many the ledger knew when all of them
    were of use."""

    facts: dict[str, bytes]
    ledger: bytes
    things: int
    answers: dict[str, bytes]


class Kept:
    """The answers of the last link that still hold, on the shelf where a project's facts are; `key` names the project
    and its circumstances. Without a shelf, none."""

    def __init__(self, shelf: Shelf | None = None, key: bytes = b"", facts: Facts | None = None) -> None:
        self.shelf = shelf
        self.key = key
        self.facts = facts
        self.nothing()
        if shelf is not None and facts is not None:
            try:
                self.load(shelf, facts)
            except Exception:  # whatever stands there: it is of no use, and all is linked anew
                self.nothing()

    def nothing(self) -> None:
        self.index = Index({}, b"", 0, {})
        self.ledger = Ledger()
        self.moved: dict[str, Moves] = {}
        self.fallen: set[Root] = set()
        self.roots: set[Root] = set()
        self.groups: dict[str, Answers] = {}  # by the file that they are about
        self.stale: set[str] = set()  # groups in which a place has moved
        self.asked: set[Root] = set()
        self.noted: set[int] = set()  # things of the ledger whose notes were given
        self.blobs: dict[str, bytes] = {}  # the keys of what this review keeps, by the file that it is about

    def load(self, shelf: Shelf, facts: Facts) -> None:
        """Reads what holds. Raises whatever it may where the shelf has nothing, or something else, or more has
        changed."""
        index = msgspec.msgpack.decode(found(shelf, self.key), type=Index)
        self.moved = dict(self.compared(shelf, facts, index))
        self.ledger = Ledger.of(Moving(found(shelf, index.ledger), self.moved).load())
        self.roots = {what for _, what in self.ledger.things if isinstance(what, Root)}
        self.fallen = self.ledger.fallen(changed(self.moved))
        for path in {root.path for root in self.roots - self.fallen} & index.answers.keys():
            reader = Moving(found(shelf, index.answers[path]), self.moved)
            self.groups[path] = reader.load()
            if reader.met:
                self.stale.add(path)
        self.roots = {root for root in self.roots if root in self.fallen or root in self.groups.get(root.path, ())}
        self.index = index

    def compared(self, shelf: Shelf, facts: Facts, index: Index) -> Iterator[tuple[str, Moves]]:
        """What has moved in the files that changed. Raises Changed where it is more than that."""
        if index.facts.keys() != facts.keys.keys():
            raise Changed
        for path, key in facts.keys.items():
            before = index.facts[path]
            if before != key:
                yield path, moves(decode(bytes(found(shelf, before))), facts.files[path])

    # Asking -----------------------------------------------------------------------------------------------------------

    def holds(self, root: Root) -> bool:
        return root in self.roots and root not in self.fallen

    def answer(self, root: Root) -> Any:
        """The answer to a root that holds."""
        self.asked.add(root)
        return self.groups[root.path][root]

    def notes(self, *kinds: str) -> Iterator[object]:
        """What was noted on the way to the answers that hold, to roots of these kinds."""
        return self.notes_of(root for root in self.roots - self.fallen if root.kind in kinds)

    def notes_of(self, roots: Iterable[Root]) -> Iterator[object]:
        """What was noted on the way to these answers, and not given before."""
        return self.ledger.notes_of(roots, self.noted)

    # Keeping ----------------------------------------------------------------------------------------------------------

    def keep(self, answers: Answers, written: Mapping[str, bytes], ledger: Ledger) -> None:
        """Keeps the answers that were worked out now, beside those that were asked for and still hold, for the next
        review. `written` are answers about one file, as another process wrote them."""
        if self.shelf is None or self.facts is None:
            return
        held = self.asked - answers.keys()
        things = self.index.things
        if held:
            self.ledger.forget(self.roots - held)
            self.ledger.take(ledger.told_whole(), [])
            ledger = self.ledger
            if len(ledger.things) > GROWN * things:
                ledger = ledger.standing_on({*held, *answers})
                things = len(ledger.things)
        else:
            things = len(ledger.things)
        now, before = by_path(answers), by_path({root: self.groups[root.path][root] for root in held})
        blobs = self.blobs
        for path in now.keys() | before.keys():
            fresh, standing = now.get(path, {}), before.get(path, {})
            if not fresh and path not in self.stale:
                blobs[path] = self.index.answers[path]
            elif path in written and not standing and len(fresh) == 1:
                blobs[path] = self.put(written[path])
            else:
                blobs[path] = self.put(pickled(standing | fresh))
        index = Index(self.facts.keys, self.put(pickled(ledger.told_whole())), things, blobs)
        self.shelf.put(self.key, msgspec.msgpack.encode(index))

    def put(self, blob: bytes) -> bytes:
        assert self.shelf is not None
        key = blake2b(blob, digest_size=16).digest()
        self.shelf.put(key, blob)
        return key


def by_path(answers: Answers) -> dict[str, Answers]:
    """Answers by the file that they are about."""
    groups: dict[str, Answers] = {}
    for root, answer in answers.items():
        groups.setdefault(root.path, {})[root] = answer
    return groups


def touch(shelf: Shelf, key: bytes) -> None:
    """Says that what is kept under a key is still of use, though this review did not ask for it: a shelf drops what
    nobody asks for."""
    blob = shelf.get(key)
    if blob is not None:
        index = msgspec.msgpack.decode(blob, type=Index)
        for other in (index.ledger, *index.answers.values(), *index.facts.values()):
            shelf.get(other)


def found(shelf: Shelf, key: bytes) -> bytes | memoryview:
    """What stands under a key. Raises KeyError where there is nothing."""
    blob = shelf.get(key)
    if blob is None:
        raise KeyError(key)
    return blob


def pickled(what: object) -> bytes:
    return pickle.dumps(what, pickle.HIGHEST_PROTOCOL)


class Moving(pickle.Unpickler):
    """Reads what was kept, each place where its code stands now. It makes nothing but what the model and this reader
    are made of: a cache that somebody else wrote can run no code."""

    def __init__(self, blob: bytes | memoryview, moved: Mapping[str, Moves]) -> None:
        super().__init__(io.BytesIO(blob))
        self.moved = moved
        self.met = False

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == REBUILD:
            return super().find_class(module, name)
        if (module, name) == BY_NAME:
            return member
        found = super().find_class(module, name) if module.startswith("datakeel.") and "." not in name else None
        if not isinstance(found, type) or not issubclass(found, Struct | Enum):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of what is kept")
        if self.moved and found in (Place, Remark):
            return self.place if found is Place else self.remark
        return found

    def place(self, path: str, line: int, column: int, end_line: int, end_column: int) -> Place:
        stood = Place(path, line, column, end_line, end_column)
        found = self.moved.get(path)
        stands = found.place(path, line, column, end_line, end_column) if found is not None else stood
        self.met = self.met or stands != stood
        return stands

    def remark(self, path: str, line: int, text: str) -> Remark:
        found = self.moved.get(path)
        stands = found.at(line) if found is not None else line
        self.met = self.met or stands != line
        return Remark(path, stands, text)


def member(kind: type, name: str) -> Enum:
    """An enumeration's member, and no other attribute of anything."""
    if not issubclass(kind, Enum):
        raise pickle.UnpicklingError(f"{kind.__name__}.{name} is no member of an enumeration")
    return kind[name]


def changed(moved: Mapping[str, Moves]) -> Iterator[Thing]:
    """What an answer may rest on that is another thing now."""
    from datakeel.read.orms.django.schema.fields import ENDINGS  # noqa: PLC0415  (all ORMs come with it)

    if any(found.declarations for found in moved.values()):
        yield NAME, DECLARATIONS
    for path, found in moved.items():
        yield from ((TEXT, (path, name)) for name in found.declarations)
        for function, words in found.functions.items():
            yield TEXT, (path, function)
            yield from ((NAME, word) for word in words)
            yield from ((NAME, f"*{ending}") for ending in ENDINGS if any(w.endswith(ending) for w in words))
