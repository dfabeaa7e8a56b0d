-- How many events of each key were written so far. A writer locks the row of its key until it commits: so the order of
-- the numbers is that of the commits. The lane is a hash of the key, so that no collation calls two keys equal.
CREATE TABLE {schema}{prefix}outbox_keys (
    lane uuid PRIMARY KEY,
    number bigint NOT NULL
) WITH (fillfactor = 50);

-- The outbox: one row for each event that leaves the database. A position is drawn while the row of the lane is locked,
-- so within a lane positions rise in the order of the commits; a cache of the sequence would break that. While a row
-- waits to be sent, `held_until` keeps its whole lane from being leased: it is leased by `held_by`, or was refused and
-- waits, or is parked ('infinity').
CREATE TABLE {schema}{prefix}outbox_events (
    position bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    lane uuid,
    number bigint,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    held_until timestamptz,
    held_by uuid,
    sent_at timestamptz,
    discarded_at timestamptz,
    parked_at timestamptz,
    refusals int NOT NULL DEFAULT 0,
    event_version bigint NOT NULL,
    event_type text NOT NULL,
    event_key text,
    exchange text,
    routing_key text NOT NULL,
    headers text NOT NULL,
    correlation_id text,
    causation_id text,
    traceparent text,
    content_type text NOT NULL,
    error text,
    payload bytea NOT NULL
);

-- For leases: what is not sent yet, the oldest first.
CREATE INDEX {prefix}outbox_events_unsent ON {schema}{prefix}outbox_events (position)
    WHERE sent_at IS NULL AND discarded_at IS NULL;

-- For leases: the lanes that are not to be leased. What is done with is held by nobody.
CREATE INDEX {prefix}outbox_events_held ON {schema}{prefix}outbox_events (held_until, lane)
    WHERE held_until IS NOT NULL;

-- For the sweeper, which deletes the oldest.
CREATE INDEX {prefix}outbox_events_sent ON {schema}{prefix}outbox_events (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX {prefix}outbox_events_given_up ON {schema}{prefix}outbox_events (discarded_at)
    WHERE discarded_at IS NOT NULL;
