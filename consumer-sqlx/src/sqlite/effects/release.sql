-- The next call is the first that counts: neither attempts nor the age of the key stand in its way.
UPDATE {prefix}external_effects
SET state = 'planned', attempts = 0, uncertain = 0, due_at_ms = {now}, first_started_at_ms = NULL, finished_at_ms = NULL
WHERE id = $1 AND (state IN ('planned', 'failed', 'unknown') OR state = 'started' AND due_at_ms <= {now})
