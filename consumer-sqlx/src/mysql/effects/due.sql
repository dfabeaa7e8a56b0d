-- The rest of the statement that selects what is due. Lock: the rows, without waiting for anybody's.
-- Index: external_effects_due, its beginning. Names are compared as bytes: every collation pads with blanks.
WHERE moment = 'after' AND due_at <= UTC_TIMESTAMP(6) AND CAST(effect AS BINARY) IN ({names})
ORDER BY due_at
LIMIT ?
FOR UPDATE SKIP LOCKED
