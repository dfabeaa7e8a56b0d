-- Lock: only under the relays' own, because a lane is held by what this writes; then the row. Index: the primary key.
-- Parameters: microseconds to wait, what the broker said, position, relay.
UPDATE {prefix}outbox_events
SET held_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, held_by = NULL, refusals = refusals + 1, error = ?
WHERE position = ? AND held_by = ?
