CREATE TABLE tariffs (
    region text PRIMARY KEY,
    rates jsonb NOT NULL,
    fence bigint NOT NULL DEFAULT 0
);
