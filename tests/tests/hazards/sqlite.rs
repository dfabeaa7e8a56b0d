//! SQLite.

use consumer::{
    SqliteStore,
    prelude::*,
    sqlx::{self, AssertSqlSafe, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions},
};
use consumer_tests::database::Database;

use super::{Instruction, Seen, play, quick};

#[consumer(name = "hazards", timeout = "1s")]
async fn hazards(
    instruction: Instruction,
    conn: &mut SqliteConnection,
    meta: Meta,
) -> Result<(), sqlx::Error> {
    let id = meta.id().to_owned();
    sqlx::query("INSERT INTO effects VALUES (?)").bind(&id).execute(&mut *conn).await?;
    match instruction.what.as_str() {
        "swallows-a-full-disk" => {
            let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *conn).await?;
            let limit = AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
            sqlx::query(limit).execute(&mut *conn).await?;
            let filled =
                sqlx::query("INSERT INTO effects VALUES (hex(zeroblob(1000000)))").execute(&mut *conn).await;
            sqlx::query("PRAGMA max_page_count = 1000000").execute(&mut *conn).await?;
            assert!(filled.is_err_and(|e| e.to_string().contains("full")), "the fault did not fire");
            sqlx::query("INSERT INTO effects VALUES ('after')").execute(conn).await.ok();
        }
        "commits" => _ = sqlx::raw_sql("COMMIT").execute(conn).await.ok(),
        "commits-and-fails" => {
            sqlx::raw_sql("COMMIT").execute(conn).await.ok();
            return Err(sqlx::Error::RowNotFound);
        }
        "rolls-back" => _ = sqlx::raw_sql("ROLLBACK").execute(conn).await?,
        "rolls-back-and-writes" => {
            sqlx::raw_sql("ROLLBACK").execute(&mut *conn).await?;
            sqlx::query("INSERT INTO effects VALUES (?)").bind(&id).execute(conn).await?;
        }
        "rolls-back-begins-and-writes" => {
            sqlx::raw_sql("ROLLBACK; BEGIN").execute(&mut *conn).await?;
            sqlx::query("INSERT INTO effects VALUES (?)").bind(&id).execute(&mut *conn).await?;
            sqlx::raw_sql("COMMIT").execute(conn).await?;
        }
        "creates" => _ = sqlx::raw_sql("CREATE TABLE made_by_handler (id int)").execute(conn).await?,
        _ => {}
    }
    Ok(())
}

struct Outcome {
    seen: Seen,
    effects: Vec<String>,
    claims: i64,
}

async fn outcome(what: &str) -> Outcome {
    let database = Database::sqlite();
    let options: SqliteConnectOptions = database.url().parse().expect("a URL");
    let pool = SqlitePool::connect_with(options.create_if_missing(true)).await.expect("the test's database");
    sqlx::query("CREATE TABLE effects (id text NOT NULL)").execute(&pool).await.expect("the test's table");
    let store = SqliteStore::connect(database.url()).await.expect("a store");
    let seen = play(store, App::new().register_with::<hazards>(quick), &[what]).await;
    let effects =
        sqlx::query_scalar("SELECT id FROM effects ORDER BY id").fetch_all(&pool).await.expect("effects");
    let claims =
        sqlx::query_scalar("SELECT count(*) FROM processed_events").fetch_one(&pool).await.expect("claims");
    Outcome { seen, effects, claims }
}

#[tokio::test]
async fn a_swallowed_full_disk_is_never_acknowledged_as_done() {
    let outcome = outcome("swallows-a-full-disk").await;
    assert_eq!(outcome.seen.only_reason(), "attempts-exhausted");
    assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1));
}

#[tokio::test]
async fn the_commit_of_a_handler_is_vetoed() {
    for what in ["commits", "commits-and-fails"] {
        let outcome = outcome(what).await;
        assert_eq!(outcome.seen.only_reason(), "attempts-exhausted", "{what}");
        assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1), "{what}");
    }
}

#[tokio::test]
async fn a_handler_that_rolls_back_is_tried_again_and_leaves_nothing() {
    for what in ["rolls-back", "rolls-back-and-writes", "rolls-back-begins-and-writes"] {
        let outcome = outcome(what).await;
        assert_eq!(outcome.seen.only_reason(), "attempts-exhausted", "{what}");
        assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1), "{what}");
    }
}

#[tokio::test]
async fn ddl_is_transactional_here() {
    let outcome = outcome("creates").await;
    assert!(outcome.seen.dead.is_empty(), "{:?}", outcome.seen.dead);
    assert_eq!((outcome.effects, outcome.claims), (vec!["creates".to_owned(), "neighbour".to_owned()], 2));
}
