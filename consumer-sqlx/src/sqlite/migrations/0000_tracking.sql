-- Which of the steps below were taken.
CREATE TABLE IF NOT EXISTS {prefix}consumer_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;
