-- Lock: none. Index: the primary key.
SELECT event_key, stamp, readable_id
FROM {prefix}processed_events
WHERE consumer_id = ? AND event_key IN ({keys})
