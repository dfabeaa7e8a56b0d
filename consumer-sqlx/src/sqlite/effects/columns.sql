-- What every look at a row selects. The times are spans from the start of the statement, in microseconds.
SELECT id, consumer_id, event_key, effect, label, moment, idempotency_key, request, origin, state, fence, attempts,
    uncertain, compensated_at_ms IS NOT NULL AS compensated,
    state = 'failed' AND finished_at_ms IS NOT NULL AS settled, result, error, evidence,
    ({now} - created_at_ms) * 1000 AS age_us,
    (due_at_ms - {now}) * 1000 AS due_us,
    ({now} - first_started_at_ms) * 1000 AS first_us
FROM {prefix}external_effects
