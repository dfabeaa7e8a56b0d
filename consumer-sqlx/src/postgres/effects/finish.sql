-- Ends a call, if nobody has started the effect anew. Lock: the row, by the primary key. Without a call the row is as it was
-- before: the first start is forgotten if it was the only one. What was done before a transaction is not finished until
-- one has used it. $4: result, $5: error, $6: wait in microseconds,
-- $7: doubt, $8: calls.
UPDATE {schema}{prefix}external_effects
SET state = $3,
    result = $4,
    error = coalesce($5, error),
    due_at = CASE WHEN $3 = 'planned'
        THEN clock_timestamp() + $6::double precision * interval '1 microsecond' END,
    uncertain = coalesce($7, uncertain),
    attempts = attempts + $8,
    first_started_at = CASE WHEN attempts + $8 > 0 THEN first_started_at END,
    finished_at = CASE WHEN $3 = 'done' AND moment = 'after' THEN clock_timestamp() END
WHERE id = $1 AND state = 'started' AND fence = $2
