//! PostgreSQL.

use consumer::{
    PgStore,
    prelude::*,
    sqlx::{self, Connection, PgConnection, PgPool},
};
use consumer_tests::database::Database;

use super::{Instruction, Seen, play, quick};

const SCHEMA: &str = "CREATE TABLE effects (id text NOT NULL);
    CREATE TABLE once (id int PRIMARY KEY); INSERT INTO once VALUES (1);
    CREATE TABLE deferred (id int REFERENCES once (id) DEFERRABLE INITIALLY DEFERRED)";

#[consumer(name = "hazards", timeout = "1s")]
async fn hazards(
    instruction: Instruction,
    conn: &mut PgConnection,
    State(pool): State<PgPool>,
    meta: Meta,
) -> Result<(), sqlx::Error> {
    let id = meta.id().to_owned();
    sqlx::query("INSERT INTO effects VALUES ($1)").bind(&id).execute(&mut *conn).await?;
    match instruction.what.as_str() {
        "swallows" => _ = sqlx::query("INSERT INTO once VALUES (1)").execute(conn).await,
        "commits" => _ = sqlx::raw_sql("COMMIT").execute(conn).await?,
        "commits-and-begins" => _ = sqlx::raw_sql("COMMIT; BEGIN").execute(conn).await?,
        "commits-and-fails" => {
            sqlx::raw_sql("COMMIT").execute(conn).await?;
            return Err(sqlx::Error::RowNotFound);
        }
        "commits-begins-and-fails" => {
            sqlx::raw_sql("COMMIT; BEGIN").execute(&mut *conn).await?;
            sqlx::query("INSERT INTO once VALUES (1)").execute(conn).await?;
        }
        "rolls-back" => _ = sqlx::raw_sql("ROLLBACK").execute(conn).await?,
        "rolls-back-and-writes" => {
            sqlx::raw_sql("ROLLBACK").execute(&mut *conn).await?;
            sqlx::query("INSERT INTO effects VALUES ($1)").bind(&id).execute(conn).await?;
        }
        "rolls-back-begins-and-writes" => {
            sqlx::raw_sql("ROLLBACK; BEGIN").execute(&mut *conn).await?;
            sqlx::query("INSERT INTO effects VALUES ($1)").bind(&id).execute(&mut *conn).await?;
            sqlx::raw_sql("COMMIT").execute(conn).await?;
        }
        "creates" => _ = sqlx::raw_sql("CREATE TABLE made_by_handler (id int)").execute(conn).await?,
        "breaks-at-commit" => _ = sqlx::query("INSERT INTO deferred VALUES (99)").execute(conn).await?,
        "uses-savepoints" => {
            let mut inner = conn.begin().await?;
            let _ = sqlx::query("INSERT INTO once VALUES (1)").execute(&mut *inner).await;
            inner.rollback().await?;
        }
        "locks-itself-out" => {
            sqlx::query("UPDATE once SET id = id").execute(conn).await?;
            sqlx::query("UPDATE once SET id = id").execute(&pool).await?;
        }
        "waits-for-a-lock" => {
            // It does, as 55P03; but the transaction is aborted then, and cannot commit.
            let waited = sqlx::query("UPDATE once SET id = id").execute(&mut *conn).await;
            if waited.is_err() {
                sqlx::query("INSERT INTO effects VALUES ('swallowed')").execute(conn).await.ok();
            }
        }
        _ => {}
    }
    Ok(())
}

struct Outcome {
    seen: Seen,
    effects: Vec<String>,
    claims: i64,
    pool: PgPool,
}

async fn outcome(what: &str) -> Option<Outcome> {
    let database = Database::postgres().await?;
    let pool = PgPool::connect(database.url()).await.expect("the test's database");
    sqlx::raw_sql(SCHEMA).execute(&pool).await.expect("the test's tables");
    Some(outcome_in(&database, pool, what).await)
}

async fn outcome_in(database: &Database, pool: PgPool, what: &str) -> Outcome {
    let store = PgStore::connect(database.url()).await.expect("a store");
    let app = App::new().state(pool.clone()).register_with::<hazards>(quick);
    let seen = play(store, app, &[what]).await;
    let effects =
        sqlx::query_scalar("SELECT id FROM effects ORDER BY id").fetch_all(&pool).await.expect("effects");
    let claims =
        sqlx::query_scalar("SELECT count(*) FROM processed_events").fetch_one(&pool).await.expect("claims");
    Outcome { seen, effects, claims, pool }
}

#[tokio::test]
async fn a_swallowed_error_is_never_acknowledged_as_done() {
    let Some(outcome) = outcome("swallows").await else { return };
    assert_eq!(outcome.seen.only_reason(), "attempts-exhausted");
    assert!(outcome.seen.dead[0].1.contains("swallowed the error of a statement"), "{:?}", outcome.seen.dead);
    assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1));
}

#[tokio::test]
async fn a_handler_that_commits_ends_as_transaction_ended() {
    for what in ["commits", "commits-and-begins", "commits-and-fails", "commits-begins-and-fails"] {
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
    for what in ["rolls-back", "rolls-back-and-writes", "rolls-back-begins-and-writes"] {
        let Some(outcome) = outcome(what).await else { return };
        assert_eq!(outcome.seen.only_reason(), "attempts-exhausted", "{what}");
        assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1), "{what}");
    }
}

#[tokio::test]
async fn ddl_is_transactional_here_and_a_users_savepoints_are_its_own() {
    for what in ["creates", "uses-savepoints"] {
        let Some(outcome) = outcome(what).await else { return };
        assert!(outcome.seen.dead.is_empty(), "{what}: {:?}", outcome.seen.dead);
        assert_eq!(
            (outcome.effects, outcome.claims),
            (vec!["neighbour".to_owned(), what.to_owned()].sorted(), 2),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_constraint_that_speaks_at_the_commit_is_classified_never_acknowledged() {
    let Some(outcome) = outcome("breaks-at-commit").await else { return };
    assert_eq!(outcome.seen.only_reason(), "attempts-exhausted");
    assert!(outcome.seen.dead[0].1.contains("refused the commit"), "{:?}", outcome.seen.dead);
    assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1));
}

#[tokio::test]
async fn a_handler_that_locks_itself_out_is_named_and_harms_nobody() {
    let Some(outcome) = outcome("locks-itself-out").await else { return };
    assert_eq!(outcome.seen.only_reason(), "attempts-exhausted");
    assert!(outcome.seen.dead[0].1.contains("did not finish within 1s"), "{:?}", outcome.seen.dead);
    assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1));
}

#[tokio::test]
async fn a_swallowed_lock_timeout_commits_nothing() {
    let Some(database) = Database::postgres().await else { return };
    let pool = PgPool::connect(database.url()).await.expect("the test's database");
    sqlx::raw_sql(SCHEMA).execute(&pool).await.expect("the test's tables");
    let mut holder = pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE once SET id = id").execute(&mut *holder).await.expect("a lock");
    let outcome = outcome_in(&database, pool, "waits-for-a-lock").await;
    holder.rollback().await.expect("an end of the lock");
    assert_eq!(outcome.seen.only_reason(), "attempts-exhausted");
    assert_eq!((outcome.effects, outcome.claims), (vec!["neighbour".to_owned()], 1));
    outcome.pool.close().await;
}

trait Sorted {
    fn sorted(self) -> Self;
}

impl Sorted for Vec<String> {
    fn sorted(mut self) -> Self {
        self.sort();
        self
    }
}
