-- Which effects were compensated. Lock: none of its own; the transaction has the database's one write lock.
SELECT compensated_at_ms IS NOT NULL AS compensated
FROM {prefix}external_effects
WHERE id IN ({ids})
