-- Lock: the rows deleted. Index: outbox_events_unsent, behind what is not sent. READ COMMITTED only, as for those that were sent.
-- Parameters: microseconds to keep, how many.
DELETE FROM {prefix}outbox_events
WHERE sent_at IS NULL AND discarded_at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND
ORDER BY discarded_at
LIMIT ?
