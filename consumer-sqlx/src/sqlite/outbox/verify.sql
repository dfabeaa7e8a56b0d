-- Lock: none. Fails where a column that this version uses is missing.
SELECT
    position, id, lane, number, created_at_ms, held_until_ms, held_by, sent_at_ms, discarded_at_ms, parked_at_ms, refusals,
    event_version, event_type, event_key, exchange, routing_key, headers, correlation_id, causation_id, traceparent,
    content_type, error, payload
FROM {prefix}outbox_events
WHERE 1 = 0
