-- Lock: the rows. Index: the primary key.
UPDATE {prefix}outbox_events
SET held_until = NULL, held_by = NULL
WHERE position IN ({positions}) AND held_by = {relay}
