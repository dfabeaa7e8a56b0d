-- Writes one more failure of an event. Lock: the row, which is locked since it was read. Index: the primary key. Parameters
-- as for the first.
UPDATE {schema}{prefix}event_failures
SET generation = $3, attempts = $4, delays = $5, state = $6, reason = $7, class = $8, error = $9, event_id = $10,
    event_type = $11, not_before = clock_timestamp() + $12::double precision * interval '1 microsecond',
    last_failed_at = clock_timestamp()
WHERE consumer_id = $1 AND event_key = $2
