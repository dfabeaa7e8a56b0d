-- Lock: the database's one write lock. Index: message_runs_by_age, its beginning. $1: retention in milliseconds.
DELETE FROM {prefix}message_runs
WHERE started_at_ms < {now} - $1
