-- Lock: only under the relays' own, because a lane is held by what this writes; then the row. Index: the primary key.
-- Parameters: what the broker said, position, relay.
UPDATE {prefix}outbox_events
SET held_until = '9999-12-31', held_by = NULL, parked_at = UTC_TIMESTAMP(6), error = ?
WHERE position = ? AND held_by = ?
