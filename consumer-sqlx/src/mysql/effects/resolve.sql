-- What a redelivery is to use is not finished. Parameters: done or failed, result, error, done or failed, id.
UPDATE {prefix}external_effects
SET state = ?, result = ?, error = COALESCE(?, error), due_at = NULL, finished_at = IF(? = 'done' AND moment = 'before', NULL, UTC_TIMESTAMP(6))
WHERE id = ? AND (state IN ('planned', 'failed', 'unknown') OR state = 'started' AND due_at <= UTC_TIMESTAMP(6))
