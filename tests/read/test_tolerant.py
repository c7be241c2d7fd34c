"""What Python's own parser refuses is read all the same, and what it reads comes out alike."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.read.languages.python import lower, tolerant
from datakeel.read.program import File, Note
from tests.read.rendering import function, module, placeless, read, shown
from tests.read.test_lower import STATEMENTS, standard_library


def tolerantly(text: str, monkeypatch: pytest.MonkeyPatch) -> File:
    """The text read as if Python's parser had refused it."""
    monkeypatch.setattr(lower, "parse", tolerant.parse)
    return read(text)


def test_python_2_is_read() -> None:
    text = """
    import urllib2
    def fetch(url, (low, high)):
        print >>log, "fetching", url
        try:
            exec "x = 1" in names
        except urllib2.Error, error:
            raise Failed, "no answer"
        return `url` <> 0777 + 10L, ur"x"
    """
    file = read(dedent(text))
    assert [note.text for note in file.notes] == [tolerant.PYTHON_2]
    assert function(file, "fetch").splitlines() == [
        "tuple[low, high] = <3:15>",
        "<builtins.print>('fetching', url, file=<?.log>)",
        "try",
        "  <builtins.exec>('x = 1', <?.names>)",
        "except (<urllib2>.Error) as error",
        "  raise <?.Failed>('no answer')",
        "return tuple[!=(<builtins.repr>(url), +(511, 10)), 'x']",
    ]


def test_type_parameters_and_aliases_are_read_by_any_python() -> None:
    text = """
    type Orders[T] = list[T] | None
    class Store[K: str, *V](Base[K], meta=1):
        def get[R](self, key: K, other: "R") -> R: return key
    """
    file = read(dedent(text))
    assert file.notes == ()
    assert [found.name for found in file.classes] == ["Store"]
    assert shown(file.functions[0].returns) == "<?.R>"
    assert shown(file.functions[0].parameters[1].annotation) == "<?.K>"
    assert shown(file.constants[0].value) == "|(<builtins.list>[<?.T>], None)"  # type: ignore[union-attr]


def test_nested_quotes_and_unbracketed_exceptions_are_read_by_any_python() -> None:
    text = "def f(d):\n    try: return f'{d['k']} {d[\"x\"]:>{d['w']}}'\n    except KeyError, ValueError: pass\n"
    assert function(read(text), "f").splitlines() == [
        "try",
        "  return template(d['k'], ' ', format(d['x'], d['w']))",
        "except (<builtins.KeyError>, <builtins.ValueError>) as None",
    ]


def test_a_broken_file_is_read_where_it_is_whole() -> None:
    text = """\
    def first():
        total = compute(
        return 1
    class Order(:
        def pay(self):
            self.save()
    def last(order):
        order.pay()
    """
    file = read(dedent(text))
    assert file.notes == (Note(2, "syntax error, and 1 more; the rest of the file was read"),)
    assert function(file, "Order.pay") == "self.save()"
    assert function(file, "last") == "order.pay()"


def test_an_assignment_to_a_types_attribute_is_no_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    file = tolerantly("type(order).total = 3\n", monkeypatch)
    assert shown(file.constants[0].targets[0]) == "<builtins.type>(<?.order>).total"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "x = [*a.b(), *c, d]",
        "x[*a]; y[1:2, ::3]",
        'x = f"{a=} {b = !r} {{c}} {d:{e}}" "tail" rf\'{g}\\\'\'',
        "x: int | list['str'] | None = a if b else c",
        "x = not a and b or c < d not in e is not f",
        "def f(a, /, b=1, *, c: int = 2, **d) -> 'x': yield from a; return lambda *y: (yield)",
        "for (x) in y: pass\nelse: x = [a for (a) in b for c, in d]",
        "from .. import a as b, c\nfrom .x.y import *\nfrom __future__ import annotations\nimport a.b as c, d.e",
        "async def f():\n    async with a as (b, c): return {x: y async for x in z if x}",
        "@a.b(c)\nclass C(D, *e, k=1, **m):\n    x: int\n    # a comment\n",
        "del a, b[0]\nassert a, b\nglobal c\nraise a from b",
        "if (x := 1) and [y := 2, x]: x = -1, +2, ~3, 0x_ff, 1e3, 2j, 0o17, b'x' b'y', None, True, ...",
        "match a, b:\n  case -1 | 'x' | None, [*_]: pass\n  case A.b(c, d=-2) as e, {'k': _, **r}: pass\n  case _: a",
        *[dedent(text) for text, _ in STATEMENTS.values() if "return" not in text],
    ],
)
def test_both_parsers_give_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read(text)
    assert ast.parse(text)
    assert placeless(tolerantly(text, monkeypatch)) == placeless(expected)


@pytest.mark.parametrize("path", standard_library(25, 2), ids=lambda path: path.name)
def test_both_parsers_give_the_same_for_ordinary_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    expected = read(text)
    if any("syntax error" in note.text for note in expected.notes):
        pytest.skip("a file that is broken on purpose")
    assert placeless(tolerantly(text, monkeypatch)) == placeless(expected)


@pytest.mark.parametrize(
    "text",
    ["f(" * 5000, "x = " + "(" * 10000, "x = " + "a+" * 20000 + "1", "x = 1" + ".a" * 20000, "x = not " * 2000, "\x00"],
)
def test_nothing_is_too_deep(text: str) -> None:
    assert module(read(text)) is not None


@pytest.mark.parametrize("text", ["x = `a` 'b'\nprint 1\n", "match x:\n  case 1:\nprint 1\n", "x = f'{a}' `b`\n"])
def test_what_no_python_takes_is_no_failure(text: str) -> None:
    assert module(read(text)) is not None
