-- The records whose event is processed. What is dead because the claim is part of the trouble is not over with it. Lock: none,
-- which is why this is no part of the statement that deletes: that one would wait for every claim that is not committed yet.
-- Index: the primary keys. Parameter: how many.
SELECT failure.consumer_id, failure.event_key
FROM {prefix}event_failures AS failure
STRAIGHT_JOIN {prefix}processed_events AS claim
    ON claim.consumer_id = failure.consumer_id AND claim.event_key = failure.event_key
WHERE failure.reason IS NULL OR failure.reason NOT IN ('transaction-ended', 'id-reused')
LIMIT ?
