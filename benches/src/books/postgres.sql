-- What a hand-written consumer keeps: nothing but the id, so that nothing is cheaper.
CREATE TABLE processed (
    message_id uuid PRIMARY KEY,
    processed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE payments (
    id uuid PRIMARY KEY,
    account bigint NOT NULL,
    cents bigint NOT NULL
);

CREATE TABLE balances (
    account bigint PRIMARY KEY,
    cents bigint NOT NULL
);

INSERT INTO balances (account, cents) SELECT account, 0 FROM generate_series(1, 1000) AS account;

ANALYZE balances;
