-- What every look at a row selects. The times are spans from now, in microseconds.
SELECT generation, attempts, delays, state, reason, class, error, event_id, event_type,
    (extract(epoch FROM not_before - clock_timestamp()) * 1000000)::bigint AS not_before_us,
    (extract(epoch FROM clock_timestamp() - first_failed_at) * 1000000)::bigint AS first_us,
    (extract(epoch FROM clock_timestamp() - last_failed_at) * 1000000)::bigint AS last_us
FROM {schema}{prefix}event_failures
