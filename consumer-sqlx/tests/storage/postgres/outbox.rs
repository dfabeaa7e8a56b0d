//! Publishing outside a handler, and waking relays elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use consumer_core::{Class, Error, outbox::Route, storage::OutboxStorage, testing::SuiteStorage};
use futures_util::future::{Either, select};
use sqlx::Executor;

use super::start;
use crate::published::{Captured, class_of, rows};

#[tokio::test]
async fn publishing_belongs_to_the_transaction() {
    let Some((_database, store, _)) = start().await else { return };
    let mut undone = store.pool().begin().await.expect("a transaction");
    store.publish(&mut undone, &Captured("a")).await.expect("published");
    undone.rollback().await.expect("undone");
    let mut tx = store.pool().begin().await.expect("a transaction");
    let id = store.publish(&mut tx, &Captured("a")).await.expect("published");
    let second = store.publish_to(&mut tx, &Captured("a"), Route::queue("q")).await.expect("published");
    assert_eq!(rows(&store).await.len(), 0, "nothing is seen before the commit");
    tx.commit().await.expect("a commit");
    let rows = rows(&store).await;
    let seen: Vec<_> = rows.iter().map(|row| (row.event.id, row.number)).collect();
    assert_eq!(seen, [(id, Some(1)), (second, Some(2))]);
    assert_eq!(rows[1].event.exchange.as_deref(), Some(""));
}

#[tokio::test]
async fn a_deadlock_while_publishing_keeps_its_code() {
    let Some((_database, store, _)) = start().await else { return };
    let mut here = store.pool().begin().await.expect("a transaction");
    let mut there = store.pool().begin().await.expect("a transaction");
    store.publish(&mut here, &Captured("a")).await.expect("published");
    store.publish(&mut there, &Captured("b")).await.expect("published");
    let (other, a, b) = (store.clone(), Captured("a"), Captured("b"));
    let waiting = tokio::spawn(async move {
        let end = store.publish(&mut here, &b).await.map(drop);
        drop(here);
        end
    });
    let second = other.publish(&mut there, &a).await.map(drop);
    drop(there);
    let victims: Vec<Error> =
        [second, waiting.await.expect("a task")].into_iter().filter_map(Result::err).collect();
    assert_eq!(victims.len(), 1, "one of two who wait for each other gives up");
    assert!(victims[0].is_unavailable(), "{:?}", victims[0]);
    assert_eq!(class_of(&other, &victims[0]), Some(Class::Conflict), "{:?}", victims[0]);
}

#[tokio::test]
async fn missing_tables_are_the_deploys_fault() {
    let Some((database, store, _)) = start().await else { return };
    database.connect().await.execute("DROP TABLE outbox_events").await.expect("a change");
    let mut tx = store.pool().begin().await.expect("a transaction");
    let error = store.publish(&mut tx, &Captured("a")).await.expect_err("no table");
    assert!(error.is_schema(), "{error:?}");
    drop(tx);
    let mut tx = store.pool().begin().await.expect("a transaction");
    let error = store.publish(&mut tx, &Captured("a\0")).await.expect_err("no broker takes it");
    assert!(error.is_unpublishable(), "{error:?}");
}

#[tokio::test]
async fn an_announcement_wakes_other_processes_until_the_connection_is_lost() {
    let Some((database, store, _)) = start().await else { return };
    let other = database.store().await;
    let woken = AtomicUsize::new(0);
    let listening = Box::pin(store.announced(|| {
        woken.fetch_add(1, Ordering::SeqCst);
    }));
    let heard = async |times| {
        while woken.load(Ordering::SeqCst) < times {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let announcing = Box::pin(async {
        // What was announced before is not heard, but it listens from then on.
        heard(1).await;
        other.announce().await.expect("announced");
        heard(2).await;
    });
    let Either::Right(((), listening)) = select(listening, announcing).await else { panic!("it listens on") };
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    database.connect().await.execute(kill).await.expect("killed");
    listening.await.expect_err("a lost connection is told");
}
