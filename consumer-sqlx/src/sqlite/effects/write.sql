-- Lock: none of its own; the transaction has the database's one write lock. What is there stays as it is: its event was
-- processed before.
INSERT INTO {prefix}external_effects
    (id, consumer_id, event_key, effect, label, moment, idempotency_key, request, origin, created_at_ms, due_at_ms)
VALUES {rows}
ON CONFLICT (id) DO NOTHING
