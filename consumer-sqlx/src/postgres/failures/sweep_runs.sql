-- Lock: the rows deleted. Index: message_runs_by_age, its beginning. $1: retention in microseconds.
DELETE FROM {schema}{prefix}message_runs
WHERE started_at < statement_timestamp() - $1::double precision * interval '1 microsecond'
