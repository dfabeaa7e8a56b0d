-- Keeps effects from being compensated until the unit has ended, and says which were. Lock: the rows, shared, by the primary
-- key; whoever is compensating one is waited for.
SELECT compensated_at IS NOT NULL AS compensated
FROM {prefix}external_effects
WHERE id IN ({ids})
LOCK IN SHARE MODE
