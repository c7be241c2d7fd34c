"""An update that is killed, refused, refused room, or not alone."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datakeel import generator
from datakeel.cli import main
from datakeel.mistake import Mistake
from datakeel.write import disk
from datakeel.write.project import File
from tests.write.changes import SHOP

ADDED = "    Line: {fields: {bill: reference Bill, product: text}, access: [{by: bill}]}\n"

# The program, killed where it is at its step number N of those that change the disk.
PROGRAM = """
import os, pathlib, shutil, signal, sys
from datakeel.cli import main
at, steps = int(sys.argv[1]), 0

def counted(true):
    def step(*given, **named):
        global steps
        steps += 1
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return true(*given, **named)
    return step

for name in ("rename", "mkdir", "write_bytes"):
    setattr(pathlib.Path, name, counted(getattr(pathlib.Path, name)))
shutil.rmtree = counted(shutil.rmtree)
main(["update", sys.argv[2]])
print(steps)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project whose system.yaml has changed since it was generated, and in which its people have written."""
    source = tmp_path / "system.yaml"
    source.write_text(SHOP)
    disk.put(generator.generated(generator.read(source))[1], tmp_path / "shop")
    (tmp_path / "shop/system.yaml").write_text(SHOP.replace("    Room:", f"{ADDED}    Room:"))
    readme = tmp_path / "shop/README.md"
    readme.write_text(readme.read_text() + "Ours.\n")
    (tmp_path / "shop/migrations/0008_ours.sql").write_text("CREATE TABLE ours ();\n")
    return tmp_path / "shop"


def tree(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_an_update_that_is_killed_leaves_the_old_or_is_finished_by_the_next(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", shop, copy], check=True)
    before = tree(shop)
    done = killed_at(0, copy)
    after = tree(copy)
    assert after.keys() - before.keys() == {"migrations/0009_lines.sql", "src/corner_shop/lines.py"}
    total = int(done.stdout.splitlines()[-1])
    seen = set()
    for step in sorted({*range(1, total + 1, max(1, total // 6)), *range(total - 3, total + 1)}):
        subprocess.run(["rm", "-rf", copy], check=True)
        subprocess.run(["cp", "-r", shop, copy], check=True)
        assert killed_at(step, copy).returncode == -signal.SIGKILL
        begun = disk.pending(copy)
        if not begun:
            now = {p: d for p, d in tree(copy).items() if "/staged-" not in p and "/pending/" not in p}
            assert now in (before, after)
        seen.add(begun)
        capsys.readouterr()
        assert main(["update", str(copy)]) == 0
        assert ("finished: an update that was broken off" in capsys.readouterr().out) == begun
        assert tree(copy) == after
    assert seen == {True, False}


def killed_at(step: int, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", PROGRAM, str(step), str(folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def test_what_was_changed_since_an_update_was_broken_off_is_not_written_over(shop: Path) -> None:
    disk._lay_out((File("README.md", "theirs\n"), File("new.txt", "new\n")), (), shop)
    (shop / "README.md").write_text("written meanwhile\n")
    with pytest.raises(Mistake, match=r"README.md was changed while a change of it was half done"):
        disk.finish(shop)
    assert (shop / "README.md").read_text() == "written meanwhile\n"
    assert not (shop / "new.txt").exists()


def test_what_only_looks_writes_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(shop)
    for words, status in (
        (["drift", str(shop)], 1),
        (["generate", str(shop / "system.yaml"), "-o", str(shop), "--diff"], 1),
        (["impact", str(shop / "system.yaml"), "domain.tables.Bill.fields.gift=text optional"], 0),
        (["update", str(shop), "--contract"], 2),
    ):
        assert main(words) == status
        assert tree(shop) == before
    disk._lay_out((File("README.md", "theirs\n"),), (), shop)
    before = tree(shop)
    assert main(["drift", str(shop)]) == 2
    assert "was broken off" in capsys.readouterr().err
    assert tree(shop) == before


def test_a_full_disk_leaves_all_as_it_was(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(shop)
    write, moved = disk._write, disk._exchange
    for name in ("_write", "_exchange"):
        calls = iter(range(99))

        def full(*given: object, true: object = {"_write": write, "_exchange": moved}[name]) -> None:
            if next(calls) == 3:  # noqa: B023
                raise OSError(28, "No space left on device")
            true(*given)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            patch.setattr(disk, name, full)
            assert main(["update", str(shop)]) == 2
        assert "No space left on device" in capsys.readouterr().err
        assert tree(shop) == before
    assert main(["update", str(shop)]) == 0


def test_two_updates_at_once_are_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(shop)
    with disk.alone(shop):
        for words in (["update", str(shop)], ["generate", str(shop / "system.yaml"), "-o", str(shop), "--force"]):
            assert main(words) == 2
            assert "another datakeel writes into" in capsys.readouterr().err
    assert tree(shop) == before


def test_a_project_is_not_generated_over_another(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(shop)
    assert main(["generate", str(shop / "system.yaml"), "-o", str(shop), "--force"]) == 2
    assert "datakeel update" in capsys.readouterr().err
    assert tree(shop) == before


def test_what_is_refused_writes_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = shop / "system.yaml"
    source.write_text(source.read_text().replace("number: text", "number: decimal"))
    before = tree(shop)
    assert main(["update", str(shop)]) == 2
    said = capsys.readouterr().err
    assert "bills: number would change from text to numeric(30, 6)" in said
    assert "Nothing was written." in said
    assert tree(shop) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / ".datakeel").chmod(0o555)
    try:
        assert main(["update", str(shop)]) == 2
    finally:
        (shop / ".datakeel").chmod(0o755)
    assert "no permission for" in capsys.readouterr().err
