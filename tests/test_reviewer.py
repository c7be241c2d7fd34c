"""Whole reviews: what is counted, what is said of what was not read, and which findings are shown."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

import datakeel
from datakeel import reviewer
from datakeel.baseline import Baseline
from datakeel.cache import Cache
from datakeel.config import Config
from datakeel.finding import Confidence, Review
from datakeel.mistake import Mistake
from datakeel.model.operation import Operation
from datakeel.read.workers import Failure
from datakeel.rules.judge import judge
from datakeel.rules.rule import Hit, rules
from datakeel.show.sources import Sources
from datakeel.show.words import unseen

CALL = "import requests\n\ndef price():\n    return requests.get('https://prices.example')\n"
BY_NAME = "def f(session):\n    return session.get('https://prices.example')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "prices.py").write_text(CALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".git" / "cache"))
    return tmp_path


def remarks(review: Review) -> list[str]:
    return [Sources(review.root).remark(remark) for remark in review.summary.remarks]


def test_one_path_may_stand_for_itself(project: Path) -> None:
    for paths in (project, str(project), [project], (project / "shop", "shop/prices.py")):
        assert [f.rule for f in datakeel.review(paths).findings] == ["remote-call-without-timeout"]
    with pytest.raises(Mistake, match="nowhere"):
        datakeel.review("nowhere")


def test_every_kind_of_file_is_counted_as_what_it_is(project: Path) -> None:
    (project / "schema.sql").write_text("CREATE TABLE prices (id int PRIMARY KEY);\n")
    (project / "tests").mkdir()
    (project / "tests" / "test_prices.py").write_text("def test_price(): pass\n" * 3)
    (project / "image.py").write_bytes(b"\0\1\2")
    summary = datakeel.review(project).summary
    assert (summary.files, summary.lines, summary.functions) == (2, 5, 1)
    assert (summary.skipped_files, summary.skipped_lines, summary.unreadable) == (1, 3, 1)


def test_only_named_paths_are_counted_and_told_of(project: Path) -> None:
    (project / "other").mkdir()
    (project / "other" / "broken.py").write_text(CALL + "def f(:\n")
    (project / "other" / "image.py").write_bytes(b"\0")
    (project / "other" / "test_it.py").write_text("x = 1\n")
    (project / "other" / "gone.py").symlink_to("nothing")
    review = datakeel.review("shop")
    assert (review.summary.files, review.summary.functions, review.summary.unreadable) == (1, 1, 0)
    assert (review.summary.skipped_files, review.summary.skipped_lines, remarks(review)) == (0, 0, [])
    assert len(remarks(datakeel.review("other"))) == 3


def test_what_no_reader_came_near_is_said_too(project: Path) -> None:
    (project / "gone.py").symlink_to("nothing")
    os.mkfifo(project / "pipe.py")
    assert remarks(datakeel.review(project)) == [
        "gone.py: a link to nothing: not read",
        "pipe.py: not a regular file: not read",
    ]


def test_remarks_name_files_from_the_working_directory(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "shop" / "broken.py").write_text("def f(:\n    pass\n")
    monkeypatch.chdir(project / "shop")
    assert remarks(datakeel.review(project)) == ["broken.py:1: syntax error; the rest of the file was read"]


def test_a_cache_that_cannot_be_kept_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(cache: Cache, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Cache, "write", full)
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cache"))
    review = datakeel.review("shop")
    assert len(review.findings) == 1
    assert [r for r in remarks(review) if "No space left on device" in r and "cannot be written" in r]


def test_low_confidence_is_shown_apart_and_only_when_asked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        reviewer, "judge", lambda *given: tuple(replace(f, confidence=Confidence.LOW) for f in judge(*given))
    )
    shown = datakeel.review(project)
    assert (shown.findings, shown.doubtful, shown.summary.hidden) == ((), (), 1)
    asked = datakeel.review(project, confidence=Confidence.LOW)
    assert (asked.findings, len(asked.doubtful), asked.summary.hidden) == ((), 1, 0)
    assert asked.summary.by_severity == {}


def test_the_summary_speaks_of_the_findings_that_are_shown(project: Path) -> None:
    (project / "shop" / "names.py").write_text(BY_NAME)
    sure = datakeel.review(project, confidence=Confidence.HIGH)
    assert f"{len(sure.findings)} place can lose" in sure.summary.text
    assert sum(sure.summary.by_severity.values()) == len(sure.findings) == 1


def test_the_summary_says_what_it_does_with_what_and_whether_one_node_would_do(project: Path) -> None:
    (project / "shop" / "models.py").write_text(
        "from django.db import models, transaction\n"
        "from django.db.models import F\n\n\n"
        "class Product(models.Model):\n"
        "    stock = models.IntegerField()\n\n\n"
        "def take(pk):\n"
        "    with transaction.atomic():\n"
        "        Product.objects.select_for_update().get(pk=pk)\n"
        "        Product.objects.filter(pk=pk).update(stock=F('stock') - 1)\n"
    )
    text = datakeel.review(project).summary.text
    assert text.startswith("2 files with 2 functions were read;")
    assert "a relational database and remote services; its data stands in shop_product." in text
    assert "it uses explicit transactions, row locks and updates that the database computes." in text
    assert text.endswith("Nothing that is seen here needs more than one database node.")


TABLE = """\
CREATE TABLE page_views (
    id bigserial PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    path text NOT NULL,
    visitor uuid NOT NULL,
    referrer text
);
CREATE INDEX page_views_path ON page_views (path);
CREATE INDEX page_views_visitor ON page_views (visitor);
CREATE INDEX page_views_referrer ON page_views (referrer);
"""
APPENDS = """\
import psycopg
from fastapi import FastAPI

app = FastAPI()
connection = psycopg.connect("dbname=shop", autocommit=True)

@app.post("/views")
def seen(path: str, visitor: str):
    connection.execute(
        "INSERT INTO page_views (seen_at, path, visitor) VALUES (now(), %s, %s)", (path, visitor)
    )
"""


@pytest.mark.parametrize("form", ["-- {}", "/* {} */"])
@pytest.mark.parametrize("word", ["ignore", "ignore-file"])
def test_comments_in_sql_suppress_too(project: Path, form: str, word: str) -> None:
    (project / "shop" / "views.py").write_text(APPENDS)
    (project / "schema.sql").write_text(TABLE)
    assert "wrong-storage-engine" in [f.rule for f in datakeel.review("schema.sql").findings]
    comment = form.format(f"datakeel: {word}[wrong-storage-engine] it is small")
    (project / "schema.sql").write_text(f"{comment}\n{TABLE}")
    review = datakeel.review("schema.sql")
    assert [(f.rule, f.suppressed) for f in review.suppressed] == [("wrong-storage-engine", "it is small")]
    assert (review.findings, remarks(review)) == ((), [])


def test_cql_is_read(project: Path) -> None:
    (project / "schema.cql").write_text("CREATE TABLE shop.visits (page text, day date, PRIMARY KEY ((page), day));\n")
    summary = datakeel.review(project).summary
    assert (summary.files, summary.skipped_files) == (2, 0)


def test_a_rule_that_fails_takes_nothing_else_down(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(operation: Operation) -> list[Hit]:
        raise ZeroDivisionError(operation.symbol)

    broken = replace(rules()[0], judge=fails, nouns=(Operation,), wants_system=False)
    whole = rules()
    monkeypatch.setattr("datakeel.rules.judge.rules", lambda: (broken, *whole[1:]))
    for _ in range(2):  # what is not whole is not kept
        found = datakeel.review(project)
        assert [f.rule for f in found.findings] == ["remote-call-without-timeout"]
        assert remarks(found) == [f"shop/prices.py:3: {broken.name} could not be judged: ZeroDivisionError: price"]


@pytest.mark.parametrize("lost", [False, True])
def test_rules_may_be_asked_in_several_processes(project: Path, monkeypatch: pytest.MonkeyPatch, *, lost: bool) -> None:
    parent = os.getpid()

    def fails(operation: Operation) -> list[Hit]:
        raise ZeroDivisionError("here" if os.getpid() == parent else "elsewhere")

    broken = replace(rules()[0], judge=fails, nouns=(Operation,), wants_system=False)
    whole = rules()
    monkeypatch.setattr("datakeel.rules.judge.rules", lambda: (broken, *whole[1:]))
    monkeypatch.setattr(reviewer, "MANY", 0)
    if lost:
        monkeypatch.setattr(
            reviewer, "spread", lambda work, weights, *more: ((n, Failure("")) for n, _ in enumerate(weights))
        )
    found = datakeel.review(project, config=Config(jobs=2, cache=False))
    assert [f.rule for f in found.findings] == ["remote-call-without-timeout"]
    where = "here" if lost else "elsewhere"
    assert remarks(found) == [f"shop/prices.py:3: {broken.name} could not be judged: ZeroDivisionError: {where}"]


ORDERS = """\
from fastapi import FastAPI
from psycopg_pool import ConnectionPool

app = FastAPI()
pool = ConnectionPool("dbname=shop", max_size=10)

@app.post("/orders")
def place(total: str):
    with pool.connection() as connection:
        connection.execute("INSERT INTO orders (total) VALUES (%s)", (total,))
"""
FIRST = "CREATE TABLE orders (id bigserial PRIMARY KEY, total text NOT NULL);\n"
SECOND = "ALTER TABLE orders ADD COLUMN channel text NOT NULL;\nCREATE INDEX by_channel ON orders (channel);\n"


@pytest.fixture
def migrated(project: Path) -> Path:
    (project / "shop" / "prices.py").write_text(ORDERS)
    (project / "migrations").mkdir()
    (project / "migrations" / "001_orders.sql").write_text(FIRST)
    (project / "migrations" / "002_channel.sql").write_text(SECOND)
    return project


def test_a_migration_is_judged_where_its_file_is_named(migrated: Path) -> None:
    rules_of = ["migration-breaks-running-code", "migration-locks-table"]
    for _ in range(2):  # recalled, too
        for folder in (".", "migrations"):
            review = datakeel.review(folder)
            assert (review.findings, review.summary.migrations) == ((), 2)
        review = datakeel.review("migrations/002_channel.sql")
        assert [f.rule for f in review.findings] == rules_of
        assert review.summary.migrations == 0
        review = datakeel.review([".", "migrations/001_orders.sql"])
        assert (review.findings, review.summary.migrations) == ((), 1)


def test_how_many_migrations_were_not_judged_is_said(migrated: Path) -> None:
    (said,) = unseen(datakeel.review("."))
    assert said.startswith("2 migrations were not judged")
    left_out = Config(ignore=("encode",))
    assert unseen(datakeel.review(".", config=left_out)) == []


def test_a_comment_in_a_migration_answers_for_it_and_is_not_called_unused(migrated: Path) -> None:
    text = SECOND.replace(
        "(channel);", "(channel); -- datakeel: ignore[migration-locks-table] at night, while it is small"
    )
    (migrated / "migrations" / "002_channel.sql").write_text(text)
    review = datakeel.review("migrations/002_channel.sql")
    assert [f.rule for f in review.findings] == ["migration-breaks-running-code"]
    assert [f.rule for f in review.suppressed] == ["migration-locks-table"]
    whole = datakeel.review(".")
    assert (whole.suppressed, whole.summary.suppressed, remarks(whole)) == ((), 0, [])


def test_what_a_baseline_knows_of_a_migration_is_not_gone_where_it_is_not_judged(migrated: Path) -> None:
    first = datakeel.review("migrations/002_channel.sql", known=Baseline("known.jsonl", (), "set"))
    assert first.baseline is not None
    known = Baseline("known.jsonl", first.baseline.entries)
    assert len(known.entries) == 2
    whole = datakeel.review(".", known=known).baseline
    again = datakeel.review("migrations/002_channel.sql", known=known).baseline
    assert whole is not None
    assert again is not None
    assert (whole.gone, whole.matched) == (0, 0)
    assert (again.gone, again.matched) == (0, 2)
