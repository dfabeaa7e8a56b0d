-- Lock: the rows of the lanes in outbox_keys, in their order, held to the commit. A row of an event needs the number of its
-- lane, so its position is drawn after that lock. $1, $2: the lanes of all events, each once, and how many events each has.
-- The rest: one array for each column, where `later` counts the events of the same lane that follow.
WITH numbered AS (
    INSERT INTO {schema}{prefix}outbox_keys AS k (lane, number)
    SELECT l.lane, l.events FROM unnest($1::uuid[], $2::bigint[]) AS l (lane, events) ORDER BY l.lane
    ON CONFLICT (lane) DO UPDATE SET number = k.number + EXCLUDED.number
    RETURNING k.lane, k.number
)
INSERT INTO {schema}{prefix}outbox_events (
    id, lane, number, event_version, event_type, event_key, exchange, routing_key, headers, correlation_id, causation_id,
    traceparent, content_type, payload
)
SELECT
    e.id, e.lane, n.number - e.later, e.event_version, e.event_type, e.event_key, e.exchange, e.routing_key, e.headers,
    e.correlation_id, e.causation_id, e.traceparent, e.content_type, e.payload
FROM unnest(
    $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
    $12::text[], $13::text[], $14::text[], $15::text[], $16::bytea[]
) WITH ORDINALITY AS e (
    id, lane, later, event_version, event_type, event_key, exchange, routing_key, headers, correlation_id, causation_id,
    traceparent, content_type, payload, nth
)
LEFT JOIN numbered AS n ON n.lane = e.lane
ORDER BY e.nth
