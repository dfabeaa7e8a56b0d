-- Lock: the rows deleted, which nobody updates; an event that is claimed meanwhile waits for the commit and is then
-- fresh. Index: processed_events_by_age, its beginning. $1: retention in seconds, $2: how many.
DELETE FROM {schema}{prefix}processed_events
WHERE ctid = ANY (ARRAY(
    SELECT ctid
    FROM {schema}{prefix}processed_events
    WHERE processed_at < clock_timestamp() - make_interval(secs => $1)
    ORDER BY processed_at
    LIMIT $2
))
