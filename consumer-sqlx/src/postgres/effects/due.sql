-- The rest of the statement that selects what is due. Lock: the rows, without waiting for anybody's.
-- Index: external_effects_due, its beginning.
WHERE moment = 'after' AND due_at <= statement_timestamp() AND effect = ANY ($1)
ORDER BY due_at
LIMIT $2
FOR UPDATE SKIP LOCKED
