"""The figures at which decisions change are those at which they change; and more load never gives a lighter system."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datakeel.decision import Flip
from datakeel.design.designer import design
from datakeel.design.inputs import changed, inputs
from datakeel.design.questions import choose, heavier
from datakeel.requirements import Requirements
from tests.design.systems import BILLING, CALENDAR, CHECKOUT, CLICKS, FRIENDS, NOTES, ORDERS, READINGS, SHOP_SEARCH, put

SYSTEMS = (CALENDAR, ORDERS, READINGS, CHECKOUT, CLICKS, FRIENDS, NOTES, BILLING, SHOP_SEARCH)
NAMES = [r.name for r in SYSTEMS]


@pytest.mark.parametrize("requirements", SYSTEMS, ids=NAMES)
def test_a_decision_changes_at_the_figure_that_it_names_and_not_before(requirements: Requirements) -> None:
    found = [(d, flip) for d in design(requirements).decisions for flip in d.flips]
    assert found
    for decision, flip in found:
        assert flip.to != decision.chosen
        if flip.value is not None:
            assert choose(at(requirements, flip, flip.value))[decision.question] == flip.to
            assert choose(at(requirements, flip, nearer(requirements, flip)))[decision.question] == decision.chosen


def at(requirements: Requirements, flip: Flip, value: float) -> Requirements:
    one = next(i for i in inputs(requirements) if i.name == flip.input)
    return changed(requirements, one.path, round(value) if one.whole else value)


def nearer(requirements: Requirements, flip: Flip) -> float:
    """A figure that is one per cent closer to what is now."""
    one = next(i for i in inputs(requirements) if i.name == flip.input)
    assert flip.value is not None
    if one.whole and flip.value < 1000:
        return flip.value + (1 if one.now > flip.value else -1)
    if one.nines:
        return 1 - (1 - flip.value) * (1.01 if flip.value > one.now else 0.99)
    return flip.value * (0.99 if flip.value > one.now else 1.01)


def test_the_calendar_would_need_a_follower_at_the_availability_that_was_worked_out() -> None:
    flips = {f.input: (f.at, f.to) for f in design(CALENDAR).decision("replication").flips}
    # 9.33 hours of 8,760 are 0.1065 %
    assert flips["availability.target"] == ("99.89 %", "single-leader-asynchronous")
    assert flips["availability.regions"] == ("2 regions", "single-leader-asynchronous")


def test_orders_change_to_kafka_at_what_one_relay_carries() -> None:
    flips = {
        f.input: (f.value, f.to)
        for f in design(put(ORDERS, "workload.retention", 86_400.0)).decision("derived-data").flips
    }
    assert flips["workload.writes"] == (1670.0, "change-capture-and-kafka")


LOADS = st.sampled_from([0.01, 1.0, 30.0, 300.0, 1e3, 3e3, 1e4, 1e5, 1e6, 1e7])
FIELDS = ("writes", "reads", "retention", "records", "record", "peak", "growth")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SYSTEMS), st.sampled_from(FIELDS), LOADS, LOADS, st.floats(1, 1000), st.floats(60.0, 1e9))
def test_more_load_never_gives_a_lighter_system(
    requirements: Requirements, field: str, writes: float, reads: float, factor: float, retention: float
) -> None:
    base = put(put(requirements, "workload.writes", writes), "workload.reads", reads)
    base = put(base, "workload.retention", retention)
    before = {"records": 1e4, "record": 100.0, "peak": 2.0, "growth": 0.1}.get(field, getattr(base.workload, field))
    one, more = put(base, f"workload.{field}", before), put(base, f"workload.{field}", before * factor)
    lighter, fuller = choose(one), choose(more)
    assert not [q for q in lighter if heavier(q, lighter[q], fuller[q])]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SYSTEMS), st.floats(0.9, 0.99999), st.floats(0.9, 0.99999), st.floats(0, 1e5), st.floats(0, 1e5))
def test_more_availability_never_gives_a_lighter_replication(
    requirements: Requirements, target: float, other: float, loss: float, allowed: float
) -> None:
    def wanted(target: float, loss: float) -> str:
        return choose(put(put(requirements, "availability.target", target), "availability.loss", loss))["replication"]

    looser = wanted(min(target, other), max(loss, allowed))
    assert not heavier("replication", looser, wanted(max(target, other), min(loss, allowed)))
