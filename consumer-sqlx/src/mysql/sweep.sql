-- Lock: the rows deleted, which nobody updates; an event that is claimed meanwhile waits for the end of the statement and
-- is then fresh. Index: processed_events_by_age, its beginning. Parameters: retention in microseconds, how many.
DELETE FROM {prefix}processed_events
WHERE processed_at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND
ORDER BY processed_at
LIMIT ?
