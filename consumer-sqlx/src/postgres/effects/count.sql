-- Lock: none. Index: external_effects_open, the whole of it: what is done is not counted.
SELECT count(*) FILTER (WHERE state = 'planned') AS planned,
    count(*) FILTER (WHERE state = 'started') AS started,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'unknown') AS unknown,
    (extract(epoch FROM statement_timestamp() - min(due_at) FILTER (WHERE moment = 'after')) * 1000000)::bigint
        AS overdue_us
FROM {schema}{prefix}external_effects
WHERE finished_at IS NULL
