-- Lock: the entries of the primary key, in the order of the rows, which is that of the keys: so two batches never wait for
-- each other in a circle. Whoever inserts one second waits until the first has ended, then fails if the first has committed,
-- which undoes the statement and leaves the transaction.
INSERT INTO {prefix}processed_events (consumer_id, event_key, stamp, readable_id, processed_at)
VALUES {rows}
