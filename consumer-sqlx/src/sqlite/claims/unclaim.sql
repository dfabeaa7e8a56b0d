-- Lock: none of its own; the transaction has the database's one write lock. Index: the primary key.
DELETE FROM {prefix}processed_events
WHERE consumer_id = ? AND event_key IN ({keys})
