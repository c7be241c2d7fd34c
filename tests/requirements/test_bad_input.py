"""What is wrong in a system.yaml is told by its line, with what was expected and the nearest valid word."""

from __future__ import annotations

import pytest

from datakeel.mistake import Mistake
from datakeel.requirements import read

HEAD = "datakeel: 1\nname: shop\n"
DOMAIN = f"{HEAD}domain:\n  tables:\n    Room:\n      fields: {{name: text}}\n"


def told(text: str) -> list[str]:
    with pytest.raises(Mistake) as caught:
        read(text, "system.yaml")
    return [line.removeprefix("system.yaml:") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("workload: {writes: 500}", '7: expected a rate, such as 2M/s, 500/min or 40/day, not "500": its unit is'
         " missing"),
        ("workload: {writes: -3/s}", '7: expected a rate, such as 2M/s, 500/min or 40/day, not "-3/s": it must be'
         " more than zero"),
        ("workload: {writes: 0/s}", '7: expected a rate, such as 2M/s, 500/min or 40/day; "0/s" is nothing: leave it'
         " out, or say more than zero"),
        ("workload: {writes: 9999999G/s}", '7: expected a rate, such as 2M/s, 500/min or 40/day; "9999999G/s" is more'
         " than can be meant"),
        ("workload: {record: 5 gb}", '7: expected a size, such as 512 B, 1.5 KiB or 2 TB, not "5 gb"; did you mean'
         ' "GB"?'),
        ("workload: {users: 1.5}", '7: expected a whole number, such as 40 or 2k; "1.5" has a fraction'),
        ("freshness: 15 minits", '7: expected a period, such as 200ms, 15 min, 2 weeks or 7y, not "15 minits"; did you'
         ' mean "mins"?'),
        ("availability: {regions: 0}", "7: expected a whole number from 1 to 1,000,000, not 0"),
        ("latency: {read: p99 5ms, write: p95 5ms}", "7: expected one percentile for all latencies, p99, not p95"),
        ("workload:\n  writs: 5/s", '8: unknown key "writs"; did you mean "writes"?'),
        ("profile: embeded", '7: unknown profile "embeded"; did you mean "embedded"?'),
        ("availability: {offline: maybe}", '7: expected true or false, not "maybe"'),
        ("availability: {writes_in: every region, regions: 1}", "7: writes in every region need two regions or more,"
         " and regions is 1"),
        ("  views:\n    s: {sources: Rooms, kind: search, fields: [name]}", '8: unknown source "Rooms"; did you mean'
         ' "Room"?'),
        ("  views:\n    s: {sources: Room, kind: search, fields: [nam]}", '8: unknown field "nam"; did you mean'
         ' "name"?'),
        ("  views:\n    s: {sources: Room, kind: analytics, measures: [total name]}",
         '8: expected a measure (count, or sum, mean, min or max and a field), not "total name"'),
        ("  sagas: {s: {steps: {a: stok}}}\n  services: {stock: external}", '7: unknown service "stok"; did you mean'
         ' "stock"?'),
        ("  documents:\n    room: {}", '8: "room" and "Room" both become room in code: expected two different names'),
        ("  aggregates:\n    Order:\n      events: {OrderShipped: {after: placed}}",
         "9: no event creates the Order: expected one without after"),
        ("  aggregates:\n    Order:\n      events: {OrderPlaced: {}, A: {after: c}, B: {after: a, state: c}}",
         '9: A comes after "c", which no event reaches\n9: B comes after "a", which no event reaches'),
        ("  aggregates:\n    Order:\n      events: {OrderPlaced: {}, OrderShipped: {after: plcaed}}",
         '9: unknown state "plcaed"; did you mean "placed"?'),
        ("  aggregates:\n    A: {events: {AMade: {fields: {n: text}}}, totals: {t: {adds: AMade.m}}}",
         '8: unknown field of an event "AMade.m"; did you mean "AMade.n"?'),
        ("  aggregates:\n    A: {events: {AMade: {fields: {n: text}}}, totals: {t: {adds: AMade.n}}}",
         '8: expected a number, and "n" is text'),
        ("  services: {payments: {through: stripe}}", '7: unknown service "stripe"'),
        ("  series: {reading: {key: sensor, values: {t: decimal}, range: 2y, workload: {retention: 1y}}}",
         "7: a usual query reaches further back than anything is kept"),
        ("  sagas: {s: {timeout: 1s, steps: {a: {service: x, timeout: 5s}}}}\n  services: {x: external}",
         "7: a may take longer than the whole saga"),
    ],
)  # fmt: skip
def test_a_fault_is_told(added: str, expected: str) -> None:
    assert told(f"{DOMAIN}{added}\n") == expected.split("\n")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("{a: txt}", '6: unknown type "txt"; did you mean "text"?'),
        ("{a: string}", '6: unknown type "string"; did you mean "text"?'),
        ("{a: text integer}", "6: expected one type, not text and integer"),
        ("{a: enum(x)}", '6: expected two or more values of "a", such as enum(draft, paid)'),
        ("{a: reference Rom}", '6: unknown table or aggregate "Rom"; did you mean "Room"?'),
        ("{a: text at least 3}", '6: a minimum belongs to a number, and "a" is text'),
        ("{a b: text, a_b: text}", '6: "a_b" and "a b" both become a_b in code: expected two different names'),
        ("{../etc/passwd: text}", '6: "../etc/passwd" is no name: expected letters, digits, spaces, - and _, not "."'),
        ("{a/b: text}", '6: "a/b" is no name: expected letters, digits, spaces, - and _, not "/"'),
        ("{日本: text}", '6: "日本" is no name: expected at least one letter from a to z or a digit'),
        (f"{{{'n' * 200}: text}}", f'6: the name "{"n" * 37}…" has 200 characters in code: expected at most 48'),
        ("[a, b]", "6: expected a mapping of names, as in fields: {total: money, note: text optional}, not a list"),
    ],
)
def test_a_field_that_cannot_be_is_told(fields: str, expected: str) -> None:
    assert told(DOMAIN.replace("{name: text}", fields)) == [expected]


@pytest.mark.parametrize(
    ("invariant", "expected"),
    [
        ("{unique: nam}", '7: unknown field "nam"; did you mean "name"?'),
        ("{uniqe: name}", '7: unknown invariant "uniqe"; did you mean "unique"?'),
        ("{at-most: many per name}", '7: expected a number and what it is counted by, such as 30 per course, not "many'
         ' per name"'),
        ("{no-overlap: name}", '7: expected a field of type period, and "name" is text'),
        ("{non-negative: name}", '7: expected a number, and "name" is text'),
        ("{transitions: {name: [a -> b]}}", '7: expected an enum, and "name" is text'),
        ("{transitions: {name: [a to b]}}", '7: expected a move, such as draft -> paid, not "a to b"'),
        ("{kind: at-most, fields: name}", "7: at-most needs a limit"),
    ],
)  # fmt: skip
def test_an_invariant_that_cannot_be_is_told(invariant: str, expected: str) -> None:
    assert told(f"{DOMAIN}      invariants: [{invariant}]\n") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: expected the version of the language, datakeel: 1"),
        ("- a", "1: expected the version of the language, datakeel: 1"),
        (DOMAIN.replace("datakeel: 1", "datakeel: 2"), '1: expected the version of the language, datakeel: 1, not "2"'),
        (HEAD, "1: there is no system in it: expected at least one construct, such as domain: {tables: {Room: {fields:"
         " {name: text unique}}}}"),
        (f"{HEAD}a: [", "3: this is not YAML: expected the node content, but found '<stream end>'"),
        (f"{HEAD}a: &x [1]\nb: [*x, *x]", "3: expected a value without the anchor &x"),
        (f"{HEAD}a: *x", "3: expected a value, not the alias *x: write it out"),
        (f"{HEAD}a: !!python/object:os.system x", "3: expected a value without the tag"
         " tag:yaml.org,2002:python/object:os.system"),
        (f"{HEAD}name: again", '3: "name" stands twice, first in line 2'),
        (f"{DOMAIN}---\na: b", "7: expected one document, not a second one"),
        (f"a: {'[' * 1000}", "1: expected at most 20 levels"),
        (DOMAIN.replace("shop", "json"), '2: "json" is the name of a Python package: expected another one, such as'
         ' "json system"'),
        (f"{DOMAIN}existing: {{old: {{engine: mysql, role: sink, takes: [Nothing]}}}}", '7: unknown table, document or'
         ' aggregate "Nothing"; known are Room'),
        (f"{DOMAIN}existing: {{old: {{engine: mysql, takes: [Room]}}}}", "7: only a sink takes what changes: expected"
         " `role: sink` of old"),
        ("x" * 1_000_001, " expected at most 1,000,000 characters, not 1,000,001"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_is_told(text: str, expected: str) -> None:
    assert told(text) == [expected]


def test_several_faults_are_told_in_the_order_of_their_lines_and_no_more_than_ten() -> None:
    text = f"{DOMAIN}workload: {{writes: 5, reads: 6}}\n" + "".join(f"x{i}: 1\n" for i in range(12))
    lines = told(text)
    assert [line.split(":")[0] for line in lines[:10]] == ["7", "7", *map(str, range(8, 16))]
    assert lines[10:] == [" and 4 more"]


def test_consistency_latency_and_distance_cannot_all_be_had() -> None:
    text = f"{DOMAIN}      consistency: strong\navailability: {{regions: 2, writes_in: every region}}\n"
    assert read(text, "system.yaml").availability.regions == 2
    (line,) = told(f"{text}latency: {{write: p99 5ms}}\n")
    assert line == (
        "7: strong consistency with writes in every region costs a round trip between regions (10 ms or more for"
        " 1,000 km), and latency.write allows 5 ms: weaken one of the three"
    )
