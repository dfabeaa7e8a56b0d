-- The failure records: one row for each event that has failed and is not processed yet. A row belongs to one consumer and
-- one event, whichever copy of its message failed. `attempts` and `delays` count within a generation, which a redrive
-- begins. While `not_before` lies ahead, the event is not tried. No row makes a delivery be dropped, only a claim does; but
-- the sweeper keeps a claim while its event has a row here. Times are UTC. The indexes are for the figures and for the
-- sweeper, which deletes the oldest.
CREATE TABLE IF NOT EXISTS {prefix}event_failures (
    consumer_id INT NOT NULL,
    event_key BINARY(16) NOT NULL,
    generation INT NOT NULL DEFAULT 1,
    attempts INT NOT NULL,
    delays INT NOT NULL,
    state VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL,
    class VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event_id TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    event_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    not_before DATETIME(6) NULL,
    first_failed_at DATETIME(6) NOT NULL,
    last_failed_at DATETIME(6) NOT NULL,
    PRIMARY KEY (consumer_id, event_key),
    INDEX {prefix}event_failures_of (consumer_id, state, last_failed_at),
    INDEX {prefix}event_failures_by_age (last_failed_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The marks of messages that are run after they were delivered before: whoever finds the mark of another runner counts a
-- death. The key is a hash of the message as it came, before anybody has read it. The second index is for the sweeper.
CREATE TABLE IF NOT EXISTS {prefix}message_runs (
    consumer_id INT NOT NULL,
    message_key BINARY(16) NOT NULL,
    runner BINARY(16) NOT NULL,
    deaths INT NOT NULL DEFAULT 0,
    started_at DATETIME(6) NOT NULL,
    PRIMARY KEY (consumer_id, message_key),
    INDEX {prefix}message_runs_by_age (started_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- How the last process that ran a consumer was set up, as JSON. MySQL has no ADD COLUMN IF NOT EXISTS, and a step that was
-- half taken is taken again.
SET @consumer_step = IF(
    EXISTS (
        SELECT 1 FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{prefix}consumers' AND COLUMN_NAME = 'deployment'
    ),
    'DO 0',
    'ALTER TABLE {prefix}consumers ADD COLUMN deployment MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL'
);
PREPARE consumer_step FROM @consumer_step;
EXECUTE consumer_step;
DEALLOCATE PREPARE consumer_step;
