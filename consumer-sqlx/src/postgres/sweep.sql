-- Lock: the rows deleted, which nobody updates; an event that is claimed meanwhile waits for the commit and is then
-- fresh. Index: processed_events_by_age, its beginning, for which the time must be the statement's: that of the clock moves,
-- and would read every row; the primary key of event_failures. A claim whose event has a failure record stays.
-- $1: retention in seconds, $2: how many.
DELETE FROM {schema}{prefix}processed_events
WHERE ctid = ANY (ARRAY(
    SELECT claim.ctid
    FROM {schema}{prefix}processed_events AS claim
    WHERE claim.processed_at < statement_timestamp() - make_interval(secs => $1)
        AND NOT EXISTS (
            SELECT FROM {schema}{prefix}event_failures AS failure
            WHERE failure.consumer_id = claim.consumer_id AND failure.event_key = claim.event_key
        )
    ORDER BY claim.processed_at
    LIMIT $2
))
