-- Lock: the rows deleted; one that fails again meanwhile is no longer where it was found, and stays. Index: the primary keys
-- for those whose event is processed, event_failures_by_age for those that are old. What is dead because the claim is part
-- of the trouble is not over with it. $1: retention in microseconds, $2: how long to keep what is dead, $3: how many.
DELETE FROM {schema}{prefix}event_failures
WHERE ctid = ANY (ARRAY(
    (
        SELECT failure.ctid
        FROM {schema}{prefix}event_failures AS failure
        JOIN {schema}{prefix}processed_events AS claim USING (consumer_id, event_key)
        WHERE failure.reason IS NULL OR failure.reason NOT IN ('transaction-ended', 'id-reused')
        LIMIT $3
    )
    UNION
    (
        SELECT ctid
        FROM {schema}{prefix}event_failures
        WHERE last_failed_at < statement_timestamp() - least($1, $2)::double precision * interval '1 microsecond'
            AND (state IN ('delayed', 'redriven')
                OR last_failed_at < statement_timestamp() - $2::double precision * interval '1 microsecond')
        LIMIT $3
    )
    LIMIT $3
))
