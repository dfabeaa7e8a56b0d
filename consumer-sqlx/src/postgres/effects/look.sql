-- Whether the runner has anything to do. Lock: none. Index: external_effects_due, its beginning. The time is that of the
-- statement, which an index can be asked for; that of the clock moves, and would read every row.
SELECT EXISTS (
    SELECT FROM {schema}{prefix}external_effects
    WHERE moment = 'after' AND due_at <= statement_timestamp() AND effect = ANY ($1)
)
