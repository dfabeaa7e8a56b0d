-- Whether the event of an effect is processed. Lock: none of its own; the transaction has the database's one write lock.
-- Index: the primary keys.
SELECT EXISTS (
    SELECT 1
    FROM {prefix}external_effects AS effect
    JOIN {prefix}processed_events AS claim
        ON claim.consumer_id = effect.consumer_id AND claim.event_key = effect.event_key
    WHERE effect.id = $1
)
