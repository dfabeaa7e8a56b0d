-- Lock: none. Index: the primary key. One row, with a list for each column.
SELECT coalesce(array_agg(event_key), '{}'), coalesce(array_agg(stamp), '{}'), coalesce(array_agg(readable_id), '{}')
FROM {schema}{prefix}processed_events
WHERE consumer_id = $1 AND event_key = ANY ($2)
