-- Lock: the rows deleted, which nobody updates; an event that is claimed meanwhile waits for the commit and is then
-- fresh. Index: processed_events_by_age, its beginning, for which the time must be the statement's: that of the clock moves,
-- and would read every row. $1: retention in seconds, $2: how many.
DELETE FROM {schema}{prefix}processed_events
WHERE ctid = ANY (ARRAY(
    SELECT ctid
    FROM {schema}{prefix}processed_events
    WHERE processed_at < statement_timestamp() - make_interval(secs => $1)
    ORDER BY processed_at
    LIMIT $2
))
