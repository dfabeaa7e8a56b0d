-- Notes that done effects are used, which has the sweeper delete them once its retention is over. Lock: none of its own; the
-- transaction has the database's one write lock.
UPDATE {prefix}external_effects
SET finished_at_ms = {now}
WHERE id IN ({ids}) AND compensated_at_ms IS NULL
