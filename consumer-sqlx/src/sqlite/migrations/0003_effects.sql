-- The effect ledger: one row for each effect of each event. The id is a hash of consumer, event, effect and label. Key and
-- request are what every call sends; nothing changes them. `due_at_ms` is when the effect is to be called (planned) or when
-- its lease ends (started), null where nobody is to call it. `fence` counts its starts, `attempts` the calls that have
-- ended. `finished_at_ms` is when it was done (before a transaction: when its event was committed), or settled by a person;
-- only then the sweeper may delete it.
CREATE TABLE {prefix}external_effects (
    id BLOB NOT NULL PRIMARY KEY,
    consumer_id INTEGER NOT NULL,
    event_key BLOB NOT NULL,
    effect TEXT NOT NULL,
    label TEXT NOT NULL,
    moment TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'planned',
    idempotency_key TEXT NOT NULL,
    origin TEXT NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    uncertain INTEGER NOT NULL DEFAULT 0,
    created_at_ms INTEGER NOT NULL,
    due_at_ms INTEGER,
    first_started_at_ms INTEGER,
    finished_at_ms INTEGER,
    compensated_at_ms INTEGER,
    request BLOB NOT NULL,
    result BLOB,
    error TEXT,
    evidence TEXT
) STRICT;

-- For the runner, which starts what is due.
CREATE INDEX {prefix}external_effects_due ON {prefix}external_effects (due_at_ms)
    WHERE moment = 'after' AND due_at_ms IS NOT NULL;

-- For the effects of an event that is dead-lettered.
CREATE INDEX {prefix}external_effects_of ON {prefix}external_effects (consumer_id, event_key)
    WHERE moment = 'before';

-- For people, and for the figures.
CREATE INDEX {prefix}external_effects_open ON {prefix}external_effects (created_at_ms)
    WHERE finished_at_ms IS NULL;

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}external_effects_done ON {prefix}external_effects (finished_at_ms)
    WHERE finished_at_ms IS NOT NULL;
