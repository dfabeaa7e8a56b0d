-- What a hand-written consumer keeps: nothing but the id, so that nothing is cheaper.
CREATE TABLE processed (
    message_id BINARY(16) NOT NULL PRIMARY KEY,
    processed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB;

CREATE TABLE payments (
    id BINARY(16) NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL,
    cents BIGINT NOT NULL
) ENGINE = InnoDB;

CREATE TABLE balances (
    account BIGINT NOT NULL PRIMARY KEY,
    cents BIGINT NOT NULL
) ENGINE = InnoDB;

INSERT INTO balances (account, cents)
WITH RECURSIVE accounts (account) AS (
    SELECT 1 UNION ALL SELECT account + 1 FROM accounts WHERE account < 1000
)
SELECT account, 0 FROM accounts;
