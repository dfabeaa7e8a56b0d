-- Writes a row that is started at once. Lock: the entry of the primary key; whoever inserts it second waits until the first
-- has ended, then fails if the first has committed. The last parameter: lease in microseconds.
INSERT INTO {prefix}external_effects
    (id, consumer_id, event_key, effect, label, moment, state, idempotency_key, request, origin, fence, created_at,
     first_started_at, due_at)
VALUES (?, ?, ?, ?, ?, ?, 'started', ?, ?, ?, 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6),
    UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)
