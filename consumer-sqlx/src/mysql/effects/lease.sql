-- Starts rows that are locked and due; one text with the commit. The state comes last: what is assigned before it reads the
-- old one.
UPDATE {prefix}external_effects
SET fence = fence + 1,
    attempts = attempts + (state = 'started'),
    uncertain = uncertain OR state = 'started',
    due_at = UTC_TIMESTAMP(6) + INTERVAL {lease} MICROSECOND,
    first_started_at = COALESCE(first_started_at, UTC_TIMESTAMP(6)),
    state = 'started'
WHERE id IN ({ids});
COMMIT
