-- Lock: the row, which nobody else writes meanwhile. Index: the primary key. $1: the page to go on at.
INSERT INTO {schema}{prefix}sweeps (name, begun_at, next_page)
VALUES ('processed_events', statement_timestamp(), $1)
ON CONFLICT (name) DO UPDATE SET begun_at = excluded.begun_at, next_page = excluded.next_page
