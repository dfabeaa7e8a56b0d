-- What every look at a row selects. The times are spans from the start of the statement, in microseconds.
SELECT generation, attempts, delays, state, reason, class, error, event_id, event_type,
    TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), not_before) AS not_before_us,
    TIMESTAMPDIFF(MICROSECOND, first_failed_at, UTC_TIMESTAMP(6)) AS first_us,
    TIMESTAMPDIFF(MICROSECOND, last_failed_at, UTC_TIMESTAMP(6)) AS last_us
FROM {prefix}event_failures
