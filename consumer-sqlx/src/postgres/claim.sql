-- Lock: the entry of the primary key. Whoever inserts it second waits until the first has ended, then does nothing if
-- the first has committed, and inserts if it has not. READ COMMITTED only: above it the second gets an error.
INSERT INTO {schema}{prefix}processed_events (consumer_id, event_key, stamp, readable_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT (consumer_id, event_key) DO NOTHING
