-- Keeps done effects from being compensated until the unit has ended, and has the sweeper delete them once its retention is
-- over. Lock: the rows, by the primary key; whoever is compensating one is waited for.
UPDATE {schema}{prefix}external_effects
SET finished_at = clock_timestamp()
WHERE id = ANY ($1) AND compensated_at IS NULL
