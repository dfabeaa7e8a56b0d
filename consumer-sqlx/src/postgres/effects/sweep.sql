-- Lock: the rows deleted; one that a person releases meanwhile is no longer where it was found, and stays.
-- Index: external_effects_done, its beginning. $1: retention in microseconds, $2: how many.
DELETE FROM {schema}{prefix}external_effects
WHERE ctid = ANY (ARRAY(
    SELECT ctid
    FROM {schema}{prefix}external_effects
    WHERE finished_at < statement_timestamp() - $1::double precision * interval '1 microsecond'
    ORDER BY finished_at
    LIMIT $2
))
