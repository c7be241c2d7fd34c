"""Generated projects that run: some of their processes, on a database of their own, on free ports."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from datakeel.write import disk
from tests import postgres
from tests.projects import generated

START_LIMIT = 300.0  # seconds
STOP_LIMIT = 30.0


@dataclass(frozen=True)
class System:
    database: str
    address: str
    ports: dict[str, int]  # of the other processes that answer HTTP

    def post(self, path: str, body: object, key: str) -> httpx.Response:
        return httpx.post(f"{self.address}{path}", json=body, headers={"Idempotency-Key": key}, timeout=30)


def written(name: str, folder: Path) -> Path:
    """The project of one of the requests under examples/generate, in a folder."""
    _, project = generated(name)
    disk.put(project, folder)
    return folder


@contextmanager
def running(project: Path, processes: Sequence[str], services: Sequence[str] = ()) -> Iterator[System]:
    """The API, `processes`, and `services`, which answer HTTP too. All end with the block."""
    package = next(path.name for path in (project / "src").iterdir())
    port, *others = free_ports(1 + len(services))
    ports = dict(zip(services, others, strict=True))
    with postgres.running() as database, ExitStack() as started:
        environment = os.environ | {
            "PYTHONPATH": str(project / "src"),
            "DATABASE_URL": database,
            "PORT": str(port),
            **{f"{name.replace('-', '_').upper()}_URL": f"http://127.0.0.1:{at}" for name, at in ports.items()},
        }
        command = [sys.executable, "-m", package]
        subprocess.run([*command, "migrate"], cwd=project, env=environment, timeout=START_LIMIT, check=True)
        for name in ("api", *processes, *services):
            started.callback(_end, subprocess.Popen([*command, name], cwd=project, env=environment))
        addresses = [f"http://127.0.0.1:{at}" for at in (port, *others)]
        with httpx.Client(timeout=30) as client:
            assert until(lambda: all(_ready(client, address) for address in addresses))
        yield System(database, addresses[0], ports)


def free_ports(number: int) -> list[int]:
    """Ports that differ from each other: all are held until the last is known."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def until(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold while there is patience."""
    deadline = time.monotonic() + START_LIMIT
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _ready(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(f"{address}/health/ready").is_success
    except httpx.TransportError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
