-- Lock: the database's one write lock. Index: outbox_events_sent and outbox_events_given_up, their beginnings.
-- $1: milliseconds to keep, $2: how many.
DELETE FROM {prefix}outbox_events
WHERE position IN (
    SELECT position
    FROM (
        SELECT position
        FROM {prefix}outbox_events
        WHERE sent_at_ms < CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - $1
        ORDER BY sent_at_ms
        LIMIT $2
    )
    UNION ALL
    SELECT position
    FROM (
        SELECT position
        FROM {prefix}outbox_events
        WHERE sent_at_ms IS NULL AND discarded_at_ms < CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - $1
        ORDER BY discarded_at_ms
        LIMIT $2
    )
    LIMIT $2
)
