-- Lock: none of its own; BEGIN IMMEDIATE has taken the database's one write lock, and whoever comes second waits there.
INSERT INTO {prefix}processed_events (consumer_id, event_key, stamp, readable_id, processed_at_ms)
VALUES ($1, $2, $3, $4, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
ON CONFLICT (consumer_id, event_key) DO NOTHING
