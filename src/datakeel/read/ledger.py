"""What each answer rests on: texts that were read for it, names that were looked for in them, other answers. So a later
review knows which answers still hold."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from msgspec import Struct

TEXT, NAME, ANSWER, NOTE = "text", "name", "answer", "note"
EVERYWHERE = "everywhere"
DECLARATIONS = "*declarations"  # a name that stands for what classes declare of all their columns
Thing = tuple[str, Hashable]  # what sort of thing, and which


class Root(Struct, frozen=True, gc=False):
    """An answer that a review asks for by itself, and that is kept for the next one."""

    kind: str
    path: str = ""
    name: str = ""


class News(Struct, frozen=True, gc=False):
    """What a ledger has learnt since it was last asked: its things from number `first` on (answers that are no roots
    have no name), and what answers rest on."""

    first: int
    things: tuple[Thing, ...]
    rests: dict[int, tuple[int, ...]]


class Ledger:
    """Things by their numbers, and for each answer the numbers of the things that it rests on. A thing is the text of
    a function, or of a column's declaration (its file, its name there), a name that was looked for in all texts,
    another answer, or a note that was taken on the way.

    >>> ledger = Ledger()
    >>> tea, tax = Root("price of tea"), Root("tax")
    >>> with ledger.answering(tea):
    ...     ledger.rests_on(TEXT, "price()")
    ...     with ledger.answering(tax):
    ...         ledger.rests_on(TEXT, "tax()")
    >>> sorted(root.kind for root in ledger.fallen([(TEXT, "tax()")]))
    ['price of tea', 'tax']
    >>> sorted(root.kind for root in ledger.fallen([(TEXT, "price()")]))
    ['price of tea']
    """

    def __init__(self) -> None:
        self.numbers: dict[Thing, int] = {}
        self.things: list[Thing] = []
        self.rests: dict[int, Collection[int]] = {}  # of answers
        self.open: list[set[int]] = [set()]  # what the answers that are being worked out rest on, as far as is known
        self.closed: set[int] = set()  # answers that were worked out since the last news
        self.told = 0  # things that were told as news

    def number(self, thing: Thing) -> int:
        found = self.numbers.get(thing)
        if found is None:
            found = self.numbers[thing] = len(self.things)
            self.things.append(thing)
        return found

    def rests_on(self, kind: str, what: Hashable) -> None:
        """Notes that whatever is being worked out rests on a thing."""
        self.open[-1].add(self.number((kind, what)))

    def rests_on_number(self, number: int) -> None:
        """The same, of a thing by its number."""
        self.open[-1].add(number)

    @contextmanager
    def answering(self, what: Hashable) -> Iterator[None]:
        """All that is noted inside is what this answer rests on; whoever is being answered round it rests on it."""
        number = self.number((ANSWER, what))
        self.open[-1].add(number)
        before = self.rests.get(number, ())
        own = self.rests[number] = before if isinstance(before, set) else set(before)
        self.open.append(own)
        try:
            yield
        finally:
            self.open.pop()
            self.closed.add(number)
            if own is not before and what != EVERYWHERE:  # else it stands inside itself, or is added to again and again
                self.rests[number] = tuple(own)

    def everywhere(self) -> AbstractContextManager[None]:
        """What is worked out inside, once, is told to whoever asks: all may rest on it."""
        return self.answering(EVERYWHERE)

    # From one process, and from one review, to another ----------------------------------------------------------------

    def news(self) -> News:
        """What came in since the last time."""
        first, self.told = self.told, len(self.things)
        rests = {n: tuple(self.rests[n]) for n in sorted(self.closed) if self.rests[n]}
        self.closed.clear()
        return News(first, tuple(told(thing) for thing in self.things[first:]), rests)

    def told_whole(self) -> News:
        """All that it knows, as news for another one."""
        return News(0, tuple([told(t) for t in self.things]), {n: tuple(r) for n, r in self.rests.items() if r})

    @classmethod
    def of(cls, news: News) -> Ledger:
        """The ledger that told all that it knows: its things keep their numbers."""
        ledger = cls()
        ledger.things = list(news.things)
        ledger.numbers = {thing: number for number, thing in enumerate(news.things) if thing[1] is not None}
        ledger.rests = dict(news.rests)
        return ledger

    def take(self, news: News, known: list[int]) -> None:
        """Takes over another ledger's news. `known` are the numbers that its things have here, as far as they were
        taken over before; it grows."""
        for kind, what in news.things:
            known.append(self.number((kind, what)) if what is not None else self.nameless())
        for number, rests in news.rests.items():
            here = known[number]
            now = tuple([known[n] for n in rests])
            before = self.rests.get(here)
            self.rests[here] = now if before is None else tuple({*before, *now})

    def nameless(self) -> int:
        self.things.append((ANSWER, None))
        return len(self.things) - 1

    def notes(self, first: int = 0) -> Iterator[object]:
        """The notes among the things from a number on."""
        return (what for kind, what in self.things[first:] if kind == NOTE)

    def notes_of(self, roots: Iterable[Root], met: set[int]) -> Iterator[object]:
        """The notes that were taken on the way to these roots, and to what is known everywhere, but for what was `met`
        before; that grows."""
        return (what for kind, what in map(self.things.__getitem__, self.reached(roots, met)) if kind == NOTE)

    # What holds -------------------------------------------------------------------------------------------------------

    def fallen(self, changed: Iterable[Thing]) -> set[Root]:
        """The roots that rest on what has changed, directly or through others; all of them, where what is known
        everywhere does."""
        resting: dict[int, list[int]] = {}
        for answer, rests in self.rests.items():
            for number in rests:
                resting.setdefault(number, []).append(answer)
        met: set[int] = set()
        waiting = [self.numbers[thing] for thing in changed if thing in self.numbers]
        while waiting:
            for answer in resting.get(waiting.pop(), ()):
                if answer not in met:
                    met.add(answer)
                    waiting.append(answer)
        all_fall = self.numbers.get((ANSWER, EVERYWHERE)) in met
        return {what for n, (_, what) in enumerate(self.things) if isinstance(what, Root) and (all_fall or n in met)}

    def reached(self, roots: Iterable[Root], met: set[int]) -> list[int]:
        """The numbers of these roots, of what is known everywhere, and of all that they rest on, but for what was `met`
        before; that grows."""
        found: list[int] = []
        wanted = [*((ANSWER, root) for root in roots), (ANSWER, EVERYWHERE)]
        waiting = [self.numbers[thing] for thing in wanted if thing in self.numbers]
        while waiting:
            number = waiting.pop()
            if number not in met:
                met.add(number)
                found.append(number)
                waiting += self.rests.get(number, ())
        return found

    def forget(self, roots: Iterable[Root]) -> None:
        """Forgets what these roots rest on: another ledger tells it anew."""
        for root in roots:
            self.rests.pop(self.number((ANSWER, root)), None)

    def standing_on(self, roots: Iterable[Root]) -> Ledger:
        """The part of this ledger that these roots rest on, and what is known everywhere."""
        met = self.reached(roots, set())
        part = Ledger()
        known = {n: part.number(t) if (t := told(self.things[n]))[1] is not None else part.nameless() for n in met}
        part.rests = {known[n]: tuple(known[m] for m in self.rests[n]) for n in met if n in self.rests}
        return part


def told(thing: Thing) -> Thing:
    """A thing as others may know it: answers that are no roots have no name outside."""
    kind, what = thing
    return thing if kind != ANSWER or what == EVERYWHERE or isinstance(what, Root) else (ANSWER, None)
