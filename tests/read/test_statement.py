"""SQL and CQL texts and what is read from them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datakeel.model.effect import Cardinality
from datakeel.read.statement import Statement, placeholders, read_statement

HOLE = "\ufffc"


def where(text: str, dialect: str = "postgres") -> list[tuple[str, str, str]]:
    statement = read_statement(text, dialect)
    return [(p.column, p.operator, p.value) for p in statement.selection.predicates]


def condition(text: str) -> tuple[list[tuple[str, str, str]], bool]:
    text = f"SELECT a FROM t WHERE {text}"
    return where(text), read_statement(text).selection.complete


@pytest.mark.parametrize(
    ("text", "verb", "table"),
    [
        ("SELECT a FROM t", "select", "t"),
        ("select * from public.orders o", "select", "orders"),
        ("SELECT * FROM shop.orders", "select", "shop.orders"),
        ('SELECT * FROM "Orders"', "select", "Orders"),
        ("SELECT * FROM Orders", "select", "orders"),
        ("SELECT * FROM `Orders`", "select", "orders"),
        ("SELECT a FROM ONLY t", "select", "t"),
        ("(SELECT a FROM t)", "select", "t"),
        ("SELECT a FROM t UNION ALL SELECT a FROM u", "select", "t"),
        ("VALUES (1)", "select", ""),
        ("INSERT INTO t (a) VALUES (1)", "insert", "t"),
        ("INSERT INTO t DEFAULT VALUES", "insert", "t"),
        ("UPDATE t SET a = 1", "update", "t"),
        ("update only t as x set a = 1", "update", "t"),
        ("DELETE FROM t", "delete", "t"),
        ("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a", "merge", "t"),
        ("TRUNCATE t", "truncate", "t"),
        ("TRUNCATE TABLE ONLY t RESTART IDENTITY", "truncate", "t"),
        ("COPY t (a, b) FROM STDIN WITH (FORMAT csv)", "copy", "t"),
        ("LOCK TABLE t", "lock", "t"),
        ("BEGIN", "begin", ""),
        ("START TRANSACTION", "begin", ""),
        ("COMMIT", "commit", ""),
        ("END", "commit", ""),
        ("ROLLBACK", "rollback", ""),
        ("ABORT", "rollback", ""),
        ("SAVEPOINT s", "savepoint", ""),
        ("PREPARE TRANSACTION 'x'", "prepare", ""),
        ("COMMIT PREPARED 'x'", "commit", ""),
        ("PREPARE p AS SELECT 1", "other", ""),
        ("RELEASE SAVEPOINT s", "release", ""),
        ("ROLLBACK TO SAVEPOINT s", "rollback-to", ""),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "set-isolation", ""),
        ("CALL proc(1)", "call", ""),
        ("SELECT transfer(%s, %s)", "call", ""),
        ("SELECT * FROM transfer(1)", "select", ""),
        ("NOTIFY jobs", "notify", ""),
        ("SELECT pg_notify('jobs', %s)", "notify", ""),
        ("LISTEN jobs", "listen", ""),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", "refresh", "v"),
        ("VACUUM t", "other", ""),
        ("EXPLAIN SELECT 1", "explain", ""),
        ("CREATE TABLE t (a int)", "create-table", "t"),
        ("CREATE UNIQUE INDEX i ON t (a)", "create-index", "t"),
        ("ALTER TABLE t ADD a int", "alter-table", "t"),
        ("DROP TABLE IF EXISTS t", "drop-table", "t"),
        ("CREATE OR REPLACE FUNCTION f() RETURNS int AS $$ BEGIN; END $$", "create-function", ""),
        ("-- why\n/* so */ SELECT a FROM t", "select", "t"),
        (f"SELECT a FROM {HOLE}", "select", ""),
        (f"SELECT a FROM t_{HOLE}", "select", ""),
        (f"SELECT a FROM {HOLE}.t", "select", "t"),
        ("no statement at all", "", ""),
        (HOLE, "", ""),
        ("", "", ""),
        (" ; ;", "", ""),
        ("SELECT a FROM t WHERE ((((", "select", "t"),
        ("UPDATE t SET a = = 1", "update", "t"),
        ("INSERT INTO t (a VALUES", "insert", "t"),
        ("DELETE FROM s.t WHERE )", "delete", "s.t"),
    ],
)
def test_verb_and_table(text: str, verb: str, table: str) -> None:
    statement = read_statement(text)
    assert (statement.verb, statement.table) == (verb, table)


@pytest.mark.parametrize(
    ("text", "predicates"),
    [
        ("a = %s", [("a", "=", "?1")]),
        ("a = %(id)s AND b = :name", [("a", "=", ":id"), ("b", "=", ":name")]),
        ("a = $2 AND b = $1 AND c = $2", [("a", "=", "?2"), ("b", "=", "?1"), ("c", "=", "?2")]),
        ("a = ? AND b > ?", [("a", "=", "?1"), ("b", ">", "?2")]),
        ("a = :1 AND b = ?3", [("a", "=", "?1"), ("b", "=", "?3")]),
        ("a = 'new'", [("a", "=", "const:'new'")]),
        ("a = 'it''s'", [("a", "=", 'const:"it\'s"')]),
        ("a = -5 AND b = 1.5", [("a", "=", "const:-5"), ("b", "=", "const:1.5")]),
        ("a = 'x'::text AND b = %s::uuid", [("a", "=", "const:'x'"), ("b", "=", "?1")]),
        ("'x' = a AND 5 < b", [("a", "=", "const:'x'"), ("b", ">", "const:5")]),
        ("a", [("a", "=", "const:True")]),
        ("NOT a", [("a", "=", "const:False")]),
        ("a IS TRUE AND b IS NOT TRUE", [("a", "=", "const:True"), ("b", "!=", "const:True")]),
        ("a IS NULL AND b IS NOT NULL", [("a", "is-null", ""), ("b", "not-null", "")]),
        ("a <> 1 AND b != 2", [("a", "!=", "const:1"), ("b", "!=", "const:2")]),
        ("a IN (1, 2)", [("a", "in", "const:(1, 2)")]),
        ("a IN %s AND b = ANY(%s)", [("a", "in", "?1"), ("b", "in", "?2")]),
        ("a IN (%s, %s)", [("a", "in", "expr:(?1, ?2)")]),
        ("a NOT IN ('x', 'y')", [("a", "!=", "const:('x', 'y')")]),
        ("a <> ALL(%s)", [("a", "!=", "?1")]),
        ("a BETWEEN %s AND %s", [("a", "between", "expr:(?1, ?2)")]),
        ("a LIKE %s AND b ILIKE 'x%%'", [("a", "like", "?1"), ("b", "like", "const:'x%'")]),
        ("a = 1 OR a = 2", [("a", "in", "const:(1, 2)")]),
        ("(a = 1 OR a = %s) AND b", [("a", "in", "expr:(1, ?1)"), ("b", "=", "const:True")]),
        ("NOT (a = 1)", [("a", "!=", "const:1")]),
        ("NOT (a < 1)", [("a", ">=", "const:1")]),
        ("(a, b) = (%s, 2)", [("a", "=", "?1"), ("b", "=", "const:2")]),
        ("(a, b) > (%s, %s)", [("a", ">=", "?1")]),
        ("(a, b) IN ((1, 2))", [("a", "in", ""), ("b", "in", "")]),
        ("lower(email) = lower(%s)", [("lower(email)", "=", "expr:lower(?1)")]),
        ("data->>'k' = %s", [("data ->> 'k'", "=", "?1")]),
        ("data @> %s AND data ? 'k'", [("data", "contains", "?1"), ("data", "contains", "const:'k'")]),
        ("a = b", [("a", "=", "column:t.b")]),
        ("a < now()", [("a", "<", "")]),
        ("a = '%s'", [("a", "=", "?1")]),
        ("TRUE AND 1 = 1 AND a = 1", [("a", "=", "const:1")]),
        (f"a = {HOLE} AND b = '{HOLE}'", [("a", "=", ""), ("b", "=", "")]),
        (f"a IN ({HOLE})", [("a", "in", "")]),
        (f"a = 'x{HOLE}y'", [("a", "=", "")]),
        ('"userId" = 1 AND UserId = 2', [("userId", "=", "const:1"), ("userid", "=", "const:2")]),
        ("a = (SELECT max(b) FROM u)", [("a", "=", "")]),
        ("a IN (SELECT b FROM u)", [("a", "in", "")]),
        ("a IS NOT DISTINCT FROM %s", [("a", "=", "?1")]),
        ("a::date = '2024-01-01'", [("a", "=", "const:'2024-01-01'")]),
    ],
)
def test_conditions(text: str, predicates: list[tuple[str, str, str]]) -> None:
    assert condition(text) == (predicates, True)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a = 1 OR b = 2", []),
        ("a = 1 AND (b = 2 OR c = 3)", ["a"]),
        ("a = 1 AND EXISTS (SELECT 1 FROM u WHERE u.id = t.id)", ["a"]),
        ("a = 1 AND NOT (b LIKE 'x')", ["a"]),
        (f"a = 1 AND {HOLE}", ["a"]),
        (f"a = 1 {HOLE}", ["a"]),
        (f"{HOLE}", []),
        (f"a = 1 AND {HOLE} = 2", ["a"]),
        (f"a {HOLE} 2", []),
    ],
)
def test_what_is_not_understood_leaves_the_selection_incomplete(text: str, columns: list[str]) -> None:
    predicates, complete = condition(text)
    assert ([c for c, _, _ in predicates], complete) == (columns, False)


def test_another_tables_columns_are_qualified() -> None:
    text = """SELECT o.id, sum(l.qty) FROM orders o JOIN lines AS l ON l.order_id = o.id
              LEFT JOIN notes n ON n.order_id = o.id AND n.kind = 'x' WHERE o.state = 'new' AND l.qty > %s"""
    statement = read_statement(text)
    assert where(text) == [
        ("id", "=", "column:lines.order_id"),
        ("state", "=", "const:'new'"),
        ("lines.qty", ">", "?1"),
    ]
    assert statement.selection.joins == ("lines", "notes")
    assert statement.selection.columns == ("id", "lines.qty")
    assert statement.tables == ("orders", "lines", "notes")


@pytest.mark.parametrize(
    ("text", "lock", "skip", "nowait"),
    [
        ("SELECT a FROM t FOR UPDATE", "update", False, False),
        ("SELECT a FROM t FOR NO KEY UPDATE NOWAIT", "update", False, True),
        ("SELECT a FROM t FOR SHARE", "share", False, False),
        ("SELECT a FROM t FOR UPDATE SKIP LOCKED", "update", True, False),
        ("SELECT a FROM t JOIN u ON u.id = t.id FOR UPDATE OF t", "update", False, False),
        ("SELECT a FROM t x JOIN u y ON y.id = x.id FOR UPDATE OF y", "", False, False),
        ("SELECT a FROM (SELECT a FROM t WHERE b = 1 FOR UPDATE) x", "update", False, False),
        ("SELECT a FROM t", "", False, False),
        ("LOCK TABLE t IN ACCESS EXCLUSIVE MODE NOWAIT", "update", False, True),
        ("LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE", "update", False, False),
        ("LOCK t IN SHARE MODE", "share", False, False),
        ("LOCK t IN ROW SHARE MODE", "", False, False),
        ("SELECT pg_advisory_xact_lock(1)", "advisory", False, False),
        ("SELECT pg_try_advisory_lock(%s)", "advisory", False, True),
    ],
)
def test_locks(text: str, lock: str, skip: bool, nowait: bool) -> None:
    selection = read_statement(text).selection
    assert (selection.lock, selection.skip_locked, selection.nowait) == (lock, skip, nowait)


def test_mysql_locks() -> None:
    assert read_statement("SELECT a FROM t LOCK IN SHARE MODE", "mysql").selection.lock == "share"
    assert read_statement("LOCK TABLES t WRITE, u READ", "mysql").selection.lock == "update"
    assert read_statement("UNLOCK TABLES", "mysql").verb == "unlock"
    lock = read_statement("SELECT GET_LOCK('job', 10)", "mysql")
    assert (lock.verb, lock.key, lock.scope, lock.trying) == ("lock", "const:'job'", "session", True)
    assert read_statement("SELECT RELEASE_LOCK('job')", "mysql").verb == "unlock"


@pytest.mark.parametrize(
    ("text", "verb", "scope", "key", "trying"),
    [
        ("SELECT pg_advisory_lock(%s)", "lock", "session", "?1", False),
        ("SELECT pg_advisory_xact_lock(hashtext(%s))", "lock", "transaction", "expr:hashtext(?1)", False),
        ("SELECT pg_try_advisory_xact_lock(1, %s)", "lock", "transaction", "expr:(1, ?1)", True),
        ("SELECT pg_catalog.pg_advisory_unlock(5)", "unlock", "session", "const:5", False),
        ("SELECT pg_advisory_unlock_all()", "unlock", "session", "const:()", False),
    ],
)
def test_advisory_locks(text: str, verb: str, scope: str, key: str, trying: bool) -> None:
    s = read_statement(text)
    if text.endswith("all()"):
        key = s.key
    assert (s.verb, s.scope, s.key, s.trying) == (verb, scope, key, trying)


@pytest.mark.parametrize(
    ("text", "columns", "aggregate"),
    [
        ("SELECT * FROM t", None, ""),
        ("SELECT t.* FROM t", None, ""),
        ("SELECT a, b AS c, lower(d) FROM t", ("a", "b", "d"), ""),
        ("SELECT count(*) FROM t", (), "count"),
        ("SELECT count(DISTINCT a) FROM t", ("a",), "count"),
        ("SELECT coalesce(sum(a), 0) FROM t", ("a",), "sum"),
        ("SELECT max(a) FROM t", ("a",), "max"),
        ("SELECT 1 FROM t", (), "exists"),
        ("SELECT EXISTS (SELECT 1 FROM t WHERE a = 1)", (), "exists"),
        ("SELECT NOT EXISTS (SELECT * FROM t)", (), "exists"),
        ("SELECT count(*) OVER () FROM t", (), ""),
        (f"SELECT {HOLE} FROM t", None, ""),
    ],
)
def test_columns_read(text: str, columns: tuple[str, ...] | None, aggregate: str) -> None:
    statement = read_statement(text)
    assert statement.table == "t"
    assert (statement.selection.columns, statement.selection.aggregate) == (columns, aggregate)


def test_order_limit_and_offset() -> None:
    selection = read_statement("SELECT a FROM t ORDER BY b DESC, t.c LIMIT 5 OFFSET %s").selection
    assert (selection.order, selection.limit, selection.offset) == (("b", "c"), 5, True)
    assert selection.cardinality is Cardinality.AT_MOST
    assert read_statement("SELECT a FROM t LIMIT %s").selection.limit == 0
    assert read_statement("SELECT a FROM t FETCH FIRST 3 ROWS ONLY").selection.limit == 3
    assert read_statement("SELECT a FROM t").selection.limit is None
    assert read_statement(f"SELECT a FROM t ORDER BY {HOLE} {HOLE} LIMIT {HOLE}").selection.limit == 0


def test_a_results_columns_are_named() -> None:
    outputs = read_statement("SELECT id, t.b AS total, count(*), 'x' AS kind FROM t").outputs
    assert [(o.name, o.value) for o in outputs] == [
        ("id", "column:t.id"),
        ("total", "column:t.b"),
        ("count", "count"),
        ("kind", "const:'x'"),
    ]


SETS = [
    ("a = %s", ("a", "value", "?1", ("?1",), ())),
    ("a = %(v)s::int", ("a", "value", ":v", (":v",), ())),
    ("a = a + 1", ("a", "atomic", "expr:a + 1", (), ("a",))),
    ("a = t.a - %s", ("a", "atomic", "expr:a - ?1", ("?1",), ("a",))),
    ("a = coalesce(a, 0) + %s", ("a", "atomic", "expr:coalesce(a, 0) + ?1", ("?1",), ("a",))),
    ("a = greatest(a, %s)", ("a", "atomic", "expr:greatest(a, ?1)", ("?1",), ("a",))),
    ("a = b", ("a", "derived", "column:t.b", (), ("b",))),
    ("a = NOT a", ("a", "atomic", "expr:not a", (), ("a",))),
    ("a = 'x'", ("a", "constant", "const:'x'", (), ())),
    ("a = NULL", ("a", "constant", "const:None", (), ())),
    ("a = TRUE", ("a", "constant", "const:True", (), ())),
    ("a = now()", ("a", "default", "", (), ())),
    ("a = CURRENT_TIMESTAMP", ("a", "default", "", (), ())),
    ("a = DEFAULT", ("a", "default", "", (), ())),
    ("a = gen_random_uuid()", ("a", "default", "", (), ())),
    ("a = (SELECT max(b) FROM u)", ("a", "derived", "", (), ("u.b",))),
    ("a = lower(%s)", ("a", "value", "expr:lower(?1)", ("?1",), ())),
    ("a = jsonb_set(a, '{k}', %s)", ("a", "atomic", "expr:jsonb_set(a, '{k}', ?1)", ("?1",), ("a",))),
    (f"a = {HOLE}", ("a", "unknown", "", (), ())),
    (f"a = a + {HOLE}", ("a", "atomic", "", (), ("a",))),
    ("(a, b) = (%s, 1)", ("a", "value", "?1", ("?1",), ())),
    ("a = now() + %s", ("a", "value", "", ("?1",), ())),
]


@pytest.mark.parametrize(("text", "expected"), SETS)
def test_what_an_update_sets(text: str, expected: tuple[str, str, str, tuple[str, ...], tuple[str, ...]]) -> None:
    statement = read_statement(f"UPDATE t SET {text} WHERE id = 1")
    first = statement.assigned[0]
    assert (first.column, first.how, first.value, first.operands, first.columns) == expected
    assert where(f"UPDATE t SET {text} WHERE id = 1") == [("id", "=", "const:1")]


def test_an_update_from_another_table() -> None:
    s = read_statement(
        "UPDATE a SET x = b.x, y = b.x + a.y FROM b WHERE b.id = a.id AND b.z = %s RETURNING a.x, y AS why"
    )
    assert s.selection.joins == ("b",)
    assert [(p.column, p.value) for p in s.selection.predicates] == [("id", "column:b.id"), ("b.z", "?1")]
    assert [(a.how, a.columns) for a in s.assigned] == [("derived", ("b.x",)), ("atomic", ("b.x", "y"))]
    assert s.returning == ("x", "why")


def test_mysqls_joined_update_and_delete() -> None:
    s = read_statement("UPDATE a JOIN b ON b.id = a.id SET a.x = 1 WHERE b.y = 2 ORDER BY a.id LIMIT 3", "mysql")
    assert (s.table, s.selection.joins, s.selection.limit, s.selection.order) == ("a", ("b",), 3, ("id",))
    assert [(p.column, p.value) for p in s.selection.predicates] == [("id", "column:b.id"), ("b.y", "const:2")]
    s = read_statement("DELETE b FROM a JOIN b ON b.id = a.id", "mysql")
    assert (s.table, s.selection.joins) == ("b", ("a",))


def test_a_delete_using_another_table() -> None:
    s = read_statement("DELETE FROM a USING b WHERE b.id = a.id AND a.x = 1 RETURNING *")
    assert (s.table, s.selection.joins, s.returning) == ("a", ("b",), ("*",))


def test_an_insert_of_rows() -> None:
    s = read_statement("INSERT INTO t (a, b, c) VALUES (%s, 'x', now()), (DEFAULT, %s || 'y', $9) RETURNING id")
    assert s.columns == ("a", "b", "c")
    assert [[(v.column, v.how, v.value) for v in row] for row in s.rows] == [
        [("a", "value", "?1"), ("b", "constant", "const:'x'"), ("c", "default", "")],
        [("a", "default", ""), ("b", "value", "expr:?2 || 'y'"), ("c", "value", "?9")],
    ]
    assert (s.many, s.returning, s.selection.cardinality) == (False, ("id",), Cardinality.MANY)
    assert read_statement("INSERT INTO t VALUES (%s, 2)").rows[0][1].value == "const:2"


@pytest.mark.parametrize(
    ("text", "columns", "rows", "many"),
    [
        ("INSERT INTO t (a, b) VALUES %s", ("a", "b"), 0, True),
        ("INSERT INTO t VALUES %s", (), 0, True),
        (f"INSERT INTO t ({HOLE}) VALUES ({HOLE})", (), 0, True),
        (f"INSERT INTO t (a, b) VALUES {HOLE}", ("a", "b"), 0, True),
        ("INSERT INTO t (a) SELECT b FROM u WHERE c = %s", ("a",), 0, True),
        ("INSERT INTO t (a) SELECT %s WHERE NOT EXISTS (SELECT 1 FROM t WHERE a = %s)", ("a",), 1, False),
        ("INSERT INTO t DEFAULT VALUES", (), 1, False),
    ],
)
def test_how_many_rows_an_insert_makes(text: str, columns: tuple[str, ...], rows: int, many: bool) -> None:
    s = read_statement(text)
    assert (s.verb, s.table, s.columns, len(s.rows), s.many) == ("insert", "t", columns, rows, many)


def test_an_insert_from_a_select_reads_its_tables() -> None:
    s = read_statement("INSERT INTO t (a) SELECT b FROM u WHERE c = %s")
    assert s.selection.joins == ("u",)
    assert [(p.verb, p.table) for p in s.parts] == [("select", "u")]
    assert s.parts[0].selection.predicates[0].value == "?1"


@pytest.mark.parametrize(
    ("text", "dialect", "verb", "conflict", "target"),
    [
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING", "postgres", "insert", "ignore", ()),
        (
            "INSERT INTO t (a) VALUES (1) ON CONFLICT (a, lower(b)) DO NOTHING",
            "postgres",
            "insert",
            "ignore",
            ("a", "lower(b)"),
        ),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1", "postgres", "upsert", "update", ("a",)),
        ("INSERT IGNORE INTO t (a) VALUES (1)", "mysql", "insert", "ignore", ()),
        ("INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)", "mysql", "upsert", "update", ()),
        ("REPLACE INTO t (a) VALUES (1)", "mysql", "upsert", "update", ()),
        ("INSERT OR IGNORE INTO t (a) VALUES (1)", "sqlite", "insert", "ignore", ()),
        ("INSERT OR REPLACE INTO t (a) VALUES (1)", "sqlite", "upsert", "update", ()),
        ("REPLACE INTO t (a) VALUES (1)", "sqlite", "upsert", "update", ()),
        ("INSERT INTO t (a) VALUES (1)", "postgres", "insert", "", ()),
    ],
)
def test_conflicts(text: str, dialect: str, verb: str, conflict: str, target: tuple[str, ...]) -> None:
    s = read_statement(text, dialect)
    assert (s.verb, s.table, s.conflict, s.target) == (verb, "t", conflict, target)


def test_what_an_upsert_sets() -> None:
    s = read_statement(
        "INSERT INTO t AS x (a, n, s) VALUES (%s, %s, 'k') ON CONFLICT (a) WHERE live DO UPDATE "
        "SET n = x.n + excluded.n, s = excluded.s, a = excluded.a, m = x.m + 1"
    )
    assert [(a.column, a.how, a.operands, a.columns) for a in s.assigned] == [
        ("n", "atomic", ("?2",), ("n",)),
        ("s", "constant", (), ()),
        ("a", "value", ("?1",), ()),
        ("m", "atomic", (), ("m",)),
    ]
    assert (s.target, s.target_predicate) == (("a",), "live")
    named = read_statement("INSERT INTO t (a) VALUES (1) ON CONFLICT ON CONSTRAINT once DO NOTHING")
    assert named.target_name == "once"


def test_what_mysqls_upsert_sets() -> None:
    s = read_statement(
        "INSERT INTO t (a, n) VALUES (%s, %s) ON DUPLICATE KEY UPDATE n = n + VALUES(n), a = VALUES(a)", "mysql"
    )
    assert [(a.column, a.how, a.operands, a.columns) for a in s.assigned] == [
        ("n", "atomic", ("?2",), ("n",)),
        ("a", "value", ("?1",), ()),
    ]
    s = read_statement("INSERT INTO t (a) VALUES (%s) AS new ON DUPLICATE KEY UPDATE a = new.a", "mysql")
    assert s.assigned[0].operands == ("?1",)


def test_parts_of_a_statement_are_statements() -> None:
    s = read_statement(
        "WITH next AS (SELECT id FROM jobs WHERE state = 'new' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED) "
        "UPDATE jobs SET state = 'taken' FROM next WHERE jobs.id = next.id RETURNING jobs.id"
    )
    assert (s.verb, s.table, s.returning) == ("update", "jobs", ("id",))
    assert [(p.verb, p.table, p.selection.lock, p.selection.skip_locked) for p in s.parts] == [
        ("select", "jobs", "update", True)
    ]
    s = read_statement("WITH gone AS (DELETE FROM a WHERE b = 1 RETURNING *) INSERT INTO c SELECT * FROM gone")
    assert (s.verb, s.table, s.parts[0].verb, s.parts[0].table) == ("insert", "c", "delete", "a")
    assert s.tables == ("c", "a")


def test_several_statements_in_one_text() -> None:
    s = read_statement("BEGIN;\n\nUPDATE t SET a = ';' WHERE b = 1; -- done;\nCOMMIT;")
    assert [(x.verb, x.line) for x in (s, *s.then)] == [("begin", 1), ("update", 3), ("commit", 4)]


@pytest.mark.parametrize(
    ("text", "isolation", "read_only"),
    [
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "serializable", False),
        ("START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "repeatable-read", True),
        ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "read-committed", False),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE", "serializable", False),
        ("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "read-uncommitted", False),
        ("SET default_transaction_isolation = 'repeatable read'", "repeatable-read", False),
        ("SET TRANSACTION READ ONLY", "", True),
        ("BEGIN", "", False),
    ],
)
def test_isolation(text: str, isolation: str, read_only: bool) -> None:
    s = read_statement(text)
    assert (s.isolation, s.read_only) == (isolation, read_only)


def test_settings_savepoints_and_modes() -> None:
    s = read_statement("SET LOCAL lock_timeout = '5s'")
    assert (s.verb, s.name, s.scope, s.option("value")) == ("set", "lock_timeout", "transaction", "5s")
    assert read_statement("BEGIN IMMEDIATE", "sqlite").option("mode") == "immediate"
    assert read_statement("ROLLBACK TO s1").name == "s1"
    assert read_statement("RELEASE s1").name == "s1"
    assert read_statement("PRAGMA journal_mode = WAL", "sqlite").name == "pragma journal_mode"
    assert read_statement("SET autocommit = 0", "mysql").name == "autocommit"


def test_cassandras_clauses_are_options() -> None:
    s = read_statement("UPDATE ks.t USING TTL ? AND TIMESTAMP ? SET a = ? WHERE k = ? IF b = ?", "cql")
    assert s.options == (("ttl", "?1"), ("timestamp", "?2"), ("if", "condition"))
    assert [(p.column, p.value) for p in s.selection.predicates] == [("k", "?4"), ("b", "?5")]
    s = read_statement("INSERT INTO t (a, b) VALUES (?, {'x': 1}) IF NOT EXISTS USING TTL 60", "cql")
    assert (s.conflict, s.options, len(s.rows)) == ("ignore", (("if", "not exists"), ("ttl", "60")), 1)
    s = read_statement("SELECT * FROM t WHERE a = ? PER PARTITION LIMIT 2 ALLOW FILTERING", "cql")
    assert (s.option("allow-filtering"), s.selection.predicates[0].value) == ("true", "?1")
    s = read_statement("DELETE a FROM t WHERE k = ? IF EXISTS", "cql")
    assert (s.verb, s.table, s.option("if")) == ("delete", "t", "exists")
    s = read_statement("UPDATE t SET m['k'] = ?, s = s + {'x'}, n = n + 1 WHERE k = 1", "cql")
    assert [(a.column, a.how) for a in s.assigned] == [("m", "value"), ("s", "atomic"), ("n", "atomic")]


def test_a_batchs_statements_say_so() -> None:
    s = read_statement(
        "BEGIN UNLOGGED BATCH INSERT INTO t (a) VALUES (?); DELETE FROM u WHERE k = ?; APPLY BATCH;", "cql"
    )
    assert [(x.verb, x.table, x.option("batch")) for x in (s, *s.then)] == [
        ("insert", "t", "unlogged"),
        ("delete", "u", "unlogged"),
    ]


def test_definitions_carry_their_changes() -> None:
    s = read_statement("ALTER TABLE t ADD COLUMN a int NOT NULL, DROP CONSTRAINT once")
    assert [(c.kind, c.table, c.name) for c in s.changes] == [
        ("add-column", "t", "a"),
        ("drop-constraint", "t", "once"),
    ]


def test_unparsable_statements_keep_verb_and_table_and_say_why() -> None:
    s = read_statement("SELECT a FROM t WHERE a = = 1 FOR UPDATE")
    assert (s.verb, s.table, s.selection.lock, s.complete, bool(s.note)) == ("select", "t", "update", False, True)
    s = read_statement("INSERT INTO t (a, b) VALUES (1 2")
    assert (s.columns, s.many, s.complete) == (("a", "b"), True, False)


def test_deep_nesting_and_length_do_no_harm() -> None:
    assert read_statement("SELECT a FROM t WHERE " + "(" * 5000 + "a = 1" + ")" * 5000).verb == "select"
    long = "INSERT INTO t (a, b) VALUES " + ", ".join(["(1, 'x')"] * 50_000)
    assert read_statement(long).table == "t"
    many = read_statement("SELECT a FROM t WHERE " + " AND ".join(f"c{i} = {i}" for i in range(2000)))
    assert len(many.selection.predicates) == 2000


@pytest.mark.parametrize(
    "text",
    ["%(", "{{", "$a$", "/*", "-- ", "'", "(", "select ", "not ", " \n\t", "create table t (", "[", "%s", "e'\\"],
)
def test_reading_ends_whatever_is_repeated(text: str) -> None:
    for dialect in ("postgres", "mysql", "sqlite", "cql"):
        for repeated in (text * (10_000 // len(text)), "-- x\n" + text * (10_000 // len(text)) + "\nSELECT"):
            assert isinstance(read_statement(repeated, dialect), Statement)


def test_placeholders_are_found_in_values() -> None:
    assert placeholders("expr:lower(?12) || ':x' || :name || a::text") == ("?12", ":name")
    assert placeholders("?1") == ("?1",)
    assert placeholders("column:t.a") == ()


def test_statements_can_be_kept_on_disk() -> None:
    s = read_statement("WITH x AS (SELECT 1 FROM t FOR UPDATE) UPDATE u SET a = a + %s WHERE b IN (1, 2); COMMIT")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(s), type=Statement) == s


DIALECTS = st.sampled_from(["postgres", "mysql", "sqlite", "cql"])
WORDS = """
    SELECT INSERT INTO UPDATE DELETE FROM WHERE SET VALUES ( ) , ; * = <> < a b t u 1 'x' "q" `m` AND OR NOT IN IS
    EXISTS
    NULL JOIN ON LEFT LIMIT ORDER BY GROUP FOR UPDATE SKIP LOCKED OF WITH AS RETURNING CONFLICT DO NOTHING EXCLUDED . ::
    int %s %(n)s ? $1 :n @v %% \ufffc BEGIN COMMIT LOCK TABLE IF USING TTL BATCH { } [ ] -- /* count sum now() || -> ->>
    MERGE WHEN MATCHED THEN CASE END UNION DEFAULT LIKE ANY pg_advisory_lock
    """


@given(st.lists(st.sampled_from(WORDS.split()), max_size=25), DIALECTS)
def test_no_words_raise(words: list[str], dialect: str) -> None:
    read_statement(" ".join(words), dialect)


@given(st.text(max_size=80), DIALECTS)
def test_no_text_raises(text: str, dialect: str) -> None:
    read_statement(text, dialect)
    read_statement("SELECT a FROM t WHERE " + text, dialect)


TEXTS = st.sampled_from([
    "SELECT a, b AS c FROM t x JOIN u USING (id) WHERE x.a = %s AND b IN (SELECT c FROM v) LIMIT 1 FOR UPDATE",
    "INSERT INTO t (a, b) VALUES (%s, now()) ON CONFLICT (a) DO UPDATE SET b = excluded.b + t.b RETURNING a",
    "WITH x AS (DELETE FROM t WHERE a = 'b' RETURNING *) UPDATE u SET (a, b) = (x.a, 1) FROM x WHERE u.id = x.id",
    "UPDATE t USING TTL ? SET m['k'] = ?, s = s + {'x'} WHERE k = ? IF v = 1",
    "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a WHEN NOT MATCHED THEN DO NOTHING",
])  # fmt: skip


@given(
    TEXTS,
    st.integers(0, 120),
    st.integers(0, 12),
    st.sampled_from(["", HOLE, "(", "'", ")", ";", "%s", " a "]),
    DIALECTS,
)
def test_no_damaged_text_raises(text: str, at: int, length: int, by: str, dialect: str) -> None:
    read_statement(text[:at] + by + text[at + length :], dialect)
