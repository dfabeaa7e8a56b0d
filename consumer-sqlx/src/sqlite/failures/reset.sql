-- Begins a new generation. Index: the primary key.
UPDATE {prefix}event_failures
SET generation = generation + 1, attempts = 0, delays = 0, state = 'redriven', reason = NULL, not_before_ms = NULL
WHERE consumer_id = $1 AND event_key = $2
