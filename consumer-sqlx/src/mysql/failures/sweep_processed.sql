-- Lock: the rows deleted. Index: the primary key. The condition stands here as well, because a record may have become one
-- that stays since it was found.
DELETE FROM {prefix}event_failures
WHERE ({records}) AND (reason IS NULL OR reason NOT IN ('transaction-ended', 'id-reused'))
