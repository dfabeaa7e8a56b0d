-- The names of consumers. A consumer that was renamed has a row for each of its names.
CREATE TABLE IF NOT EXISTS {prefix}consumers (
    name VARBINARY(255) NOT NULL PRIMARY KEY,
    id INT NOT NULL,
    enrolled_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The claims: one row for each event that a consumer has processed. The key holds the bytes of the event's id if that is
-- a UUID, else a hash, never the text: a collation would call different ids equal. The stamp holds 12 bytes that tell the
-- event's data and 4 that tell which unit wrote the row. No foreign key: it would cost a lock on the consumer's row for
-- every event. Times are UTC. The second index is for the sweeper, which deletes the oldest.
CREATE TABLE IF NOT EXISTS {prefix}processed_events (
    consumer_id INT NOT NULL,
    event_key BINARY(16) NOT NULL,
    stamp BINARY(16) NOT NULL,
    readable_id TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    processed_at DATETIME(6) NOT NULL,
    PRIMARY KEY (consumer_id, event_key),
    INDEX {prefix}processed_events_by_age (processed_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
