-- Lock: only under the relays' own, taken by a statement before this one, whose snapshot would miss the leases of the
-- relay before otherwise. Index: outbox_events_held, its end, for the lanes that are held; outbox_events_unsent, its
-- beginning, for the positions; the primary key for the rows. READ COMMITTED only. Parameter: how many.
SELECT
    e.position, e.id, e.number, TIMESTAMPDIFF(SECOND, '1970-01-01', e.created_at) AS created_at, e.refusals,
    e.event_version, e.event_type, e.event_key, e.exchange, e.routing_key, e.headers, e.correlation_id,
    e.causation_id, e.traceparent, e.content_type, e.payload
FROM (
    SELECT u.position
    FROM {prefix}outbox_events AS u FORCE INDEX ({prefix}outbox_events_unsent)
    LEFT JOIN (
        SELECT DISTINCT lane
        FROM {prefix}outbox_events
        WHERE held_until > UTC_TIMESTAMP(6) AND lane IS NOT NULL
    ) AS h ON h.lane = u.lane
    WHERE u.sent_at IS NULL AND u.discarded_at IS NULL
        AND (u.held_until IS NULL OR u.held_until <= UTC_TIMESTAMP(6))
        AND h.lane IS NULL
    ORDER BY u.position
    LIMIT ?
) AS p
STRAIGHT_JOIN {prefix}outbox_events AS e ON e.position = p.position
ORDER BY e.position
