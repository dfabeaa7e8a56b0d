-- Begins a new generation. Lock: the row, by the primary key.
UPDATE {prefix}event_failures
SET generation = generation + 1, attempts = 0, delays = 0, state = 'redriven', reason = NULL, not_before = NULL
WHERE consumer_id = ? AND event_key = ?
