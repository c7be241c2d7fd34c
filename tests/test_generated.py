"""Every request under examples/generate becomes a project that is clean, reviewed without a finding, and passes its own
tests, on one shared environment: that of these tests. The three of SEEDS prove themselves in full."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import datakeel
from datakeel.requirements import Domain
from datakeel.write import disk
from datakeel.write.targets.service.write import DEVELOPMENT, POSTGRESQL, REQUIREMENTS
from tests.projects import EXAMPLES, NAMES, SEEDS, generated

SECONDS = 900


@pytest.fixture(scope="module", params=NAMES)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of one request, on the disk; its folder bears the example's name."""
    name = str(request.param)
    folder = tmp_path_factory.mktemp("generated") / name
    _, made = generated(name)
    disk.put(made, folder)
    return folder


def run(project: Path, *command: str) -> str:
    """What a command says that must succeed in the project's folder."""
    environment = os.environ | {"PYTHONPATH": f"{project / 'src'}", "MYPYPATH": "src:tests"}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said[-6000:]
    return said


def test_its_code_is_formatted_and_lint_finds_nothing(project: Path) -> None:
    run(project, sys.executable, "-m", "ruff", "format", "--check", ".")
    run(project, sys.executable, "-m", "ruff", "check", ".")


def test_its_types_are_sound(project: Path) -> None:
    run(project, sys.executable, "-m", "mypy")


def test_a_review_finds_nothing(project: Path) -> None:
    review = datakeel.review(project)
    assert [f"{f.place.path}:{f.place.line} {f.rule}: {f.message}" for f in review.findings] == []
    assert review.summary.unreadable == 0


def test_its_own_tests_pass(project: Path) -> None:
    faults = [] if project.name in SEEDS else ["--ignore=tests/faults", "--ignore=tests/test_faults.py"]
    run(project, sys.executable, "-m", "pytest", "-q", *faults)


def test_the_environment_of_these_tests_has_what_projects_need() -> None:
    own = tomllib.loads((EXAMPLES.parent.parent / "pyproject.toml").read_text())["project"]
    there = (*own["dependencies"], *own["optional-dependencies"]["dev"])
    names = {requirement.partition(">=")[0] for requirement in there}
    assert {r.partition(">=")[0] for r in (*REQUIREMENTS, *DEVELOPMENT, POSTGRESQL)} <= names


def test_the_examples_exercise_every_construct() -> None:
    found = [generated(name)[0].requirements for name in NAMES]
    used = {f for r in found for f in Domain.__struct_fields__ if getattr(r.domain, f)}
    assert used == set(Domain.__struct_fields__)
    assert any(r.existing for r in found)


def test_a_light_system_is_light() -> None:
    """40 users and a calendar: under 25 files and 1,000 lines, and nothing that nobody needs."""
    design, made = generated("meeting-rooms")
    visible = [f for f in made.files if not f.path.startswith(disk.OURS)]
    assert len(visible) < 25
    assert sum(f.text.count("\n") for f in visible) < 1000
    assert "Nothing else is needed" in made.text("README.md")
    assert not {"outbox", "log", "saga", "search-view", "dashboard"} & design.parts()
