"""Files of SQL: dialects, directions of migration tools, scripts of several clients, dumps."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datakeel.read.formats.sql import SqlFacts, guessed_dialect, read_sql
from datakeel.read.schema import apply
from datakeel.read.sql.migration import migration, migration_order


def changes(facts: SqlFacts) -> list[tuple[str, str, int]]:
    return [(c.kind, c.table, c.place.line if c.place else 0) for c in facts.changes]


UP = "CREATE TABLE a (id int);"
DOWN = "DROP TABLE a;"


@pytest.mark.parametrize(
    ("tool", "path", "text", "transactional"),
    [
        ("dbmate", "db/1_a.sql", f"-- migrate:up\n{UP}\n-- migrate:down\n{DOWN}", True),
        ("dbmate", "db/1_a.sql", f"-- migrate:up transaction:false\n{UP}\n-- migrate:down\n{DOWN}", False),
        ("goose", "db/1_a.sql", f"-- +goose Up\n{UP}\n-- +goose Down\n{DOWN}", True),
        ("goose", "db/1_a.sql", f"-- +goose NO TRANSACTION\n-- +goose Up\n\n{UP}\n-- +goose Down\n{DOWN}", False),
        (
            "goose",
            "1_a.sql",
            f"-- +goose Up\n{UP}\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int AS $$ BEGIN; END; $$;\n"
            f"-- +goose StatementEnd\n-- +goose Down\n{DOWN}",
            True,
        ),
        ("sql-migrate", "1-a.sql", f"-- +migrate Up\n{UP}\n-- +migrate Down\n{DOWN}", True),
        ("sql-migrate", "1-a.sql", f"-- +migrate Up notransaction\n{UP}\n-- +migrate Down\n{DOWN}", False),
        ("node-pg-migrate", "1_a.sql", f"-- Up Migration\n{UP}\n-- Down Migration\n{DOWN}", True),
        ("rambler", "1_a.sql", f"-- rambler up\n{UP}\n-- rambler down\n{DOWN}", True),
        ("flyway", "db/V1__a.sql", UP, True),
        ("golang-migrate", "m/000001_a.up.sql", UP, True),
        ("yoyo", "m/0001.a.sql", f"-- depends: 0000.x\n{UP}", True),
        ("yoyo", "m/0001.a.sql", f"-- transactional: false\n{UP}", False),
        ("diesel", "migrations/2024-01-01-000000_a/up.sql", UP, True),
        ("prisma", "migrations/20240101000000_a/migration.sql", UP, True),
        ("liquibase", "a.sql", f"--liquibase formatted sql\n--changeset me:1\n{UP}\n--rollback {DOWN}", True),
        ("sqitch", "deploy/a.sql", f"BEGIN;\n{UP}\nCOMMIT;", True),
        ("", "schema.sql", UP, False),
    ],
)
def test_only_what_runs_forward_changes_the_schema(tool: str, path: str, text: str, transactional: bool) -> None:
    facts = read_sql(text, path)
    assert facts.migration.tool == tool
    assert [(c.kind, c.table) for c in facts.changes] == [("create-table", "a")]
    assert facts.changes[0].transactional == transactional
    assert facts.changes[0].place is not None
    assert text.split("\n")[facts.changes[0].place.line - 1] == UP


@pytest.mark.parametrize(
    "path",
    [
        "m/1_a.down.sql",
        "db/U1__a.sql",
        "m/0001.a.rollback.sql",
        "migrations/1_a/down.sql",
        "revert/a.sql",
        "verify/a.sql",
    ],
)
def test_files_that_run_backward_change_nothing(path: str) -> None:
    facts = read_sql(DOWN, path)
    assert facts.migration.direction == "down"
    assert (facts.changes, facts.statements) == ((), ())


def test_migrations_run_in_the_order_of_their_versions() -> None:
    paths = [
        "m/0010_c.sql",
        "m/0002_b.up.sql",
        "m/V2.1__d.sql",
        "m/V2__x.sql",
        "m/R__views.sql",
        "m/base.sql",
        "m/1/up.sql",
    ]
    assert sorted(paths, key=migration_order) == [
        "m/base.sql",
        "m/1/up.sql",
        "m/0002_b.up.sql",
        "m/V2__x.sql",
        "m/V2.1__d.sql",
        "m/0010_c.sql",
        "m/R__views.sql",
    ]
    assert migration("", "db/migrate/20240101120000_add_users.sql").version == (20240101120000,)


def test_statements_keep_their_lines() -> None:
    facts = read_sql(
        "-- a; comment\nINSERT INTO a VALUES (1, ';\n');\n\n/* x;\n */ UPDATE a "
        "SET b = $$;$$\nWHERE c = 1;\nDELETE FROM a"
    )
    assert [(s.verb, s.line) for s in facts.statements] == [("insert", 2), ("update", 6), ("delete", 8)]


def test_data_of_copy_and_commands_of_psql_are_no_statements() -> None:
    facts = read_sql(
        "\\connect shop\nSET search_path = public;\nSELECT pg_catalog.set_config('search_path', '', false);\n"
        "COPY public.users (id, name) FROM stdin;\n1\tCREATE TABLE no (a int);\n2\tit's\n\\.\n\n"
        "CREATE TABLE t (a int);\nSELECT pg_catalog.setval('t_a_seq', 1, true);\n"
        "ALTER TABLE public.t OWNER TO admin;\nGRANT ALL ON t TO x;\nCREATE EXTENSION IF NOT EXISTS hstore;\n"
    )
    assert changes(facts) == [("create-table", "t", 9)]
    assert [(s.verb, s.table, s.line) for s in facts.statements] == [("copy", "users", 4)]
    assert facts.notes == ()


def test_mysqls_client_may_change_the_sign_between_statements() -> None:
    facts = read_sql(
        "CREATE TABLE t (a int) ENGINE=InnoDB;\nDELIMITER $$\nCREATE PROCEDURE p() BEGIN UPDATE t SET a = 1; END$$\n"
        "DELIMITER ;\nDROP TABLE u;\n"
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET a = 1; SET b = 2; END;\n"
        "ALTER TABLE t ADD b int;"
    )
    assert facts.dialect == "mysql"
    assert changes(facts) == [("create-table", "t", 1), ("drop-table", "u", 5), ("add-column", "t", 7)]
    assert [(d.kind, d.name, d.line) for d in facts.definitions] == [("procedure", "p", 3), ("trigger", "x", 6)]


def test_queries_keep_the_names_that_programs_call_them_by() -> None:
    facts = read_sql(
        "-- name: GetUser :one\nSELECT * FROM users WHERE id = $1;\n\n"
        "-- name: add_user!\nINSERT INTO users VALUES (:a);"
    )
    assert [(q.name, q.kind, q.line) for q in facts.queries] == [("GetUser", ":one", 2), ("add_user", "!", 5)]
    assert facts.statements[0].selection.predicates[0].value == "?1"


def test_templates_are_holes() -> None:
    facts = read_sql(
        "{% if x %}\nCREATE TABLE {{ schema }}.t (a int, b {{ type }} NOT NULL);\n{% endif %}\n"
        "DELETE FROM ${table} WHERE a = {{ a }};"
    )
    assert changes(facts) == [("create-table", "t", 2)]
    assert [c.name for c in apply(facts.changes)["t"].schema.columns] == ["a", "b"]
    assert [(s.verb, s.complete, s.line) for s in facts.statements] == []


@pytest.mark.parametrize(
    ("text", "path", "dialect"),
    [
        ("CREATE TABLE `t` (a int)", "", "mysql"),
        ("CREATE TABLE t (a int AUTO_INCREMENT)", "", "mysql"),
        ("CREATE KEYSPACE k WITH replication = {}", "", "cql"),
        ("CREATE TABLE t (a int, b int, PRIMARY KEY ((a), b)) WITH CLUSTERING ORDER BY (b DESC)", "", "cql"),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)", "", "sqlite"),
        ("CREATE TABLE t (a int)", "db/mysql/1.sql", "mysql"),
        ("CREATE TABLE t (a int)", "schema.cql", "cql"),
        ("CREATE TABLE t (id bigserial)", "", "postgres"),
        ("SELECT '`' FROM t", "", "postgres"),
    ],
)
def test_the_dialect_is_told_by_the_content(text: str, path: str, dialect: str) -> None:
    assert guessed_dialect(text, path) == dialect


def test_a_transaction_in_the_file_is_one() -> None:
    facts = read_sql("BEGIN;\nCREATE TABLE a (x int);\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON a (x);", "x.sql")
    assert [c.transactional for c in facts.changes] == [True, False]
    assert facts.changes[1].concurrently


def test_what_is_not_understood_is_noted_with_its_line() -> None:
    facts = read_sql("SELECT 1 FROM t;\n\nwhat is this;\nCREATE TABLE (x);")
    assert [n.line for n in facts.notes] == [3, 4]


def test_a_large_dump_is_scanned_for_definitions_only() -> None:
    rows = "".join(f"{i}\tsome text; it's {i}\t\\N\n" for i in range(100_000))
    inserts = "".join(f"INSERT INTO logs VALUES ({i}, 'CREATE TABLE no (a int);');\n" for i in range(50_000))
    text = (
        f"CREATE TABLE users (\n id int,\n name text);\nCOPY users FROM stdin;\n{rows}\\.\n\n"
        f"{inserts}ALTER TABLE ONLY users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id);\n"
    )
    started = time.process_time()
    facts = read_sql(text, "dump.sql")
    assert time.process_time() - started < 2
    assert changes(facts) == [("create-table", "users", 1), ("add-index", "users", 150_007)]
    assert len(facts.notes) == 1
    assert apply(facts.changes)["users"].schema.primary_key() == ("id",)


def test_many_inserts_into_one_table_are_read_once() -> None:
    facts = read_sql("".join(f"INSERT INTO t VALUES ({i});\n" for i in range(1000)))
    assert len(facts.statements) == 20


PIECES = """
    CREATE TABLE t (a int|);|DELIMITER //|//|-- +goose Up|-- +goose Down|\\.|'|$$|/*|COPY t FROM stdin;|{{ x }}|{%
    |SELECT 1;|BEGIN|END|;|CREATE TRIGGER x BEGIN|\x00|é|`|$x$|ALTER TABLE t|DROP COLUMN a
    """
PARTS = PIECES.split("|")


@given(
    st.lists(st.sampled_from(PARTS), max_size=15),
    st.sampled_from(["", "V1__x.sql", "1.up.sql", "a.cql", "__", "V__.sql", "deploy/", "migration.sql"]),
)
def test_no_file_raises(parts: list[str], path: str) -> None:
    apply(read_sql("\n".join(parts), path).changes)


@given(st.text(max_size=200), st.text(max_size=20))
def test_no_text_raises(text: str, path: str) -> None:
    apply(read_sql(text, path).changes)
    migration_order(path)


def test_a_statement_that_only_its_keywords_tell_of_is_noted() -> None:
    facts = read_sql("SELECT 1 FROM t;\nDELETE FROM orders WHERE CURRENT OF c;\nDELETE FROM {{ table }} WHERE (;")
    assert [(s.verb, s.table) for s in facts.statements] == [("select", "t"), ("delete", "orders")]
    assert [n.line for n in facts.notes] == [2]
    assert facts.notes[0].text == (
        'datakeel cannot parse this SQL (unexpected words near "OF c"): only its verb and table are known'
    )


def test_many_notes_on_one_file_are_few() -> None:
    facts = read_sql("what is this;\n" * 100)
    assert [n.line for n in facts.notes] == [1, 2, 3, 4, 5, 6]
    assert facts.notes[-1].text == "from here on, 95 more statements like these"
