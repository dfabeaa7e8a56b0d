-- $3: lease in milliseconds.
UPDATE {prefix}external_effects
SET due_at_ms = {now} + $3
WHERE id = $1 AND state = 'started' AND fence = $2
