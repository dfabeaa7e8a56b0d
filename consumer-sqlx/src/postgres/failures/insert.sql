-- Writes the first failure of an event. Lock: the entry of the primary key; whoever inserts it second waits until the first
-- has ended, then does nothing if the first has committed. $12: wait in microseconds.
INSERT INTO {schema}{prefix}event_failures
    (consumer_id, event_key, generation, attempts, delays, state, reason, class, error, event_id, event_type, not_before)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
    clock_timestamp() + $12::double precision * interval '1 microsecond')
ON CONFLICT (consumer_id, event_key) DO NOTHING
