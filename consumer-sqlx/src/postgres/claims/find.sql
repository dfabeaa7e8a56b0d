-- Lock: none. Index: the primary key.
SELECT event_key, stamp, readable_id
FROM {schema}{prefix}processed_events
WHERE consumer_id = $1 AND event_key = ANY ($2)
