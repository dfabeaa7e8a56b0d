-- Lock: the row. Index: outbox_events_id_key. $1: id.
UPDATE {schema}{prefix}outbox_events
SET held_until = NULL, held_by = NULL, parked_at = NULL, refusals = 0, error = NULL
WHERE id = $1 AND sent_at IS NULL AND discarded_at IS NULL
    AND (parked_at IS NOT NULL OR refusals > 0)
    AND (held_by IS NULL OR held_until <= clock_timestamp())
