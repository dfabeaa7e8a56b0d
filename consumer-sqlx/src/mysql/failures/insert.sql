-- Writes the first failure of an event. Lock: the entry of the primary key; whoever inserts it second waits until the first
-- has ended, then fails if the first has committed. Parameters: generation, attempts, delays, state, reason, class, error,
-- id and type of the event, wait in microseconds, consumer, key.
INSERT INTO {prefix}event_failures
    (generation, attempts, delays, state, reason, class, error, event_id, event_type, not_before, consumer_id, event_key,
     first_failed_at, last_failed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))
