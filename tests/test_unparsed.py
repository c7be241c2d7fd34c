"""SQL in a program that does not parse is said in the report, once for a place, and the rest is reviewed."""

from __future__ import annotations

from pathlib import Path

import pytest

import datakeel
from datakeel.finding import Review
from datakeel.model.system import Remark
from datakeel.read import link
from datakeel.read.link import gathered
from datakeel.read.workers import MANY

ORDERS = """import psycopg


def clear(connection: psycopg.Connection, table):
    connection.execute("DELETE FROM orders WHERE CURRENT OF chosen")
    connection.execute("SELECT a FROM t; SELCT b FROM t")
    connection.execute(f"SELCT a FROM {table}")
    connection.execute("SELCT a FROM {}")
    connection.execute("")
    connection.execute("-- nothing yet")
    connection.execute("SELECT a FROM t WHERE b = %s", (table,))
"""


def reviewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> Review:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = tmp_path / "shop"
    project.mkdir(exist_ok=True)
    (project / "pyproject.toml").touch()
    for name, text in files.items():
        (project / f"{name}.py").write_text(text)
    return datakeel.review([project])


def said(review: Review) -> list[tuple[str, int, str]]:
    return [(r.path, r.line, r.text) for r in review.summary.remarks]


def test_only_what_is_known_to_the_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    review = reviewed(tmp_path, monkeypatch, orders=ORDERS)
    assert said(review) == [
        (
            "orders.py",
            5,
            'datakeel cannot parse the SQL "DELETE FROM orders WHERE CURRENT OF chosen" (unexpected words near '
            '"OF chosen"): only its verb and table are known',
        ),
        (
            "orders.py",
            6,
            'datakeel cannot parse the SQL "SELCT b FROM t" (unexpected words near "FROM t"): '
            "what it does is not known",
        ),
    ]


def test_several_texts_at_one_place_are_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = "".join(f'    run(connection, "SELCT {n} FROM t")\n' for n in range(3))
    text = f"def run(connection, sql):\n    connection.execute(sql)\n\n\ndef all(connection):\n{calls}"
    (remark,) = said(
        reviewed(
            tmp_path,
            monkeypatch,
            orders=f"import psycopg\n\n\n{text}".replace("(connection,", "(connection: psycopg.Connection,", 1).replace(
                "all(connection)", "all(connection: psycopg.Connection)"
            ),
        )
    )
    assert remark[:2] == ("orders.py", 5)
    assert remark[2].startswith('datakeel cannot parse the SQL "SELCT 0 FROM t"')
    assert remark[2].endswith("; and 2 more here")


def test_many_places_of_one_file_are_few_remarks() -> None:
    found = list(gathered(Remark("a.py", line, "no") for line in range(100, 0, -1)))
    assert [r.line for r in found] == [1, 2, 3, 4, 5, 6]
    assert "95 more places" in found[-1].text


def test_it_is_recalled_and_moves_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = reviewed(tmp_path, monkeypatch, orders=ORDERS)

    def unexpected(*given: object) -> None:
        pytest.fail("judged anew")

    monkeypatch.setattr("datakeel.reviewer.judgement", unexpected)
    assert said(reviewed(tmp_path, monkeypatch, orders=ORDERS)) == said(first)
    moved = reviewed(tmp_path, monkeypatch, orders=ORDERS.replace("def", "# Clears it.\n# All of it.\ndef"))
    assert said(moved) == [(path, line + 2, text) for path, line, text in said(first)]


def test_it_is_the_same_from_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"orders{number}": ORDERS for number in range(MANY + 1)}
    one = reviewed(tmp_path, monkeypatch, **files)
    monkeypatch.setattr(link, "WORTHWHILE", 0)
    monkeypatch.setattr("datakeel.read.reader.cores", lambda: 2)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    (tmp_path / "cache").rename(tmp_path / "gone")
    two = reviewed(tmp_path, monkeypatch, **files)
    assert len(said(one)) == 2 * len(files)
    assert said(two) == said(one)
