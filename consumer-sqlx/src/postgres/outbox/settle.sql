-- Lock: only under the relays' own, because a lane is held by what this writes; then the rows. Index: the primary key.
-- $1: relay, $2: positions, $3: microseconds to wait after a refusal, $4: whether it is parked, $5: what the broker said.
-- A row without any of these is free again.
UPDATE {schema}{prefix}outbox_events AS e
SET held_by = NULL,
    held_until = CASE
        WHEN s.parked THEN 'infinity'
        ELSE clock_timestamp() + s.wait * interval '1 microsecond'
    END,
    parked_at = CASE WHEN s.parked THEN clock_timestamp() END,
    refusals = e.refusals + CASE WHEN s.wait IS NULL THEN 0 ELSE 1 END,
    error = coalesce(s.error, e.error)
FROM unnest($2::bigint[], $3::bigint[], $4::bool[], $5::text[]) AS s (position, wait, parked, error)
WHERE e.position = s.position AND e.held_by = $1
