-- Lock: the entry of the primary key. Whoever inserts it second waits until the first has ended, then fails if the first
-- has committed, and inserts if it has not; of several who wait, one may become the victim of a deadlock then.
INSERT INTO {prefix}processed_events (consumer_id, event_key, stamp, readable_id, processed_at)
VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))
