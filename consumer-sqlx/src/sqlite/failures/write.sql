-- Writes a failure of an event. Lock: none of its own; the transaction has the database's one write lock. Index: the primary
-- key. $12: wait in milliseconds.
INSERT INTO {prefix}event_failures
    (consumer_id, event_key, generation, attempts, delays, state, reason, class, error, event_id, event_type,
     not_before_ms, first_failed_at_ms, last_failed_at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, {now} + $12, {now}, {now})
ON CONFLICT (consumer_id, event_key) DO UPDATE
SET generation = $3, attempts = $4, delays = $5, state = $6, reason = $7, class = $8, error = $9, event_id = $10,
    event_type = $11, not_before_ms = {now} + $12, last_failed_at_ms = {now}
