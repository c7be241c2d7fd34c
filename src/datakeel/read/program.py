"""The neutral tree: what any language's text is lowered into, names still symbolic.

A file becomes a `File`: an interface (names, signatures, classes), decoded eagerly, and bodies, which stay undecoded
until somebody asks for one. Everything in it follows from that file's text alone, so it is cached by content.

Names. A free name is resolved as far as its own file allows: an import gives the imported dotted name; a name that the
file itself defines at its top level gives ``"." + name`` (the linker knows the file's module name, the file does not);
a relative import keeps its leading dots behind a marker (``"~..models.Order"``: two dots, then the rest); a builtin
gives ``builtins.name``; what cannot be told (a star import, a misspelling, a type parameter) gives ``?.name``. A name
of a class's body gives ``.Class.name``.

Positions. Every expression that can have an effect or be edited carries `at`, its source span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from msgspec import Raw, Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

T = TypeVar("T")
P = TypeVar("P")


class Span(Struct, frozen=True, array_like=True, gc=False):
    """A stretch of source text: lines from 1, columns in characters from 0, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


# Expressions ---------------------------------------------------------------------------------------------------------


class Const(Struct, frozen=True, array_like=True, gc=False, tag="c"):
    """A literal: string, number, boolean or None. Bytes come as their Latin-1 text, with kind ``"bytes"``."""

    value: str | int | float | bool | None
    kind: str = ""


class Local(Struct, frozen=True, array_like=True, gc=False, tag="l"):
    """A variable of this function, or of the functions around it (a closure shares its variables)."""

    name: str


class Global(Struct, frozen=True, array_like=True, gc=False, tag="g"):
    """A free name, resolved as far as the file allows (see the module's page)."""

    dotted: str


class Attribute(Struct, frozen=True, array_like=True, gc=False, tag="a"):
    """``base.name``. A chain that begins at a Global module name is kept as a chain: the linker folds it."""

    base: Expression
    name: str
    at: Span


class Item(Struct, frozen=True, array_like=True, gc=False, tag="i"):
    """``base[key]``; a slice as key is ``Derive("slice", (lower, upper, step))``."""

    base: Expression
    key: Expression
    at: Span


class Call(Struct, frozen=True, array_like=True, gc=False, tag="f"):
    """A call. ``*args`` is `Star` among the arguments; ``**options`` is a keyword with the empty name."""

    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    at: Span


class Derive(Struct, frozen=True, array_like=True, gc=False, tag="d"):
    """A value computed from others. `how` is an operator (``+ - * / // % ** << >> & | ^ @``; with one operand also
    ``+ - ~``), a comparison (``== != < <= > >= in notin is isnot``), a logical word (``not and or``), ``template``
    (f-string: constants and holes in order), ``format`` (``%`` on a string constant: the string, then the values; or a
    hole whose format has holes), ``slice``, ``await``, ``yield``, ``yieldfrom``, ``match`` (the first operand is one of
    the others, or an instance of one), ``opaque`` (what was not read: at most its operands take part).
    Chains of one operator are flat, so that depth stays small; what nests deeper than any reader writes is opaque."""

    how: str
    operands: tuple[Expression, ...]
    at: Span


class Collection(Struct, frozen=True, array_like=True, gc=False, tag="o"):
    """A literal ``list``, ``tuple``, ``set`` or ``dict``. For a dict `keys` is as long as `items`; a key of None is
    ``**``."""

    kind: str
    items: tuple[Expression, ...]
    keys: tuple[Expression | None, ...] = ()


class Choice(Struct, frozen=True, array_like=True, gc=False, tag="q"):
    """``then if test else otherwise``."""

    test: Expression
    then: Expression
    otherwise: Expression
    at: Span


class Comprehension(Struct, frozen=True, array_like=True, gc=False, tag="m"):
    """A comprehension of `kind` list, set, dict or generator. For a dict, `element` is a tuple Collection of key and
    value. The names in its targets are its own: they hide any of the same name around it."""

    kind: str
    element: Expression
    clauses: tuple[Clause, ...]
    at: Span


class Clause(Struct, frozen=True, array_like=True, gc=False):
    """One ``for target in iterable if tests`` of a comprehension."""

    target: Expression
    iterable: Expression
    tests: tuple[Expression, ...]
    is_async: bool


class Closure(Struct, frozen=True, array_like=True, gc=False, tag="k"):
    """A lambda (or a nested function, where a statement defines one). It shares the variables of the function around
    it."""

    function: Function


class Star(Struct, frozen=True, array_like=True, gc=False, tag="s"):
    """``*value``, among arguments, in a literal or in a target."""

    value: Expression


class Let(Struct, frozen=True, array_like=True, gc=False, tag="w"):
    """``(name := value)``."""

    name: str
    value: Expression


Expression = (
    Const
    | Local
    | Global
    | Attribute
    | Item
    | Call
    | Derive
    | Collection
    | Choice
    | Comprehension
    | Closure
    | Star
    | Let
)

# Statements ----------------------------------------------------------------------------------------------------------


class Evaluate(Struct, frozen=True, array_like=True, gc=False, tag="E"):
    """An expression that stands as a statement."""

    value: Expression
    at: Span


class Assign(Struct, frozen=True, array_like=True, gc=False, tag="A"):
    """``a = b = value``. A target is Local, Global (``global x``, or a module's own name), Attribute, Item, Star, or a
    tuple Collection of targets. An annotated name without a value has None."""

    targets: tuple[Expression, ...]
    value: Expression | None
    annotation: Expression | None
    at: Span


class Augment(Struct, frozen=True, array_like=True, gc=False, tag="U"):
    """``target op= value``, with `operator` as in Derive."""

    target: Expression
    operator: str
    value: Expression
    at: Span


class If(Struct, frozen=True, array_like=True, gc=False, tag="I"):
    """A branch. ``match`` is lowered into a chain of these: the subject is bound to a variable (one with a name that no
    text can write, ``<line:column>``) unless it is one already; each test is a ``Derive("match", (subject, values…))``,
    an ``and`` of that with tests of the subject's parts, and what a pattern captures is a Let among them."""

    test: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    at: Span


class Loop(Struct, frozen=True, array_like=True, gc=False, tag="L"):
    """``for target in iterable`` (then `test` is None) or ``while test`` (then `target` and `iterable` are None)."""

    target: Expression | None
    iterable: Expression | None
    test: Expression | None
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    is_async: bool
    at: Span


class Handler(Struct, frozen=True, array_like=True, gc=False):
    """One ``except types as name``; no types: catches everything. `name` is a Local, or in a module's own code, where
    every variable is the module's, the Global of that name; the same goes for a Let."""

    types: tuple[Expression, ...]
    name: str | None
    body: tuple[Statement, ...]
    at: Span


class Try(Struct, frozen=True, array_like=True, gc=False, tag="T"):
    body: tuple[Statement, ...]
    handlers: tuple[Handler, ...]
    otherwise: tuple[Statement, ...]
    final: tuple[Statement, ...]
    at: Span


class With(Struct, frozen=True, array_like=True, gc=False, tag="W"):
    """``with context as target`` (one context each: several in one statement are nested)."""

    context: Expression
    target: Expression | None
    body: tuple[Statement, ...]
    is_async: bool
    at: Span


class Return(Struct, frozen=True, array_like=True, gc=False, tag="R"):
    value: Expression | None
    at: Span


class Raise(Struct, frozen=True, array_like=True, gc=False, tag="X"):
    """``raise value``; None re-raises."""

    value: Expression | None
    at: Span


class Break(Struct, frozen=True, array_like=True, gc=False, tag="B"):
    at: Span


class Continue(Struct, frozen=True, array_like=True, gc=False, tag="C"):
    at: Span


class Delete(Struct, frozen=True, array_like=True, gc=False, tag="D"):
    targets: tuple[Expression, ...]
    at: Span


class Assert(Struct, frozen=True, array_like=True, gc=False, tag="S"):
    test: Expression
    at: Span


class Define(Struct, frozen=True, array_like=True, gc=False, tag="F"):
    """A function defined inside a function: binds its name to a closure."""

    function: Function


Statement = (
    Evaluate | Assign | Augment | If | Loop | Try | With | Return | Raise | Break | Continue | Delete | Assert | Define
)

# Definitions ---------------------------------------------------------------------------------------------------------


class Parameter(Struct, frozen=True, array_like=True, gc=False):
    """`kind` is positional, keyword, rest (``*args``) or options (``**kwargs``)."""

    name: str
    kind: str
    annotation: Expression | None
    default: Expression | None


class Signature(Struct, frozen=True, array_like=True, gc=False):
    """What callers see of a function. `name` is qualified inside its file (``Order.pay``, ``make.<locals>.inner``) and
    unique: of several of one name the last has it plain, the one before it is ``name#2``; what adds to a property is
    ``name#setter``. A free Local in a method of a class defined inside a function is that function's variable."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: Expression | None
    decorators: tuple[Expression, ...]
    is_async: bool
    is_generator: bool
    at: Span


class Function(Struct, frozen=True, array_like=True, gc=False):
    """A nested function or lambda, whole. A lambda's body is one Return; its name is ``<lambda>``. `own` are its own
    variables (parameters too), sorted; any other Local in it belongs to a function around it."""

    signature: Signature
    body: tuple[Statement, ...]
    own: tuple[str, ...]


class Class(Struct, frozen=True, array_like=True, gc=False):
    """A class. `fields` are the assignments of its body in order (also those without value, and those under a
    condition); `inner` names its nested classes (which stand in `File.classes` too, under their qualified names);
    `methods` the names of its own functions (in `File.functions` under ``Class.method``). Whatever else its body does
    stands in the code around the class."""

    name: str
    bases: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    decorators: tuple[Expression, ...]
    fields: tuple[Statement, ...]
    methods: tuple[str, ...]
    inner: tuple[str, ...]
    doc: str
    at: Span


def field_names(statement: Statement) -> Iterator[str]:
    """The fields of a class that a statement of its body assigns."""
    for target in statement.targets if isinstance(statement, Assign) else ():
        match target:
            case Global(dotted):
                yield dotted.rpartition(".")[2]
            case Local(name) | Attribute(_, name):
                yield name


class Import(Struct, frozen=True, array_like=True, gc=False):
    """``name`` at the file's top level stands for `dotted` (marked as in the module's page). ``import a.b`` gives two:
    the name ``a``, and ``a.b`` for itself. A name that stands for either of two things is listed twice."""

    name: str
    dotted: str


class Note(Struct, frozen=True, array_like=True, gc=False):
    """What could not be read, and why, in words for the report."""

    line: int
    text: str


class Comment(Struct, frozen=True, array_like=True, gc=False):
    """A comment that speaks to datakeel (``# datakeel: …``): its line, and its text after the colon; `alone` when
    nothing else stands on its line."""

    line: int
    text: str
    alone: bool


class Code(Struct, frozen=True, array_like=True, gc=False):
    """One function's body. `names` holds every attribute and global name (last part) that it uses, sorted: what a
    caller may look up before it pays for decoding."""

    body: Raw
    names: tuple[str, ...]


class File(Struct, frozen=True, array_like=True, gc=False):
    """The facts of one file.

    `module_body` is the code that runs at import, as a function named ``<module>`` would (imports, definitions of
    functions and classes, and assignments of values that call nothing are not repeated in it). `constants` are all its
    assignments in order, also those under a condition. `exports` is ``__all__`` or empty.
    """

    language: str
    lines: int
    comments: tuple[Comment, ...]
    notes: tuple[Note, ...]
    is_package: bool
    imports: tuple[Import, ...]
    stars: tuple[str, ...]
    exports: tuple[str, ...]
    constants: tuple[Statement, ...]
    classes: tuple[Class, ...]
    functions: tuple[Signature, ...]
    bodies: tuple[Code, ...]  # as long as `functions`; the last one more is the module's own
    texts: tuple[str, ...]  # every string that looks like SQL, for a file-level look; a template's holes as {}
    words: tuple[str, ...]  # the names in strings, and in parts of templates: what they name may be found by them
    loads: tuple[str, ...]  # what its functions import, marked as in the module's page
    digest: str  # of the text; blake2b, 16 bytes, hexadecimal


class Head(Struct, frozen=True, array_like=True, gc=False):
    """What a report says of any file: the first facts of a `File`, read from the same bytes in a tenth of the time."""

    language: str
    lines: int
    comments: tuple[Comment, ...]
    notes: tuple[Note, ...]


_ENCODER = Encoder()
_FILE = Decoder(File)
_BODY = Decoder(tuple[Statement, ...])


def encode(file: File) -> bytes:
    """A file's facts as bytes, for the cache and for other processes."""
    return _ENCODER.encode(file)


def decode(facts: bytes) -> File:
    """The facts that `encode` wrote; the bodies stay undecoded."""
    return _FILE.decode(facts)


def encode_body(statements: tuple[Statement, ...]) -> Raw:
    """A body as it stands in `Code`."""
    return Raw(_ENCODER.encode(statements))


_watching: list[set[int]] = []


@contextmanager
def watched() -> Iterator[set[int]]:
    """The identities of the `Code` whose statements are read meanwhile."""
    seen: set[int] = set()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


def body(code: Code) -> tuple[Statement, ...]:
    """A function's statements, decoded now."""
    for seen in _watching:
        seen.add(id(code))
    return _BODY.decode(code.body)


def rewritten(part: T, kind: type[P], by: Callable[[P], object]) -> T:
    """A record, or a tuple of some, in which each part of one kind is what `by` makes of it; itself where none is
    another."""
    return _rewritten(part, kind, by)  # type: ignore[return-value]


def _rewritten(part: object, kind: type[P], by: Callable[[P], object]) -> object:
    if isinstance(part, kind):
        return by(part)
    if isinstance(part, Struct):
        fields = {n: _rewritten(getattr(part, n), kind, by) for n in part.__struct_fields__}
        changed = {n: new for n, new in fields.items() if new is not getattr(part, n)}
        return replace(part, **changed) if changed else part
    if isinstance(part, tuple):
        new = tuple([_rewritten(p, kind, by) for p in part])
        return part if all(a is b for a, b in zip(new, part, strict=True)) else new
    return part


def named_expression(node: Call, parameters: tuple[str, ...], name: str) -> Expression | None:
    """The expression of an argument, by its name or place."""
    position = parameters.index(name) if name in parameters else len(node.arguments)
    if position < len(node.arguments) and not any(isinstance(a, Star) for a in node.arguments):
        return node.arguments[position]
    return next((e for n, e in node.keywords if n == name), None)
