-- Lock: none of its own; the transaction has the database's one write lock. $3: the runner,
-- or nobody, all zeros, which counts no death and for which none is counted.
INSERT INTO {prefix}message_runs AS run (consumer_id, message_key, runner, started_at_ms)
VALUES ($1, $2, $3, {now})
ON CONFLICT (consumer_id, message_key) DO UPDATE
SET deaths = run.deaths + (
        run.runner <> excluded.runner AND zeroblob(16) NOT IN (run.runner, excluded.runner)
    ), runner = excluded.runner, started_at_ms = {now}
RETURNING deaths
