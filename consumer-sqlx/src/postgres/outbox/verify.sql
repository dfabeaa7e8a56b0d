-- Lock: none. Fails where a column that this version uses is missing.
SELECT
    position, id, lane, number, created_at, held_until, held_by, sent_at, discarded_at, parked_at, refusals, event_version,
    event_type, event_key, exchange, routing_key, headers, correlation_id, causation_id, traceparent, content_type, error,
    payload
FROM {schema}{prefix}outbox_events
WHERE 1 = 0
