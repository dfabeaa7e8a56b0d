-- Lock: the database's one write lock. Index: processed_events_by_age, its beginning.
-- $1: retention in milliseconds, $2: how many.
DELETE FROM {prefix}processed_events
WHERE (consumer_id, event_key) IN (
    SELECT consumer_id, event_key
    FROM {prefix}processed_events
    WHERE processed_at_ms < CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - $1
    ORDER BY processed_at_ms
    LIMIT $2
)
