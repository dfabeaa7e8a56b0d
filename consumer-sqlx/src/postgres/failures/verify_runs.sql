-- Lock: none. Fails where a column that this version uses is missing.
SELECT consumer_id, message_key, runner, deaths, started_at
FROM {schema}{prefix}message_runs
WHERE 1 = 0
