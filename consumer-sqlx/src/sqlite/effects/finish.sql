-- Ends a call, if nobody has started the effect anew. Without a call the row is as it was before: the first start is
-- forgotten if it was the only one. What was done before a transaction is not finished until
-- one has used it. $4: result, $5: error, $6: wait in milliseconds, $7: doubt, $8: calls.
UPDATE {prefix}external_effects
SET state = $3,
    result = $4,
    error = coalesce($5, error),
    due_at_ms = CASE WHEN $3 = 'planned' THEN {now} + $6 END,
    uncertain = coalesce($7, uncertain),
    attempts = attempts + $8,
    first_started_at_ms = CASE WHEN attempts + $8 > 0 THEN first_started_at_ms END,
    finished_at_ms = CASE WHEN $3 = 'done' AND moment = 'after' THEN {now} END
WHERE id = $1 AND state = 'started' AND fence = $2
