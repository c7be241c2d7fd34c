"""Sagas as they are written."""

from pathlib import Path

import pytest

from datakeel.requirements import Requirements
from datakeel.write.project import Project
from datakeel.write.targets.sagas import shape
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.designs import design
from tests.write.sagas import CHECKOUT, TRIPS


def written(requirements: Requirements) -> Project:
    return write(design(requirements, "http-api", "saga", "outbox"))


def put(project: Project, folder: Path) -> None:
    for file in project.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)


def steps(requirements: Requirements) -> list[tuple[str, str, str, bool]]:
    domain = requirements.domain
    (saga,) = shape.sagas(domain, shape.services(domain))
    return [(step.name, step.role, step.hold, step.reversible) for step in saga.steps]


def test_a_step_without_compensation_finishes_what_an_earlier_one_holds_or_is_the_last() -> None:
    assert steps(CHECKOUT) == [
        ("reserve-inventory", "hold", "inventory", True),
        ("authorise-payment", "hold", "payments", True),
        ("capture-payment", "confirm", "payments", False),
        ("confirm-inventory", "confirm", "inventory", False),
    ]
    assert steps(TRIPS) == [
        ("book-flight", "hold", "flights", True),
        ("book-hotel", "hold", "hotels", True),
        ("book-car", "hold", "cars", False),
    ]


def test_a_service_is_written_as_what_it_holds_and_through_whom() -> None:
    kinds = {s.name: (s.kind, s.key, s.quantity) for r in (CHECKOUT, TRIPS) for s in shape.services(r.domain)}
    assert kinds == {
        "inventory": ("counting", "sku", "quantity"),
        "payments": ("gateway", "account", "amount"),
        "payment_provider": ("stub", "account", "amount"),
        "flights": ("counting", "flight", "quantity"),
        "hotels": ("gateway", "account", "amount"),
        "hotel_chain": ("stub", "account", "amount"),
        "cars": ("recording", "", ""),
    }


def test_a_request_says_what_each_service_needs() -> None:
    trip = written(TRIPS).text("src/trip_booking/domain/trip.py")
    assert "class Flights(BaseModel):\n    flight: Text\n    quantity: Quantity\n" in trip
    assert "class Cars(BaseModel):\n    category: Text\n    days: int\n    pick_up: AwareDatetime\n" in trip


def test_each_service_has_a_database_of_its_own() -> None:
    paths = {f.path for f in written(CHECKOUT).files}
    for service in ("inventory", "payments", "payment_provider"):
        assert f"migrations/{service}/0001_holds.sql" in paths
        assert f"migrations/{service}/0000_idempotency_keys.sql" in paths


@pytest.mark.parametrize("requirements", [CHECKOUT, TRIPS], ids=lambda r: r.name)
def test_the_code_is_laid_out_and_clean(requirements: Requirements, tmp_path: Path) -> None:
    put(written(requirements), tmp_path)
    assert_laid_out_and_clean(tmp_path)


def test_the_same_requirements_give_the_same_bytes() -> None:
    assert written(CHECKOUT) == written(CHECKOUT)
