-- Lock: the rows deleted. Index: outbox_events_unsent, behind what is not sent. READ COMMITTED only: above it the gap
-- between what is not sent and the first that was would be locked, into which writers insert.
-- Parameters: microseconds to keep, how many.
DELETE FROM {prefix}outbox_events
WHERE sent_at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND
ORDER BY sent_at
LIMIT ?
