"""The commands that README and docs show are commands that work."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from datakeel.config import load
from datakeel.rules.rule import rules
from datakeel.rules.strength import strengths
from tests.running import free_ports

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)


STORY = ROOT / "docs" / "generate.md"  # its commands build on each other
TOUR = ROOT / "docs" / "tour.md"  # and here, with the files and the answers between them
TOLD = (STORY, TOUR, ROOT / "docs" / "baseline.md")  # so do these, in tests/test_baseline.py
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
STATUS = re.compile(r"  # status (\d)$")


def commands(*pages: Path, of: tuple[str, ...] = ("datakeel ",)) -> list[str]:
    found = []
    for page in pages:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            found += [line.partition("  #")[0].strip() for line in block.splitlines() if line.startswith(of)]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("command", sorted(commands(*(page for page in PAGES if page not in TOLD))))
def test_a_command_of_the_documentation_works(command: str, tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "pay.py").write_text("def pay(order):\n    return order\n", encoding="utf-8")
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr


def test_the_commands_from_a_sentence_to_a_project_work_one_after_another(tmp_path: Path, database: str) -> None:
    for command in commands(STORY, of=("datakeel ", "sed ")):
        words = shlex.split(command)
        words = [sys.executable, "-m", *words] if words[0] == "datakeel" else words
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
        compared = "--diff" in command
        assert done.returncode == compared, f"{command}: {done.stdout[-2000:]}{done.stderr}"
    assert (tmp_path / "ledger" / "system.yaml").is_file()
    assert_it_runs(tmp_path / "calendar", database)
    shown = re.findall(r"^    added: (\S+)$", STORY.read_text(encoding="utf-8"), re.M)
    assert len(shown) == 2
    assert all((tmp_path / "orders" / path).is_file() for path in shown)
    own = re.findall(r"^    python (-m order_tracking .*?) *(?:#.*)?$", STORY.read_text(encoding="utf-8"), re.M)
    assert len(own) == 2
    environment = os.environ | {"PYTHONPATH": "src", "DATABASE_URL": database}
    for line in own:
        subprocess.run(
            [sys.executable, *line.split()], cwd=tmp_path / "orders", env=environment, check=True, timeout=600
        )


def assert_it_runs(project: Path, database: str) -> None:
    """A project's fault test and the project itself say what the page shows, and the requests on it are answered."""
    (text,) = re.findall(r"^```text\n(.*?)^```", STORY.read_text(encoding="utf-8"), re.M | re.S)
    proved, begun = text.splitlines()
    test = [sys.executable, "-m", "pytest", "-q", "tests/test_faults.py"]
    found = os.environ | {"PYTHONPATH": "src"}
    done = subprocess.run(test, cwd=project, env=found, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(re.sub(r"\b[1-9]\d*", r"\\d+", re.escape(proved)), done.stdout), done.stdout
    (port,) = free_ports(1)
    environment = found | {"DATABASE_URL": database, "PORT": str(port)}
    (package,) = [path.name for path in (project / "src").iterdir()]
    process = subprocess.Popen(
        [sys.executable, "-m", package], cwd=project, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().rstrip() == begun.replace("8000", str(port))
        for command in commands(STORY, of=("curl ",)):
            words = shlex.split(command.replace("8000", str(port)))
            asked = [*words, "--silent", "--fail-with-body", "--retry", "20", "--retry-connrefused"]
            assert '"name":"Blue"' in subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    finally:
        process.terminate()
        process.wait(60)


def test_the_finding_that_the_readme_shows_is_what_the_demo_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)[0]
    command = [sys.executable, "-m", "datakeel", "review", "examples/review/shop"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False).stdout
    assert shown in said


def test_a_stranger_goes_the_tour_from_the_first_review_to_a_clean_pull_request(tmp_path: Path, postgres: str) -> None:
    """A file that is named is put there, a command gives the status that stands behind it (0 where none does), and
    what is shown below is what it said."""
    folder, said = tmp_path, ""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PROOF_DATABASE": postgres,
        **{f"GIT_{who}_{what}": "stranger@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    for kind, name, text in BLOCK.findall(TOUR.read_text(encoding="utf-8")):
        if name:
            (folder / name).write_text(text, encoding="utf-8")
        elif kind == "sh":
            said = ""
            for command in text.splitlines():
                if command.startswith("cd "):
                    folder /= command.removeprefix("cd ")
                    continue
                words = ["bash", "-o", "pipefail", "-c", command]
                done = subprocess.run(
                    words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
                )
                expected = int(found[1]) if (found := STATUS.search(command)) else 0
                assert done.returncode == expected, f"{command}: {done.stdout[-3000:]}{done.stderr}"
                said += done.stdout + done.stderr
        elif kind == "text":
            wrong = [line for line in text.splitlines() if line not in said.splitlines()]
            assert not wrong, "\n".join([*wrong, "was not said:", said])
    result = json.loads((folder / "datakeel.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert [r["suppressions"][0]["justification"] for r in result] == ["the shop may refuse, and nothing is taken then"]


def test_readme_names_only_rules_that_exist() -> None:
    names = {rule.name for rule in rules()}
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"ignore\[([a-z-]+)\]", text)) <= names
    assert set(re.findall(r"datakeel explain ([a-z-]+)", text)) <= names | {pattern.name for pattern in strengths()}


def test_the_targets_that_readme_names_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make (\w+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M):
        assert re.search(rf"^{target}:", makefile, re.M)


def test_the_repository_reviews_itself_with_its_own_configuration() -> None:
    assert load([ROOT], {rule.name: rule.category for rule in rules()}) is not None
