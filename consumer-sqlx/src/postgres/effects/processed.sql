-- Whether the event of an effect is processed. Lock: none; after the one on the effect's row, so that a unit that keeps the
-- effect has ended. Index: the primary keys.
SELECT EXISTS (
    SELECT 1
    FROM {schema}{prefix}external_effects AS effect
    JOIN {schema}{prefix}processed_events AS claim
        ON claim.consumer_id = effect.consumer_id AND claim.event_key = effect.event_key
    WHERE effect.id = $1
)
