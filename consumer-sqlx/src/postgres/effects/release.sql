-- The next call is the first that counts: neither attempts nor the age of the key stand in its way.
UPDATE {schema}{prefix}external_effects
SET state = 'planned', attempts = 0, uncertain = false, due_at = clock_timestamp(), first_started_at = NULL,
    finished_at = NULL
WHERE id = $1 AND (state IN ('planned', 'failed', 'unknown') OR state = 'started' AND due_at <= clock_timestamp())
