-- Lock: none. Index: outbox_events_unsent, all of it.
SELECT
    count(*),
    count(parked_at),
    coalesce(extract(epoch FROM clock_timestamp() - min(created_at)) * 1000000, 0)::bigint
FROM {schema}{prefix}outbox_events
WHERE sent_at IS NULL AND discarded_at IS NULL
