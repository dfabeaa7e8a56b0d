-- Lock: none. Index: outbox_events_unsent, its beginning.
SELECT
    COUNT(*),
    COUNT(parked_at),
    COALESCE(GREATEST(TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(6)), 0), 0)
FROM {prefix}outbox_events FORCE INDEX ({prefix}outbox_events_unsent)
WHERE sent_at IS NULL AND discarded_at IS NULL
