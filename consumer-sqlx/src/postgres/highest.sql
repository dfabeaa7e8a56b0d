-- Lock: none. Index: the primary key of processed_events, its end.
SELECT greatest(
    (SELECT max(id) FROM {schema}{prefix}consumers),
    (SELECT max(consumer_id) FROM {schema}{prefix}processed_events),
    0
)
