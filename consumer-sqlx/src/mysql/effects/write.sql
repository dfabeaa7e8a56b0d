-- Lock: the entries of the primary key. What is there keeps its state, its key and its bytes: its event was processed
-- before, or called it before its transaction until a deploy; then the runner calls it from now on. Every other error is
-- one, which INSERT IGNORE would hide.
INSERT INTO {prefix}external_effects
    (id, consumer_id, event_key, effect, label, moment, state, idempotency_key, request, origin, created_at, due_at)
VALUES {rows}
ON DUPLICATE KEY UPDATE moment = 'after'
