-- Our own tables, for each of the three databases. No unique index keeps a second row of a payment or a refund out: a
-- duplicate that got past its claim would be written, and the audit would find it.

CREATE TABLE IF NOT EXISTS payments (
    payment        CHAR(36)    NOT NULL,
    posting        CHAR(36)    NOT NULL, -- a fresh id for each decision
    merchant       BIGINT      NOT NULL,
    amount_cents   BIGINT      NOT NULL,
    refunded_cents BIGINT      NOT NULL,
    rejected       VARCHAR(64) NULL,     -- the reason; NULL where the payment was taken
    PRIMARY KEY (payment, posting)
);

CREATE TABLE IF NOT EXISTS refunds (
    refund       CHAR(36)    NOT NULL,
    decision     CHAR(36)    NOT NULL, -- a fresh id for each decision
    payment      CHAR(36)    NOT NULL,
    amount_cents BIGINT      NOT NULL,
    rejected     VARCHAR(64) NULL,
    PRIMARY KEY (refund, decision)
);

CREATE TABLE IF NOT EXISTS ledger_lines (
    posting CHAR(36)    NOT NULL,
    account VARCHAR(64) NOT NULL,
    cents   BIGINT      NOT NULL,
    PRIMARY KEY (posting, account)
);

CREATE TABLE IF NOT EXISTS balances (
    account VARCHAR(64) NOT NULL PRIMARY KEY,
    cents   BIGINT      NOT NULL
);

CREATE TABLE IF NOT EXISTS reversals (
    refund       CHAR(36)    NOT NULL,
    posting      CHAR(36)    NOT NULL,
    amount_cents BIGINT      NOT NULL,
    gateway_id   VARCHAR(64) NOT NULL, -- what the gateway calls it
    PRIMARY KEY (refund, posting)
);

-- Downstream: what the consumer of our own events keeps.
CREATE TABLE IF NOT EXISTS statement_lines (
    about    CHAR(36) NOT NULL, -- a payment or a refund
    line     CHAR(36) NOT NULL, -- a fresh id for each line
    merchant BIGINT   NOT NULL,
    cents    BIGINT   NOT NULL,
    PRIMARY KEY (about, line)
);
