"""What every example is deployed with, against the published schemas of Compose, of Kubernetes and of workflows; and
what a pod must have that no schema asks for."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from datakeel.write.project import Project
from tests.projects import NAMES, generated

KUBERNETES = "1.36"
CLOSED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
WORKLOADS = {"Deployment", "StatefulSet", "Job"}


@pytest.fixture(scope="module")
def projects() -> dict[str, Project]:
    return {name: generated(name)[1] for name in NAMES}


@pytest.mark.parametrize(
    ("path", "schema"),
    [("deploy/compose.yaml", "vendor.compose-spec"), (".github/workflows/ci.yml", "vendor.github-workflows")],
)
def test_files_for_other_programs_fit_the_schemas_of_these(
    projects: dict[str, Project], path: str, schema: str, tmp_path: Path
) -> None:
    for name, project in projects.items():
        (tmp_path / f"{name}.yaml").write_text(project.text(path))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    answer = subprocess.run(
        [*command, *map(str, sorted(tmp_path.iterdir()))], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


def test_manifests_fit_the_schemas_of_kubernetes(projects: dict[str, Project]) -> None:
    found = [one for project in projects.values() for one in manifests(project)]
    assert {one["kind"] for one in found} == WORKLOADS | {"Service", "PodDisruptionBudget", "PersistentVolumeClaim"}
    for one in found:
        kubernetes_validate.validate(one, KUBERNETES, strict=True)


def test_a_schema_would_find_a_mistake(projects: dict[str, Project]) -> None:
    one = next(manifests(projects["orders"]))
    one["spec"]["replicsa"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(one, KUBERNETES, strict=True)


def test_every_pod_is_closed_bounded_and_probed_and_has_no_secret_in_its_text(projects: dict[str, Project]) -> None:
    for one in (m for project in projects.values() for m in manifests(project) if m["kind"] in WORKLOADS):
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"] == CLOSED
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
        assert one["kind"] == "Job" or {"readinessProbe", "livenessProbe"} <= container.keys()
        given = {variable["name"]: variable for variable in container["env"]}
        assert given["DATABASE_URL"]["valueFrom"]["secretKeyRef"]
        assert not any("postgresql:" in variable.get("value", "") for variable in container["env"])


def test_what_must_outlive_a_pod_is_on_a_volume_of_its_own(projects: dict[str, Project]) -> None:
    found = list(manifests(projects["readings"]))
    (api,) = (m for m in found if m["metadata"]["name"] == "readings-api" and m["kind"] in WORKLOADS)
    (claim,) = api["spec"]["volumeClaimTemplates"]
    (container,) = api["spec"]["template"]["spec"]["containers"]
    assert api["kind"] == "StatefulSet"
    assert [mount["name"] for mount in container["volumeMounts"]] == [claim["metadata"]["name"]]
    assert api["spec"]["serviceName"] in [m["metadata"]["name"] for m in found if m["kind"] == "Service"]


def manifests(project: Project) -> Iterator[dict[str, Any]]:
    for file in project.files:
        if file.path.startswith("deploy/kubernetes/"):
            yield from YAML(typ="safe").load_all(file.text)
