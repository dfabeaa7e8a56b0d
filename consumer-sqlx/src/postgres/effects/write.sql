-- Lock: the entries of the primary key. What is there stays as it is: its event was processed before.
INSERT INTO {schema}{prefix}external_effects
    (id, consumer_id, event_key, effect, label, moment, idempotency_key, request, origin)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[],
    $9::text[])
ON CONFLICT (id) DO NOTHING
