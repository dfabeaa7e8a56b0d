//! A unit from begin to commit on each storage.

use std::time::Duration;

use consumer_core::{Storage, inbox::*, message::*, storage::*};
use consumer_sqlx::{mysql::MySqlStore, postgres::PgStore, sqlite::SqliteStore};

const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(2), grace: Duration::from_secs(1) };

async fn run<S: Storage>(store: S) {
    store.prepare().await.unwrap();
    store.prepare().await.unwrap();
    let ids = store.enroll(&[ConsumerName { name: "a", aliases: &[] }]).await.unwrap();
    let again = store.enroll(&[ConsumerName { name: "b", aliases: &["a"] }]).await.unwrap();
    assert_eq!(ids, again);
    let mut session = store.open(LIMITS).await.unwrap();
    let claim = Claim::new(ids[0], &EventId { source: "".into(), id: "x".into() }, Fingerprint::of(b"{}"));
    let mut tx = store.begin(&mut session).await.unwrap();
    assert_eq!(store.claim(&mut tx, &claim).await.unwrap(), Claimed::Fresh);
    let end = store.commit(tx).await;
    assert!(matches!(end, Commit::Done), "{end:?}");
    let mut tx = store.begin(&mut session).await.unwrap();
    assert!(
        matches!(store.claim(&mut tx, &claim).await.unwrap(), Claimed::Taken(stored) if compare(&claim, &stored) == Repeat::Duplicate)
    );
    let end = store.roll_back(tx).await;
    assert!(matches!(end, Rollback::Done), "{end:?}");
    assert!(store.find(&mut session, ids[0], claim.key).await.unwrap().is_some());
    store.ping(&mut session).await.unwrap();
    drop(store.begin(&mut session).await.unwrap());
    drop(session);
    let mut session = store.open(LIMITS).await.unwrap();
    let tx = store.begin(&mut session).await.unwrap();
    assert!(matches!(store.commit(tx).await, Commit::Done));
    assert_eq!(store.sweep(Duration::from_secs(60), 10).await.unwrap(), Swept { claims: 0, more: false });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.sweep(Duration::from_millis(1), 1).await.unwrap(), Swept { claims: 1, more: true });
    println!("{} {:?}", store.describe(), store.capacity());
}

#[tokio::test]
async fn sqlite() {
    let dir = tempfile::tempdir().unwrap();
    run(SqliteStore::connect(&format!("sqlite:{}/a.db", dir.path().display())).await.unwrap()).await;
}

#[tokio::test]
async fn postgres() {
    let Ok(url) = std::env::var("CONSUMER_TEST_POSTGRES_URL") else { return };
    run(PgStore::builder().schema(format!("t{}", std::process::id())).connect(&url).await.unwrap()).await;
}

#[tokio::test]
async fn mysql() {
    let Ok(url) = std::env::var("CONSUMER_TEST_MYSQL_URL") else { return };
    run(MySqlStore::builder().table_prefix(format!("t{}_", std::process::id())).connect(&url).await.unwrap())
        .await;
}
