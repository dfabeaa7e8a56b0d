-- The effect ledger: one row for each effect of each event. The id is a hash of consumer, event, effect and label. Key and
-- request are what every call sends; nothing changes them. `due_at` is when the effect is to be called (planned) or when
-- its lease ends (started), null where nobody is to call it. `fence` counts its starts, `attempts` the calls that have
-- ended. `finished_at` is when it was done (before a transaction: when its event was committed), or settled by a person;
-- only then the sweeper may delete it. Times are UTC. The indexes are for the runner, which starts what is due, for the
-- effects of an event that is dead-lettered, and for the sweeper, people and figures.
CREATE TABLE IF NOT EXISTS {prefix}external_effects (
    id BINARY(16) NOT NULL PRIMARY KEY,
    consumer_id INT NOT NULL,
    event_key BINARY(16) NOT NULL,
    effect VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    label TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    moment VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    origin TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    request LONGBLOB NOT NULL,
    result LONGBLOB NULL,
    error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    evidence TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    fence BIGINT NOT NULL DEFAULT 0,
    attempts INT NOT NULL DEFAULT 0,
    uncertain BOOLEAN NOT NULL DEFAULT FALSE,
    created_at DATETIME(6) NOT NULL,
    due_at DATETIME(6) NULL,
    first_started_at DATETIME(6) NULL,
    finished_at DATETIME(6) NULL,
    compensated_at DATETIME(6) NULL,
    INDEX {prefix}external_effects_due (moment, due_at),
    INDEX {prefix}external_effects_of (consumer_id, event_key),
    INDEX {prefix}external_effects_done (finished_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
