-- Lock: the database's one write lock. Index: external_effects_done, its beginning.
-- $1: retention in milliseconds, $2: how many.
DELETE FROM {prefix}external_effects
WHERE id IN (
    SELECT id
    FROM {prefix}external_effects
    WHERE finished_at_ms < {now} - $1
    ORDER BY finished_at_ms
    LIMIT $2
)
