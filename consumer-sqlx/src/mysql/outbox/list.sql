-- Lock: none. Index: outbox_events_unsent, its beginning, for the rows that wait behind; for the rows themselves what the
-- filter allows. Parameter: how many.
SELECT
    l.position, l.id, l.number, TIMESTAMPDIFF(SECOND, '1970-01-01', l.created_at) AS created_at, l.refusals,
    l.event_version, l.event_type, l.event_key, l.exchange, l.routing_key, l.headers, l.correlation_id,
    l.causation_id, l.traceparent, l.content_type, l.payload,
    l.standing, l.error, GREATEST(TIMESTAMPDIFF(MICROSECOND, l.created_at, UTC_TIMESTAMP(6)), 0) AS age_us,
    (
        SELECT COUNT(*)
        FROM {prefix}outbox_events AS u FORCE INDEX ({prefix}outbox_events_unsent)
        WHERE l.standing < 3 AND u.sent_at IS NULL AND u.discarded_at IS NULL
            AND u.position > l.position AND u.lane = l.lane
    ) AS behind
FROM (
    SELECT *, CASE
        WHEN sent_at IS NOT NULL THEN 3
        WHEN discarded_at IS NOT NULL THEN 4
        WHEN parked_at IS NOT NULL THEN 2
        WHEN refusals > 0 AND (held_by IS NULL OR held_until <= UTC_TIMESTAMP(6)) THEN 1
        ELSE 0
    END AS standing
    FROM {prefix}outbox_events
    WHERE {filter}
    HAVING {standings}
    ORDER BY position
    LIMIT ?
) AS l
ORDER BY l.position
