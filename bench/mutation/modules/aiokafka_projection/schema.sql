CREATE TABLE order_view (
    order_id uuid PRIMARY KEY,
    status text NOT NULL,
    total numeric(12, 2) NOT NULL,
    version bigint NOT NULL
);
