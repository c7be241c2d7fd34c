"""Fingerprints: what keeps them, what changes them, and how equal ones are told apart."""

import pytest
from msgspec.structs import replace

from datakeel.finding import Finding
from datakeel.fingerprint import fingerprint, fingerprinted, normalised, structured
from datakeel.model.place import Place
from tests.show.sample import LOST_UPDATE


def named(*findings: Finding) -> list[str]:
    return [f.fingerprint for f in fingerprinted(findings, lambda f: normalised("account.save()"))]


def at(line: int, path: str = "a.py") -> Finding:
    return replace(LOST_UPDATE, place=Place(path, line))


def test_a_line_does_not_matter() -> None:
    assert named(at(3)) == named(at(300))


def test_rule_symbol_code_and_datasets_matter() -> None:
    given = [
        fingerprint("lost-update", "pay", "a", ["t"]),
        fingerprint("write-skew", "pay", "a", ["t"]),
        fingerprint("lost-update", "refund", "a", ["t"]),
        fingerprint("lost-update", "pay", "b", ["t"]),
        fingerprint("lost-update", "pay", "a", ["t", "u"]),
    ]
    assert len(set(given)) == 5
    assert fingerprint("r", "s", "c", ["a", "b"]) == fingerprint("r", "s", "c", ["b", "a", "b"])


def test_a_formatter_changes_nothing() -> None:
    one = "pay(order, 'a  b')"
    assert normalised(one) == normalised("pay(\n    order,  # whose\n    'a  b',\n)")
    assert normalised(one) != normalised("pay(order, 'a b')")


def test_equal_ones_are_told_apart_by_place_whatever_their_order() -> None:
    first, second, third = named(at(1), at(5), at(9))
    assert len({first, second, third}) == 3
    assert named(at(9), at(1), at(5)) == [third, first, second]
    assert first == named(at(1))[0]
    assert int(second, 16)


WRITTEN = """\
@atomic
def pay(order):
    \'\'\'Pays.\'\'\'
    if order.open:  # still
        charge('card', order.total,
               retries = 3)
        order.save()
    log(order)
"""
FORMATTED = """\
@atomic
def pay(order):
  \"\"\"Takes the money,
  and says so.\"\"\"

  if order.open:
      # twice is too often
      charge(
          "card",
          order.total,
          retries=3,
      )
      order.save()

  log(order)  # for us
"""


def test_layout_comments_and_docstrings_do_not_make_another_function() -> None:
    assert structured(WRITTEN) == structured(FORMATTED)
    assert structured(WRITTEN.replace("(order, ", "(order, \\\n    ")) == structured(WRITTEN)


def test_what_a_function_does_makes_it_another() -> None:
    out = WRITTEN.replace("        order.save()", "    order.save()")
    changed = [WRITTEN, out, WRITTEN.replace("3", "4"), WRITTEN.replace("'card'", "'Card'")]
    changed.append(WRITTEN.replace("log(order)", "log(order)\n    log(order)"))
    assert len(set(map(structured, changed))) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("if a in b:\n    c()", "if (\n    a in b\n):\n    c()"),
        ("x = f'{a[\"b\"]}\\n'", "x = (\n    f\"{a['b']}\\n\"\n)"),
        ("return a or b", "return (\n    a\n    or b\n)"),
        ("f(x=(a + b), y=1)", "f(x=a + b, y=1,)"),
        ("say('it\\'s')", 'say("it\'s")'),
    ],
)
def test_what_a_formatter_rewrites_is_the_same_function(one: str, other: str) -> None:
    assert structured(one) == structured(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = (a + b) * c", "x = a + b * c"),
        ("x = a == (b or c)", "x = a == b or c"),
        ("return (a, b)", "return (a)"),
        ("if (a) or (b):\n    c()", "if (a or b):\n    c()"),
        ("x = 'a b'", "x = 'ab'"),
    ],
)
def test_what_means_something_else_is_another_function(one: str, other: str) -> None:
    assert structured(one) != structured(other)


def test_quotes_do_not_matter_where_they_say_the_same() -> None:
    assert normalised("pay('card')") == normalised('pay("card")')
    assert normalised("pay('a \"card\"')") != normalised('pay("a card")')
    assert normalised("WHERE \"state\" = 'new'", sql=True) == "WHERE\"state\"='new'"
