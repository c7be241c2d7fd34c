"""A project onto the disk."""

import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datakeel.mistake import Mistake
from datakeel.write import disk
from datakeel.write.disk import STATE, difference, put
from datakeel.write.project import File, Project, project


def made(*files: File) -> Project:
    digests = {file.path: hashlib.sha256(file.text.encode()).hexdigest() for file in files}
    return project([*files, File(STATE, json.dumps({"files": digests}))])


SHOP = made(File("README.md", "# Shop\n"), File("src/shop/__init__.py", ""), File("run.sh", "true\n", executable=True))


def tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


EXPECTED = {file.path: file.text for file in SHOP.files}


@pytest.mark.parametrize("place", ["new", "above/new", "empty"])
def test_a_folder_appears_whole(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    assert put(SHOP, tmp_path / place) == []
    assert tree(tmp_path / place) == EXPECTED
    assert os.access(tmp_path / place / "run.sh", os.X_OK)
    assert not os.access(tmp_path / place / "README.md", os.X_OK)
    assert (tmp_path / place).stat().st_mode & 0o777 == 0o755


def test_a_folder_in_use_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Mistake, match=r"is not empty: .*--force"):
        put(SHOP, tmp_path)
    assert tree(tmp_path) == {"mine.txt": "mine"}


def test_with_force_files_of_the_user_stay_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "notes").write_text("mine too")
    assert put(SHOP, tmp_path, force=True) == ["README.md"]
    assert tree(tmp_path) == EXPECTED | {"README.md": "mine", "notes": "mine too"}


def test_with_force_what_was_generated_and_not_changed_since_is_renewed(tmp_path: Path) -> None:
    put(SHOP, tmp_path / "shop")
    (tmp_path / "shop/run.sh").write_text("edited\n")
    renewed = made(File("README.md", "# New\n"), File("run.sh", "new\n"))
    assert put(renewed, tmp_path / "shop", force=True) == ["run.sh"]
    assert (tmp_path / "shop/README.md").read_text() == "# New\n"
    assert (tmp_path / "shop/run.sh").read_text() == "edited\n"
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used/mine").write_text("mine")
    write = disk._write

    def full(folder: Path, file: File) -> None:
        write(folder, file)
        if file.path == "src/shop/__init__.py":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "_write", full)
    for folder, force in ((tmp_path / "above/new", False), (tmp_path / "used", True)):
        with pytest.raises(Mistake, match="No space left on device"):
            put(SHOP, folder, force)
    assert tree(tmp_path) == {"used/mine": "mine"}
    assert [path.name for path in tmp_path.rglob("*")] == ["used", "mine"]


def test_a_failure_with_force_brings_back_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(SHOP, tmp_path)
    before = tree(tmp_path)
    write = disk._write

    def full(folder: Path, file: File) -> None:
        if file.path == "run.sh":
            raise OSError(28, "No space left on device")
        write(folder, file)

    monkeypatch.setattr(disk, "_write", full)
    with pytest.raises(Mistake):
        put(made(File("README.md", "# New\n"), File("docs/a/b.md", "new"), File("run.sh", "new")), tmp_path, force=True)
    assert tree(tmp_path) == before
    assert not (tmp_path / "docs").exists()


def test_what_is_in_the_way_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Mistake, match="is a file"):
        put(SHOP, tmp_path / "file")
    with pytest.raises(Mistake, match="file is a file: name another folder"):
        put(SHOP, tmp_path / "file/below")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/src").write_text("mine")
    with pytest.raises(Mistake, match="src is no folder"):
        put(SHOP, tmp_path / "a", force=True)
    (tmp_path / "b/README.md").mkdir(parents=True)
    with pytest.raises(Mistake, match="is a folder"):
        put(SHOP, tmp_path / "b", force=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/src").symlink_to(tmp_path / "a")
    with pytest.raises(Mistake, match="src is no folder"):
        put(SHOP, tmp_path / "c", force=True)
    (tmp_path / "d").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Mistake, match="leads nowhere"):
        put(SHOP, tmp_path / "d")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_a_mistake(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(Mistake, match="no permission for"):
        put(SHOP, tmp_path / "new")


def test_no_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr("tempfile.mkdtemp", refused)
    with pytest.raises(Mistake, match="no permission for"):
        put(SHOP, tmp_path / "new")


def test_the_folder_that_refuses_is_named_and_none_that_was_to_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(tmp_path / ".new-datakeel-x"))

    monkeypatch.setattr("tempfile.mkdtemp", refused)
    with pytest.raises(Mistake, match=f"^no permission for {re.escape(str(tmp_path))}: name a folder"):
        put(SHOP, tmp_path / "new")


def test_a_full_disk_is_told_with_what_to_do_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Mistake, match=f"^{re.escape(str(tmp_path / 'new'))} cannot be written: .*: make room there"):
        put(SHOP, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_the_difference_of_what_was_just_written_is_nothing(tmp_path: Path) -> None:
    put(SHOP, tmp_path / "shop")
    (tmp_path / "shop/mine").write_text("mine")
    assert difference(SHOP, tmp_path / "shop") == ""


def test_the_difference_names_changed_new_and_forgotten_files(tmp_path: Path) -> None:
    put(SHOP, tmp_path)
    (tmp_path / "run.sh").write_text("true")
    told = difference(
        made(File("run.sh", "true\n"), File("new", "one\ntwo\n"), File("src/shop/__init__.py", "")), tmp_path
    )
    assert told == (
        "--- a/README.md\n+++ /dev/null\n@@ -1 +0,0 @@\n-# Shop\n"
        "--- /dev/null\n+++ b/new\n@@ -0,0 +1,2 @@\n+one\n+two\n"
        "--- a/run.sh\n+++ b/run.sh\n@@ -1 +1 @@\n-true\n\\ No newline at end of file\n+true\n"
    )


def test_the_difference_from_a_folder_that_is_not_there_is_everything(tmp_path: Path) -> None:
    assert difference(SHOP, tmp_path / "none").count("--- /dev/null") == 2  # an empty file has no lines to show


def test_what_a_killed_generation_left_beside_is_cleared_by_the_next(tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", DIES, str(tmp_path / "shop")], check=False, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(left := list(tmp_path.iterdir())) == 1
    (tmp_path / ".shop-notes").mkdir()
    put(SHOP, tmp_path / "shop")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".shop-notes", "shop"]
    assert left[0].name.startswith(".shop-datakeel-")


def test_what_another_generation_writes_now_is_left_to_it(tmp_path: Path) -> None:
    with disk._beside(tmp_path / "shop") as stage:
        put(SHOP, tmp_path / "shop")
        assert stage.is_dir()


DIES = """
import os, signal, sys
from pathlib import Path
from datakeel.write import disk
from datakeel.write.project import File, project

disk._write = lambda folder, file: os.kill(os.getpid(), signal.SIGKILL)
disk.put(project([File("README.md", "# Shop")]), Path(sys.argv[1]))
"""
