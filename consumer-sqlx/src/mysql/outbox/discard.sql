-- Lock: the row. Index: outbox_events_id. Parameter: id.
UPDATE {prefix}outbox_events
SET discarded_at = UTC_TIMESTAMP(6), held_until = NULL, held_by = NULL
WHERE id = ? AND sent_at IS NULL AND discarded_at IS NULL
    AND (parked_at IS NOT NULL OR refusals > 0)
    AND (held_by IS NULL OR held_until <= UTC_TIMESTAMP(6))
