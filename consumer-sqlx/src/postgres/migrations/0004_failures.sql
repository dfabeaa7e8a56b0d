-- How the last process that ran a consumer was set up, as JSON.
ALTER TABLE {schema}{prefix}consumers ADD COLUMN deployment text;

-- The failure records: one row for each event that has failed and is not processed yet. A row belongs to one consumer and
-- one event, whichever copy of its message failed. `attempts` and `delays` count within a generation, which a redrive
-- begins. While `not_before` lies ahead, the event is not tried. No row makes a delivery be dropped, only a claim does; but
-- the sweeper keeps a claim while its event has a row here.
CREATE TABLE {schema}{prefix}event_failures (
    first_failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    not_before timestamptz,
    consumer_id int NOT NULL,
    generation int NOT NULL DEFAULT 1,
    attempts int NOT NULL,
    delays int NOT NULL,
    event_key uuid NOT NULL,
    state text NOT NULL,
    reason text,
    class text NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    error text NOT NULL,
    PRIMARY KEY (consumer_id, event_key)
);

-- For the figures.
CREATE INDEX {prefix}event_failures_of ON {schema}{prefix}event_failures (consumer_id, state, last_failed_at);

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}event_failures_by_age ON {schema}{prefix}event_failures (last_failed_at);

-- The marks of messages that are run after they were delivered before: whoever finds the mark of another runner counts a
-- death. The key is a hash of the message as it came, before anybody has read it.
CREATE TABLE {schema}{prefix}message_runs (
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    consumer_id int NOT NULL,
    deaths int NOT NULL DEFAULT 0,
    message_key uuid NOT NULL,
    runner uuid NOT NULL,
    PRIMARY KEY (consumer_id, message_key)
);

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}message_runs_by_age ON {schema}{prefix}message_runs (started_at);
