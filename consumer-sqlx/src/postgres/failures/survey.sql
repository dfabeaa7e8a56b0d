-- Lock: none. Index: event_failures_of, the part of the consumer. A state of a newer version counts as dead.
SELECT count(*) FILTER (WHERE state = 'delayed') AS delayed,
    count(*) FILTER (WHERE state NOT IN ('delayed', 'redriven')) AS dead,
    (extract(epoch FROM clock_timestamp() - min(last_failed_at) FILTER (WHERE state NOT IN ('delayed', 'redriven')))
        * 1000000)::bigint AS oldest_us
FROM {schema}{prefix}event_failures
WHERE consumer_id = $1
