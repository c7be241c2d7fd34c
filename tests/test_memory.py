"""What rules found in single functions is used again where it holds, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from datakeel.finding import Severity
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind
from datakeel.model.migration import Migration
from datakeel.model.operation import Context, Operation
from datakeel.model.place import Place
from datakeel.model.system import System
from datakeel.rules import judge as judging
from datakeel.rules.judge import judge
from datakeel.rules.memory import Memory, Verdicts, identity
from datakeel.rules.rule import Hit, Rule

TEXT = b"text"


def operation(name: str, **fields: object) -> Operation:
    made = Operation(name=name, symbol=name, place=Place("shop.py", 1), retries=())
    return replace(made, **fields)


class Bench:
    """Two rules that find every function: one asks the system about it, the other does not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.judged: list[tuple[str, str]] = []
        monkeypatch.setattr(judging, "rules", lambda: (self.rule("lost-update", 1), self.rule("dual-write", 2)))
        monkeypatch.setattr(judging, "acts", lambda noun: True)

    def rule(self, name: str, parameters: int) -> Rule:
        def alone(operation: Operation) -> Iterator[Hit]:
            self.judged.append((name, operation.name))
            yield Hit(place=operation.place, message=operation.name)

        def asking(operation: Operation, system: System) -> Iterator[Hit]:
            self.judged.append((name, operation.name))
            if operation.name.startswith("asks"):
                yield Hit(place=operation.place, message=f"{operation.name} of {len(system.operations)}")
            if operation.name.startswith("counts"):
                writers = [o.name for o, _ in system.writers("orders")]
                yield Hit(place=operation.place, message=f"{operation.name} {writers}")

        category = "transact" if name == "lost-update" else "derive"
        return Rule(
            name=name,
            category=category,
            severity=Severity.MAJOR,
            judge=alone if parameters == 1 else asking,
            nouns=(Operation,),
            wants_system=parameters == 2,
        )

    def review(self, before: Verdicts, *operations: Operation) -> tuple[set[str], Verdicts]:
        self.judged.clear()
        system = System(operations=operations)
        memory = Memory(system, {o.name: identity(o, TEXT) for o in operations}, before)
        found = judge(system, memory=memory)
        return {f.message for f in found}, memory.verdicts()


def placed(name: str, line: int) -> Operation:
    return operation(name, place=Place("shop.py", line))


def test_what_asked_for_a_part_of_the_system_that_changed_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    alone, asks = placed("alone", 1), placed("asks", 5)
    first, kept = bench.review(Verdicts(), alone, asks)
    assert len(bench.judged) == 4
    second, kept = bench.review(kept, alone, asks)
    assert bench.judged == []
    assert second == first == {"alone", "asks", "asks of 2"}
    third, _ = bench.review(kept, alone, asks, placed("more", 9))
    assert third == {"alone", "more", "asks", "asks of 3"}
    assert ("dual-write", "asks") in bench.judged
    assert ("dual-write", "alone") not in bench.judged


def writing(dataset: str, line: int) -> Operation:
    effect = Effect(number=1, kind=Kind.WRITE, verb="insert", place=Place("shop.py", line), dataset=dataset)
    return operation(f"writes {dataset}", place=Place("shop.py", line), effects=(effect,))


def test_of_an_index_what_stands_under_the_key_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    counts, orders = placed("counts", 1), writing("orders", 5)
    found, kept = bench.review(Verdicts(), counts, orders)
    assert "counts ['writes orders']" in found
    _, kept = bench.review(kept, counts, orders, writing("stock", 9))
    assert ("dual-write", "counts") not in bench.judged
    _, kept = bench.review(kept, counts, replace(orders, unused=True), writing("stock", 9))
    assert ("dual-write", "counts") in bench.judged
    found, _ = bench.review(kept, counts)
    assert "counts []" in found


def test_of_a_function_that_nothing_tells_from_another_nothing_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    counts, orders = placed("counts", 1), writing("orders", 5)
    known = {"counts": identity(counts, TEXT)}
    system = System(operations=(counts, orders))
    memory = Memory(system, known)
    judge(system, memory=memory)
    bench.judged.clear()
    judge(system, memory=Memory(system, known, memory.verdicts()))
    assert ("dual-write", "counts") in bench.judged
    assert ("lost-update", "counts") not in bench.judged


@pytest.mark.parametrize("field", ["datasets", "migrations"])
def test_tables_and_migrations_are_known_by_what_they_say(field: str) -> None:
    one = {
        "datasets": Dataset(name="orders"),
        "migrations": Migration(name="0001", place=Place("migrations/0001.py", 1), tool="django"),
    }[field]
    memory = Memory(replace(System(), **{field: (one,)}), {})
    again, other = replace(one), replace(one, technology="mysql")
    then = Memory(replace(System(), **{field: (again, other)}), {}, memory.verdicts())
    assert then.name(one) == ""
    assert then.name(again) in then.same
    assert then.name(other) not in then.same


@pytest.mark.parametrize("changed", [{"contexts": (Context(loop=True),)}, {"unused": True}, {"recursive": True}])
def test_a_function_with_something_else_round_it_is_judged_anew(
    changed: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(monkeypatch)
    one = placed("alone", 1)
    _, kept = bench.review(Verdicts(), one)
    bench.review(kept, replace(one, **changed))
    assert bench.judged == [("lost-update", "alone"), ("dual-write", "alone")]


def test_a_function_that_was_followed_otherwise_is_judged_anew() -> None:
    assert identity(operation("a"), b"before") != identity(operation("a"), b"after")


def test_what_was_found_in_a_function_that_is_gone_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    _, kept = bench.review(Verdicts(), placed("alone", 1), placed("other", 5))
    found, _ = bench.review(kept, placed("other", 5))
    assert found == {"other"}
    assert bench.judged == []
