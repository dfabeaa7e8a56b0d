-- Lock: only under the relays' own, then the rows. Index: the primary key. The conditions stand here as well, because a
-- row may be confirmed or given up since it was picked.
UPDATE {prefix}outbox_events
SET held_by = {relay}, held_until = UTC_TIMESTAMP(6) + INTERVAL {lease} MICROSECOND
WHERE position IN ({positions}) AND sent_at IS NULL AND discarded_at IS NULL
    AND (held_until IS NULL OR held_until <= UTC_TIMESTAMP(6))
