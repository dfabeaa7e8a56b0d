//! Passes of the sweeper over a table that is not small.

use std::time::Duration;

use consumer_core::{
    Storage,
    storage::{FailureStorage, Sessions, Swept},
    testing::SuiteStorage,
};
use consumer_sqlx::postgres::PgStore;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::{stage::Database, start};
use crate::unit::{LIMITS, NOTHING, begin, claim, news};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Rows of nearly 2 kB, of which four fill a page.
const ROWS: i64 = 6_000;
const PAGES: u32 = 1_500;
const BATCH: u32 = 250;
const NONE: Swept = Swept { rows: 0, more: false };

/// Adds claims, of which every third is old.
async fn fill(conn: &mut PgConnection) {
    let rows = format!(
        "INSERT INTO processed_events \
         SELECT now() - CASE WHEN n % 3 = 0 THEN interval '2 days' ELSE interval '0' END, 1, gen_random_uuid(), '\\x00', \
             repeat('x', 1900) \
         FROM generate_series(1, {ROWS}) AS n"
    );
    conn.execute(AssertSqlSafe(rows)).await.expect("rows");
}

/// How many claims are there: old ones, and young ones.
async fn left(conn: &mut PgConnection) -> (i64, i64) {
    let count = "SELECT count(*) FILTER (WHERE processed_at < now() - interval '1 day'), \
                     count(*) FILTER (WHERE processed_at >= now() - interval '1 day') FROM processed_events";
    sqlx::query_as(count).fetch_one(conn).await.expect("counts")
}

async fn sweep(store: &PgStore) -> Swept {
    let swept = store.sweep(DAY, BATCH).await.expect("a sweep");
    assert!(swept.rows <= u64::from(BATCH), "{swept:?}");
    swept
}

/// Sweeps to the end of the pass: how often, and how many rows went.
async fn pass(store: &PgStore) -> (u32, u64) {
    let (mut times, mut rows) = (0, 0);
    loop {
        let swept = sweep(store).await;
        (times, rows) = (times + 1, rows + swept.rows);
        assert!(times < 1_000, "a pass has an end");
        if !swept.more {
            return (times, rows);
        }
    }
}

async fn large() -> Option<(Database, PgStore, PgConnection)> {
    let (database, store, _) = start().await?;
    let mut conn = database.connect().await;
    fill(&mut conn).await;
    Some((database, store, conn))
}

#[tokio::test]
async fn a_pass_deletes_all_that_is_old_and_nothing_young() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut conn = database.connect().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    for id in ["1", "2"] {
        store.commit(begin(&store, &mut session, consumer, id).await, &NOTHING).await;
    }
    let key = claim(consumer, "1").key;
    store.record_failure(&mut session, consumer, key, &news()).await.expect("a record");
    conn.execute("UPDATE processed_events SET processed_at = now() - interval '2 days'").await.expect("age");
    fill(&mut conn).await;
    let (times, rows) = pass(&store).await;
    assert_eq!(rows, ROWS as u64 / 3 + 1);
    assert!(times > PAGES / BATCH, "no statement reads more pages than rows may go: {times}");
    assert_eq!(left(&mut conn).await, (1, ROWS * 2 / 3), "what has a failure record stays");
    assert!(store.find(&mut session, consumer, key).await.expect("a look").is_some());
}

#[tokio::test]
async fn two_processes_make_one_pass() {
    let Some((database, one, mut conn)) = large().await else { return };
    let other = database.store().await;
    let old = "DELETE FROM processed_events WHERE processed_at < now() - interval '1 day'";
    conn.execute(old).await.expect("a table that is young");
    let size = "SELECT pg_relation_size('processed_events') / current_setting('block_size')::bigint";
    let pages: i64 = sqlx::query_scalar(size).fetch_one(&mut conn).await.expect("a size");
    let mut stores = [&one, &other].into_iter().cycle();
    for _ in 1..pages.unsigned_abs().div_ceil(BATCH.into()) {
        let swept = sweep(stores.next().expect("a store")).await;
        assert_eq!(swept, Swept { rows: 0, more: true });
    }
    assert_eq!(sweep(stores.next().expect("a store")).await, NONE, "each page is read once");
}

#[tokio::test]
async fn the_next_pass_begins_after_a_hundredth_of_the_retention() {
    let Some((_database, store, mut conn)) = large().await else { return };
    pass(&store).await;
    fill(&mut conn).await;
    assert_eq!(sweep(&store).await, NONE, "the last pass has just begun");
    for begun_at in ["now() - interval '864 seconds'", "now() + interval '10 years'"] {
        let begun = format!("UPDATE sweeps SET begun_at = {begun_at}");
        conn.execute(AssertSqlSafe(begun)).await.expect("a change");
        assert_eq!(pass(&store).await.1, ROWS as u64 / 3, "{begun_at}");
        assert_eq!(sweep(&store).await, NONE, "{begun_at}");
        fill(&mut conn).await;
    }
    let shorter = store.sweep(Duration::from_millis(50), BATCH).await.expect("a sweep");
    assert_eq!(shorter, Swept { rows: u64::from(BATCH), more: true }, "the retention of now counts");
}

#[tokio::test]
async fn a_table_that_is_emptied_in_mid_pass() {
    let Some((_database, store, mut conn)) = large().await else { return };
    while left(&mut conn).await.0 > ROWS / 6 {
        assert!(sweep(&store).await.more);
    }
    conn.execute("TRUNCATE processed_events").await.expect("an empty table");
    assert_eq!(sweep(&store).await, NONE);
    fill(&mut conn).await;
    assert!(sweep(&store).await.more, "the pass goes on where it was");
    pass(&store).await;
    conn.execute("UPDATE sweeps SET begun_at = begun_at - interval '1 hour'").await.expect("a change");
    pass(&store).await;
    assert_eq!(left(&mut conn).await, (0, ROWS * 2 / 3), "what this pass has missed went in the next");
}

#[tokio::test]
async fn a_table_that_ends_before_the_place_of_the_pass() {
    let Some((_database, store, mut conn)) = large().await else { return };
    assert!(sweep(&store).await.more);
    conn.execute("UPDATE sweeps SET next_page = 4000000000").await.expect("a change");
    assert_eq!(sweep(&store).await, NONE, "the pass is over");
    conn.execute("UPDATE sweeps SET begun_at = begun_at - interval '1 hour'").await.expect("a change");
    pass(&store).await;
    assert_eq!(left(&mut conn).await.0, 0);
}

/// The statement as it is sent.
#[tokio::test]
async fn a_sweep_reads_a_range_of_pages_in_their_order() {
    let Some((_database, _store, mut conn)) = large().await else { return };
    let records = "INSERT INTO event_failures (consumer_id, event_key, attempts, delays, state, class, event_id, event_type, error) \
                   SELECT 1, gen_random_uuid(), 1, 1, 'dead', '', '', '', '' FROM generate_series(1, 20000)";
    conn.execute(records).await.expect("rows");
    let text = include_str!("../../../src/postgres/sweep.sql").replace("{schema}{prefix}", "");
    let prepare = format!("PREPARE sweep (double precision, bigint, bigint, bigint) AS {text}");
    conn.execute(AssertSqlSafe(prepare)).await.expect("the statement");
    for statistics in ["SELECT", "ANALYZE"] {
        conn.execute(statistics).await.expect("statistics");
        for (retention, batch) in [(86_400, 100), (86_400, 1_000), (1_000_000, 1_000)] {
            let explain = format!("EXPLAIN EXECUTE sweep ({retention}, {batch}, 300, 300 + {batch})");
            let plan: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut conn).await.expect("a plan");
            let has = |what: &str| plan.iter().any(|line| line.contains(what));
            assert!(has("Tid Range Scan on processed_events"), "{plan:#?}");
            assert!(!has("Seq Scan on processed_events"), "{plan:#?}");
            assert!(!has("Sort") && !has("Merge"), "the order of the pages is kept: {plan:#?}");
            assert!(!has("JIT"), "compiling takes longer than the sweep: {plan:#?}");
        }
    }
}
