-- The effect ledger: one row for each effect of each event. The id is a hash of consumer, event, effect and label. Key and
-- request are what every call sends; nothing changes them. `due_at` is when the effect is to be called (planned) or when
-- its lease ends (started), null where nobody is to call it. `fence` counts its starts, `attempts` the calls that have
-- ended. `finished_at` is when it was done (before a transaction: when its event was committed), or settled by a person;
-- only then the sweeper may delete it.
CREATE TABLE {schema}{prefix}external_effects (
    id uuid PRIMARY KEY,
    event_key uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz DEFAULT clock_timestamp(),
    first_started_at timestamptz,
    finished_at timestamptz,
    compensated_at timestamptz,
    fence bigint NOT NULL DEFAULT 0,
    consumer_id int NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    uncertain boolean NOT NULL DEFAULT false,
    moment text NOT NULL,
    state text NOT NULL DEFAULT 'planned',
    effect text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    origin text NOT NULL,
    request bytea NOT NULL,
    result bytea,
    error text,
    evidence text
);

-- For the runner, which starts what is due.
CREATE INDEX {prefix}external_effects_due ON {schema}{prefix}external_effects (due_at)
    WHERE moment = 'after' AND due_at IS NOT NULL;

-- For the effects of an event that is dead-lettered.
CREATE INDEX {prefix}external_effects_of ON {schema}{prefix}external_effects (consumer_id, event_key)
    WHERE moment = 'before';

-- For people, and for the figures.
CREATE INDEX {prefix}external_effects_open ON {schema}{prefix}external_effects (created_at)
    WHERE finished_at IS NULL;

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}external_effects_done ON {schema}{prefix}external_effects (finished_at)
    WHERE finished_at IS NOT NULL;
