"""Library models as data: what a call of a library does, loaded from tables and checked while loading.

A table is a TOML file (``languages/<language>/libraries/<name>.toml``); `docs/library-models.md` describes it for
people. In short:

- ``[types."dotted.Name"]``: a class: what calling it makes, its options with defaults, its bases, what its attributes
  are.
- ``[calls."dotted.name"]`` or ``[calls."dotted.Type.method"]``: what a call does, and which argument carries what.
- ``[classes."dotted.Base"]``: what methods of a subclass are entry points; a ``*`` stands for any text
  (``"*.serializers.*Serializer"``).
- ``[named]``: settings whose texts name functions and classes (``MIDDLEWARE``), and what entry points these are.
- ``[values]``: objects that the library has made (``"django.core.cache.cache"``), with their type.
- ``[handed]``: what stands for an argument of whatever runs (``"flask.request"``), with its type.
- ``[constants]``: what a library's constants mean where they are given as options.
- ``[conventions]``: variable names that mean a type where nothing better is known.
- ``[aliases]``: other dotted names of the same thing; a prefix may end in ``.*``, and a ``*`` elsewhere stands for any
  text (``"*_pb2_grpc.*Stub"``). A class of the project that an alias names is the library's.
- ``[example]``: ``code``, whose lines are marked with the effects they have; it is run by the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from datakeel.mistake import Mistake

if TYPE_CHECKING:
    from datakeel.read.facts import Shelf


class Opens(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What entering a context, or being decorated, opens. `scope` is transaction, savepoint, lock, semaphore, breaker,
    retry, timeout, suppress (exceptions of the classes that are its arguments go no further), thread (another one runs
    it, and the caller's is free), stack (what is entered on it stays open to its end) or resource; empty with `by`: the
    scope that the receiver opens."""

    scope: str = ""
    connection: str = ""  # an argument, or "self"
    isolation: str = ""  # an argument
    lock: str = ""  # process, distributed, advisory, optimistic
    name: str = ""  # an argument that names the lock
    ends: str = ""  # the effect that leaving normally has ("ack ack")
    given: str = ""  # nothing is opened unless this argument is given
    implicit: bool = False  # the transaction begins by first use, and the scope's end commits it
    commits: bool = True  # leaving normally commits
    closes: bool = False  # leaving releases the resource
    limit: str = ""  # timeout, semaphore: the argument that says how long, or how many; None is no limit
    by: str = ""  # "self": it opens what the receiver, made before, opens
    encloses: bool = False  # its arguments are evaluated inside (`wait_for(call(), 5)`)


class Retries(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What arguments say of a retry. `attempts` and `on` name an argument each (``a|b``: the first that is given);
    `bounds` are arguments that end it otherwise (after some time).
    `waits`: for each argument, what the wait is where it is given (not None, 0 or False): constant, growing, jittered,
    multiplied (growing, but by 1), computed (growing where it is computed), or empty where the value itself says; the
    strongest holds. `unless`: what the wait is unless that argument is given as None or False. `otherwise`: what
    ``attempts``, ``wait`` and ``on`` are where nothing is given. `spares`: arguments without one of which calls that
    are not idempotent are left out."""

    attempts: str = ""
    bounds: tuple[str, ...] = ()
    on: str = ""
    waits: dict[str, str] = {}
    unless: dict[str, str] = {}
    otherwise: dict[str, str] = {}
    spares: tuple[str, ...] = ()


class Through(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The method of the same object that a library's method calls in its turn: where a subclass of the project
    overrides it, that is followed. `first` are constants that are given before the arguments."""

    method: str
    first: tuple[str, ...] = ()


class Chosen(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The class that does what a call asks for, as a `setting` names it (Django's mail backend), and its `method`: one
    of the project's own is followed, one of another library does what that one's row says. An object that is handed
    over as `unless` does it instead."""

    setting: str
    method: str
    unless: str = ""


class Runs(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A callable argument that the call runs (``*``: each positional one). `when` is a value of model.effect.When;
    `arguments` names the argument that holds its arguments (a tuple), or ``rest`` for those after it, or ``all`` for
    all; `options` the argument that holds its keyword arguments. `thread`: another thread runs it, and the caller's is
    free meanwhile."""

    callable: str
    passes: tuple[str, ...] = ()  # the types of what the library calls it with; "self": the receiver
    when: str = "now"
    arguments: str = ""
    options: str = ""
    thread: bool = False


class Entry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the decorated, or passed, function becomes: a kind of entry (see model.operation.Entry). `name`: an
    argument with its name, or a text with arguments in braces (``POST {self.prefix}{path}``); `callable`: the argument
    that is registered (a decorator registers what it decorates)."""

    kind: str
    name: str = ""
    callable: str = ""
    instead: str = ""  # the argument that is registered, where it is given, instead of what is decorated
    methods: str = ""  # of an object that is registered: the methods that are entered (``on_*``)
    passes: tuple[str, ...] = ()  # the types of what the library calls it with; "self": the receiver
    verb: str = "message"  # of a consumer's messages, as in TypeRow
    redelivered: bool = False
    redelivery: str = ""  # the option that decides on it: redelivered where it is true ("!x": where it is false)
    bound: str = ""  # the option that makes the registration's own value the function's first argument
    retried: str = ""
    retried_by: str = ""  # the argument that makes the framework run it again after a failure
    becomes: str = ""  # the type of the decorated function's value (celery.Task)
    based: str = ""  # the argument that names its class, whose attributes are the options that are not given
    concurrent: bool = True
    atomic: bool = False  # the framework holds a transaction round it
    assumed: bool = False  # it holds only where the project's own code is not seen to call the function


class CallRow(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What one call does. Arguments are named by `parameters` (without self); a text that begins with ``=`` is a
    constant, ``self`` is the receiver, ``self.name`` its name, ``self.x`` its option x, ``*`` all arguments."""

    parameters: tuple[str, ...] = ()
    effect: str = ""
    verb: str = ""
    verbs: dict[str, str] = {}  # argument → the verb where it is given as true (`nx`: add)
    store: str = ""
    technology: str = ""
    dataset: str = ""
    key: str = ""
    payload: tuple[str, ...] = ()
    text: str = ""
    connection: str = ""
    columns: str = ""  # a mapping or list argument whose keys are the columns written
    where: str = ""  # a mapping argument whose entries are equality predicates
    where_keywords: bool = False
    assigns: str = ""  # an argument that is a text of assignments (``SET n = n + :one``); `binds` are its values
    tests: str = ""  # an argument that is a text of conditions (``version = :seen``)
    renames: str = ""  # an argument that maps the names that stand in such texts (``#n``) to columns
    wraps: tuple[str, ...] = ()  # keys under which a value tells its type (``{"S": "paid"}``)
    lock: str = ""
    cardinality: str = ""
    conflict: str = ""
    sql: str = ""
    binds: str = ""
    bind_rest: bool = False  # the values to bind are the remaining positional arguments, or `binds`, if that is a tuple
    bind_keywords: bool = False  # where `binds` is not given, the remaining keywords are the values, by their names
    many: bool = False
    # argument → its default as text; "" when there is none to speak of; ``=True``: no argument says it, the call is so
    options: dict[str, str] = {}
    config: str = ""  # an argument that is a mapping of further options, or an object that carries them
    words: dict[str, str] = {}  # option → the model's word for it, and a time's unit ("expiry ms")
    # a type; "self"; "self.x": its attribute; "row", "rows", "value", "rowcount" (of the last statement); "argument:x";
    # "awaited:x": a function whose call waits; holds {argument}
    gives: str = ""
    of: str = ""  # the type of its elements
    typed: str = ""  # the type that a given argument has from then on; it keeps this call's options
    gives_name: str = ""  # an argument that names what is given (a topic, a collection)
    # it gives a condition: what the receiver is called compares so (as documents say it: ``$eq``) with its argument
    compares: str = ""
    keeps: bool = False  # what is given has the receiver's options too
    leaves: str = ""  # it raises this exception, always (celery's `retry`)
    when: str = ""
    opens: Opens | None = None
    runs: tuple[Runs, ...] = ()
    entry: Entry | None = None
    configures: tuple[str, ...] = ()  # arguments that become options of the receiver
    names: str = ""  # the argument that names the receiver from now on (the topic that it is subscribed to)
    adopts: tuple[str, ...] = ()  # arguments whose own options become the receiver's
    fills: dict[str, str] = {}
    raises: dict[str, str] = {}
    blocking: bool | None = None
    idempotent: str = ""
    idempotent_by: str = ""  # the option that makes it so where it is given; headers: where they name such a key
    through: Through | None = None
    chosen: Chosen | None = None
    enters: str = ""  # an argument that it enters, as `with` would, on the stack that the receiver is
    retried_by: str = ""  # the option (its own, or the receiver's) that holds how the library retries it
    whole: bool = False  # it writes every column, also those that are not named
    within: str = ""  # the argument without which it stands outside the transaction round it (a driver's session)
    releases: bool = False  # it closes the receiver
    gives_back: str = ""  # the argument that it closes, or takes back (a pool's `putconn`)
    unlocks: str = ""  # locks of this verb that are held here end with it
    retries: Retries | None = None
    sets: dict[str, str] = {}  # a default of the whole process ("socket.timeout") → the argument that sets it
    exits: bool = False  # it never returns (sys.exit)
    async_: bool = msgspec.field(default=False, name="async")
    derives: bool = False  # its result is computed from its arguments (and the receiver)
    source: str = ""  # the kind of Source that its result is: random, encoding
    mutates: bool = False  # it changes the receiver in memory
    resource: str = ""  # as in TypeRow: the call makes one
    mixes_in: str = ""  # it makes a class: the argument that is a class of the project which that one inherits from
    loads: tuple[str, ...] = ()  # it gives the project's class that arguments name: an app's or module's, and its own
    like: str = ""  # another row that it is as; keys given here win


class TypeRow(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A library's class. An option's default is a text; ``socket.timeout|None`` is the default of the whole process
    of that name, else what follows."""

    parameters: tuple[str, ...] = ()
    options: dict[str, str] = {}
    words: dict[str, str] = {}  # as in CallRow
    blocking: bool | None = None  # whether its methods hold the thread, where their rows say otherwise (async clients)
    config: str = ""  # an argument that is a mapping of options, or an object that carries them
    bases: tuple[str, ...] = ()
    resource: str = ""  # the kind of resource that calling it makes
    technology: str = ""
    store: str = ""
    enters: str = ""  # the type that `with` gives (default: itself)
    opens: Opens | None = None
    iterates: str = ""  # the type of its elements
    consumes: bool = False  # iterating it consumes messages
    renamed: bool = True  # as an attribute it has a name of its own, not that of the object it belongs to
    verb: str = "message"  # how: pop and broadcast never come again
    chains: bool = False  # its methods give the object itself, with what they did (a pipeline)
    attributes: dict[str, str] = {}  # attribute → type; "*" for any
    items: str = ""  # the type of self[key]
    named: bool = True  # self[key] is known by its key; False: by the name of the whole
    name: str = ""  # an argument that names it
    sets: dict[str, str] = {}  # attribute whose assignment sets an option
    callbacks: dict[str, Entry] = {}  # attribute that is assigned a function which the library calls
    implicit_transaction: bool = False  # a DB-API connection: the first statement begins a transaction
    begins_on: str = ""  # "write": only a statement that writes begins a transaction
    dialect: str = ""
    connection: str = ""  # what its connection is called, where it has no name of its own
    releases: bool = True  # leaving its `with` releases it
    fields: str = ""  # "data": attributes carry what the value was computed from
    means: tuple[str, ...] = ()  # as an option it says what the first of these arguments that is given says
    combines: bool = False  # an operator between two of it gives one that holds both
    condition: bool = False  # a condition (`compares`): ``&`` between two of it gives one that asks for both
    retries: Retries | None = None


class ClassRow(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Methods of a project class that inherits from a library's: which are entry points (``*`` stands for any text:
    alone, for every public method that the class itself defines), and what attributes hold."""

    entries: dict[str, Entry] = {}
    options: dict[str, str] = {}  # class attributes that are options of the entries, with their defaults
    words: dict[str, str] = {}  # as in CallRow
    decorators: tuple[str, ...] = ()


class Function(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A function that is an entry by its name and the names of its first parameters (``lambda_handler(event,
    context)``)."""

    parameters: tuple[str, ...]
    entry: Entry


class Setting(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Where a project sets a default of the whole process: constants of these `names` (of settings modules), or the
    `option` of an object of a `type` that a module makes."""

    names: tuple[str, ...] = ()
    type: str = ""
    option: str = ""


class Schedule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A mapping in which each entry names a task to be run at times: where the project `held` it, and the key of the
    task's name in an entry."""

    held: Setting
    task: str


class Listed(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Class attributes that list functions which something runs: their names, those of which one stands `beside` them,
    and the entry that each function is."""

    attributes: tuple[str, ...]
    beside: tuple[str, ...]
    entry: Entry


class Example(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    code: str


class Table(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    library: str
    technology: str = ""
    store: str = ""
    blocking: bool = False
    types: dict[str, TypeRow] = {}
    calls: dict[str, CallRow] = {}
    classes: dict[str, ClassRow] = {}
    values: dict[str, str] = {}  # objects that a library has made: dotted name → type
    handed: dict[str, str] = {}  # what is handed to each run as if it were an argument (``flask.request``) → type
    words: dict[str, str] = {}  # for all rows of the table
    functions: dict[str, Function] = {}  # functions that something runs by their name
    schedules: tuple[Schedule, ...] = ()
    lists: tuple[Listed, ...] = ()
    named: dict[str, Entry] = {}  # a setting whose texts name functions and classes → what these are
    settings: dict[str, Setting] = {}  # a default of the whole process → where a project sets it
    conventions: dict[str, str] = {}
    constants: dict[str, str] = {}  # what a library's constants mean as options: dotted name → text
    aliases: dict[str, str] = {}
    example: tuple[Example, ...] = ()


class BadTable(Mistake):
    """A library model that cannot be used: the message names the file, the place and the remedy."""


class Libraries:
    """All tables together: answers what a dotted call or type is."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.types: dict[str, TypeRow] = {}
        self.calls: dict[str, CallRow] = {}
        self.classes: dict[str, ClassRow] = {}
        self.functions: dict[str, Function] = {}
        self.schedules: list[Schedule] = []
        self.lists: list[Listed] = []
        self.named: dict[str, Entry] = {}
        self.settings: dict[str, Setting] = {}
        self.conventions: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.handed: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._globs: list[tuple[re.Pattern[str], str]] = []
        self._wide: dict[str, list[tuple[re.Pattern[str], str]]] = {}  # rows of many names, by their last part
        self._typed: dict[str, TypeRow | None] = {}
        self._called: dict[str, CallRow | None] = {}
        self._prefixes: list[tuple[str, str]] = []
        for table in tables:
            self._add(table)
        self._prefixes.sort(key=lambda p: -len(p[0]))
        self._known: dict[str, str] = {}
        self._lineages: dict[str, tuple[str, ...]] = {}
        self._standing: dict[str, str] = {}
        self._families = [(glob(name), row) for name, row in self.classes.items() if "*" in name]
        self._bases: dict[str, ClassRow | None] = {}
        self.enclosing = frozenset(n for n, row in self.calls.items() if row.opens is not None and row.opens.encloses)
        self.methods = frozenset(name.rpartition(".")[2] for name in self.calls)
        self._acting = frozenset(name.rpartition(".")[0] for name, row in self.calls.items() if row.effect)

    def _add(self, table: Table) -> None:
        for name, kind in table.types.items():
            self.types[name] = msgspec.structs.replace(
                kind,
                technology=kind.technology or table.technology,
                store=kind.store or table.store,
                words={**table.words, **kind.words},
            )
        for name, row in table.calls.items():
            self.calls[name] = complete(row, table)
            if "*" in name:
                self._wide.setdefault(name.rpartition(".")[2], []).append((glob(name), name))
        for name, base in table.classes.items():
            self.classes[name] = msgspec.structs.replace(base, words={**table.words, **base.words})
        self.functions |= table.functions
        self.schedules += table.schedules
        self.lists += table.lists
        self.named |= table.named
        self.settings |= table.settings
        self.conventions |= table.conventions
        self.values |= table.values
        self.handed |= table.handed
        self.constants |= table.constants
        for alias, meaning in table.aliases.items():
            if alias.endswith(".*") and "*" not in alias[:-1]:
                self._prefixes.append((alias[:-1], meaning.removesuffix("*")))
            elif "*" in alias:
                self._globs.append((glob(alias), meaning))
            else:
                self._aliases[alias] = meaning

    def canonical(self, dotted: str) -> str:
        """The name under which the tables know a thing."""
        found = self._known.get(dotted)
        if found is None:
            found = self._known[dotted] = self._canonical(dotted)
        return found

    def _canonical(self, dotted: str) -> str:
        if dotted in self._aliases:
            return self._aliases[dotted]
        if dotted in self.calls or dotted in self.types or dotted in self.values or dotted in self.handed:
            return dotted
        head, _, last = dotted.rpartition(".")
        if head in self._aliases:
            return f"{self._aliases[head]}.{last}"
        for prefix, meaning in self._prefixes:
            if dotted.startswith(prefix):
                return (
                    self._canonical(meaning + dotted[len(prefix) :])
                    if meaning + dotted[len(prefix) :] != dotted
                    else dotted
                )
        return next((meaning for pattern, meaning in self._globs if pattern.fullmatch(dotted)), dotted)

    def meaning(self, dotted: str) -> str:
        """What a library's constant means as an option: what its table says, else itself."""
        return self.constants.get(self.canonical(dotted), dotted) if self.constants else dotted

    def standing_for(self, name: str) -> str:
        """The library's name of a class that the project holds in its own text, or empty."""
        found = self._standing.get(name)
        if found is None:
            found = next((meaning for pattern, meaning in self._globs if pattern.fullmatch(name)), "")
            self._standing[name] = found
        return found

    def lineage(self, type_name: str) -> tuple[str, ...]:
        """A library's type and its bases, nearest first, each once."""
        found = self._lineages.get(type_name)
        if found is None:
            name = self.canonical(type_name)
            order = [name]
            for base in self.types[name].bases if name in self.types else ():
                order += [b for b in self.lineage(base) if b not in order]
            found = self._lineages[type_name] = tuple(order)
        return found

    def type(self, name: str) -> TypeRow | None:
        """A library's class; what its row does not say is as in its bases."""
        if name not in self._typed:
            known = self.canonical(name)
            row = self.types.get(known)
            for base in self.lineage(known)[1:] if row is not None else ():
                row = inherited(row, self.types.get(base))
            self._typed[name] = row
        return self._typed[name]

    def call(self, dotted: str) -> CallRow | None:
        """What calling a dotted name does."""
        if dotted not in self._called:
            self._called[dotted] = self._call(self.canonical(dotted))
        return self._called[dotted]

    def _call(self, name: str) -> CallRow | None:
        row = self.calls.get(name)
        if row is None:
            wide = self._wide.get(name.rpartition(".")[2], ())
            row = next((self.calls[known] for pattern, known in wide if pattern.fullmatch(name)), None)
        return merged(row, self.call(row.like)) if row is not None and row.like else row

    def acts(self, type_name: str) -> bool:
        """Whether what one does with an object of a library's type has an effect: a message is acknowledged, a topic
        is sent to."""
        return not self._acting.isdisjoint(self.lineage(type_name))

    def base(self, name: str) -> ClassRow | None:
        """What a class becomes by inheriting from `name`."""
        if name not in self._bases:
            exact = self.classes.get(self.canonical(name))
            wide = (row for pattern, row in self._families if pattern.fullmatch(name))
            self._bases[name] = exact if exact is not None else next(wide, None)
        return self._bases[name]

    def method(self, type_name: str, name: str) -> CallRow | None:
        """What calling method `name` on a library's type does, its bases asked too."""
        for ancestor in self.lineage(type_name):
            row = self.call(f"{ancestor}.{name}")
            if row is not None:
                return row
        return None


def glob(name: str) -> re.Pattern[str]:
    """A name in which ``*`` stands for any text."""
    return re.compile(".*".join(re.escape(part) for part in name.split("*")))


def complete(row: CallRow, table: Table) -> CallRow:
    """A row with what its table says for all of them."""
    if table.words and row.options:
        row = msgspec.structs.replace(row, words={**table.words, **row.words})
    if not row.effect and not row.sql and not (row.opens is not None and row.opens.ends) and row.entry is None:
        return row
    return msgspec.structs.replace(
        row,
        technology=row.technology or table.technology,
        store=row.store or table.store,
        blocking=table.blocking if row.blocking is None else row.blocking,
    )


def merged(row: CallRow, base: CallRow | None) -> CallRow:
    if base is None:
        return row
    empty = CallRow()
    given = {f: getattr(row, f) for f in row.__struct_fields__ if getattr(row, f) != getattr(empty, f) and f != "like"}
    return msgspec.structs.replace(base, **given)


def inherited(row: TypeRow | None, base: TypeRow | None) -> TypeRow | None:
    """A class's row with what its base's says for both."""
    if row is None or base is None:
        return row
    empty = TypeRow()
    fields = [f for f in row.__struct_fields__ if f not in ("bases", "resource", "options", "words", "attributes")]
    unsaid = {f: getattr(base, f) for f in fields if getattr(row, f) == getattr(empty, f)}
    return msgspec.structs.replace(
        row,
        **unsaid,
        options={**base.options, **row.options},
        words={**base.words, **row.words},
        attributes={**base.attributes, **row.attributes},
    )


def read_table(text: str, name: str) -> Table:
    """Reads one table; raises BadTable with the place of what is wrong."""
    try:
        return msgspec.toml.decode(text, type=Table)
    except msgspec.DecodeError as problem:
        raise BadTable(f"{name}: {problem}") from problem


def texts(language: str) -> dict[str, str]:
    """The tables of a language as they are written, by their files' names and in the order of these."""
    folder = resources.files(f"datakeel.read.languages.{language}") / "libraries"
    names = sorted(f.name for f in folder.iterdir() if f.name.endswith(".toml"))
    return {n: (folder / n).read_text(encoding="utf-8") for n in names}


@cache
def shipped(language: str) -> tuple[Table, ...]:
    """The tables of a language, in the order of their names."""
    return tuple(read_table(text, name) for name, text in texts(language).items())


def kept(language: str, blobs: Shelf) -> tuple[Table, ...]:
    """The same, as the last review left them: to read the texts takes longer than all else of a small review."""
    own = Path(__file__).read_text(encoding="utf-8")  # what a table may say
    key = blake2b("".join((own, *texts(language).values())).encode(), digest_size=16).digest()
    blob = blobs.get(key)
    if blob is not None:
        return msgspec.msgpack.decode(blob, type=tuple[Table, ...])
    tables = shipped(language)
    blobs.put(key, msgspec.msgpack.encode(tables))
    return tables


def given(models: Iterable[Mapping[str, object]]) -> tuple[Table, ...]:
    """Tables from a configuration: mappings as parsed. Raises BadTable."""
    try:
        return tuple(msgspec.convert(m, Table) for m in models)
    except msgspec.ValidationError as problem:
        raise BadTable(f"library model in the configuration: {problem}") from problem
