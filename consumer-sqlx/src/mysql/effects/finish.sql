-- Ends a call, if nobody has started the effect anew. Lock: the row, by the primary key. Without a call the row is as it was
-- before: the first start is forgotten if it was the only one; it reads the new number of attempts. What was done before a
-- transaction is not finished until one has used it. Parameters: state,
-- result, error, state, wait in microseconds, doubt, calls, state, id, fence.
UPDATE {prefix}external_effects
SET state = ?,
    result = ?,
    error = COALESCE(?, error),
    due_at = IF(? = 'planned', UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, NULL),
    uncertain = COALESCE(?, uncertain),
    attempts = attempts + ?,
    first_started_at = IF(attempts > 0, first_started_at, NULL),
    finished_at = IF(? = 'done' AND moment = 'after', UTC_TIMESTAMP(6), NULL)
WHERE id = ? AND state = 'started' AND fence = ?
