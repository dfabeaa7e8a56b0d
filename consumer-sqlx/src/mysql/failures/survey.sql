-- Lock: none. Index: event_failures_of, the part of the consumer. A state of a newer version counts as dead.
SELECT CAST(COUNT(IF(state = 'delayed', 1, NULL)) AS SIGNED) AS `delayed`,
    CAST(COUNT(IF(state NOT IN ('delayed', 'redriven'), 1, NULL)) AS SIGNED) AS dead,
    TIMESTAMPDIFF(MICROSECOND, MIN(IF(state NOT IN ('delayed', 'redriven'), last_failed_at, NULL)), UTC_TIMESTAMP(6))
        AS oldest_us
FROM {prefix}event_failures
WHERE consumer_id = ?
