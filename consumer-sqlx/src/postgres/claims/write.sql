-- Lock: the entries of the primary key, in the order of the arrays, which is that of the keys, so that two batches never wait
-- for each other in a circle: nothing joins or sorts the rows, which would cost a tenth of the inserts.
-- Whoever inserts one second waits until the first has ended, then leaves it out if the first has committed, and inserts it if
-- it has not. READ COMMITTED only: above it the second gets an error.
-- One row comes back, with all keys that were inserted: rows of their own would cost more than the inserts.
WITH fresh AS (
    INSERT INTO {schema}{prefix}processed_events (consumer_id, event_key, stamp, readable_id)
    SELECT $1, c.event_key, c.stamp, c.readable_id
    FROM unnest($2::uuid[], $3::bytea[], $4::text[]) AS c (event_key, stamp, readable_id)
    ON CONFLICT (consumer_id, event_key) DO NOTHING
    RETURNING event_key
)
SELECT coalesce(array_agg(event_key), '{}') FROM fresh
