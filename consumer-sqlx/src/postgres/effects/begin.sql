-- Writes a row that is started at once. Lock: the entry of the primary key; whoever inserts it second waits until the first
-- has ended, then does nothing if the first has committed. $10: lease in microseconds.
INSERT INTO {schema}{prefix}external_effects
    (id, consumer_id, event_key, effect, label, moment, idempotency_key, request, origin, state, fence, due_at,
     first_started_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'started', 1,
    clock_timestamp() + $10::double precision * interval '1 microsecond', clock_timestamp())
ON CONFLICT (id) DO NOTHING
