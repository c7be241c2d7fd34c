"""The commands of generation, as they are typed."""

import json
from pathlib import Path

import pytest

from datakeel.cli import main
from datakeel.cli.generate import DoOrder
from datakeel.mistake import Mistake
from datakeel.write.written import BASE
from tests.write.changes import ORDERS

CALENDAR = "a meeting-room calendar for 40 users, no double booking"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sentence_becomes_a_file_and_the_decisions_are_printed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["design", CALENDAR]) == 0
    assert "datakeel: 1" in (here / "system.yaml").read_text()
    assert "storage-engine: One PostgreSQL" in capsys.readouterr().out


def test_what_of_a_sentence_is_of_no_use_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "a bike rental with 900 bikes, a ride costs 30 cents per kilometre"
    told = "note: not understood, and left out: “30 cents per kilometre”"
    assert main(["design", sentence]) == 0
    assert told in capsys.readouterr().out.splitlines()
    assert main(["generate", sentence, "-o", "bikes"]) == 0
    assert told in capsys.readouterr().out.splitlines()
    assert main(["generate", "system.yaml", "-o", "again"]) == 0
    assert "note: not" not in capsys.readouterr().out


def test_a_file_that_is_there_is_not_replaced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "system.yaml").write_text("mine")
    assert main(["design", CALENDAR]) == 2
    assert (here / "system.yaml").read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["design", CALENDAR, "--force"]) == 0


def test_what_is_designed_can_be_generated(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", CALENDAR]) == 0
    assert main(["generate", "system.yaml", "-o", "calendar"]) == 0
    assert "make test" in capsys.readouterr().out
    assert (here / "calendar" / "Makefile").is_file()
    assert main(["generate", "system.yaml", "-o", "calendar"]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_the_text_of_a_file_is_read_as_the_file_itself(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", CALENDAR, "-o", "-"]) == 0
    text = capsys.readouterr().out
    assert main(["design", text, "-o", "-"]) == 0
    assert capsys.readouterr().out == text
    assert main(["design", text.replace("kind: no-overlap", "kind: overlap").replace("users:", "usres:")]) == 2
    assert "the request:" in (told := capsys.readouterr().err) and 'did you mean "users"' in told
    assert main(["design", "workload: 500 orders per second, domain: retail", "-o", "-"]) == 0
    assert "OrderPlaced" in capsys.readouterr().out


def test_a_table_of_a_name_that_the_project_needs_itself_is_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "datakeel: 1\nname: insurance\ndomain:\n  tables: {event: {fields: {place: text}}}\n"
    text += "  aggregates: {Policy: {events: {PolicyOpened: {fields: {holder: text}}}}}\n"
    assert main(["generate", text, "-o", "made"]) == 2
    assert 'two tables would be called "events"' in capsys.readouterr().err
    assert not (here / "made").exists()


def test_the_same_request_gives_the_same_bytes(here: Path) -> None:
    for folder in ("a", "b"):
        assert main(["generate", CALENDAR, "-o", folder]) == 0
    one, other = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in (here / "a", here / "b")
    )
    assert one == other


def test_a_difference_is_shown_and_nothing_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", CALENDAR, "-o", "calendar"]) == 0
    assert main(["drift", "calendar"]) == 0
    readme = here / "calendar" / "README.md"
    readme.write_text(readme.read_text() + "Ours.\n")
    capsys.readouterr()
    assert main(["drift", "calendar"]) == 1
    assert "-Ours." in capsys.readouterr().out
    assert main(["generate", CALENDAR, "-o", "calendar", "--diff"]) == 1
    assert readme.read_text().endswith("Ours.\n")
    assert main(["generate", CALENDAR, "-o", "new", "--diff"]) == 1
    assert not (here / "new").exists()


def test_an_update_keeps_what_people_wrote(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", CALENDAR]) == 0
    assert main(["generate", "system.yaml", "-o", "calendar"]) == 0
    readme = here / "calendar" / "README.md"
    readme.write_text(readme.read_text() + "Ours.\n")
    own = here / "calendar" / "notes.txt"
    own.write_text("ours too\n")
    system = here / "calendar" / "system.yaml"
    system.write_text(system.read_text().replace("summary: a meeting-room", "summary: Our meeting-room"))
    capsys.readouterr()
    assert main(["update", "calendar"]) == 0
    assert "updated: README.md" in capsys.readouterr().out
    assert "Our meeting-room" in readme.read_text()
    assert readme.read_text().endswith("Ours.\n")
    assert own.read_text() == "ours too\n"
    assert main(["update", "calendar"]) == 0
    assert capsys.readouterr().out == "done\n"


def test_an_update_marks_lines_that_both_changed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", CALENDAR, "-o", "calendar"]) == 0
    base = here / "calendar" / BASE
    known = json.loads(base.read_text())
    known["Makefile"] = known["Makefile"].replace(".PHONY", "# before\n.PHONY", 1)
    base.write_text(json.dumps(known))
    makefile = here / "calendar" / "Makefile"
    makefile.write_text(makefile.read_text().replace(".PHONY", "# ours\n.PHONY", 1))
    capsys.readouterr()
    assert main(["update", "calendar"]) == 1
    assert "conflict: Makefile" in capsys.readouterr().out
    assert "<<<<<<< yours\n# ours\n||||||| before\n# before\n=======\n>>>>>>> generated\n" in makefile.read_text()


def test_a_migration_that_was_written_is_not_rewritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", CALENDAR, "-o", "calendar"]) == 0
    base = here / "calendar" / BASE
    known = json.loads(base.read_text())
    path = next(p for p in known if p.startswith("migrations/"))
    (here / "calendar" / path).write_text("-- of an older version, or of ours\n")
    assert main(["update", "calendar"]) == 0
    assert (here / "calendar" / path).read_text() == "-- of an older version, or of ours\n"


def test_a_folder_that_nobody_generated_is_not_updated(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["update", "."]) == 2
    assert "expected a folder that `datakeel generate` wrote" in capsys.readouterr().err


def test_the_impact_of_a_change(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", CALENDAR]) == 0
    capsys.readouterr()
    assert main(["impact", "system.yaml", "workload.reads=20k/day"]) == 0
    said = capsys.readouterr().out
    assert "~ system.yaml" in said
    assert main(["impact", "system.yaml", "workload.reads"]) == 2
    assert main(["impact", "system.yaml", "workload.raeds=3/s"]) == 2
    assert "reads" in capsys.readouterr().err


def test_the_impact_of_several_changes_names_decisions_and_files(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "system.yaml").write_text(ORDERS)
    changes = [
        "domain.aggregates.Order.events.OrderPlaced.fields.gift=text optional",
        "workload.writes=900/s",
        "domain.views.of customer=",
    ]
    assert main(["impact", "system.yaml", *changes]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "storage-engine: one-postgresql → archived-postgresql" in said
    assert "~ docs/decisions/0002-storage-engine.md" in said
    assert "+ src/parcel_orders/schemas/OrderPlaced.2.avsc" in said
    assert "- src/parcel_orders/storage/of_customer.py" in said
    assert main(["impact", "system.yaml", "domain.aggregates.Order.events.OrderShipped="]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1].startswith("an update is refused: Order: event OrderShipped would be gone")
    assert [path.name for path in here.iterdir()] == ["system.yaml"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("workload.writes", "expected a path and a value"),
        ("=3/s", "expected a path and a value"),
        ("workload..writes=3/s", "expected a path and a value"),
        ("workload.writes=[", '"[" is no value'),
        ("workload.writes=much", "expected a rate"),
        ("name.first=x", "name holds a value, and nothing that first could be part of"),
        ("worklaod=", 'unknown key "worklaod"; did you mean "workload"?'),
        ("domain.views.sales.measures.7=count", "domain.views.sales.measures is a list of 2"),
        ("domain.views.sales.mesures=count", 'did you mean "measures"?'),
    ],
)
def test_a_change_that_cannot_be_read_is_told(
    change: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "system.yaml").write_text(ORDERS.replace("domain:", "workload: {writes: 5/s}\ndomain:"))
    assert main(["impact", "system.yaml", change]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize("request_", ["hello", "", "what is a database"])
def test_what_is_neither_is_spelled_out_off_a_terminal(
    request_: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["do", request_]) == 2
    said = capsys.readouterr().err
    assert "datakeel review ." in said
    assert "datakeel generate" in said


def test_at_a_terminal_it_is_asked_until_one_is_meant(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["", "what?", "rev"])
    monkeypatch.setattr("datakeel.cli.generate.at_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    assert DoOrder(request="hello", path=None).decided() == "review"

    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(Mistake, match="nothing was answered"):
        DoOrder(request="hello", path=None).decided()


def test_a_request_to_build_generates_and_one_to_check_reviews(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["do", f"Build {CALENDAR}", "calendar"]) == 0
    assert (here / "calendar" / "README.md").is_file()
    assert main(["do", f"Build {CALENDAR}"]) == 2
    assert "name a folder" in capsys.readouterr().err
    (here / "code").mkdir()
    (here / "code" / "a.py").write_text("x = 1\n")
    assert main(["do", "audit this", "code"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["generate", "none.yaml", "-o", "d"], "there is no none.yaml"),
        (["generate", "../", "-o", "d"], ".. is a folder; expected a system.yaml"),
        (["generate", CALENDAR], "--output"),
        (["generate", "make me a sandwich", "-o", "d"], ""),
        (["generate", "a" * 5000, "-o", "d"], "no system"),
        (["generate", "a\0b.yaml", "-o", "d"], ""),
        (["drift", "nowhere"], "holds no system.yaml"),
        (["design", "."], ""),
        (["genrate", CALENDAR], 'did you mean "generate"'),
    ],
)
def test_mistakes_are_told_in_a_line(
    words: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert "fault of datakeel" not in error
    assert list(here.iterdir()) == []
