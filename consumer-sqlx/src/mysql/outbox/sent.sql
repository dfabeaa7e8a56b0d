-- Lock: the rows, in the order of their positions. Index: the primary key. Whoever holds them: it is true.
UPDATE {prefix}outbox_events
SET sent_at = UTC_TIMESTAMP(6), held_until = NULL, held_by = NULL
WHERE position IN ({positions}) AND sent_at IS NULL
