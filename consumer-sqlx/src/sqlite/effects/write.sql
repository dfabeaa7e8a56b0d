-- Lock: none of its own; the transaction has the database's one write lock. What is there keeps its state, its key and its
-- bytes: its event was processed before, or called it before its transaction until a deploy; then the runner calls it from
-- now on.
INSERT INTO {prefix}external_effects
    (id, consumer_id, event_key, effect, label, moment, idempotency_key, request, origin, created_at_ms, due_at_ms)
VALUES {rows}
ON CONFLICT (id) DO UPDATE SET moment = 'after' WHERE moment = 'before'
