-- How many events of each key were written so far. The lane is a hash of the key.
CREATE TABLE {prefix}outbox_keys (
    lane BLOB NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox: one row for each event that leaves the database. There is one writer at a time, so positions rise in the
-- order of the commits; AUTOINCREMENT keeps the highest one from being given again once its row was swept. While a row
-- waits to be sent, `held_until_ms` keeps its whole lane from being leased: it is leased by `held_by`, or was refused and
-- waits, or is parked (the end of time).
CREATE TABLE {prefix}outbox_events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    lane BLOB,
    number INTEGER,
    created_at_ms INTEGER NOT NULL,
    held_until_ms INTEGER,
    held_by BLOB,
    sent_at_ms INTEGER,
    discarded_at_ms INTEGER,
    parked_at_ms INTEGER,
    refusals INTEGER NOT NULL DEFAULT 0,
    event_version INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    event_key TEXT,
    exchange TEXT,
    routing_key TEXT NOT NULL,
    headers TEXT NOT NULL,
    correlation_id TEXT,
    causation_id TEXT,
    traceparent TEXT,
    content_type TEXT NOT NULL,
    error TEXT,
    payload BLOB NOT NULL
) STRICT;

-- For leases: what is not sent yet, the oldest first.
CREATE INDEX {prefix}outbox_events_unsent ON {prefix}outbox_events (position)
    WHERE sent_at_ms IS NULL AND discarded_at_ms IS NULL;

-- For leases: the lanes that are not to be leased. What is done with is held by nobody.
CREATE INDEX {prefix}outbox_events_held ON {prefix}outbox_events (held_until_ms, lane) WHERE held_until_ms IS NOT NULL;

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}outbox_events_sent ON {prefix}outbox_events (sent_at_ms) WHERE sent_at_ms IS NOT NULL;
CREATE INDEX {prefix}outbox_events_given_up ON {prefix}outbox_events (discarded_at_ms)
    WHERE discarded_at_ms IS NOT NULL;
