-- Lock: the rows deleted. Index: event_failures_by_age, its beginning. READ COMMITTED only: above it those that stay would be
-- locked as well. Parameters: the shorter one of retention and how long to keep what is dead, in microseconds, the latter,
-- how many.
DELETE FROM {prefix}event_failures
WHERE last_failed_at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND
    AND (state IN ('delayed', 'redriven') OR last_failed_at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND)
ORDER BY last_failed_at
LIMIT ?
