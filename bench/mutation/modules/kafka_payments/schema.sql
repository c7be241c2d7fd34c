CREATE TABLE payments (
    payment_id uuid PRIMARY KEY,
    order_id uuid NOT NULL,
    amount numeric(12, 2) NOT NULL,
    received_at timestamptz NOT NULL
);

CREATE TABLE processed_events (
    event_id uuid PRIMARY KEY,
    processed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_totals (
    order_id uuid PRIMARY KEY,
    paid numeric(12, 2) NOT NULL DEFAULT 0
);
