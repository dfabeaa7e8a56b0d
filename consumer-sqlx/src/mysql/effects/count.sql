-- Lock: none. Index: external_effects_done, where it is null: what is done is not counted.
SELECT CAST(COUNT(IF(state = 'planned', 1, NULL)) AS SIGNED) AS planned,
    CAST(COUNT(IF(state = 'started', 1, NULL)) AS SIGNED) AS started,
    CAST(COUNT(IF(state = 'failed', 1, NULL)) AS SIGNED) AS failed,
    CAST(COUNT(IF(state = 'unknown', 1, NULL)) AS SIGNED) AS `unknown`,
    TIMESTAMPDIFF(MICROSECOND, MIN(IF(moment = 'after', due_at, NULL)), UTC_TIMESTAMP(6)) AS overdue_us
FROM {prefix}external_effects
WHERE finished_at IS NULL
