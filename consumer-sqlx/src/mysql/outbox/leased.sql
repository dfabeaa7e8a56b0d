-- Lock: none. Index: the primary key.
SELECT position FROM {prefix}outbox_events WHERE position IN ({positions}) AND held_by = {relay}
