-- Lock: the database's one write lock. Index: the primary key. $1: relay, $2: position, $3: what the broker said.
UPDATE {prefix}outbox_events
SET held_until_ms = 9223372036854775807, held_by = NULL, parked_at_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), error = $3
WHERE position = $2 AND held_by = $1
