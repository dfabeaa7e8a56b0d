-- What every look at a row selects. The times are spans from the start of the statement, in microseconds.
SELECT id, consumer_id, event_key, effect, label, moment, idempotency_key, request, origin, state, fence, attempts,
    uncertain, compensated_at IS NOT NULL AS compensated, (state = 'failed' AND finished_at IS NOT NULL) AS settled, result,
    error, evidence,
    TIMESTAMPDIFF(MICROSECOND, created_at, UTC_TIMESTAMP(6)) AS age_us,
    TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), due_at) AS due_us,
    TIMESTAMPDIFF(MICROSECOND, first_started_at, UTC_TIMESTAMP(6)) AS first_us
FROM {prefix}external_effects
