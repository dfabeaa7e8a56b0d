-- Lock: the rows deleted. Index: outbox_events_sent and outbox_events_given_up, their beginnings.
-- $1: microseconds to keep, $2: how many.
DELETE FROM {schema}{prefix}outbox_events
WHERE ctid = ANY (ARRAY(
    (
        SELECT ctid
        FROM {schema}{prefix}outbox_events
        WHERE sent_at < (SELECT clock_timestamp()) - $1 * interval '1 microsecond'
        ORDER BY sent_at
        LIMIT $2
    )
    UNION ALL
    (
        SELECT ctid
        FROM {schema}{prefix}outbox_events
        WHERE sent_at IS NULL AND discarded_at < (SELECT clock_timestamp()) - $1 * interval '1 microsecond'
        ORDER BY discarded_at
        LIMIT $2
    )
    LIMIT $2
))
