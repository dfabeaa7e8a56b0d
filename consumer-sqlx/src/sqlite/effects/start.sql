-- Starts a row that may be started. A call whose holder has vanished counts, and leaves a doubt. $2: lease in milliseconds.
UPDATE {prefix}external_effects
SET state = 'started',
    fence = fence + 1,
    attempts = attempts + (state = 'started'),
    uncertain = uncertain OR state = 'started',
    due_at_ms = {now} + $2,
    first_started_at_ms = coalesce(first_started_at_ms, {now})
WHERE id = $1
