-- Lock: the database's one write lock.
INSERT INTO {prefix}outbox_events (
    id, lane, number, created_at_ms, event_version, event_type, event_key, exchange, routing_key, headers, correlation_id,
    causation_id, traceparent, content_type, payload
)
VALUES (
    $1, $2, $3, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
)
