-- Starts rows that are locked and due. $2: lease in microseconds.
UPDATE {schema}{prefix}external_effects
SET state = 'started',
    fence = fence + 1,
    attempts = attempts + (state = 'started')::int,
    uncertain = uncertain OR state = 'started',
    due_at = clock_timestamp() + $2::double precision * interval '1 microsecond',
    first_started_at = coalesce(first_started_at, clock_timestamp())
WHERE id = ANY ($1)
