-- Writes one more failure of an event. Lock: the row, which is locked since it was read. Index: the primary key. Parameters
-- as for the first.
UPDATE {prefix}event_failures
SET generation = ?, attempts = ?, delays = ?, state = ?, reason = ?, class = ?, error = ?, event_id = ?, event_type = ?,
    not_before = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, last_failed_at = UTC_TIMESTAMP(6)
WHERE consumer_id = ? AND event_key = ?
