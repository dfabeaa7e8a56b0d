-- Lock: only under the relays' own, taken by a statement before this one, whose snapshot would miss the leases of the
-- relay before otherwise; then the rows. Index: outbox_events_held, its end, for the lanes that are held;
-- outbox_events_unsent, its beginning, for the rows; the primary key to update them. The conditions stand twice, because a
-- row may be confirmed or given up meanwhile. $1: relay, $2: lease in microseconds, $3: how many.
WITH held AS MATERIALIZED (
    SELECT DISTINCT lane
    FROM {schema}{prefix}outbox_events
    WHERE held_until > (SELECT clock_timestamp()) AND lane IS NOT NULL
)
UPDATE {schema}{prefix}outbox_events AS e
SET held_by = $1, held_until = clock_timestamp() + $2 * interval '1 microsecond'
WHERE e.position = ANY (ARRAY(
        SELECT u.position
        FROM {schema}{prefix}outbox_events AS u
        WHERE u.sent_at IS NULL AND u.discarded_at IS NULL
            AND (u.held_until IS NULL OR u.held_until <= clock_timestamp())
            AND (u.lane IS NULL OR u.lane NOT IN (SELECT held.lane FROM held))
        ORDER BY u.position
        LIMIT $3
    ))
    AND e.sent_at IS NULL AND e.discarded_at IS NULL
    AND (e.held_until IS NULL OR e.held_until <= clock_timestamp())
RETURNING
    e.position, e.id::text AS id, e.number, floor(extract(epoch FROM e.created_at))::bigint AS created_at,
    e.refusals::bigint AS refusals, e.event_version, e.event_type, e.event_key, e.exchange, e.routing_key,
    e.headers, e.correlation_id, e.causation_id, e.traceparent, e.content_type, e.payload
