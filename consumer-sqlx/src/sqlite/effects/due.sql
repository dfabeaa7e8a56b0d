-- The rest of the statement that selects what is due. Lock: none of its own; the transaction has the database's one write
-- lock. Index: external_effects_due, its beginning.
WHERE moment = 'after' AND due_at_ms <= {now} AND effect IN ({names})
ORDER BY due_at_ms
LIMIT ?
