"""The same DDL, read here and run on a real PostgreSQL, gives the same columns, keys and indexes."""

import psycopg
import pytest

from datakeel.read.formats.sql import read_sql
from datakeel.read.schema import apply
from datakeel.read.sql.text import statements
from tests import catalog

SCRIPTS = {
    "inline constraints": """
        CREATE TABLE users (
            id bigserial PRIMARY KEY,
            email varchar(255) NOT NULL UNIQUE,
            "Name" text DEFAULT 'x''y, z',
            n numeric(10, 2) DEFAULT 0 NOT NULL CHECK (n > 0),
            created timestamp with time zone DEFAULT now() NOT NULL,
            code int CONSTRAINT code_once UNIQUE
        );""",
    "constraints of the table": """
        CREATE TABLE t (
            a int, b int, c text,
            CONSTRAINT pk PRIMARY KEY (a, b), UNIQUE (b, c), UNIQUE (c), CHECK (a < b)
        );""",
    "foreign keys": """
        CREATE TABLE parents (id int PRIMARY KEY, code text UNIQUE);
        CREATE TABLE children (
            id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            parent_id int NOT NULL REFERENCES parents ON DELETE CASCADE,
            code text REFERENCES parents (code),
            FOREIGN KEY (code) REFERENCES parents (code) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED
        );""",
    "indexes of every kind": """
        CREATE TABLE t (id int, email text, at timestamptz, data jsonb, deleted_at timestamptz, org int);
        CREATE UNIQUE INDEX CONCURRENTLY ON t (lower(email)) WHERE deleted_at IS NULL;
        CREATE INDEX t_data ON t USING gin (data jsonb_path_ops);
        CREATE INDEX ON t (at DESC NULLS LAST, id);
        CREATE UNIQUE INDEX covering ON t (org, email) INCLUDE (at);
        CREATE INDEX ON t ((data ->> 'kind'));
        CREATE INDEX ON t (email text_pattern_ops);
        CREATE INDEX IF NOT EXISTS t_data ON t (id);
        CREATE INDEX ON ONLY t USING hash (email);""",
    "nulls not distinct": """
        CREATE TABLE t (a int, b int UNIQUE NULLS NOT DISTINCT, UNIQUE NULLS NOT DISTINCT (a, b));
        CREATE UNIQUE INDEX x ON t (a) NULLS NOT DISTINCT;""",
    "a unique key added and dropped again": """
        CREATE TABLE t (id int PRIMARY KEY, email text);
        ALTER TABLE t ADD CONSTRAINT once UNIQUE (email);
        ALTER TABLE t DROP CONSTRAINT once;
        CREATE UNIQUE INDEX twice ON t (email);
        DROP INDEX CONCURRENTLY IF EXISTS twice;""",
    "a constraint dropped by the name that it was given": """
        CREATE TABLE t (a int UNIQUE, b int, UNIQUE (a, b));
        ALTER TABLE t DROP CONSTRAINT t_a_key;
        ALTER TABLE t DROP CONSTRAINT IF EXISTS nothing, DROP CONSTRAINT t_a_b_key;""",
    "columns added, changed and dropped": """
        CREATE TABLE t (id int PRIMARY KEY, a text, b text NOT NULL);
        ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 3, ADD d boolean, ADD COLUMN IF NOT EXISTS a int;
        ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER b DROP NOT NULL,
            ALTER COLUMN a TYPE varchar(10) USING a::varchar(10);
        ALTER TABLE t ALTER c SET DEFAULT 5, DROP COLUMN d;
        ALTER TABLE t ALTER COLUMN c DROP DEFAULT;""",
    "a column dropped from a key": """
        CREATE TABLE t (a int, b int, c int, UNIQUE (a, b), CHECK (b > 0));
        CREATE INDEX i ON t (c) WHERE b IS NULL;
        CREATE INDEX j ON t (c);
        ALTER TABLE t DROP COLUMN b CASCADE;""",
    "renames": """
        CREATE TABLE old_name (id int PRIMARY KEY, a int, UNIQUE (a));
        CREATE TABLE other (id int PRIMARY KEY, ref int REFERENCES old_name (a));
        ALTER TABLE old_name RENAME COLUMN a TO b;
        ALTER TABLE old_name RENAME TO new_name;
        ALTER TABLE new_name RENAME CONSTRAINT old_name_a_key TO once;
        ALTER INDEX once RENAME TO twice;
        CREATE INDEX ON new_name (b);""",
    "a key from an index": """
        CREATE TABLE t (id int NOT NULL, a int);
        CREATE UNIQUE INDEX i ON t (id);
        CREATE UNIQUE INDEX j ON t (a);
        ALTER TABLE t ADD CONSTRAINT t_pk PRIMARY KEY USING INDEX i;
        ALTER TABLE t ADD UNIQUE USING INDEX j;""",
    "a primary key added later": """
        CREATE TABLE t (a int, b int);
        ALTER TABLE ONLY t ADD PRIMARY KEY (b, a);""",
    "a primary key dropped": """
        CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE);
        ALTER TABLE t DROP CONSTRAINT t_pkey;""",
    "partitions": """
        CREATE TABLE events (id bigint, at timestamptz NOT NULL, kind text, PRIMARY KEY (id, at))
            PARTITION BY RANGE (at);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
        CREATE TABLE events_2 (id bigint, at timestamptz NOT NULL, kind text, PRIMARY KEY (id, at));
        ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
        CREATE INDEX ON events (kind);
        CREATE INDEX ON events_1 (kind, at);""",
    "like": """
        CREATE TABLE a (id serial PRIMARY KEY, x int UNIQUE CHECK (x > 0), y int NOT NULL DEFAULT 4);
        CREATE TABLE b (LIKE a, z int);
        CREATE TABLE c (LIKE a INCLUDING ALL EXCLUDING CONSTRAINTS);
        CREATE TABLE d (z text, LIKE a INCLUDING INDEXES);""",
    "inherits": """
        CREATE TABLE a (id serial PRIMARY KEY, x int UNIQUE, y int NOT NULL DEFAULT 4);
        CREATE TABLE b (z int) INHERITS (a);""",
    "drop and create again": """
        CREATE TABLE t (a int UNIQUE);
        DROP TABLE t CASCADE;
        CREATE TABLE t (a int, b text);
        CREATE TABLE IF NOT EXISTS t (c int UNIQUE);
        CREATE TABLE u (a int);
        DROP TABLE IF EXISTS u, v;""",
    "quoted names": """
        CREATE TABLE "Order" (Id int PRIMARY KEY, "userId" int NOT NULL, "select" text, UNIQUE ("userId"));
        CREATE INDEX "byUser" ON "Order" ("userId", id);""",
    "exclusion": """
        CREATE TABLE t (room int, during tsrange, EXCLUDE USING gist (during WITH &&));""",
    "types": """
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE TABLE t (
            a int8, b int2, c integer[], d character varying(3), e character(4), f timestamp(3) with time zone,
            g timestamp without time zone, h double precision, i float8, j decimal(5), k bool, l text, m mood,
            n time(0), o bit varying(5), p smallserial, q interval, r mood[], s numeric(4,2)[], u text COLLATE "C"
        );""",
    "generated columns": """
        CREATE TABLE t (
            a int, b int GENERATED ALWAYS AS (a * 2) STORED UNIQUE, c text DEFAULT ('a' || 'b')::text NOT NULL
        );""",
    "names that collide": """
        CREATE TABLE t (a int UNIQUE, CONSTRAINT t_b_key CHECK (a > 1), b int UNIQUE);
        CREATE INDEX ON t (a);
        CREATE INDEX ON t (a);
        CREATE INDEX ON t (lower('x'), upper('y'), (a + b));
        CREATE TABLE t2 (a int, a_b int, UNIQUE (a), UNIQUE (a_b), UNIQUE (a, a_b));""",
    "long names": """
        CREATE TABLE a_table_with_a_name_that_is_much_longer_than_anybody_needs (
            a_column_with_a_long_name_too int UNIQUE, b int, UNIQUE (a_column_with_a_long_name_too, b));""",
    "comments and strings everywhere": """
        -- CREATE TABLE no (a int);
        /* CREATE TABLE never (a int); */
        CREATE TABLE t ( -- the table; really
            a text DEFAULT ';--', /* b int, */
            c text DEFAULT $x$ ; CREATE TABLE z (a int); $x$
        );
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;
        COMMENT ON TABLE t IS 'x; CREATE TABLE y (a int)';""",
    "temporary tables are nobody else's": """
        CREATE TEMP TABLE t (a int);
        CREATE UNLOGGED TABLE u (a int);""",
    "schemas": """
        CREATE SCHEMA shop;
        CREATE TABLE shop.items (id int PRIMARY KEY, "public" int);
        CREATE TABLE public.items (id int, x int UNIQUE);
        ALTER TABLE shop.items RENAME TO things;
        CREATE UNIQUE INDEX ON shop.things (public);""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_schema_read_is_the_schema_that_postgres_has(name: str, database: str) -> None:
    script = SCRIPTS[name]
    tables = {d.name: d for d in apply(read_sql(script, "schema.sql").changes).values()}
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in read_statements(script):
            connection.execute(statement)
        real = catalog.tables(connection)
        assert sorted(tables) == sorted(real)
        for table, oid in real.items():
            ours = tables[table]
            assert ours.columns_complete
            assert catalog.columns_of(ours) == catalog.columns(connection, oid)
            assert catalog.indexes_of(ours) == catalog.indexes(connection, oid)
            assert catalog.constraints_of(ours) == catalog.constraints(connection, oid)


def read_statements(script: str) -> list[str]:
    return [piece.text for piece in statements(script)]
