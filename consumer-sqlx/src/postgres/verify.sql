-- Lock: none. Fails where a column that this version uses is missing.
SELECT processed_at, consumer_id, event_key, stamp, readable_id
FROM {schema}{prefix}processed_events
WHERE 1 = 0
