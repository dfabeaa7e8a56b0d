-- Lock: none of its own: the rows of the lanes in outbox_keys are locked by the statement before, which has counted the
-- events, so the position is drawn after that lock. A row follows this text for each event.
INSERT INTO {prefix}outbox_events (
    id, lane, number, created_at, event_version, event_type, event_key, exchange, routing_key, headers, correlation_id,
    causation_id, traceparent, content_type, payload
) VALUES
