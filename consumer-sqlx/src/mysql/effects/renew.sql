-- Lock: the row, by the primary key. Parameters: lease in microseconds, id, fence.
UPDATE {prefix}external_effects
SET due_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND
WHERE id = ? AND state = 'started' AND fence = ?
