-- Lock: none. Index: outbox_events_unsent, its beginning. Whether a lease could find a row: what an idle relay asks.
SELECT EXISTS (
    SELECT
    FROM {schema}{prefix}outbox_events
    WHERE sent_at IS NULL AND discarded_at IS NULL
        AND (held_until IS NULL OR held_until <= clock_timestamp())
)
