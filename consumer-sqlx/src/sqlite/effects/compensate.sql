-- Whoever comes second finds it compensated.
UPDATE {prefix}external_effects
SET compensated_at_ms = {now}
WHERE id = $1 AND state = 'done' AND compensated_at_ms IS NULL
