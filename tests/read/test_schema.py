"""Changes in order give one schema per table; a unique key holds only where it really does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datakeel.model.certainty import Answer
from datakeel.model.dataset import Column, Dataset, Index, Partitioning, Schema
from datakeel.model.place import Place
from datakeel.read.formats.sql import read_sql
from datakeel.read.schema import (
    Change,
    add_column,
    add_constraint,
    add_index,
    alter_column,
    apply,
    attach,
    create_table,
    drop_column,
    drop_constraint,
    drop_index,
    drop_table,
    foreign_key,
    in_step,
    primary_key,
    rename_column,
    rename_table,
    replace_column,
    unique,
)

USERS = create_table(
    "users",
    [Column("id", "bigint", nullable=False), Column("email", "text", nullable=False), Column("name", "text")],
    [primary_key("id")],
)


def made(sql: str, dialect: str = "") -> dict[str, Dataset]:
    return apply(read_sql(sql, "schema.sql", dialect).changes)


def guards(schema: Schema, *columns: str) -> str | None:
    found = schema.unique_within(frozenset(columns))
    return found.name if found is not None else None


def test_a_unique_key_that_includes_the_primary_key_does_not_make_the_rest_unique() -> None:
    schema = apply([USERS, add_index("users", unique("id", "email", name="u"))])["users"].schema
    assert guards(schema, "email") is None
    assert guards(schema, "email", "id") == "users_pkey"


def test_a_nullable_column_is_unique_only_where_its_nulls_collide_or_none_is_looked_for() -> None:
    schema = apply([USERS, add_index("users", unique("name", name="u"))])["users"].schema
    assert guards(schema, "name") is None
    assert schema.unique_within(frozenset({"name"}), not_null=frozenset({"name"})) is not None
    strict = apply([USERS, add_index("users", unique("name", name="u", nulls_distinct=False))])["users"].schema
    assert guards(strict, "name") == "u"


def test_a_unique_key_that_a_later_migration_drops_is_gone() -> None:
    added = in_step([add_index("users", unique("email", name="u"))], "0002")
    dropped = in_step([drop_constraint("users", "u")], "0003")
    assert guards(apply([USERS, *added])["users"].schema, "email") == "u"
    assert guards(apply([USERS, *added, *dropped])["users"].schema, "email") is None


def test_a_whole_key_goes_before_a_partial_one() -> None:
    partial = add_index("users", unique("email", name="live", predicate="deleted_at is null"))
    assert guards(apply([USERS, partial])["users"].schema, "email") == "live"
    whole = add_index("users", unique("email", name="whole"))
    assert guards(apply([USERS, partial, whole])["users"].schema, "email") == "whole"


def test_a_key_over_an_expression_is_found_by_the_text_that_predicates_give_it() -> None:
    schema = made("CREATE TABLE t (email text NOT NULL); CREATE UNIQUE INDEX u ON t (LOWER( Email ));")["t"].schema
    assert guards(schema, "lower(email)") == "u"
    assert guards(schema, "name") is None


def test_a_key_over_an_expression_holds_of_rows_that_are_equal_in_its_columns() -> None:
    schema = made("CREATE TABLE t (email text NOT NULL); CREATE UNIQUE INDEX u ON t (LOWER( Email ));")["t"].schema
    found = schema.unique_within(frozenset({"email"}))
    assert found is not None
    assert (found.total, found.functional, found.partial) == (False, True, False)


def test_a_total_key_goes_before_a_functional_and_a_partial_one() -> None:
    schema = made(
        """CREATE TABLE t (email text NOT NULL, deleted boolean NOT NULL);
        CREATE UNIQUE INDEX partial ON t (email) WHERE NOT deleted;
        CREATE UNIQUE INDEX functional ON t (lower(email));
        CREATE UNIQUE INDEX total ON t (email);"""
    )["t"].schema
    assert [i.name for i in schema.keys_within(frozenset({"email"}))] == ["total", "functional", "partial"]


def test_a_partial_key_tells_of_which_rows_it_speaks() -> None:
    dataset = made(
        """CREATE TABLE t (org int, email text, state text, deleted_at timestamptz);
        CREATE UNIQUE INDEX live ON t (org, email) WHERE deleted_at IS NULL AND state IN ('new', 'open');"""
    )["t"]
    live = {"deleted_at": "const:None", "state": "const:'new'"}
    assert dataset.enforces_unique(["org", "email"], live) is Answer.YES
    assert dataset.enforces_unique(["org", "email"], {**live, "state": "const:'shut'"}) is Answer.NO
    assert dataset.enforces_unique(["org", "email"], {"state": "const:'new'"}) is Answer.UNKNOWN
    assert dataset.enforces_unique(["org"], live) is Answer.NO


def test_a_key_whose_own_predicate_leaves_nulls_out_counts() -> None:
    schema = made("CREATE TABLE t (a int); CREATE UNIQUE INDEX u ON t (a) WHERE a IS NOT NULL;")["t"].schema
    assert guards(schema, "a") == "u"


def test_steps_hold_each_migrations_change_of_a_table() -> None:
    changes = [
        *in_step([USERS], "0001"),
        *in_step([add_column("users", Column("age", "integer")), drop_column("users", "name")], "0002", False),
        *in_step([rename_table("users", "people")], "0003"),
    ]
    people = apply(changes)["people"]
    assert [(s.name, s.transactional) for s in people.steps] == [("0001", True), ("0002", False), ("0003", True)]
    assert people.steps[0].before is None
    before, after = people.steps[1].before, people.steps[1].after
    assert before is not None
    assert after is not None
    assert [c.name for c in before.columns] == ["id", "email", "name"]
    assert [c.name for c in after.columns] == ["id", "email", "age"]
    assert people.schema == after


def test_a_table_that_was_never_created_is_known_in_part() -> None:
    table = apply([add_column("orders", Column("state", "text"))])["orders"]
    assert not table.columns_complete
    assert [c.name for c in table.schema.columns] == ["state"]
    assert apply([drop_table("orders"), drop_index("", "nothing"), Change(kind="drop-column", table="")]) == {}


def test_a_partition_means_its_parent() -> None:
    changes = [
        create_table("events", [Column("at", "timestamptz")], partitioning=Partitioning("range", ("at",))),
        attach("events_2024", "events"),
        add_index("events_2024", unique("at", name="of the partition")),
    ]
    tables = apply(changes)
    assert tables["events_2024"] is tables["events"]
    assert tables["events"].schema.indexes == ()
    assert "events" in apply([*changes, drop_table("events_2024")])


def test_django_and_alembic_can_say_what_they_do() -> None:
    changes = [
        USERS,
        add_index("users", unique("email", "name", name="pair")),
        add_constraint("users", foreign_key(["name"], "names", ["id"], name="fk")),
        replace_column("users", "name", Column("label", "varchar(20)", nullable=False)),
        alter_column("users", "email", type="varchar(100)", nullable=True, default="''"),
        rename_column("users", "email", "mail"),
    ]
    schema = apply(changes)["users"].schema
    assert [(c.name, c.type, c.nullable, c.default) for c in schema.columns[1:]] == [
        ("mail", "varchar(100)", True, "''"),
        ("label", "varchar(20)", False, None),
    ]
    assert schema.indexes[-1].columns == ("mail", "label")
    without = apply([*changes, drop_index("users", columns=["label", "mail"])])["users"].schema
    assert [i.name for i in without.indexes] == ["users_pkey"]
    assert apply([*changes, drop_constraint("users", "fk")])["users"].schema.constraints == ()


def test_a_foreign_key_stands_at_its_column_and_follows_renames() -> None:
    tables = made(
        "CREATE TABLE a (id int PRIMARY KEY, code int UNIQUE);"
        "CREATE TABLE b (a_id int REFERENCES a, code int REFERENCES a (code));"
        "ALTER TABLE a RENAME COLUMN id TO nr; ALTER TABLE a RENAME TO z;"
    )
    assert [c.references for c in tables["b"].schema.columns] == ["z.nr", "z.code"]


MYSQL = """
    CREATE TABLE `Orders` (
        `id` int(11) unsigned NOT NULL AUTO_INCREMENT,
        `state` enum('a','b, c') CHARACTER SET utf8 DEFAULT 'a' COMMENT 'x, y',
        `note` varchar(200) COLLATE utf8_bin,
        ts timestamp(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
        PRIMARY KEY (`id`), UNIQUE KEY `u` (`state`,`note`(10)), KEY `k` (`note`) USING BTREE, FULLTEXT KEY f (note),
        CONSTRAINT fk FOREIGN KEY (`note`) REFERENCES `notes` (`id`)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8;
"""


def test_mysql_tables_are_read() -> None:
    orders = made(MYSQL)["orders"]
    assert orders.technology == "mysql"
    columns = [(c.name, c.type, c.nullable, c.default) for c in orders.schema.columns]
    assert columns == [
        ("id", "integer(11) unsigned", False, "auto_increment"),
        ("state", "enum('a','b, c')", True, "'a'"),
        ("note", "varchar(200)", True, None),
        ("ts", "timestamp(6)", True, "CURRENT_TIMESTAMP(6)"),
    ]
    assert [(i.name, i.columns, i.unique) for i in orders.schema.indexes] == [
        ("PRIMARY", ("id",), True),
        ("u", ("state", "note"), True),
        ("k", ("note",), False),
        ("f", ("note",), False),
    ]


@pytest.mark.parametrize(
    ("change", "indexes"),
    [
        ("ALTER TABLE Orders DROP COLUMN note", {"PRIMARY": ("id",), "u": ("state",)}),
        ("ALTER TABLE Orders DROP PRIMARY KEY, DROP INDEX k, DROP KEY f", {"u": ("state", "note")}),
        ("DROP INDEX u ON Orders", {"PRIMARY": ("id",), "k": ("note",), "f": ("note",)}),
        (
            "ALTER TABLE `Orders` CHANGE COLUMN state st int NOT NULL, ADD UNIQUE (st), DROP KEY f, DROP KEY k",
            {"PRIMARY": ("id",), "u": ("st", "note"), "st": ("st",)},
        ),
        ("ALTER TABLE Orders RENAME INDEX k TO kk, DROP KEY f, DROP KEY u", {"PRIMARY": ("id",), "kk": ("note",)}),
    ],
)
def test_mysql_tables_are_altered(change: str, indexes: dict[str, tuple[str, ...]]) -> None:
    schema = made(MYSQL + change)["orders"].schema
    assert {i.name: i.columns for i in schema.indexes} == indexes


def test_sqlite_tables_are_read() -> None:
    table = made(
        "CREATE TABLE [My Table] (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " a TEXT COLLATE NOCASE UNIQUE ON CONFLICT REPLACE, b, c DEFAULT (datetime('now')),"
        " PRIMARY KEY (id)) WITHOUT ROWID"
    )["my table"]
    assert table.technology == "sqlite"
    columns = [(c.name, c.type, c.default) for c in table.schema.columns]
    assert columns == [
        ("id", "integer", "auto_increment"),
        ("a", "text", None),
        ("b", "", None),
        ("c", "", "(datetime('now'))"),
    ]
    assert table.schema.unique_within(frozenset({"a"}), frozenset({"a"})) is not None


def test_cassandra_tables_are_read() -> None:
    tables = made(
        """
        CREATE TABLE IF NOT EXISTS ks.events (
            device uuid, day date, at timeuuid, tags map<text, frozen<list<int>>>, owner text static,
            PRIMARY KEY ((device, day), at)
        ) WITH CLUSTERING ORDER BY (at DESC) AND compaction = {'class': 'Time', 'n': 3};
        ALTER TABLE ks.events ADD x int, y text;
        ALTER TABLE ks.events DROP y;
        CREATE TABLE ks.users (id uuid PRIMARY KEY, name text);
        CREATE INDEX ON ks.users (name);
        """
    )
    events = tables["ks.events"].schema
    assert events.partitioning == Partitioning("key", ("device", "day"))
    assert events.primary_key() == ("device", "day", "at")
    assert [(c.name, c.type) for c in events.columns] == [
        ("device", "uuid"),
        ("day", "date"),
        ("at", "timeuuid"),
        ("tags", "map<text, frozen<list<int>>>"),
        ("owner", "text"),
        ("x", "integer"),
    ]
    assert tables["ks.users"].schema.partitioning == Partitioning("key", ("id",))
    assert tables["ks.users"].schema.index_serving(("name",)) is not None


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE",
        "CREATE TABLE (",
        "CREATE TABLE t",
        "CREATE TABLE t (",
        "CREATE TABLE t (a",
        "CREATE TABLE t (a int,,, b int)",
        "CREATE TABLE t (PRIMARY KEY)",
        "CREATE TABLE t (\ufffc, b int)",
        "CREATE TABLE \ufffc (b int)",
        "ALTER TABLE t ADD",
        "ALTER TABLE t DROP",
        "ALTER TABLE t ALTER COLUMN",
        "ALTER TABLE t RENAME",
        "CREATE INDEX ON",
        "CREATE UNIQUE INDEX i ON t",
        "DROP TABLE",
        "COMMENT ON",
        "CREATE TABLE t (a int) PARTITION BY",
        "CREATE TABLE t PARTITION OF",
        "ALTER TABLE t ADD CONSTRAINT",
        "ALTER TABLE t ATTACH PARTITION t",
    ],
)
def test_broken_definitions_do_no_harm(sql: str) -> None:
    made(sql)
    made(sql, "mysql")
    made(sql, "cql")


WORDS = """
    CREATE TABLE t u ( ) , ; a b c int text PRIMARY KEY UNIQUE INDEX ON ALTER ADD DROP COLUMN RENAME TO CONSTRAINT
    FOREIGN REFERENCES CHECK PARTITION OF BY LIKE INHERITS DEFAULT NOT NULL 'x' "q IF EXISTS USING \ufffc < >
    """


@given(st.lists(st.sampled_from(WORDS.split()), max_size=30), st.sampled_from(["postgres", "mysql", "sqlite", "cql"]))
def test_no_definition_raises(words: list[str], dialect: str) -> None:
    made("CREATE TABLE t (a int, b int, UNIQUE (a, b)); CREATE TABLE u (c int);" + " ".join(words), dialect)


def test_a_view_made_anew_has_none_of_its_old_indexes() -> None:
    tables = made(
        """
        CREATE TABLE t (a int, b int);
        CREATE MATERIALIZED VIEW v AS SELECT a FROM t;
        CREATE INDEX v_a ON v (a);
        CREATE MATERIALIZED VIEW v_tmp AS SELECT a, b FROM t;
        CREATE INDEX v_tmp_a ON v_tmp (a);
        DROP MATERIALIZED VIEW IF EXISTS v;
        ALTER MATERIALIZED VIEW v_tmp RENAME TO v;
        CREATE MATERIALIZED VIEW v_tmp AS SELECT b FROM t;
        """
    )
    assert [i.name for i in tables["v"].schema.indexes] == ["v_tmp_a"]
    assert not tables["v_tmp"].schema.indexes
    assert (tables["v"].view, tables["v"].viewed, tables["t"].view, tables["t"].viewed) == (True, False, False, True)


def test_cascade_takes_the_views_along_that_read_what_is_dropped() -> None:
    tables = made(
        """
        CREATE TABLE t (a int);
        CREATE VIEW first AS SELECT x.a FROM other o, t x;
        CREATE MATERIALIZED VIEW second AS SELECT a FROM first;
        CREATE INDEX ON second (a);
        CREATE VIEW apart AS SELECT 1 AS a;
        ALTER VIEW first RENAME TO renamed;
        DROP TABLE t CASCADE;
        """
    )
    assert sorted(tables) == ["apart"]


def test_a_view_that_is_replaced_stays_the_same() -> None:
    tables = made(
        "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; CREATE OR REPLACE VIEW v AS SELECT 1 AS a;"
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE INDEX ON m (a);"
        "CREATE MATERIALIZED VIEW IF NOT EXISTS m AS SELECT 1 AS a;"
    )
    assert not tables["t"].viewed
    assert len(tables["m"].schema.indexes) == 1


def test_tables_stand_in_the_namespace_that_the_script_has_set() -> None:
    tables = made(
        """
        SET search_path = app, pg_catalog;
        CREATE TABLE a (id int PRIMARY KEY);
        CREATE TABLE public.b (a_id int REFERENCES a (id));
        SET search_path TO "$user", public;
        CREATE TABLE c (id int);
        SELECT pg_catalog.set_config('search_path', 'other', false);
        CREATE TABLE a (id int);
        CREATE INDEX ON a (id);
        SELECT pg_catalog.set_config('search_path', '', false);
        ALTER TABLE app.a ADD COLUMN name text;
        """
    )
    assert sorted(tables) == ["app.a", "b", "c", "other.a"]
    assert [c.name for c in tables["app.a"].schema.columns] == ["id", "name"]
    assert tables["b"].schema.columns[0].references == "app.a.id"
    assert len(tables["other.a"].schema.indexes) == 1


def test_a_block_defines_what_stands_in_it_and_hides_what_it_puts_together() -> None:
    block = "DO $$ BEGIN {} EXCEPTION WHEN others THEN NULL; END $$;"
    sql = "CREATE TABLE t (a int NOT NULL); CREATE TABLE u (a int);"
    plain = made(sql + block.format("EXECUTE format('alter table t add constraint k primary key (a);');"))
    assert plain["t"].schema.primary_key() == ("a",)
    written = made(sql + block.format("IF NOT EXISTS (SELECT 1) THEN ALTER TABLE t ADD PRIMARY KEY (a); END IF;"))
    assert written["t"].schema.primary_key() == ("a",)
    assert "t" not in made(sql + block.format("EXECUTE 'DROP TABLE t';"))
    unseen = made(sql + block.format("EXECUTE 'ALTER TABLE ' || name || ' ADD PRIMARY KEY (a)';"))
    assert not unseen["u"].columns_complete


def test_an_index_says_by_which_operators_it_sorts_and_what_it_carries() -> None:
    (index,) = made("CREATE INDEX i ON t (a text_pattern_ops, b DESC, c ASC) INCLUDE (d, e);")["t"].schema.indexes
    assert index.columns == ("a", "b", "c")
    assert index.sorting == ("text_pattern_ops", "desc", "")
    assert index.carried == ("d", "e")


def test_an_index_without_a_name_that_two_files_tell_of_is_one() -> None:
    def index(path: str, *columns: str) -> Index:
        return Index(columns, place=Place(path, 1))

    changes = [
        create_table("t", [Column("a", "int"), Column("b", "int")], []),
        add_index("t", index("schema.sql", "a")),
        add_index("t", index("upgrades/1.sql", "a")),
        add_index("t", index("upgrades/1.sql", "b")),
        add_index("t", index("upgrades/1.sql", "b")),
    ]
    assert [i.name for i in apply(changes)["t"].schema.indexes] == ["t_a_idx", "t_b_idx", "t_b_idx1"]
