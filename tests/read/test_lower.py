"""What Python's constructs become in the neutral tree."""

from __future__ import annotations

import ast
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from datakeel.read.program import Call, Comment, Import, Note, Span, body, decode, encode
from tests.read.rendering import function, lines, module, only, read, shown, value

# Expressions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", "1"),
        ("-1.5", "-1.5"),
        ("- a", "-(a)"),
        ("~a", "~(a)"),
        ("2**70", "**(2, 70)"),
        ("0x" + "f" * 20, "'0xffffffffffffffffffff':integer"),
        ("2j", "'2j':complex"),
        ("...", "'Ellipsis':ellipsis"),
        ("b'\\xff'", "'ÿ':bytes"),
        ("'\\ud800'", "'\\\\ud800'"),
        ("'a' 'b'", "'ab'"),
        ("a.b.c", "a.b.c"),
        ("a[1]", "a[1]"),
        ("a[1:b, ::2]", "a[tuple[slice(1, b, None), slice(None, None, 2)]]"),
        ("a(b, *c, d=1, **e)", "a(b, *c, d=1, **<?.e>)"),
        ("a + b + c - 1", "-(+(a, b, c), 1)"),
        ("a + (b + c)", "+(a, +(b, c))"),
        ("a ** b ** c", "**(a, **(b, c))"),
        ("'%s of %s' % (a, b)", "format('%s of %s', a, b)"),
        ("'%s' % a", "format('%s', a)"),
        ("a % b", "%(a, b)"),
        ("a and b and c or not a", "or(and(a, b, c), not(a))"),
        ("a < b", "<(a, b)"),
        ("a not in b", "notin(a, b)"),
        ("a is not None", "isnot(a, None)"),
        ("a < b <= c", "and(<(a, b), <=(b, c))"),
        ("a < b() < c", "and(<(a, (<3:4> := b())), <(<3:4>, c))"),
        ("a if b else c", "(a if b else c)"),
        ("f'{a} of {b!r:>{c}}!'", "template(a, ' of ', format(b, c), '!')"),
        ("[a, *b]", "list[a, *b]"),
        ("{1: a, **b}", "{1: a, **b}"),
        ("{a, b}", "set[a, b]"),
        ("[x for x in a if x if b for y in x]", "list[x for x in a if x if b for y in x]"),
        ("{x: y for x, y in a}", "dict[tuple[x, y] for tuple[x, y] in a]"),
        ("sum(x for x in a)", "<builtins.sum>(generator[x for x in a])"),
        ("(d := a) + d", "+((d := a), d)"),
        ("lambda x, *y, z=a, **w: x + b", "(define <lambda>(x, y, z, w) own w x y z: return +(x, b))"),
        ("(yield a)", "yield(a)"),
        ("(yield from a)", "yieldfrom(a)"),
    ],
)
def test_expression(text: str, expected: str) -> None:
    assert value(text) == expected


# Statements -----------------------------------------------------------------------------------------------------------

STATEMENTS = {
    "assignments": (
        """
        a = b, c = 1
        a.x: int
        d: "list[int]" = []
        a[0] += 2
        del a.x, d
        """,
        """
        a = tuple[b, c] = 1
        a.x: <builtins.int>
        d: <builtins.list>[<builtins.int>] = list[]
        a[0] += 2
        delete a.x, d
        """,
    ),
    "branches": (
        """
        if a: x = 1
        elif b: x = 2
        else:
            pass
            "a note"
            return
        assert x, "never shown"
        """,
        """
        if a
          x = 1
        else
          if b
            x = 2
          else
            return
        assert x
        """,
    ),
    "loops": (
        """
        for i, *rest in a:
            continue
        else:
            raise
        while a:
            break
        """,
        """
        for tuple[i, *rest] in a
          continue
        else
          raise
        while a
          break
        """,
    ),
    "contexts": (
        """
        with a as x, b.lock(), c as (y, z):
            raise ValueError(x) from None
        """,
        """
        with a as x
          with b.lock()
            with c as tuple[y, z]
              raise <builtins.ValueError>(x)
        """,
    ),
    "exceptions": (
        """
        try: a()
        except (KeyError, b.Error) as error: error
        except: pass
        else: b()
        finally: c()
        """,
        """
        try
          a()
        except (<builtins.KeyError>, b.Error) as error
          error
        except () as None
        else
          b()
        finally
          c()
        """,
    ),
    "match": (
        """
        match a():
            case 1 | 2 | None: b()
            case Order(status="paid", total=total) if total > 1: pass
            case [first, *middle, {"key": last, **others}]: pass
            case str() | Point(1): pass
            case other: c(other)
        """,
        """
        <2:10> = a()
        if match(<2:10>, 1, 2, None)
          b()
        else
          if and(match(<2:10>, <?.Order>), match(<2:10>.status, 'paid'), (total := <2:10>.total), >(total, 1))
          else
            if and(opaque(<2:10>), (first := <2:10>[0]), (middle := <2:10>[slice(1, -1, None)]), \
in('key', <2:10>[-1]), (last := <2:10>[-1]['key']), (others := opaque(<2:10>[-1])))
            else
              if or(match(<2:10>, <builtins.str>), and(match(<2:10>, <?.Point>), match(opaque(<2:10>, 0), 1)))
              else
                (other := <2:10>)
                c(other)
        """,
    ),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement(name: str) -> None:
    text, expected = map(dedent, STATEMENTS[name])
    indented = "".join(f"    {line}\n" for line in text.strip().splitlines())
    assert only("def function(a, b, c):\n" + indented) == expected.strip()


def test_async_forms() -> None:
    text = """
    async def function(a):
        async with a as b: pass
        async for c in b: await c
        return [d async for d in c]
    """
    file = read(dedent(text))
    assert file.functions[0].is_async
    assert function(file, "function").splitlines() == [
        "async with a as b",
        "async for c in b",
        "  await(c)",
        "return list[d async for d in c]",
    ]


def test_a_generator_is_told_from_a_function_that_holds_one() -> None:
    text = "def one():\n  yield\ndef two():\n  def inner(): yield\ndef three():\n  return lambda: (yield)\n"
    assert [signature.is_generator for signature in read(text).functions] == [True, False, False]


# Names ----------------------------------------------------------------------------------------------------------------


def test_names_are_resolved_as_far_as_the_file_allows() -> None:
    text = """
    import os.path, numpy as np
    from shop.models import Order as O
    from . import views
    from ..tasks import send
    from .signals import *
    from . import *

    LIMIT = 3

    def function():
        os, np, O, views, send, LIMIT, function, len, unknown, __name__
    """
    file = read(dedent(text))
    assert function(file, "function") == (
        "tuple[<os>, <numpy>, <shop.models.Order>, <~.views>, <~..tasks.send>, <.LIMIT>, <.function>, "
        "<builtins.len>, <?.unknown>, <.__name__>]"
    )
    assert file.stars == ("~.signals", "~.")
    assert (
        file.imports[:2] == (Import("os", "os"), Import("os.path", "os.path"))
        or Import("os.path", "os.path") in file.imports
    )


def test_a_function_binds_what_it_assigns_anywhere() -> None:
    text = """
    x = y = z = w = e = v = k = 0
    def function():
        x
        for y in x: pass
        with x as z: pass
        try: pass
        except E as e: pass
        if (w := x): k += 1
        def v(): pass
        return x, y, z, w, e, v, k
    """
    assert only(dedent(text)).splitlines()[-1] == "return tuple[<.x>, y, z, w, e, v, k]"


def test_a_name_imported_in_a_function_is_what_it_imports() -> None:
    text = "def function():\n    from shop.tasks import send\n    import a.b\n    send(a.b.c)\n"
    assert only(text) == "<shop.tasks.send>(<a>.b.c)"


def test_a_name_imported_or_assigned_in_a_function_is_a_variable() -> None:
    text = "def function():\n  try:\n    import fast\n  except ImportError:\n    fast = None\n  return fast\n"
    assert only(text).splitlines() == [
        "try",
        "  fast = <fast>",
        "except (<builtins.ImportError>) as None",
        "  fast = None",
        "return fast",
    ]


def test_global_and_nonlocal_reach_outside() -> None:
    text = """
    def function():
        global total
        total = 1
        count = hidden = 0
        def inner(own):
            nonlocal count
            count = hidden_too = 1
            hidden = count
            return lambda own: own + count + total
        return inner
    def other():
        return total
    """
    file = read(dedent(text))
    assert function(file, "function").splitlines() == [
        "<.total> = 1",
        "count = hidden = 0",
        "define function.<locals>.inner(own) own hidden hidden_too own",
        "  count = hidden_too = 1",
        "  hidden = count",
        "  return (define <lambda>(own) own own: return +(own, count, <.total>))",
        "return inner",
    ]
    assert function(file, "other") == "return <.total>"


def test_a_comprehension_has_its_own_names_and_its_first_iterable_those_around() -> None:
    assert only("def function(xs):\n    return [x for x in x], x\n") == "return tuple[list[x for x in <?.x>], <?.x>]"


def test_methods_do_not_see_the_names_of_their_class() -> None:
    text = """
    limit = 1
    class Order:
        limit = 2
        double = limit * 2
        every = [limit for _ in limit]
        def pay(self, most=limit):
            return limit
        @property
        def paid(self): pass
        @paid.setter
        def paid(self, value): pass
    """
    file = read(dedent(text))
    assert function(file, "Order.pay") == "return <.limit>"
    assert file.functions[0].parameters[1].default is not None
    assert shown(file.functions[0].parameters[1].default) == "<.Order.limit>"
    assert lines(file.classes[0].fields).splitlines() == [
        "<.Order.limit> = 2",
        "<.Order.double> = *(<.Order.limit>, 2)",
        "<.Order.every> = list[<.limit> for _ in <.Order.limit>]",
    ]
    assert file.classes[0].methods == ("pay", "paid", "paid#setter")
    assert shown(file.functions[2].decorators[0]) == "<.Order.paid>.setter"


def test_an_import_wins_over_its_substitute_and_a_placeholder_but_not_over_what_comes_later() -> None:
    text = """
    orjson = None
    try:
        import orjson
        from fast import loads
    except ImportError:
        from slow import loads
        def dumps(): pass
    from lib import client
    client = wrap(client)
    def function():
        return orjson, loads, client
    """
    file = read(dedent(text))
    assert function(file, "function") == "return tuple[<orjson>, <fast.loads>, <.client>]"
    assert Import("loads", "slow.loads") in file.imports
    assert "<.client> = <?.wrap>(<lib.client>)" in lines(file.constants)


def test_imports_for_type_checkers_count() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from shop import Order\ndef f(o: 'Order'): pass\n"
    annotation = read(text).functions[0].parameters[0].annotation
    assert annotation is not None
    assert shown(annotation) == "<shop.Order>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'Order'", "<?.Order>"),
        ("'list[Order] | None'", "|(<builtins.list>[<?.Order>], None)"),
        ("Optional['a.Order']", "<?.Optional>[<?.a>.Order]"),
        ("Literal['paid', 'open']", "<?.Literal>[tuple['paid', 'open']]"),
        ("Annotated['Order', 'words']", "<?.Annotated>[tuple[<?.Order>, 'words']]"),
        ("'not a type'", "'not a type'"),
        ("'f()'", "'f()'"),
    ],
)
def test_types_written_as_strings_are_read(text: str, expected: str) -> None:
    annotation = read(f"def function(a: {text}): pass\n").functions[0].parameters[0].annotation
    assert annotation is not None
    assert shown(annotation) == expected


# The file -------------------------------------------------------------------------------------------------------------


def test_definitions_are_found_wherever_they_stand() -> None:
    text = """
    if fast:
        def load(): return 1
    else:
        def load(): return 2
    def outer():
        class Inner(Base):
            def method(self): return outer, kept
            class Deep: pass
        kept = Inner
    class A:
        class B:
            def method(self): pass
    """
    file = read(dedent(text))
    assert [signature.name for signature in file.functions] == [
        "load#2",
        "load",
        "outer.<locals>.Inner.method",
        "outer",
        "A.B.method",
    ]
    assert function(file, "load") == "return 2"
    assert function(file, "outer") == "Inner = <.outer.<locals>.Inner>\nkept = Inner"
    assert function(file, "outer.<locals>.Inner.method") == "return tuple[<.outer>, kept]"
    inner = {found.name: (found.methods, found.inner) for found in file.classes}
    assert inner["outer.<locals>.Inner"] == (("method",), ("Deep",))
    assert inner["A"] == ((), ("B",))
    assert module(file) == ""


def test_the_modules_own_code_is_kept_and_its_assignments_are_listed() -> None:
    text = """
    '''Words.'''
    import os
    LIMIT = 3
    HOST = os.environ["HOST"]
    app = make(LIMIT)
    app.conf.retries = 5
    if LIMIT:
        MODE = "x"
    class Order:
        register(LIMIT)
        size = 1
    __all__ = ["app"]
    __all__ += ["Order"]
    if __name__ == "__main__":
        app.run()
    """
    file = read(dedent(text))
    assert lines(file.constants).splitlines() == [
        "<.LIMIT> = 3",
        "<.HOST> = <os>.environ['HOST']",
        "<.app> = <?.make>(<.LIMIT>)",
        "<.app>.conf.retries = 5",
        "<.MODE> = 'x'",
        "<.__all__> = list['app']",
        "<.__all__> += list['Order']",
    ]
    assert module(file).splitlines() == [
        "<.app> = <?.make>(<.LIMIT>)",
        "if <.LIMIT>",
        "  <.MODE> = 'x'",
        "<?.register>(<.LIMIT>)",
        "<.__all__> += list['Order']",
        "if ==(<.__name__>, '__main__')",
        "  <.app>.run()",
    ]
    assert file.exports == ("app", "Order")


def test_a_body_says_which_names_it_uses() -> None:
    text = "import a.b\ndef function(x):\n    def inner(): return Order.objects\n    return a.b.send(x.total, k=len)\n"
    assert read(text).bodies[0].names == ("Order", "a", "b", "len", "objects", "send", "total")


def test_text_that_looks_like_sql_is_listed() -> None:
    text = """
    a = "SELECT 1 FROM orders"
    def f(t):
        "update nothing: a docstring"
        return f"  delete from {t} where id = %s", "selection of words", "select"
    """
    assert read(dedent(text)).texts == ("SELECT 1 FROM orders", "  delete from {} where id = %s")


def test_comments_that_speak_to_datakeel() -> None:
    text = 'x = 1  # datakeel: ignore[lost-update] one writer\n# datakeel: file\ny = "# datakeel: no"\n'
    text += 'z = """\n# datakeel: no\n"""\n'
    assert read(text).comments == (Comment(1, "ignore[lost-update] one writer", False), Comment(2, "file", True))


def test_long_chains_stay_readable() -> None:
    branches = "def f(a):\n  if a == 0: x(0)\n" + "".join(f"  elif a == {n}: x({n})\n" for n in range(1, 300))
    file = read(branches)
    assert [note.line for note in file.notes] == [62]
    assert "<?.x>(299)" in function(file, "f")
    assert only("def f(a):\n  return " + " + ".join(["a"] * 3000)).count("a") == 3000


@pytest.mark.parametrize("text", ["x = " + "-" * 500 + "1", "x = " + "f(" * 150 + ")" * 150, "x" + ".a()" * 500])
def test_what_nests_too_deeply_is_opaque(text: str) -> None:
    file = read(text)
    assert file.notes == (Note(1, "nested too deeply; what lies inside was not read"),)
    assert decode(encode(file)) == file


def test_a_byte_order_mark_and_a_lone_surrogate_are_read() -> None:
    assert shown(read("\ufeffx = 1").constants[0].targets[0]) == "<.x>"  # type: ignore[union-attr]
    assert encode(read("x = '\ud800'"))


def test_spans_are_counted_in_characters() -> None:
    text = "def f(x):\n    é = 'ü'; x.save('ä', é)\n"
    statement = body(read(text).bodies[0])[1]
    assert statement.at == Span(2, 13, 2, 27)  # type: ignore[union-attr]
    assert text.splitlines()[1][13:27] == "x.save('ä', é)"


# The standard library as a sample -------------------------------------------------------------------------------------


def standard_library(count: int, seed: int) -> list[Path]:
    root = Path(sysconfig.get_paths()["stdlib"])
    found = sorted(path for path in root.rglob("*.py") if "site-packages" not in path.parts)
    return random.Random(seed).sample(found, count)


@pytest.mark.parametrize("path", standard_library(40, 1), ids=lambda path: path.name)
def test_ordinary_files_are_read_whole(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    file = read(text)
    facts = encode(file)
    assert decode(facts) == file
    assert encode(read(text)) == facts
    for code in file.bodies:
        assert isinstance(body(code), tuple)
    for signature in file.functions:
        assert _cut(text, signature.at).startswith(("def ", "async def"))


def test_a_calls_span_is_its_text() -> None:
    text = (Path(sysconfig.get_paths()["stdlib"]) / "textwrap.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    expected = [ast.get_source_segment(text, node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    file = read(text)
    seen = [file.classes, file.functions, *map(body, file.bodies)]
    assert {_cut(text, call.at) for call in _calls(seen)} == set(expected)


def _calls(facts: object) -> Iterator[Call]:
    if isinstance(facts, Call):
        yield facts
    if isinstance(facts, (tuple, list)):
        for part in facts:
            yield from _calls(part)
    elif isinstance(facts, Struct):
        yield from _calls([getattr(facts, field) for field in facts.__struct_fields__])


def _cut(text: str, at: Span) -> str:
    cut = text.splitlines(keepends=True)[at.line - 1 : at.end_line]
    cut[-1] = cut[-1][: at.end_column]
    cut[0] = cut[0][at.column :]
    return "".join(cut)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("abc=()[]{}:,.'\"#\n \\\t\ufeff\ud800é\r\x00*@-")))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    file = read(text)
    assert decode(encode(file)) == file
