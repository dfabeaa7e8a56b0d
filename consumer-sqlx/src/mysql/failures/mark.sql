-- Lock: the row, by the primary key; whoever comes second finds the mark of the first. The runner comes after the deaths:
-- what is assigned before it reads the old one. A runner of all zeros is
-- nobody: it counts no death, and none is counted for it. Parameters: consumer, message, runner, four times.
INSERT INTO {prefix}message_runs (consumer_id, message_key, runner, started_at)
VALUES (?, ?, ?, UTC_TIMESTAMP(6))
ON DUPLICATE KEY UPDATE deaths = deaths + (runner <> ? AND REPEAT(x'00', 16) NOT IN (runner, ?)), runner = ?, started_at = UTC_TIMESTAMP(6)
