-- Lock: none that the transaction does not have: it wrote the rows itself. Index: the primary key.
DELETE FROM {schema}{prefix}processed_events
WHERE consumer_id = $1 AND event_key = ANY ($2)
