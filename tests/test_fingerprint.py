"""Fingerprints: what keeps them, what changes them, and how equal ones are told apart."""

from msgspec.structs import replace

from datakeel.finding import Finding
from datakeel.fingerprint import fingerprint, fingerprinted, normalised
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
