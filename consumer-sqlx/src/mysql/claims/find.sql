-- Lock: none. Index: the primary key. READ COMMITTED only: above it the rows that a claim has met may not be seen.
SELECT event_key, stamp, readable_id
FROM {prefix}processed_events
WHERE consumer_id = ? AND event_key IN ({keys})
