-- What a hand-written consumer keeps: nothing but the id, so that nothing is cheaper.
CREATE TABLE processed (
    message_id BLOB NOT NULL PRIMARY KEY,
    processed_at INTEGER NOT NULL DEFAULT (unixepoch())
) WITHOUT ROWID;

CREATE TABLE payments (
    id BLOB NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL,
    cents INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE balances (
    account INTEGER PRIMARY KEY,
    cents INTEGER NOT NULL
);

INSERT INTO balances (account, cents)
WITH RECURSIVE accounts (account) AS (
    SELECT 1 UNION ALL SELECT account + 1 FROM accounts WHERE account < 1000
)
SELECT account, 0 FROM accounts;
