-- Lock: the row, by the primary key; whoever comes second finds it compensated.
UPDATE {schema}{prefix}external_effects
SET compensated_at = clock_timestamp()
WHERE id = $1 AND state = 'done' AND compensated_at IS NULL
