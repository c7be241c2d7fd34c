CREATE TABLE accepted (
    quote_id uuid PRIMARY KEY,
    product text NOT NULL
);
