-- Lock: the rows, in the order of their positions. Index: the primary key. Whoever holds them: it is true.
-- $1: positions.
UPDATE {schema}{prefix}outbox_events
SET sent_at = clock_timestamp(), held_until = NULL, held_by = NULL
WHERE position = ANY ($1) AND sent_at IS NULL
