-- The next call is the first that counts: neither attempts nor the age of the key stand in its way.
UPDATE {prefix}external_effects
SET state = 'planned', attempts = 0, uncertain = FALSE, due_at = UTC_TIMESTAMP(6), first_started_at = NULL,
    finished_at = NULL
WHERE id = ? AND (state IN ('planned', 'failed', 'unknown') OR state = 'started' AND due_at <= UTC_TIMESTAMP(6))
