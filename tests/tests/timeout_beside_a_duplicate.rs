//! A handler runs out of time while a duplicate of its event waits for the claim: the duplicate takes effect, and that is all.

use std::{
    collections::HashSet,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use consumer::{
    Broker, Runtime, SqliteStore,
    broker::Publication,
    memory::MemoryBroker,
    message::{Message, Properties},
    prelude::*,
    sqlx::{self, SqliteConnection},
};
use consumer_tests::database::Database;
use tokio::time;

const EVENTS: i64 = 20;

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "paid", version = 1)]
struct Paid {
    number: i64,
}

/// The events whose handler has hung once.
type Hung = Arc<Mutex<HashSet<i64>>>;

#[consumer(name = "hangs", timeout = "100ms")]
async fn pay(event: Paid, conn: &mut SqliteConnection, State(hung): State<Hung>) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO paid VALUES ($1)").bind(event.number).execute(conn).await?;
    let first = hung.lock().expect("no panic inside").insert(event.number);
    if first {
        pending::<()>().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_dead_letter_says_that_the_transaction_was_ended() {
    let (database, broker) = (Database::sqlite(), MemoryBroker::new());
    let store = SqliteStore::connect(database.url()).await.expect("SQLite");
    sqlx::query("CREATE TABLE paid (number INTEGER)").execute(store.pool()).await.expect("the table");
    let app = App::new().state(Hung::default()).register_with::<pay>(|c| c.concurrency(4));
    let runtime = Runtime::new(store.clone(), broker.clone());
    let handle = runtime.handle();
    let running = tokio::spawn(runtime.run(app).until(pending()));
    while !handle.health().ready {
        time::sleep(Duration::from_millis(1)).await;
    }
    for number in 0..EVENTS {
        for _ in 0..2 {
            broker.publish(message(number)).await.expect("published");
        }
    }
    time::timeout(Duration::from_secs(60), broker.drained("hangs")).await.expect("everything is settled");
    handle.stop();
    running.await.expect("no panic").expect("a good end");
    let reasons: Vec<_> = broker.messages("hangs.dlq").iter().map(reason).collect();
    assert_eq!(reasons, [""; 0]);
    let paid: (i64, i64) = sqlx::query_as("SELECT COUNT(*), COUNT(DISTINCT number) FROM paid")
        .fetch_one(store.pool())
        .await
        .expect("the rows");
    assert_eq!(paid, (EVENTS, EVENTS));
}

fn message(number: i64) -> Publication {
    let properties = Properties { message_id: Some(format!("paid-{number}")), ..Properties::default() };
    let body = format!(r#"{{"number":{number}}}"#).into();
    let message = Message { properties, body, ..Message::default() };
    Publication { exchange: String::new(), routing_key: "hangs".to_owned(), message }
}

fn reason(letter: &Message) -> String {
    letter.headers.text("x-consumer-reason").unwrap_or_default().to_owned()
}
