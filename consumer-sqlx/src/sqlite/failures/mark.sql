-- Lock: none of its own; the transaction has the database's one write lock. $3: the runner,
-- or nobody, all zeros, which counts no death and for which none is counted. $4: whether it is run alone; otherwise a
-- message with deaths is nobody's.
INSERT INTO {prefix}message_runs AS run (consumer_id, message_key, runner, started_at_ms)
VALUES ($1, $2, $3, {now})
ON CONFLICT (consumer_id, message_key) DO UPDATE
SET (deaths, runner, started_at_ms) = (
    SELECT found.deaths, CASE WHEN $4 OR found.deaths = 0 THEN excluded.runner ELSE zeroblob(16) END, {now}
    FROM (SELECT run.deaths + (
        run.runner <> excluded.runner AND zeroblob(16) NOT IN (run.runner, excluded.runner)
    ) AS deaths) AS found
)
RETURNING deaths
