-- Lock: the database's one write lock. Index: outbox_events_held, its end, for the lanes that are held;
-- outbox_events_unsent, its beginning, for the rows; the primary key to update them.
-- $1: relay, $2: lease in milliseconds, $3: how many.
UPDATE {prefix}outbox_events
SET held_by = $1, held_until_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + $2
WHERE position IN (
    SELECT u.position
    FROM {prefix}outbox_events AS u INDEXED BY {prefix}outbox_events_unsent
    WHERE u.sent_at_ms IS NULL AND u.discarded_at_ms IS NULL
        AND (u.held_until_ms IS NULL OR u.held_until_ms <= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
        AND (u.lane IS NULL OR u.lane NOT IN (
            SELECT h.lane
            FROM {prefix}outbox_events AS h INDEXED BY {prefix}outbox_events_held
            WHERE h.held_until_ms > CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AND h.lane IS NOT NULL
        ))
    ORDER BY u.position
    LIMIT $3
)
RETURNING
    position, id, number, created_at_ms / 1000 AS created_at, refusals, event_version, event_type,
    event_key, exchange, routing_key, headers, correlation_id, causation_id, traceparent,
    content_type, payload
