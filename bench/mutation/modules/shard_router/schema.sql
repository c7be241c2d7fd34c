CREATE TABLE slots (
    slot integer PRIMARY KEY,
    shard text NOT NULL
);

CREATE TABLE tenants (
    tenant_id text PRIMARY KEY,
    title text NOT NULL
);
