-- Lock: the database's one write lock. Index: the primary key. $1: relay, $2: positions as a JSON array.
UPDATE {prefix}outbox_events
SET held_until_ms = NULL, held_by = NULL
WHERE position IN (SELECT value FROM json_each($2)) AND held_by = $1
