-- Which of the steps below were taken.
CREATE TABLE IF NOT EXISTS {schema}{prefix}consumer_migrations (
    version int PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
