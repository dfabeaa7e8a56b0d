-- Starts a row, if it is still as it was read. Lock: the row, by the primary key; whoever comes second waits, then finds
-- another fence. A call whose holder has vanished counts, and leaves a doubt. The state comes last: what is assigned before
-- it reads the old one. Parameters: lease in microseconds, id, state, fence.
UPDATE {prefix}external_effects
SET fence = fence + 1,
    attempts = attempts + (state = 'started'),
    uncertain = uncertain OR state = 'started',
    due_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND,
    first_started_at = COALESCE(first_started_at, UTC_TIMESTAMP(6)),
    state = 'started'
WHERE id = ? AND state = ? AND fence = ? AND due_at <= UTC_TIMESTAMP(6)
