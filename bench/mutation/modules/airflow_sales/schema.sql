CREATE TABLE order_lines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL,
    sold_on date NOT NULL,
    sku text NOT NULL,
    quantity integer NOT NULL,
    amount numeric(12, 2) NOT NULL
);

CREATE INDEX order_lines_by_day ON order_lines (sold_on, sku);

CREATE TABLE daily_sales (
    sold_on date NOT NULL,
    sku text NOT NULL,
    quantity bigint NOT NULL,
    amount numeric(14, 2) NOT NULL,
    PRIMARY KEY (sold_on, sku)
);
