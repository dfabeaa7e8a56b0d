-- How many events of each key were written so far. A writer locks the row of its key until it commits: so the order of
-- the numbers is that of the commits. The lane is a hash of the key, so that no collation calls two keys equal.
CREATE TABLE IF NOT EXISTS {prefix}outbox_keys (
    lane BINARY(16) NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The outbox: one row for each event that leaves the database. A position is drawn while the row of the lane is locked,
-- so within a lane positions rise in the order of the commits. While a row waits to be sent, `held_until` keeps its whole
-- lane from being leased: it is leased by `held_by`, or was refused and waits, or is parked (the year 9999). Times are
-- UTC. Of the indexes one is for leases (what is not sent yet, the oldest first) and for the sweeper (what was sent or
-- given up, the oldest first), the other for the lanes that are not to be leased.
CREATE TABLE IF NOT EXISTS {prefix}outbox_events (
    position BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    lane BINARY(16) NULL,
    number BIGINT NULL,
    created_at DATETIME(6) NOT NULL,
    held_until DATETIME(6) NULL,
    held_by BINARY(16) NULL,
    sent_at DATETIME(6) NULL,
    discarded_at DATETIME(6) NULL,
    parked_at DATETIME(6) NULL,
    refusals INT NOT NULL DEFAULT 0,
    event_version BIGINT NOT NULL,
    event_type VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    event_key VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    exchange VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    routing_key VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    headers MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    correlation_id TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    causation_id TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    traceparent TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    content_type VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    payload LONGBLOB NOT NULL,
    UNIQUE INDEX {prefix}outbox_events_id (id),
    INDEX {prefix}outbox_events_unsent (sent_at, discarded_at, position),
    INDEX {prefix}outbox_events_held (held_until, lane)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- One row, which a relay locks while it leases.
CREATE TABLE IF NOT EXISTS {prefix}outbox_relays (
    id TINYINT NOT NULL PRIMARY KEY
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
INSERT IGNORE INTO {prefix}outbox_relays (id) VALUES (1);
