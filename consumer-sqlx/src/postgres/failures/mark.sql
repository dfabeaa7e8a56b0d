-- Lock: the row, by the primary key; whoever comes second finds the mark of the first. $3: the runner,
-- or nobody, the nil UUID, which counts no death and for which none is counted. $4: whether it is run alone;
-- otherwise a message with deaths is nobody's.
INSERT INTO {schema}{prefix}message_runs AS run (consumer_id, message_key, runner)
VALUES ($1, $2, $3)
ON CONFLICT (consumer_id, message_key) DO UPDATE
SET (deaths, runner, started_at) = (
    SELECT found.deaths,
        CASE WHEN $4 OR found.deaths = 0 THEN EXCLUDED.runner ELSE '00000000-0000-0000-0000-000000000000' END,
        clock_timestamp()
    FROM (SELECT run.deaths + (
        run.runner <> EXCLUDED.runner AND '00000000-0000-0000-0000-000000000000' NOT IN (run.runner, EXCLUDED.runner)
    )::int AS deaths) AS found
)
RETURNING deaths
