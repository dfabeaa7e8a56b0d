-- What every look at a row selects. The times are spans from the start of the statement, in microseconds.
SELECT generation, attempts, delays, state, reason, class, error, event_id, event_type,
    (not_before_ms - {now}) * 1000 AS not_before_us,
    ({now} - first_failed_at_ms) * 1000 AS first_us,
    ({now} - last_failed_at_ms) * 1000 AS last_us
FROM {prefix}event_failures
