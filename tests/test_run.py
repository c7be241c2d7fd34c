"""What a newcomer sees who types `make run`: a system with a database of its own, data that flow, and a page that shows
it; one Ctrl-C ends it all."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.running import free_ports, until, written

STOP_LIMIT = 120.0  # seconds
# Of each request: what the dashboard asks for, and the figure that grows.
FLOWS = {
    "orders": ("/order-analytics", "orders"),
    "readings": ("/readings/kept", "rows_added"),
    "payment-and-inventory": ("/sagas", "sagas"),
}
# And what its processes measure that have no HTTP of their own.
MEASURED = {
    "orders": ("relay_lag_seconds ", 'consumer_lag_seconds{consumer="order_search"}'),
    "readings": ("partitions_last_run_timestamp_seconds ",),
    "payment-and-inventory": ("saga_calls_in_flight ", "outbox_lag_seconds "),
}
SERVICES = ("INVENTORY_URL", "PAYMENTS_URL", "PAYMENT_PROVIDER_URL", "OUTCOMES_URL")


def start(project: Path, **more: str) -> tuple[subprocess.Popen[str], str]:
    """Everything, and where it answers."""
    package = next(path.name for path in (project / "src").iterdir())
    port, *others = free_ports(1 + len(SERVICES))
    own = {name: f"http://127.0.0.1:{at}" for name, at in zip(SERVICES, others, strict=True)}
    environment = os.environ | own | {"PYTHONPATH": str(project / "src"), "PORT": str(port)} | more
    process = subprocess.Popen(
        [sys.executable, "-m", package, "all"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a Ctrl-C for it alone
    )
    return process, f"http://127.0.0.1:{environment['PORT']}"


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    """How it ends when Ctrl-C goes to it and to all that it started, as a terminal sends it; and what it said."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        said, _ = process.communicate(timeout=STOP_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, said


def grown(client: httpx.Client, address: str, figure: str) -> bool:
    try:
        rows: list[dict[str, Any]] = client.get(address).raise_for_status().json()
    except httpx.HTTPError:
        return False
    return any(row[figure] > 0 for row in rows)


def measures(client: httpx.Client, first: int) -> str:
    """What the processes of a system tell of themselves, whose ports follow each other."""
    told = []
    for port in range(first, first + 5):
        with suppress(httpx.HTTPError):
            told.append(client.get(f"http://127.0.0.1:{port}/metrics").text)
    return "\n".join(told)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every account may enter: root's PostgreSQL runs as another."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("name", FLOWS)
def test_data_flow_and_are_seen_and_ctrl_c_ends_it(name: str, folder: Path) -> None:
    metrics = 20_000 + os.getpid() % 5_000  # the system gives connections none of these between the look and the use
    process, address = start(written(name, folder), METRICS_PORT=str(metrics))
    try:
        path, figure = FLOWS[name]
        with httpx.Client(timeout=30) as client:
            assert until(lambda: grown(client, f"{address}{path}", figure))
            assert path in client.get(f"{address}/dashboard").raise_for_status().text
            assert until(lambda: all(f"\n{one}" in measures(client, metrics) for one in MEASURED[name]))
            assert f'http_request_seconds_bucket{{le="0.1",method="GET",route="{path}"}}' in measures(
                client, urlsplit(address).port or 0
            )
    finally:
        status, said = interrupted(process)
    assert (status, "Traceback" in said) == (0, False), said[-3000:]
    assert f": http://127.0.0.1:{metrics}/metrics" in said
    with pytest.raises(ProcessLookupError):  # nobody of them is left
        os.killpg(process.pid, 0)


def test_a_light_system_says_where_it_is_and_ctrl_c_ends_it(folder: Path) -> None:
    process, address = start(written("meeting-rooms", folder))
    try:
        with httpx.Client(base_url=address, timeout=30) as client:
            assert until(lambda: is_ready(client))
            made = client.post(
                "/rooms", json={"name": "Blue", "capacity": 4}, headers={"Idempotency-Key": str(uuid4())}
            )
            assert made.status_code == 201
            assert client.get(f"/rooms/{made.json()['id']}").json() == made.json()
            assert client.get("/docs").is_success
    finally:
        status, said = interrupted(process)
    assert (status, "Traceback" in said) == (0, False), said[-3000:]
    assert f": {address}/docs" in said


def is_ready(client: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return client.get("/health/ready").is_success
    return False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL runs as somebody else")
def test_a_folder_that_the_database_may_not_enter_is_named_with_the_remedy(folder: Path) -> None:
    process, _ = start(written("orders", folder / "closed" / "orders"))
    os.chmod(folder / "closed", 0o700)
    said, _ = process.communicate(timeout=STOP_LIMIT)
    assert process.returncode == 1
    assert "move the project to a folder that others may enter" in said


def test_a_port_that_is_taken_is_named_with_the_remedy(tmp_path: Path) -> None:
    project = written("orders", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        process, _ = start(project, PORT=str(taken))
        said, _ = process.communicate(timeout=STOP_LIMIT)
    assert (process.returncode, said.strip()) == (
        1,
        f"Port {taken} is in use. Stop what listens there, or name another: PORT={taken + 100} make run",
    )
    assert not (project / ".data").exists()
