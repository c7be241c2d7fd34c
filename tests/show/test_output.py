"""Where a report goes, and what it is laid out for."""

import io
import os
import stat
from pathlib import Path

import pytest

from datakeel.mistake import Mistake
from datakeel.show.output import paper, write, write_file
from datakeel.show.progress import Progress


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_and_can_be_refused_and_forced() -> None:
    assert paper(Screen(), {}).colour
    assert not paper(io.StringIO(), {}).colour
    assert not paper(Screen(), {"NO_COLOR": "1"}).colour
    assert not paper(Screen(), {"TERM": "dumb"}).colour
    assert paper(io.StringIO(), {"FORCE_COLOR": "1"}).colour
    assert not paper(io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}).colour


def test_a_stream_of_few_characters_gets_few() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii")
    assert not paper(stream, {}).drawn
    write("größe\n", stream)
    assert buffer.getvalue() == b"gr??e\n"


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    file.write_text("old")
    file.chmod(0o640)
    write_file(file, "new é\n")
    assert file.read_text("utf-8") == "new é\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["report.md"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("name", ["missing/report.md", "folder", "x" * 300])
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Mistake, match=r"cannot write .*: "):
        write_file(tmp_path / name, "text")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_failure_in_writing_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "report.md"
    file.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Mistake, match="No space left"):
        write_file(file, "new")
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.md"]


def test_progress_shows_itself_on_long_runs_at_terminals_and_leaves_nothing() -> None:
    screen, pipe = Screen(), io.StringIO()
    for stream in (screen, pipe):
        progress = Progress(stream)
        progress("reading", 1, 10)
        assert stream.getvalue() == ""
        progress.next = 0
        progress("reading", 5, 10)
        progress.clear()
        assert progress.last == "reading"
    assert "5 of 10" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")
    assert pipe.getvalue() == ""
