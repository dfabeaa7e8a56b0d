-- Lock: none. Index: outbox_events_unsent, all of it.
SELECT
    count(*),
    count(parked_at_ms),
    coalesce(max(0, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - min(created_at_ms)) * 1000, 0)
FROM {prefix}outbox_events INDEXED BY {prefix}outbox_events_unsent
WHERE sent_at_ms IS NULL AND discarded_at_ms IS NULL
