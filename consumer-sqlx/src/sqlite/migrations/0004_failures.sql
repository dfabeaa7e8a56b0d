-- How the last process that ran a consumer was set up, as JSON.
ALTER TABLE {prefix}consumers ADD COLUMN deployment TEXT;

-- The failure records: one row for each event that has failed and is not processed yet. A row belongs to one consumer and
-- one event, whichever copy of its message failed. `attempts` and `delays` count within a generation, which a redrive
-- begins. While `not_before_ms` lies ahead, the event is not tried. No row makes a delivery be dropped, only a claim does;
-- but the sweeper keeps a claim while its event has a row here.
CREATE TABLE {prefix}event_failures (
    consumer_id INTEGER NOT NULL,
    event_key BLOB NOT NULL,
    generation INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL,
    delays INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    class TEXT NOT NULL,
    not_before_ms INTEGER,
    first_failed_at_ms INTEGER NOT NULL,
    last_failed_at_ms INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (consumer_id, event_key)
) STRICT;

-- For the figures.
CREATE INDEX {prefix}event_failures_of ON {prefix}event_failures (consumer_id, state, last_failed_at_ms);

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}event_failures_by_age ON {prefix}event_failures (last_failed_at_ms);

-- The marks of messages that are run after they were delivered before: whoever finds the mark of another runner counts a
-- death. The key is a hash of the message as it came, before anybody has read it.
CREATE TABLE {prefix}message_runs (
    consumer_id INTEGER NOT NULL,
    message_key BLOB NOT NULL,
    runner BLOB NOT NULL,
    deaths INTEGER NOT NULL DEFAULT 0,
    started_at_ms INTEGER NOT NULL,
    PRIMARY KEY (consumer_id, message_key)
) STRICT, WITHOUT ROWID;

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}message_runs_by_age ON {prefix}message_runs (started_at_ms);
