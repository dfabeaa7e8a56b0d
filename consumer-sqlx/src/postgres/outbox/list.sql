-- Lock: none. Index: outbox_events_unsent, all of it, for the rows that wait behind; for the rows themselves what the
-- filter allows. $1: numbers of standings, or none for all; $2: how many.
WITH listed AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT *, CASE
            WHEN sent_at IS NOT NULL THEN 3
            WHEN discarded_at IS NOT NULL THEN 4
            WHEN parked_at IS NOT NULL THEN 2
            WHEN refusals > 0 AND (held_by IS NULL OR held_until <= clock_timestamp()) THEN 1
            ELSE 0
        END AS standing
        FROM {schema}{prefix}outbox_events
        WHERE {filter}
    ) AS e
    WHERE cardinality($1::bigint[]) = 0 OR standing = ANY ($1)
    ORDER BY position
    LIMIT $2
), waiting AS (
    SELECT l.position, count(*) AS behind
    FROM listed AS l
    JOIN {schema}{prefix}outbox_events AS u ON u.lane = l.lane AND u.position > l.position
    WHERE u.sent_at IS NULL AND u.discarded_at IS NULL AND l.standing < 3
    GROUP BY l.position
)
SELECT
    l.position, l.id::text AS id, l.number, floor(extract(epoch FROM l.created_at))::bigint AS created_at,
    l.refusals::bigint AS refusals, l.event_version, l.event_type, l.event_key, l.exchange, l.routing_key,
    l.headers, l.correlation_id, l.causation_id, l.traceparent, l.content_type, l.payload,
    l.standing::bigint AS standing, l.error,
    (extract(epoch FROM clock_timestamp() - l.created_at) * 1000000)::bigint AS age_us, coalesce(w.behind, 0) AS behind
FROM listed AS l
LEFT JOIN waiting AS w ON w.position = l.position
ORDER BY l.position
