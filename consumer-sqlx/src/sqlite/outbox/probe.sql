-- Lock: none. Index: outbox_events_unsent, its beginning. Whether a lease could find a row: what an idle relay asks.
SELECT EXISTS (
    SELECT 1
    FROM {prefix}outbox_events INDEXED BY {prefix}outbox_events_unsent
    WHERE sent_at_ms IS NULL AND discarded_at_ms IS NULL
        AND (held_until_ms IS NULL OR held_until_ms <= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
)
