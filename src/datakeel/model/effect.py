"""One thing done to the world: an effect, the rows it touches, where its values come from, and what stands round it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from datakeel.model.certainty import Answer, Origin
from datakeel.model.place import NOWHERE, Place


class Kind(StrEnum):
    """The closed set of effects. Commit and rollback are effects on a transaction: they end it."""

    READ = "read"
    WRITE = "write"
    ALTER = "alter"
    PUBLISH = "publish"
    CONSUME = "consume"
    ACK = "ack"
    CALL = "call"
    LOCK = "lock"
    UNLOCK = "unlock"
    CLOCK = "clock"
    WAIT = "wait"
    SPAWN = "spawn"
    LOG = "log"
    COMMIT = "commit"
    ROLLBACK = "rollback"


class StoreKind(StrEnum):
    RELATIONAL = "relational"
    DOCUMENT = "document"
    WIDE_COLUMN = "wide-column"
    KEY_VALUE = "key-value"
    CACHE = "cache"
    SEARCH = "search"
    LOG = "log"
    QUEUE = "queue"
    OBJECT = "object"
    FILE = "file"
    GRAPH = "graph"
    REMOTE = "remote"
    MAIL = "mail"
    PROCESS = "process"
    MEMORY = "memory"
    NONE = ""


class When(StrEnum):
    """When an effect happens, seen from the statement that stands in the code."""

    NOW = "now"
    AFTER_COMMIT = "after-commit"
    AFTER_COMPLETION = "after-completion"
    AT_EXIT = "at-exit"
    CONCURRENT = "concurrent"
    ELSEWHERE = "elsewhere"


class Source(Struct, frozen=True, order=True, gc=False):
    """Where a value was computed from.

    `kind` is ``read`` (then `number` is the effect's number and `path` the column), ``parameter`` (then `name` is the
    parameter and `path` the attributes), ``result`` (a component of what an effect gave: ``rowcount``, ``created``,
    ``value``), ``new`` (a row that construction `number` made, with what its store fills in), ``clock``, ``span`` (a
    stretch of time), ``zone`` (a time was given its zone), ``random``, ``loop`` (it differs from one turn of a loop to
    the next), ``encoding`` and ``decoding`` (then `name` is the function: ``pickle.dumps``), ``hash`` (of a process:
    ``hash(x)``; `path` is the type of x where it is known), ``remainder`` (``x % len(y)``), ``entry`` (one entry of a
    document was given a value that does not come from the document: `name` is its key), ``global`` (then `name` is its
    dotted name).
    """

    kind: str
    number: int = -1
    name: str = ""
    path: tuple[str, ...] = ()


class Rows(Struct, frozen=True, order=True, gc=False):
    """The identity of rows (or of one message, key or document): the same token means the same rows.

    `root` is ``read:N``, ``new:N`` (created by effect or construction N), ``parameter:NAME``, ``global:DOTTED`` or
    ``element:N`` (one row of many that were read by N); `path` follows relations and attributes from there.
    """

    root: str
    path: tuple[str, ...] = ()


class Predicate(Struct, frozen=True, gc=False):
    """``column operator value``. Operators: ``= != < <= > >= in like is-null not-null between contains search``.

    `value` names the value canonically, so that equal texts are equal values: ``const:'new'``, ``parameter:order_id``,
    ``read:3.id``; the empty text when it was not understood. `sources` say what it was computed from.
    """

    column: str
    operator: str
    value: str = ""
    sources: tuple[Source, ...] = ()


class Cardinality(StrEnum):
    ONE = "one"  # by a unique key, or by construction
    AT_MOST = "at-most"  # a limit is set
    MANY = "many"
    UNKNOWN = "unknown"


class Selection(Struct, frozen=True, gc=False):
    """Which rows an effect acts on, and how.

    `columns` are those read (None: all); `lock` is ``update``, ``share``, ``advisory`` or empty; `order` the columns
    of the order; `limit` a number, 0 when bounded by something unknown, None when unbounded; `aggregate` is
    ``count``, ``sum``, ``exists``, ``max`` … or empty; `skip_locked` and `nowait` as in SQL; `replica` whether a
    follower is read; `offset` whether rows are skipped by number; `joins` the other datasets that it reads; `grouped`
    whether it gives groups, or distinct values, which may be few however many rows there are.
    """

    predicates: tuple[Predicate, ...] = ()
    cardinality: Cardinality = Cardinality.UNKNOWN
    columns: tuple[str, ...] | None = None
    lock: str = ""
    order: tuple[str, ...] = ()
    limit: int | None = None
    aggregate: str = ""
    skip_locked: bool = False
    nowait: bool = False
    replica: Answer = Answer.NO
    offset: bool = False
    joins: tuple[str, ...] = ()
    complete: bool = True  # False: there are predicates that were not understood
    grouped: bool = False

    def equality_columns(self) -> frozenset[str]:
        """The columns that are compared by equality with a value (joining two columns selects no row)."""
        return frozenset(
            p.column for p in self.predicates if p.operator in ("=", "is-null") and not p.value.startswith("column:")
        )


class Assignment(Struct, frozen=True, gc=False):
    """One column that a write sets, and what the value was computed from.

    `how` says what sets it: ``value`` (computed by the application), ``atomic`` (computed by the store from its own
    current value: ``x = x + 1``, ``F("x") + 1``), ``derived`` (computed by the store from other columns), ``constant``,
    ``default`` (filled by the store), ``unknown``.
    `text` is the constant's text where there is one; ``$push`` where a document's array grows by the value.
    """

    column: str
    how: str = "value"
    sources: tuple[Source, ...] = ()
    place: Place | None = None
    text: str = ""


class Guard(Struct, frozen=True, gc=False):
    """A condition that holds where an effect happens.

    `test` is ``truth``, ``==``, ``!=``, ``<`` …, ``in``, ``is-none``, ``exists``, ``exception`` (then `text` is the
    exception's class and `sources` the effects that raise it). `polarity` False: the condition is false there. `text`
    is the constant compared with, or the exception's name; of an ``and`` that is false or an ``or`` that is true (only
    the whole is known), the first comparison in it by order (``<`` …).
    """

    test: str
    polarity: bool
    sources: tuple[Source, ...] = ()
    text: str = ""
    place: Place | None = None


class Scope(Struct, frozen=True, gc=False):
    """A stretch of control flow that an effect stands in. Effects that carry the same `number` are in the same one.

    `kind` and `arm`: ``branch`` (``then``/``else``; `text` ``aside``: the other arm only
    puts something aside, for whoever sees to it later), ``loop`` (``body``/``else``; `unbounded` for ``while True``
    or a poll loop), ``try`` (``body``/``handler:N``/``else``/``finally``), ``transaction``, ``savepoint``, ``lock``,
    ``retry``, ``timeout`` (`text` is the limit; ``None`` is none), ``semaphore`` (`text`: how many), ``breaker``,
    ``call`` (the callee's body), ``deferred`` (a callable that runs at another time), ``memo`` (a function that
    remembers what it gave). `over`: the rows that a loop goes through one by one.
    """

    number: int
    kind: str
    arm: str = ""
    place: Place | None = None
    text: str = ""
    unbounded: bool = False
    over: Rows | None = None


class Option(Struct, frozen=True, gc=False):
    """One resolved option of a call or resource, under the name that its library gives it. `value` is its canonical
    text (``None``, ``5``, ``'all'``) or empty when it is not known; `given` False: it is the library's default.
    `place`: where it was decided, when that is not the call itself (where the client was made).

    `word` is the model's own word for it, one for all libraries: ``acks``, ``ahead`` (how far ahead of now the moment
    lies that the column of that name is given), ``auto-ack``, ``auto-commit``, ``backoff``,
    ``condition``, ``connect-timeout``, ``delay``, ``delivery-report``, ``durable``, ``expiry``, ``gone-through`` (of a
    read: its answer's entries are), ``group``, ``idempotence``, ``in-flight``, ``isolation``, ``jitter``, ``late-ack``,
    ``offset-store``, ``outer-timeout`` (the call takes none of its own: its connection or its process has one),
    ``page-size``, ``page-token``, ``partitions``, ``prefetch``, ``replicas``, ``retries``, ``route`` (what picked the
    node or partition), ``start``, ``timeout``, ``wait`` … `unit` is that of a time: ``s``, ``ms``, ``min``.
    """

    name: str
    value: str
    given: bool = True
    place: Place | None = None
    word: str = ""
    unit: str = ""
    source: Source | None = None  # of a value that is not known: a caller may know it, or it is drawn by lot

    def __lt__(self, other: Option) -> bool:
        """Options stand in the order of their fields; what is not known stands first.

        >>> known = Option("queue", "", source=Source("parameter", name="queue"))
        >>> [o.source is None for o in sorted((known, Option("queue", "")))]
        [True, False]
        """
        return sort_key(self) < sort_key(other)

    def seconds(self) -> float | None:
        """A time in seconds; None when it is not a known number."""
        try:
            number = float(self.value)
        except ValueError:
            return None
        return number * UNITS.get(self.unit, 1.0)


def sort_key(option: Option) -> tuple[object, ...]:
    unknown = (option.place is not None, option.source is not None)
    whole = (option.place or NOWHERE, option.source or Source(""))
    return (option.name, option.value, option.given, option.word, option.unit, *unknown, *whole)


UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0}


def chosen(options: tuple[Option, ...], name: str) -> Option | None:
    """An option by its own name, or by the model's word for it: of several of one word, one that says something."""
    found = [o for o in options if name and name in (o.name, o.word)]
    own = next((o for o in found if o.name == name), next(iter(found), None))
    return next((o for o in found if o.given and o.value != "None"), own)


class Effect(Struct, frozen=True, gc=False):  # fields by their place: by keywords, pickling takes three times as long
    """One effect of an operation, its own or a callee's. What is not known is empty, None or UNKNOWN, never guessed.

    `number` orders the effects of one operation and names it in Sources and Rows. `verb` is finer than `kind`:
    ``select``, ``insert``, ``update``, ``delete``, ``upsert``, ``save`` (a whole object), ``append``, ``set``,
    ``get``, ``increment``, ``send``, ``http``, ``sql`` … `connection` names the connection or alias it uses.
    `transaction` is the number of the transaction it belongs to, or None outside any (autocommit). `locks` are the
    numbers of the lock effects held. `chain` holds the places of the calls that lead to it, outermost first; empty
    for an effect of the operation itself. `call` is the number of the outermost of those calls. `unit` is the number
    of the atomic statement: effects that share it happen as one.
    """

    number: int
    kind: Kind
    verb: str
    place: Place
    store: StoreKind = StoreKind.NONE
    technology: str = ""
    connection: str = ""
    dataset: str = ""
    selection: Selection | None = None
    rows: Rows | None = None
    assigned: tuple[Assignment, ...] = ()
    whole_row: bool = False  # it writes every column, also those that were not assigned
    conflict: str = ""  # what an insert does on a duplicate: "", "ignore", "update"
    key: str | None = None  # the message's or cache entry's key, canonically; None: none is given; "": not known
    key_sources: tuple[Source, ...] = ()
    payload: tuple[Source, ...] = ()  # what a message or call carries
    guards: tuple[Guard, ...] = ()
    scopes: tuple[Scope, ...] = ()
    transaction: int | None = None
    locks: tuple[int, ...] = ()
    options: tuple[Option, ...] = ()
    when: When = When.NOW
    blocking: bool = False  # it holds the thread while it waits
    idempotent: Answer = Answer.UNKNOWN
    origin: Origin = Origin.RESOLVED
    chain: tuple[Place, ...] = ()
    call: int | None = None
    callee: str = ""  # the operation that the call enters
    text: str = ""  # the statement, URL or command, as far as it is known
    awaited: bool = False
    result_used: bool = True

    def option(self, name: str) -> Option | None:
        """An option by its library's name for it, or by the model's word."""
        return chosen(self.options, name)

    def inside(self, kind: str) -> Scope | None:
        """The innermost scope of that kind, or None."""
        return next((s for s in reversed(self.scopes) if s.kind == kind), None)

    def gave(self, source: Source) -> bool:
        """Whether a value is of what this read gave."""
        return source.kind == "read" and source.number == self.number

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """The conditions by which its rows are found; none, where it selects none."""
        return self.selection.predicates if self.selection is not None else ()

    @property
    def seconds(self) -> float | None:
        """How long a wait lasts by what it says itself; None where that is no known number."""
        try:
            return float(self.text)
        except ValueError:
            return None

    @property
    def own(self) -> bool:
        """Whether it stands in the operation's own text, at most through the object's own ``save``."""
        return not self.chain or (len(self.chain) == 1 and self.callee.endswith(".save"))

    @property
    def round_call(self) -> tuple[Scope, ...]:
        """The scopes that stand round it in the operation's own text: past a call, none of the callee's."""
        return tuple(s for s in self.scopes if self.call is None or s.number <= self.call)

    @property
    def computed_from(self) -> frozenset[Source]:
        return frozenset(s for a in self.assigned for s in a.sources)
