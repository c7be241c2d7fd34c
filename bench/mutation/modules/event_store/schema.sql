CREATE TABLE events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    schema_version integer NOT NULL,
    data jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (stream_id, version)
);

CREATE TABLE snapshots (
    stream_id uuid PRIMARY KEY,
    version integer NOT NULL,
    state jsonb NOT NULL
);

CREATE TABLE projection_positions (
    name text PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE balances (
    account_id uuid PRIMARY KEY,
    balance numeric(14, 2) NOT NULL DEFAULT 0
);
