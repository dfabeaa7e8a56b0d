-- Lock: the row, by the primary key. $3: lease in microseconds.
UPDATE {schema}{prefix}external_effects
SET due_at = clock_timestamp() + $3::double precision * interval '1 microsecond'
WHERE id = $1 AND state = 'started' AND fence = $2
