-- Begins a new generation. Lock: the row, by the primary key.
UPDATE {schema}{prefix}event_failures
SET generation = generation + 1, attempts = 0, delays = 0, state = 'redriven', reason = NULL, not_before = NULL
WHERE consumer_id = $1 AND event_key = $2
