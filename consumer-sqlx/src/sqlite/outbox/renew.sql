-- Lock: the database's one write lock. Index: the primary key.
-- $1: relay, $2: lease in milliseconds, $3: positions as a JSON array.
UPDATE {prefix}outbox_events
SET held_until_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + $2
WHERE position IN (SELECT value FROM json_each($3)) AND held_by = $1
