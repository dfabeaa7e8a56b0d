-- Lock: none. Index: outbox_events_unsent, its beginning. Whether a lease could find a row: what an idle relay asks.
SELECT position
FROM {prefix}outbox_events FORCE INDEX ({prefix}outbox_events_unsent)
WHERE sent_at IS NULL AND discarded_at IS NULL AND (held_until IS NULL OR held_until <= UTC_TIMESTAMP(6))
LIMIT 1
