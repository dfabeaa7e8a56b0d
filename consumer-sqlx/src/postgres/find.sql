-- Lock: none. Index: the primary key.
SELECT fingerprint, readable_id
FROM {schema}{prefix}processed_events
WHERE consumer_id = $1 AND event_key = $2
