-- What every look at a row selects. The times are spans from the start of the statement, in microseconds.
SELECT uuid_send(id) AS id, consumer_id, uuid_send(event_key) AS event_key, effect, label, moment, idempotency_key, request,
    origin, state, fence, attempts, uncertain, compensated_at IS NOT NULL AS compensated,
    state = 'failed' AND finished_at IS NOT NULL AS settled, result, error, evidence,
    (extract(epoch FROM statement_timestamp() - created_at) * 1000000)::bigint AS age_us,
    (extract(epoch FROM due_at - statement_timestamp()) * 1000000)::bigint AS due_us,
    (extract(epoch FROM statement_timestamp() - first_started_at) * 1000000)::bigint AS first_us
FROM {schema}{prefix}external_effects
