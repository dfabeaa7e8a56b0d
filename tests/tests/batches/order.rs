//! The events of one key are processed in the order in which they arrived, by however many workers, one by one or in batches.

use std::{collections::BTreeMap, time::Duration};

use consumer::{
    App, Broker, PgStore, Runtime, Storage,
    broker::{Publication, QueueKind, QueueSpec},
    handler::ConsumerConfig,
    memory::MemoryBroker,
    message::Message,
    prelude::*,
    testing::MemoryStore,
};
use consumer_tests::{
    database::Database,
    rabbitmq::{Node, fresh},
    stage::{Stage, message},
    wait,
};
use tokio::{
    runtime::Runtime as Process,
    task::{spawn_blocking, yield_now},
};

use crate::{
    Deposit,
    handlers::{Log, Trouble},
};

const ACCOUNTS: usize = 12;
const DEPOSITS: usize = 600;
/// Of an account of its own.
const POISONED: usize = ACCOUNTS;
const QUEUE: &str = "in-order";
/// What comes back has its place there, in whichever order it does.
const KIND: QueueKind = QueueKind::Classic;
const PATIENCE: Duration = Duration::from_secs(60);

#[consumer(name = "in_order", queue = "in-order", timeout = "30s")]
async fn one_by_one(event: Deposit, State(log): State<Log>) -> Result<(), Trouble> {
    process(&event, &log).await
}

#[consumer(name = "in_order", queue = "in-order", timeout = "30s", batch = 64)]
async fn batched(event: Deposit, State(log): State<Log>) -> Result<(), Trouble> {
    process(&event, &log).await
}

#[consumer(name = "in_order", queue = "in-order", timeout = "30s")]
async fn bulk(events: Batch<Deposit>, State(log): State<Log>) -> Result<(), Trouble> {
    for event in events.events() {
        process(event, &log).await?;
    }
    Ok(())
}

/// Takes longer for some than for others, so that whoever may overtake does.
async fn process(event: &Deposit, log: &Log) -> Result<(), Trouble> {
    log.wait().await;
    for _ in 0..fastrand::u32(..8) {
        yield_now().await;
    }
    if event.account == POISONED {
        return Err(Trouble::Poison);
    }
    log.note(&format!("{} {:04}", event.account, event.nth));
    Ok(())
}

/// The ways to process.
const WAYS: [&str; 3] = ["one by one", "in batches", "all at once"];

/// Eight workers, and everything in the process at once.
fn app<S: Storage>(how: &str, log: &Log, queue: &str) -> App<S> {
    let configure = |c: ConsumerConfig| c.queue(queue).queue_kind(KIND).concurrency(8).prefetch(2_000);
    let app = App::new().state(log.clone());
    match how {
        "one by one" => app.register_with::<one_by_one>(configure),
        "in batches" => app.register_with::<batched>(configure),
        _ => app.register_with::<bulk>(configure),
    }
}

fn deposit(nth: usize, account: usize) -> Message {
    message(&format!("{nth:04}"), "deposit", &format!(r#"{{"account":{account},"nth":{nth}}}"#))
}

fn deposits() -> impl Iterator<Item = Message> {
    (0..DEPOSITS).map(|nth| deposit(nth, nth % ACCOUNTS))
}

async fn publish(broker: &impl Broker, queue: &str, messages: impl Iterator<Item = Message>) {
    broker.prepare(&[QueueSpec { kind: KIND, ..QueueSpec::new(queue) }]).await.expect("a queue");
    for message in messages {
        let publication = Publication { exchange: String::new(), routing_key: queue.to_owned(), message };
        broker.publish(publication).await.expect("a publish");
    }
}

/// Each event was processed, those of a key in their order. A batch that came to nothing has called for some before: the last
/// call counts.
fn assert_in_order(how: &str, log: &Log) {
    let calls = log.calls();
    let mut last = BTreeMap::new();
    for (place, call) in calls.iter().enumerate() {
        last.insert(call.as_str(), place);
    }
    assert_eq!(last.len(), DEPOSITS, "{how}: every event is processed");
    let mut by_account: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for (call, place) in last {
        let (account, nth) = call.split_once(' ').expect("two words");
        by_account.entry(account).or_default().push((place, nth));
    }
    for (account, mut calls) in by_account {
        calls.sort_unstable();
        assert!(calls.is_sorted_by_key(|(_, nth)| *nth), "{how}: account {account} got {calls:?}");
    }
}

/// More calls than there are.
const ALL: usize = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_key_are_processed_in_order() {
    for how in WAYS {
        let (log, broker) = (Log::new(), MemoryBroker::new());
        log.open(ALL);
        publish(&broker, QUEUE, deposits()).await;
        let stage = Stage::start(MemoryStore::new(), broker, app(how, &log, QUEUE)).await;
        stage.drained(QUEUE).await;
        assert_in_order(how, &log);
        stage.stop().await.expect("a clean stop");
    }
}

/// Those of a batch that comes to nothing go back before those behind them.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_key_stay_in_order_when_their_batches_fail() {
    for how in WAYS {
        let (log, broker) = (Log::new(), MemoryBroker::new());
        log.open(ALL);
        let poisoned = |nth: usize| (nth % 100 == 50).then(|| deposit(DEPOSITS + nth, POISONED));
        let messages = deposits().enumerate().flat_map(|(nth, good)| [Some(good), poisoned(nth)]);
        publish(&broker, QUEUE, messages.flatten()).await;
        let stage = Stage::start(MemoryStore::new(), broker, app(how, &log, QUEUE)).await;
        stage.drained(QUEUE).await;
        assert_in_order(how, &log);
        assert_eq!(stage.dead(QUEUE), vec!["permanent"; DEPOSITS / 100], "{how}");
        stage.stop().await.expect("a clean stop");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_key_that_were_delivered_before_are_processed_in_order() {
    for how in WAYS {
        let (log, broker, store) = (Log::new(), MemoryBroker::new(), MemoryStore::new());
        publish(&broker, QUEUE, deposits()).await;
        let (process, connection) = (Process::new().expect("threads"), broker.connect());
        let first = Stage::start(store.clone(), connection.clone(), app(how, &Log::new(), QUEUE));
        let first = process.spawn(first).await.expect("a start");
        first.wait("all of them in the process", |s| s.broker.unacked(QUEUE) == DEPOSITS).await;
        spawn_blocking(move || process.shutdown_timeout(PATIENCE)).await.expect("the end of its threads");
        connection.close().await;
        assert_eq!(broker.depth(QUEUE), DEPOSITS, "all of them are back in the queue");

        log.open(ALL);
        let heir = Stage::start(store, broker, app(how, &log, QUEUE)).await;
        heir.drained(QUEUE).await;
        assert_in_order(how, &log);
        heir.stop().await.expect("a clean stop");
    }
}

/// Events that come again while the process still holds their first deliveries.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_key_stay_in_order_when_the_connection_is_closed() {
    let Some(node) = Node::get() else { return };
    for how in WAYS {
        let Some(database) = Database::postgres().await else { return };
        let (log, queue, name) = (Log::new(), fresh("order"), fresh("order"));
        let broker = node.connect(&fresh("order")).await;
        publish(&broker, &queue, deposits()).await;
        let store = PgStore::connect(database.url()).await.expect("PostgreSQL");
        let runtime = Runtime::new(store, node.connect(&name).await);
        let handle = runtime.handle();
        let running = tokio::spawn(runtime.run(app(how, &log, &queue)).until(std::future::pending()));
        let empty = async || broker.depth(&queue).await.expect("an answer") == Some(0);
        wait::until("all of them in the process", PATIENCE, empty).await;
        node.close_connections(&format!("{name} (consuming)"));
        let ready = || handle.health().ready;
        wait::until("the consumer is ready again", PATIENCE, async || ready() && empty().await).await;
        log.open(ALL);
        let done = || log.counts().len() == DEPOSITS;
        wait::until("every event is processed", PATIENCE, async || done()).await;
        handle.stop();
        running.await.expect("the runtime does not panic").expect("a clean stop");
        assert_in_order(how, &log);
        assert!(log.counts().values().all(|calls| *calls == 1), "{how}: {:?}", log.counts());
        [queue.clone(), format!("{queue}.dlq")].iter().for_each(|queue| node.delete_queue(queue));
    }
}
