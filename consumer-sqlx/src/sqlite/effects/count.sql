-- Lock: none. Index: external_effects_open, the whole of it: what is done is not counted.
SELECT count(*) FILTER (WHERE state = 'planned') AS planned,
    count(*) FILTER (WHERE state = 'started') AS started,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'unknown') AS unknown,
    ({now} - min(due_at_ms) FILTER (WHERE moment = 'after')) * 1000 AS overdue_us
FROM {prefix}external_effects
WHERE finished_at_ms IS NULL
