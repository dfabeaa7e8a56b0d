//! Messages that kill the process: counted, run alone, and dead at last; their neighbours are not.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use consumer::{App, Broker, memory::MemoryBroker, prelude::*, testing::MemoryStore};
use consumer_tests::stage::{Stage, message};
use tokio::sync::Notify;

/// What ran in which process.
#[derive(Clone, Default)]
struct Log {
    runs: Arc<Mutex<BTreeMap<String, u32>>>,
    at_once: Arc<Mutex<(u32, u32)>>,
    killed: Arc<Notify>,
}

impl Log {
    fn runs(&self, id: &str) -> u32 {
        self.runs.lock().expect("no panic inside").get(id).copied().unwrap_or(0)
    }

    fn most(&self) -> u32 {
        self.runs.lock().expect("no panic inside").values().copied().max().unwrap_or(0)
    }
}

/// A unit at work.
struct AtWork(Log);

impl AtWork {
    fn begin(log: &Log, id: &str) -> Self {
        *log.runs.lock().expect("no panic inside").entry(id.to_owned()).or_default() += 1;
        log.at_once.lock().expect("no panic inside").0 += 1;
        Self(log.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_once.lock().expect("no panic inside").0 -= 1;
    }
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "task", version = 1)]
struct Task {
    what: String,
}

#[consumer(name = "tasks", timeout = "10s")]
async fn tasks(task: Task, meta: Meta, State(log): State<Log>) -> anyhow::Result<()> {
    let _at_work = AtWork::begin(&log, meta.id());
    if task.what == "kills" || (task.what == "kills twice" && log.runs(meta.id()) <= 2) {
        let neighbours = {
            let mut at_once = log.at_once.lock().expect("no panic inside");
            at_once.1 = at_once.0 - 1;
            at_once.1
        };
        tracing::info!(neighbours, "killing");
        log.killed.notify_one();
        return std::future::pending().await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(())
}

fn app(log: &Log) -> App<MemoryStore> {
    App::new().state(log.clone()).register_with::<tasks>(|c| c.concurrency(4).prefetch(20))
}

/// Runs processes that die when the message kills them, until none does any more.
async fn deaths(store: &MemoryStore, broker: &MemoryBroker, log: &Log) -> u32 {
    let mut deaths = 0;
    loop {
        let connection = broker.connect();
        let stage = Stage::start(store.clone(), connection.clone(), app(log)).await;
        let killed = tokio::time::timeout(Duration::from_secs(600), async {
            tokio::select! {
                () = log.killed.notified() => true,
                () = stage.drained("tasks") => false,
            }
        });
        if !killed.await.expect("an end") {
            stage.stop().await.expect("a good end");
            return deaths;
        }
        stage.kill().await;
        connection.close().await;
        deaths += 1;
        assert!(deaths < 20, "it kills for ever");
    }
}

async fn publish(broker: &MemoryBroker, id: &str, what: &str) {
    publish_to(broker, "tasks", id, "task", &format!(r#"{{"what":"{what}"}}"#)).await;
}

async fn publish_to(broker: &MemoryBroker, queue: &str, id: &str, event_type: &str, body: &str) {
    let publication = consumer::broker::Publication {
        exchange: String::new(),
        routing_key: queue.to_owned(),
        message: message(id, event_type, body),
    };
    broker.publish(publication).await.expect("a queue");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_kills_its_process_is_dead_at_last_and_no_other_is() {
    let (store, broker, log) = (MemoryStore::new(), MemoryBroker::new(), Log::default());
    Stage::start(store.clone(), broker.connect(), app(&log))
        .await
        .stop()
        .await
        .expect("the queue is declared");
    for n in 0..60 {
        publish(&broker, &format!("good {n}"), if n == 30 { "kills" } else { "works" }).await;
    }
    let deaths = deaths(&store, &broker, &log).await;
    let letters = broker.messages("tasks.dlq");
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].headers.text("x-consumer-reason"), Some("killed-process"));
    assert_eq!(letters[0].properties.message_id.as_deref(), Some("good 30"));
    assert_eq!(store.committed().len(), 59);
    assert_eq!((deaths, log.runs("good 30")), (9, 9), "once unmarked, once in a crowd, seven times alone");
    assert_eq!(log.at_once.lock().expect("no panic inside").1, 0, "the last time nothing else was at work");
    println!("deaths {deaths}, a good message ran {} times at the most", {
        log.runs.lock().expect("no panic inside").remove("good 30");
        log.most()
    });
    assert!(log.most() <= 3, "{}", log.most());
    assert_eq!(broker.tally("tasks").dead_lettered, 0, "the broker had no part in it");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_by_others_blames_nobody() {
    let (store, broker, log) = (MemoryStore::new(), MemoryBroker::new(), Log::default());
    Stage::start(store.clone(), broker.connect(), app(&log))
        .await
        .stop()
        .await
        .expect("the queue is declared");
    for n in 0..200 {
        publish(&broker, &n.to_string(), "works").await;
    }
    for round in 0..12 {
        let connection = broker.connect();
        let before = store.committed().len();
        let stage = Stage::start(store.clone(), connection.clone(), app(&log)).await;
        stage.wait("some work", |_| store.committed().len() > before + round % 3).await;
        stage.kill().await;
        connection.close().await;
    }
    let stage = Stage::start(store.clone(), broker.clone(), app(&log)).await;
    stage.drained("tasks").await;
    assert_eq!(store.committed().len(), 200);
    assert!(stage.dead("tasks").is_empty(), "{:?}", stage.dead("tasks"));
}

#[tokio::test(start_paused = true)]
async fn a_redelivered_message_leaves_no_mark_behind() {
    let (store, broker, log) = (MemoryStore::new(), MemoryBroker::new(), Log::default());
    let stage = Stage::start(store.clone(), broker.clone(), app(&log)).await;
    for n in 0..40 {
        publish(&broker, &n.to_string(), "works").await;
    }
    for _ in 0..8 {
        stage.broker.cut("tasks");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    stage.drained("tasks").await;
    assert!(broker.faults().cut > 0, "a fault that never fired proves nothing");
    assert_eq!((store.committed().len(), store.marks()), (40, 0));
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "call", version = 1)]
struct Call {
    /// Whether it goes on as long as the process lives.
    hangs: bool,
}

#[consumer(name = "calls", timeout = "10m")]
async fn calls(call: Call, State(log): State<Log>) -> anyhow::Result<()> {
    log.killed.notify_one();
    if call.hangs { std::future::pending().await } else { Ok(()) }
}

/// One at a time runs alone, so it has to wait for the others: who dies meanwhile dies of something else.
#[tokio::test(start_paused = true)]
async fn a_message_does_not_die_of_what_it_waits_for() {
    let (store, broker, log) = (MemoryStore::new(), MemoryBroker::new(), Log::default());
    // In this order, so that the call is at work first.
    let app = || {
        let app = App::new().state(log.clone()).register_with::<calls>(|c| c.concurrency(1).prefetch(1));
        app.register_with::<tasks>(|c| c.concurrency(4).prefetch(20))
    };
    Stage::start(store.clone(), broker.connect(), app()).await.stop().await.expect("the queues are declared");
    publish(&broker, "a", "kills twice").await;
    for life in 0..14 {
        // The first two die of it: unmarked, then marked.
        let waits = life > 1;
        if waits {
            publish_to(&broker, "calls", &life.to_string(), "call", r#"{"hangs":true}"#).await;
        }
        let connection = broker.connect();
        let stage = Stage::start(store.clone(), connection.clone(), app()).await;
        log.killed.notified().await;
        tokio::time::sleep(Duration::from_secs(if waits { 60 } else { 1 })).await;
        assert_eq!(log.runs("a"), if waits { 2 } else { life + 1 }, "it waits for its turn");
        stage.kill().await;
        connection.close().await;
        broker.purge("calls");
    }
    let stage = Stage::start(store.clone(), broker.clone(), app()).await;
    stage.drained("tasks").await;
    assert!(stage.dead("tasks").is_empty(), "{:?}", stage.dead_errors("tasks"));
    assert_eq!((store.committed(), store.marks()), (vec!["a".to_owned()], 0));
}
