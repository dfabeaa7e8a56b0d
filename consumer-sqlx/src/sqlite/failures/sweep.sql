-- Lock: the database's one write lock. Index: the primary keys for those whose event is processed, event_failures_by_age for
-- those that are old. What is dead because the claim is part of the trouble is not over with it.
-- $1: retention in milliseconds, $2: how long to keep what is dead, $3: how many.
DELETE FROM {prefix}event_failures
WHERE rowid IN (
    SELECT rowid
    FROM (
        SELECT failure.rowid
        FROM {prefix}event_failures AS failure
        CROSS JOIN {prefix}processed_events AS claim
        WHERE claim.consumer_id = failure.consumer_id AND claim.event_key = failure.event_key
            AND (failure.reason IS NULL OR failure.reason NOT IN ('transaction-ended', 'id-reused'))
        LIMIT $3
    )
    UNION
    SELECT rowid
    FROM (
        SELECT rowid
        FROM {prefix}event_failures
        WHERE last_failed_at_ms < {now} - min($1, $2)
            AND (state IN ('delayed', 'redriven') OR last_failed_at_ms < {now} - $2)
        LIMIT $3
    )
    LIMIT $3
)
