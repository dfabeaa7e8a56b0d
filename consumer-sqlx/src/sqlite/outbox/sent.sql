-- Lock: the database's one write lock. Index: the primary key. Whoever holds them: it is true.
-- $1: positions as a JSON array.
UPDATE {prefix}outbox_events
SET sent_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), held_until_ms = NULL, held_by = NULL
WHERE position IN (SELECT value FROM json_each($1)) AND sent_at_ms IS NULL
