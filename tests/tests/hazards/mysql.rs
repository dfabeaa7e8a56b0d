//! MariaDB and MySQL.

use std::time::Duration;

use consumer::{
    MySqlStore,
    prelude::*,
    sqlx::{self, MySqlConnection, MySqlPool},
};
use consumer_tests::database::Database;

use super::{Instruction, Seen, play, quick};

#[consumer(name = "hazards", timeout = "1s")]
async fn hazards(
    instruction: Instruction,
    conn: &mut MySqlConnection,
    State(pool): State<MySqlPool>,
    meta: Meta,
) -> Result<(), sqlx::Error> {
    let id = meta.id().to_owned();
    sqlx::query("INSERT INTO effects VALUES (?)").bind(&id).execute(&mut *conn).await?;
    match instruction.what.as_str() {
        "swallows-a-deadlock" => {
            // The first attempt meets a rival that holds row 2 and wants row 1.
            sqlx::query("UPDATE locks SET n = n + 1 WHERE id = 1").execute(&mut *conn).await?;
            if meta.attempt() == 1 {
                let rival = tokio::spawn(rival(pool.clone()));
                tokio::time::sleep(Duration::from_millis(300)).await;
                let met = sqlx::query("UPDATE locks SET n = n + 1 WHERE id = 2").execute(&mut *conn).await;
                if let Err(error) = met {
                    let code = error.as_database_error().map(|e| e.message().to_owned());
                    sqlx::query("INSERT INTO seen VALUES (?)").bind(code).execute(&pool).await?;
                }
                sqlx::query("INSERT INTO effects VALUES ('after')").execute(conn).await?;
                rival.abort();
            }
        }
        "commits" => _ = sqlx::raw_sql("COMMIT").execute(conn).await?,
        "commits-and-fails" => {
            sqlx::raw_sql("COMMIT").execute(conn).await?;
            return Err(sqlx::Error::RowNotFound);
        }
        "creates" => _ = sqlx::raw_sql("CREATE TABLE made_by_handler (id int)").execute(conn).await?,
        "creates-and-fails" => {
            sqlx::raw_sql("CREATE TABLE made_by_handler_too (id int)").execute(conn).await?;
            return Err(sqlx::Error::RowNotFound);
        }
        "rolls-back" => _ = sqlx::raw_sql("ROLLBACK").execute(conn).await?,
        "rolls-back-and-writes" => {
            sqlx::raw_sql("ROLLBACK").execute(&mut *conn).await?;
            sqlx::query("INSERT INTO effects VALUES (?)").bind(&id).execute(conn).await?;
        }
        "locks-itself-out" => {
            sqlx::query("UPDATE locks SET n = n + 1 WHERE id = 1").execute(conn).await?;
            sqlx::query("UPDATE locks SET n = n + 1 WHERE id = 1").execute(&pool).await?;
        }
        "waits-for-a-lock" => {
            let waited = sqlx::query("UPDATE locks SET n = n + 1 WHERE id = 1").execute(conn).await;
            if waited.is_err() {
                sqlx::query("INSERT INTO effects VALUES ('swallowed')").execute(&pool).await?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Holds row 2, has much to lose, and waits for row 1: the handler becomes the victim.
async fn rival(pool: MySqlPool) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("UPDATE weight SET n = n + 1").execute(&mut *tx).await?;
    sqlx::query("UPDATE locks SET n = n + 1 WHERE id = 2").execute(&mut *tx).await?;
    sqlx::query("UPDATE locks SET n = n + 1 WHERE id = 1").execute(&mut *tx).await?;
    tx.rollback().await
}

struct Outcome {
    seen: Seen,
    effects: Vec<String>,
    claims: i64,
    pool: MySqlPool,
}

async fn tables() -> Option<(Database, MySqlPool)> {
    let database = Database::mysql().await?;
    let pool = MySqlPool::connect(database.url()).await.expect("the test's database");
    for statement in [
        "CREATE TABLE effects (id varchar(64) NOT NULL) ENGINE=InnoDB",
        "CREATE TABLE seen (error text) ENGINE=InnoDB",
        "CREATE TABLE locks (id int PRIMARY KEY, n int NOT NULL) ENGINE=InnoDB",
        "INSERT INTO locks VALUES (1, 0), (2, 0)",
        "CREATE TABLE weight (id int PRIMARY KEY AUTO_INCREMENT, n int NOT NULL) ENGINE=InnoDB",
        "INSERT INTO weight (n) VALUES (0), (0), (0), (0), (0), (0), (0), (0), (0), (0), (0), (0), (0), (0), (0)",
    ] {
        sqlx::query(statement).execute(&pool).await.expect("the test's tables");
    }
    Some((database, pool))
}

async fn outcome(what: &str) -> Option<Outcome> {
    let (database, pool) = tables().await?;
    Some(outcome_in(&database, pool, what).await)
}

async fn outcome_in(database: &Database, pool: MySqlPool, what: &str) -> Outcome {
    let store = MySqlStore::connect(database.url()).await.expect("a store");
    let app = App::new().state(pool.clone()).register_with::<hazards>(quick);
    let seen = play(store, app, &[what]).await;
    let effects =
        sqlx::query_scalar("SELECT id FROM effects ORDER BY id").fetch_all(&pool).await.expect("effects");
    let claims =
        sqlx::query_scalar("SELECT count(*) FROM processed_events").fetch_one(&pool).await.expect("claims");
    Outcome { seen, effects, claims, pool }
}

#[tokio::test]
async fn a_swallowed_deadlock_leaves_no_effect_without_its_claim() {
    let Some(outcome) = outcome("swallows-a-deadlock").await else { return };
    let met: Vec<String> =
        sqlx::query_scalar("SELECT error FROM seen").fetch_all(&outcome.pool).await.expect("seen");
    assert!(
        met.iter().any(|error| error.contains("Deadlock")),
        "a fault that never fired proves nothing: {met:?}"
    );
    assert!(outcome.seen.dead.is_empty(), "the second attempt meets no rival: {:?}", outcome.seen.dead);
    assert_eq!(
        outcome.effects,
        ["neighbour", "swallows-a-deadlock"],
        "`after` followed the deadlock, outside the unit"
    );
    assert_eq!(outcome.claims, 2);
}

#[tokio::test]
async fn a_handler_that_commits_or_runs_ddl_ends_as_transaction_ended() {
    for what in ["commits", "commits-and-fails", "creates", "creates-and-fails"] {
        let Some(outcome) = outcome(what).await else { return };
        assert_eq!(outcome.seen.only_reason(), "transaction-ended", "{what}");
        assert_eq!(
            (outcome.effects, outcome.claims),
            (vec![what.to_owned(), "neighbour".to_owned()], 2),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_handler_that_rolls_back_is_tried_again_and_leaves_nothing() {
    for what in ["rolls-back", "rolls-back-and-writes"] {
        let Some(outcome) = outcome(what).await else { return };
        assert_eq!(outcome.seen.only_reason(), "attempts-exhausted", "{what}");
        assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1), "{what}");
    }
}

#[tokio::test]
async fn a_handler_that_locks_itself_out_is_named_and_harms_nobody() {
    let Some(outcome) = outcome("locks-itself-out").await else { return };
    assert_eq!(outcome.seen.only_reason(), "attempts-exhausted");
    assert!(outcome.seen.dead[0].1.contains("did not finish within 1s"), "{:?}", outcome.seen.dead);
    assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1));
}

#[tokio::test]
async fn a_lock_wait_never_reaches_the_handler_as_an_error_it_can_swallow() {
    let Some((database, pool)) = tables().await else { return };
    let mut holder = pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE locks SET n = n + 1 WHERE id = 1").execute(&mut *holder).await.expect("a lock");
    let outcome = outcome_in(&database, pool, "waits-for-a-lock").await;
    holder.rollback().await.expect("an end of the lock");
    assert_eq!(outcome.seen.only_reason(), "attempts-exhausted");
    assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1));
}
