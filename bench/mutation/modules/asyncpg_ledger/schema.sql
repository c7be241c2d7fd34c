CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    currency char(3) NOT NULL,
    balance numeric(18, 2) NOT NULL DEFAULT 0 CHECK (balance >= 0)
);

CREATE TABLE entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transfer_id uuid NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts (id),
    amount numeric(18, 2) NOT NULL,
    booked_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (transfer_id, account_id)
);

CREATE INDEX entries_by_account ON entries (account_id, id);
