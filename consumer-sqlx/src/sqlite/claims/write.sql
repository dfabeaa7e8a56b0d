-- Lock: none of its own; the transaction has the database's one write lock.
INSERT INTO {prefix}processed_events (consumer_id, event_key, stamp, readable_id, processed_at_ms)
VALUES {rows}
ON CONFLICT (consumer_id, event_key) DO NOTHING
RETURNING event_key
