-- Lock: none. Fails where a column that this version uses is missing.
SELECT consumer_id, event_key, generation, attempts, delays, state, reason, class, error, event_id, event_type, not_before_ms,
    first_failed_at_ms, last_failed_at_ms
FROM {prefix}event_failures
WHERE 1 = 0
