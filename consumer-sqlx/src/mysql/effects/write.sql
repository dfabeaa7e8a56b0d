-- Lock: the entries of the primary key. What is there stays as it is: its event was processed before. Every other error is
-- one, which INSERT IGNORE would hide.
INSERT INTO {prefix}external_effects
    (id, consumer_id, event_key, effect, label, moment, state, idempotency_key, request, origin, created_at, due_at)
VALUES {rows}
ON DUPLICATE KEY UPDATE id = id
