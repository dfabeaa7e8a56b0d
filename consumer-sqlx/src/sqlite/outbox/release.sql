-- Lock: the database's one write lock. Index: the unique one of the id. $1: id.
UPDATE {prefix}outbox_events
SET held_until_ms = NULL, held_by = NULL, parked_at_ms = NULL, refusals = 0, error = NULL
WHERE id = $1 AND sent_at_ms IS NULL AND discarded_at_ms IS NULL
    AND (parked_at_ms IS NOT NULL OR refusals > 0)
    AND (held_by IS NULL OR held_until_ms <= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
