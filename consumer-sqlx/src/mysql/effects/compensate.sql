-- Lock: the row, by the primary key; whoever comes second finds it compensated.
UPDATE {prefix}external_effects
SET compensated_at = UTC_TIMESTAMP(6)
WHERE id = ? AND state = 'done' AND compensated_at IS NULL
