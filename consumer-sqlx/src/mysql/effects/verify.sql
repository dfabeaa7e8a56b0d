-- Lock: none. Fails where a column that this version uses is missing.
SELECT id, event_key, created_at, due_at, first_started_at, finished_at, compensated_at, fence, consumer_id, attempts,
    uncertain, moment, state, effect, label, idempotency_key, origin, request, result, error, evidence
FROM {prefix}external_effects
WHERE 1 = 0
