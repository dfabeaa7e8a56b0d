-- Whether the runner has anything to do. Lock: none. Index: external_effects_due, its beginning.
SELECT EXISTS (
    SELECT 1 FROM {prefix}external_effects
    WHERE moment = 'after' AND due_at_ms <= {now} AND effect IN ({names})
)
