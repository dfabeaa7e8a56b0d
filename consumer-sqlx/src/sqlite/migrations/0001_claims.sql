-- The names of consumers. A consumer that was renamed has a row for each of its names.
CREATE TABLE {prefix}consumers (
    name TEXT NOT NULL PRIMARY KEY,
    id INTEGER NOT NULL,
    enrolled_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT, WITHOUT ROWID;

-- The claims: one row for each event that a consumer has processed. The key holds the bytes of the event's id if that is
-- a UUID, else a hash, never the text: a collation would call different ids equal. The stamp holds 12 bytes that tell the
-- event's data and 4 that tell which unit wrote the row. STRICT keeps both BLOBs, NOT NULL keeps the key a key (SQLite's
-- primary keys may be null otherwise), WITHOUT ROWID keeps one B-tree instead of two.
CREATE TABLE {prefix}processed_events (
    consumer_id INTEGER NOT NULL,
    event_key BLOB NOT NULL,
    stamp BLOB NOT NULL,
    readable_id TEXT,
    processed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (consumer_id, event_key)
) STRICT, WITHOUT ROWID;

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}processed_events_by_age ON {prefix}processed_events (processed_at_ms);
