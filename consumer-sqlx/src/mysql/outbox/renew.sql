-- Lock: only under the relays' own, then the rows. Index: the primary key.
UPDATE {prefix}outbox_events
SET held_until = UTC_TIMESTAMP(6) + INTERVAL {lease} MICROSECOND
WHERE position IN ({positions}) AND held_by = {relay}
