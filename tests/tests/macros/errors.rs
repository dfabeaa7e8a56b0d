//! A database error is found wherever a user's error type hides it, and its class decides.

use std::{error::Error, sync::Arc, time::Duration};

use consumer::{
    App, Class, SqliteStore, Verdict,
    classify::{Classify as _, walk},
    handler::Register,
    prelude::*,
    retry::RetryPolicy,
    sqlx::{self, SqliteConnection},
    storage::Sessions,
};
use consumer_tests::{database::Database, stage::Stage};

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "order", version = 1)]
struct Order {}

/// Fails for ever: a column that may not be null gets none.
async fn break_a_rule(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("CREATE TEMP TABLE IF NOT EXISTS strict (n INTEGER NOT NULL)").execute(&mut *conn).await?;
    sqlx::query("INSERT INTO strict VALUES (NULL)").execute(conn).await?;
    Ok(())
}

#[consumer(name = "sqlx", queue = "orders")]
async fn by_sqlx(_: Order, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    break_a_rule(conn).await
}

#[consumer(name = "anyhow", queue = "orders")]
async fn by_anyhow(_: Order, conn: &mut SqliteConnection) -> anyhow::Result<()> {
    Ok(break_a_rule(conn).await?)
}

#[consumer(name = "anyhow-context", queue = "orders")]
async fn by_anyhow_with_context(_: Order, conn: &mut SqliteConnection) -> anyhow::Result<()> {
    anyhow::Context::context(break_a_rule(conn).await, "recording the order")
}

#[consumer(name = "boxed", queue = "orders")]
async fn by_box(_: Order, conn: &mut SqliteConnection) -> Result<(), Box<dyn Error + Send + Sync>> {
    Ok(break_a_rule(conn).await?)
}

#[derive(Debug, thiserror::Error)]
enum Unclassified {
    #[error("database")]
    Db(#[from] sqlx::Error),
}

#[consumer(name = "unclassified", queue = "orders")]
async fn by_unclassified(_: Order, conn: &mut SqliteConnection) -> Result<(), Unclassified> {
    Ok(break_a_rule(conn).await?)
}

#[derive(Debug, thiserror::Error, Classify)]
enum Transparent {
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

#[consumer(name = "transparent", queue = "orders")]
async fn by_transparent(_: Order, conn: &mut SqliteConnection) -> Result<(), Transparent> {
    Ok(break_a_rule(conn).await?)
}

#[derive(Debug, thiserror::Error, Classify)]
enum Patient {
    #[error("not now")]
    #[classify(transient)]
    NotNow,
}

#[consumer(name = "patient", queue = "orders")]
async fn by_patient(_: Order, meta: Meta) -> Result<(), Patient> {
    if meta.attempt() < 3 { Err(Patient::NotNow) } else { Ok(()) }
}

#[consumer(name = "anyhow-classified", queue = "orders")]
async fn by_anyhow_around_a_class(_: Order) -> anyhow::Result<()> {
    Err(Rejected.into())
}

/// The reasons of the dead letters after one order that is tried once.
async fn dead_letters<C: Register<SqliteStore>>() -> Vec<String> {
    dead_letters_after::<C>(RetryPolicy::never()).await
}

async fn dead_letters_after<C: Register<SqliteStore>>(retry: RetryPolicy) -> Vec<String> {
    let database = Database::sqlite();
    let store = SqliteStore::connect(database.url()).await.expect("a store");
    let stage =
        Stage::start(store, Default::default(), App::new().register_with::<C>(|c| c.retry(retry.clone())))
            .await;
    stage.publish("orders", "1", "order", "{}").await;
    stage.drained("orders").await;
    let dead = stage.dead("orders");
    stage.stop().await.expect("a good end");
    dead
}

/// Converting an `anyhow::Error` into a box hides what is in it: it has to be kept as it is.
#[tokio::test]
async fn anyhow_hides_sqlx() {
    assert_eq!(dead_letters::<by_anyhow>().await, ["permanent"]);
    assert_eq!(dead_letters::<by_anyhow_with_context>().await, ["permanent"]);
}

/// `#[error(transparent)]` skips its own field in `source()`: the derive hands the field over.
#[tokio::test]
async fn transparent_hides_sqlx() {
    assert_eq!(dead_letters::<by_transparent>().await, ["permanent"]);
}

/// A limit: what we cannot name we cannot find again. The remedy is to return the error itself.
#[tokio::test]
async fn anyhow_hides_classify() {
    assert_eq!(dead_letters::<by_anyhow_around_a_class>().await, ["attempts-exhausted"]);
}

#[tokio::test]
async fn other_errors_show_sqlx() {
    assert_eq!(dead_letters::<by_sqlx>().await, ["permanent"]);
    assert_eq!(dead_letters::<by_box>().await, ["permanent"]);
    assert_eq!(dead_letters::<by_unclassified>().await, ["permanent"]);
}

#[tokio::test]
async fn a_transient_error_is_tried_again() {
    assert_eq!(dead_letters::<by_patient>().await, ["attempts-exhausted"]);
    let patient = RetryPolicy::never().at_once(3);
    assert_eq!(dead_letters_after::<by_patient>(patient).await, [] as [&str; 0]);
}

#[derive(Debug, thiserror::Error, Classify)]
enum Every<T: Error + Send + Sync + 'static> {
    #[error("never")]
    #[classify(permanent)]
    Never,
    #[error("later")]
    #[classify(transient)]
    Later { why: String },
    #[error("in half a minute")]
    #[classify(retry_after = 30)]
    InHalfAMinute(u8, u8),
    #[error("in an hour")]
    #[classify(retry_after = "1h")]
    InAnHour,
    #[error("unmarked, without a cause")]
    Unmarked,
    #[error(transparent)]
    Transparent(sqlx::Error),
    #[error("from")]
    From(#[from] sqlx::Error),
    #[error("source")]
    Source {
        #[source]
        inner: sqlx::Error,
        attempt: u8,
    },
    #[error("by name")]
    ByName { source: sqlx::Error },
    #[error("optional")]
    Optional(#[source] Option<sqlx::Error>),
    #[error("boxed")]
    Boxed(#[source] Box<sqlx::Error>),
    #[error("shared")]
    Shared(#[source] Arc<sqlx::Error>),
    #[error("any")]
    Any(#[source] anyhow::Error),
    #[error("dynamic")]
    Dynamic(#[source] Box<dyn Error + Send + Sync>),
    #[error("another that knows its class")]
    Classified(#[source] Transparent),
    #[error("generic")]
    Generic(#[source] T),
    #[error("marked in spite of its cause")]
    #[classify(permanent)]
    Marked(#[source] std::io::Error),
}

type Example = Every<sqlx::Error>;

fn lost() -> sqlx::Error {
    sqlx::Error::RowNotFound
}

#[test]
fn each_variant_says_its_class() {
    assert!(matches!(Example::Never.classify(), Verdict::Permanent));
    assert!(matches!(Example::Later { why: String::new() }.classify(), Verdict::Transient));
    assert!(matches!(Example::Unmarked.classify(), Verdict::Transient));
    assert!(matches!(Example::Optional(None).classify(), Verdict::Transient));
    assert!(matches!(Example::Marked(std::io::Error::other("x")).classify(), Verdict::Permanent));
    let delay = |error: Example| match error.classify() {
        Verdict::RetryAfter(delay) => delay,
        other => panic!("{other:?}"),
    };
    assert_eq!(delay(Example::InHalfAMinute(1, 2)), Duration::from_secs(30));
    assert_eq!(delay(Example::InAnHour), Duration::from_secs(3600));
}

#[test]
fn each_unmarked_variant_shows_its_cause() {
    let causes = [
        Example::Transparent(lost()),
        Example::From(lost()),
        Example::Source { inner: lost(), attempt: 1 },
        Example::ByName { source: lost() },
        Example::Optional(Some(lost())),
        Example::Boxed(Box::new(lost())),
        Example::Shared(Arc::new(lost())),
        Example::Any(lost().into()),
        Example::Dynamic(lost().into()),
        Example::Classified(Transparent::Db(lost())),
        Example::Generic(lost()),
    ];
    for error in causes {
        let Verdict::Cause(cause) = error.classify() else { panic!("{error:?} shows no cause") };
        let found = walk(cause, |link| link.downcast_ref::<sqlx::Error>().map(|_| ()));
        assert!(found.is_some(), "{error:?} hides sqlx");
    }
}

#[derive(Debug, thiserror::Error, Classify)]
#[error("rejected")]
#[classify(permanent)]
struct Rejected;

#[derive(Debug, thiserror::Error, Classify)]
#[error("database")]
struct Db(#[from] sqlx::Error);

#[test]
fn a_struct_says_its_class_or_shows_its_cause() {
    assert!(matches!(Rejected.classify(), Verdict::Permanent));
    assert!(matches!(Db(lost()).classify(), Verdict::Cause(cause) if cause.is::<sqlx::Error>()));
    assert!(matches!(Box::new(Rejected).classify(), Verdict::Permanent));
}

/// The class of one link, as a storage reads it; here to show that the chain was walked at all.
#[tokio::test]
async fn the_storage_reads_the_code() {
    let database = Database::sqlite();
    let store = SqliteStore::connect(database.url()).await.expect("a store");
    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.expect("a database");
    let mut conn = pool.acquire().await.expect("a connection");
    let error = break_a_rule(&mut conn).await.expect_err("a rule was broken");
    assert_eq!(walk(&error, |link| store.classify(link)), Some(Class::Permanent));
}
