-- What a redelivery is to use is not finished. $2: done or failed, $3: result, $4: error.
UPDATE {prefix}external_effects
SET state = $2, result = $3, error = coalesce($4, error), due_at_ms = NULL, finished_at_ms = CASE WHEN $2 = 'done' AND moment = 'before' THEN NULL ELSE {now} END
WHERE id = $1 AND (state IN ('planned', 'failed', 'unknown') OR state = 'started' AND due_at_ms <= {now})
