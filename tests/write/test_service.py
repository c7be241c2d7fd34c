"""The files that every project has."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from datakeel.decision import Design
from datakeel.requirements import Requirements
from datakeel.write.contribution import Contribution, Migration, Process, Trouble
from datakeel.write.project import Project, project
from datakeel.write.targets.service.write import files
from tests.write.designs import design

ORDERS = design(Requirements(name="Order tracking", summary="Orders, and where they are."), "http-api", "log")
RELAY = Contribution(
    migrations=(Migration("outbox", "CREATE TABLE outbox (id bigint PRIMARY KEY);\n"),),
    processes=(Process("relay", "processing.relay", "moves events into the log"),),
    routers=("api.orders",),
    troubles=(Trouble("The relay lags", "`relay_lag`", "Start another."),),
    diagram=("api --> store[(events)]",),
    requirements=("fastavro>=1.12",),
)


def written(of: Design, *contributions: Contribution) -> Project:
    return project(files(of, contributions).files)


def test_what_the_others_give_is_named_where_it_must_be() -> None:
    orders = written(ORDERS, RELAY)
    assert "relay" in orders.text("src/order_tracking/__main__.py")
    assert "from order_tracking.api.orders import router as orders" in orders.text("src/order_tracking/api/server.py")
    assert orders.text("migrations/0002_outbox.sql").startswith("CREATE TABLE outbox")
    assert "api --> store[(events)]" in orders.text("README.md")
    assert "## The relay lags" in orders.text("docs/runbook.md")
    assert '"fastavro>=1.12"' in orders.text("pyproject.toml")
    assert 'command: ["relay"]' in orders.text("deploy/compose.yaml")
    assert "name: order-tracking-relay" in orders.text("deploy/kubernetes/relay.yaml")


def test_the_state_holds_a_digest_of_every_other_file() -> None:
    orders = written(ORDERS, RELAY)
    digests = json.loads(orders.text(".datakeel/state.json"))["files"]
    assert digests == {
        f.path: hashlib.sha256(f.text.encode()).hexdigest() for f in orders.files if f.path != ".datakeel/state.json"
    }


def test_the_same_design_gives_the_same_bytes() -> None:
    assert written(ORDERS, RELAY) == written(ORDERS, RELAY)


def test_the_code_is_laid_out_and_clean(tmp_path: Path) -> None:
    for file in written(ORDERS, RELAY).files:
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    for arguments in (["format", "--diff"], ["check"]):
        answer = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "."], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stdout
