-- $2: done or failed, $3: result, $4: error.
UPDATE {schema}{prefix}external_effects
SET state = $2, result = $3, error = coalesce($4, error), due_at = NULL, finished_at = clock_timestamp()
WHERE id = $1 AND (state IN ('planned', 'failed', 'unknown') OR state = 'started' AND due_at <= clock_timestamp())
