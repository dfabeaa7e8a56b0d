-- Whether the runner has anything to do; one text, which leaves no transaction open. Lock: none.
-- Index: external_effects_due, its beginning.
SELECT EXISTS (
    SELECT 1 FROM {prefix}external_effects
    WHERE moment = 'after' AND due_at <= UTC_TIMESTAMP(6) AND effect IN ({names})
);
ROLLBACK
