-- Lock: none. Index: the primary key of processed_events, its end.
SELECT max(
    coalesce((SELECT max(id) FROM {prefix}consumers), 0),
    coalesce((SELECT max(consumer_id) FROM {prefix}processed_events), 0)
)
