-- Lock: none, whoever looks is the only sweeper. Index: the primary key of sweeps. One row, whether or not a pass was noted.
-- The size is that of the moment, not that of the statistics.
SELECT
    pg_relation_size('{schema}{prefix}processed_events') / current_setting('block_size')::bigint,
    pass.next_page,
    extract(epoch FROM statement_timestamp() - pass.begun_at)::double precision
FROM (VALUES ('processed_events')) AS swept (name)
LEFT JOIN {schema}{prefix}sweeps AS pass USING (name)
