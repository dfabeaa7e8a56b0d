-- Lock: the rows deleted, which nobody updates; an event that is claimed meanwhile waits for the commit and is then
-- fresh. Index: none of the claims, of which a range of pages is read; the primary key of event_failures, unless these are
-- few. A claim whose event has a failure record stays. Says how many went, and the page of the last: the rows are met in
-- the order of the pages, as nothing sorts them; what another order left behind would go in the next pass.
-- $1: retention in seconds, $2: how many, $3: the first page, $4: the page to stop at.
WITH swept AS (
    DELETE FROM {schema}{prefix}processed_events
    WHERE ctid = ANY (ARRAY(
        SELECT claim.ctid
        FROM {schema}{prefix}processed_events AS claim
        WHERE claim.ctid >= format('(%s,0)', $3)::tid
            AND claim.ctid < format('(%s,0)', $4)::tid
            AND claim.processed_at < statement_timestamp() - make_interval(secs => $1)
            AND NOT EXISTS (
                SELECT FROM {schema}{prefix}event_failures AS failure
                WHERE failure.consumer_id = claim.consumer_id AND failure.event_key = claim.event_key
            )
        LIMIT $2
    ))
    RETURNING ctid
)
SELECT count(*), (max(ctid)::text::point)[0]::bigint FROM swept
