-- The names of consumers. A consumer that was renamed has a row for each of its names.
CREATE TABLE {schema}{prefix}consumers (
    name text COLLATE "C" PRIMARY KEY,
    id int NOT NULL,
    enrolled_at timestamptz NOT NULL DEFAULT now()
);

-- The claims: one row for each event that a consumer has processed. The key holds the bytes of the event's id if that is
-- a UUID, else a hash, never the text: a collation would call different ids equal. The stamp holds 12 bytes that tell the
-- event's data and 4 that tell which unit wrote the row. No foreign key: it would cost a lock on the consumer's row for
-- every event.
CREATE TABLE {schema}{prefix}processed_events (
    processed_at timestamptz NOT NULL DEFAULT now(),
    consumer_id int NOT NULL,
    event_key uuid NOT NULL,
    stamp bytea NOT NULL,
    readable_id text,
    PRIMARY KEY (consumer_id, event_key)
);

-- How far the sweeper has come in a table that it reads page by page, as no index says what is old: it would cost every
-- claim more than such a pass does. Without `next_page` the pass is over.
CREATE TABLE {schema}{prefix}sweeps (
    begun_at timestamptz NOT NULL,
    next_page bigint,
    name text COLLATE "C" PRIMARY KEY
);
