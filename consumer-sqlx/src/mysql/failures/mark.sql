-- Lock: the row, by the primary key; whoever comes second finds the mark of the first. The runner comes after the deaths,
-- which read the old one; it reads the new deaths. A runner of all zeros is nobody: it counts no death, and none is counted
-- for it. Unless it is run alone, a message with deaths is nobody's.
-- Parameters: consumer, message, runner three times, alone, runner.
INSERT INTO {prefix}message_runs (consumer_id, message_key, runner, started_at)
VALUES (?, ?, ?, UTC_TIMESTAMP(6))
ON DUPLICATE KEY UPDATE deaths = deaths + (runner <> ? AND REPEAT(x'00', 16) NOT IN (runner, ?)),
    runner = IF(? OR deaths = 0, ?, REPEAT(x'00', 16)), started_at = UTC_TIMESTAMP(6)
