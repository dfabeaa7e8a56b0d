-- Lock: the database's one write lock. Index: processed_events_by_age, its beginning, up to the last claim of the batch: the
-- pairs alone would have SQLite read all claims of their consumers; the primary key of event_failures. A claim whose event has
-- a failure record stays. $1: retention in milliseconds, $2: how many.
WITH old AS MATERIALIZED (
    SELECT claim.consumer_id, claim.event_key, claim.processed_at_ms
    FROM {prefix}processed_events AS claim
    WHERE claim.processed_at_ms < CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - $1
        AND NOT EXISTS (
            SELECT 1
            FROM {prefix}event_failures AS failure
            WHERE failure.consumer_id = claim.consumer_id AND failure.event_key = claim.event_key
        )
    ORDER BY claim.processed_at_ms
    LIMIT $2
)
DELETE FROM {prefix}processed_events INDEXED BY {prefix}processed_events_by_age
WHERE processed_at_ms <= (SELECT max(processed_at_ms) FROM old)
    AND (consumer_id, event_key) IN (SELECT consumer_id, event_key FROM old)
