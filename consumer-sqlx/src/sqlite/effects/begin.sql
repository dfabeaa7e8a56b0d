-- Writes a row that is started at once, if there is none. $10: lease in milliseconds.
INSERT INTO {prefix}external_effects
    (id, consumer_id, event_key, effect, label, moment, idempotency_key, request, origin, state, fence, created_at_ms,
     first_started_at_ms, due_at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'started', 1, {now}, {now}, {now} + $10)
ON CONFLICT (id) DO NOTHING
