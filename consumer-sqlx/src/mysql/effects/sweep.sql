-- Lock: the rows deleted. Index: external_effects_done, its beginning. Parameters: retention in microseconds, how many.
DELETE FROM {prefix}external_effects
WHERE finished_at < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND
ORDER BY finished_at
LIMIT ?
