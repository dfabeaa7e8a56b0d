-- Lock: the rows deleted, which nobody updates; an event that is claimed meanwhile waits for the commit and is then
-- fresh. READ COMMITTED only: above it the gaps between the failure records would be locked as well, into which they
-- are written. Index: processed_events_by_age, its beginning; the primary key of event_failures. A claim whose event has a
-- failure record stays. Parameters: retention in microseconds, how many.
DELETE FROM {prefix}processed_events
WHERE processed_at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND
    AND NOT EXISTS (
        SELECT 1
        FROM {prefix}event_failures AS failure
        WHERE failure.consumer_id = {prefix}processed_events.consumer_id
            AND failure.event_key = {prefix}processed_events.event_key
    )
ORDER BY processed_at
LIMIT ?
