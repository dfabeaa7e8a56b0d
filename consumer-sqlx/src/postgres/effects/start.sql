-- Starts a row, if it is still as it was read. Lock: the row, by the primary key; whoever comes second waits, then finds
-- another fence. A call whose holder has vanished counts, and leaves a doubt. $4: lease in microseconds.
UPDATE {schema}{prefix}external_effects
SET state = 'started',
    fence = fence + 1,
    attempts = attempts + (state = 'started')::int,
    uncertain = uncertain OR state = 'started',
    due_at = clock_timestamp() + $4::double precision * interval '1 microsecond',
    first_started_at = coalesce(first_started_at, clock_timestamp())
WHERE id = $1 AND state = $2 AND fence = $3 AND due_at <= clock_timestamp()
