-- Lock: none. Fails where a column that this version uses is missing.
SELECT consumer_id, event_key, stamp, readable_id, processed_at
FROM {prefix}processed_events
WHERE 1 = 0
