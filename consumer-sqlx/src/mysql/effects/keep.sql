-- Keeps done effects from being compensated until the unit has ended, and has the sweeper delete them once its retention is
-- over. Lock: the rows, by the primary key; whoever is compensating one is waited for.
UPDATE {prefix}external_effects
SET finished_at = UTC_TIMESTAMP(6)
WHERE id IN ({ids}) AND compensated_at IS NULL
