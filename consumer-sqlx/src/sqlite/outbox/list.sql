-- Lock: none. Index: outbox_events_unsent, all of it, for the rows that wait behind; for the rows themselves what the
-- filter allows. $1: numbers of standings as a JSON array, or none for all; $2: how many.
WITH listed AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT *, CASE
            WHEN sent_at_ms IS NOT NULL THEN 3
            WHEN discarded_at_ms IS NOT NULL THEN 4
            WHEN parked_at_ms IS NOT NULL THEN 2
            WHEN refusals > 0 AND (held_by IS NULL OR held_until_ms <= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) THEN 1
            ELSE 0
        END AS standing
        FROM {prefix}outbox_events
        WHERE {filter}
    )
    WHERE json_array_length($1) = 0 OR standing IN (SELECT value FROM json_each($1))
    ORDER BY position
    LIMIT $2
), waiting AS (
    SELECT l.position, count(*) AS behind
    FROM {prefix}outbox_events AS u
    JOIN listed AS l ON u.lane = l.lane AND u.position > l.position
    WHERE u.sent_at_ms IS NULL AND u.discarded_at_ms IS NULL AND l.standing < 3
    GROUP BY l.position
)
SELECT
    l.position, l.id, l.number, l.created_at_ms / 1000 AS created_at, l.refusals, l.event_version, l.event_type,
    l.event_key, l.exchange, l.routing_key, l.headers, l.correlation_id, l.causation_id, l.traceparent,
    l.content_type, l.payload,
    l.standing, l.error, max(0, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - l.created_at_ms) * 1000 AS age_us, coalesce(w.behind, 0) AS behind
FROM listed AS l
LEFT JOIN waiting AS w ON w.position = l.position
ORDER BY l.position
