-- Lock: none that the transaction does not have: it wrote the rows itself. Index: the primary key.
DELETE FROM {prefix}processed_events
WHERE consumer_id = ? AND event_key IN ({keys})
