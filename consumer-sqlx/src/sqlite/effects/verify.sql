-- Lock: none. Fails where a column that this version uses is missing.
SELECT id, event_key, created_at_ms, due_at_ms, first_started_at_ms, finished_at_ms, compensated_at_ms, fence, consumer_id,
    attempts, uncertain, moment, state, effect, label, idempotency_key, origin, request, result, error, evidence
FROM {prefix}external_effects
WHERE 1 = 0
