-- Lock: only under the relays' own, then the rows. Index: the primary key. $1: relay, $2: lease in microseconds, $3: positions.
UPDATE {schema}{prefix}outbox_events
SET held_until = clock_timestamp() + $2 * interval '1 microsecond'
WHERE position = ANY ($3) AND held_by = $1
