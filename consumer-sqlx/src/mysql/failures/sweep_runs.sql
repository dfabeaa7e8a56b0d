-- Lock: the rows deleted. Index: message_runs_by_age, its beginning. Parameter: retention in microseconds.
DELETE FROM {prefix}message_runs
WHERE started_at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND
