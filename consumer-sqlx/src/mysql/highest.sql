-- Lock: none. Index: the primary key of processed_events, its end.
SELECT GREATEST(
    COALESCE((SELECT MAX(id) FROM {prefix}consumers), 0),
    COALESCE((SELECT MAX(consumer_id) FROM {prefix}processed_events), 0)
)
