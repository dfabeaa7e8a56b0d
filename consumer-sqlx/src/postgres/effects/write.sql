-- Lock: the entries of the primary key. What is there keeps its state, its key and its bytes: its event was processed
-- before, or called it before its transaction until a deploy; then the runner calls it from now on.
INSERT INTO {schema}{prefix}external_effects AS ledger
    (id, consumer_id, event_key, effect, label, moment, idempotency_key, request, origin)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[],
    $9::text[])
ON CONFLICT (id) DO UPDATE SET moment = 'after' WHERE ledger.moment = 'before'
