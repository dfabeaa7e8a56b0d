//! Two runtimes on one queue, and few accounts: their batches meet in the same rows.

use consumer::{
    App, Broker, Storage,
    broker::{Publication, QueueSpec},
    handler::ConsumerConfig,
    memory::MemoryBroker,
};
use consumer_tests::{
    auditor::Auditor,
    backend::Backend,
    stage::{Stage, message},
};

use crate::{
    Mode,
    handlers::{Log, mysql, postgres, sqlite},
};

const ACCOUNTS: usize = 8;
const DEPOSITS: usize = 1_200;
const WORKERS: usize = 4;

macro_rules! on {
    ($room:ident, $url:expr, $broker:expr, $mode:expr) => {{
        $room::open_accounts($url, ACCOUNTS).await;
        publish(&$broker, $mode).await;
        let app = || $room::depositing($mode, Log::new(), crowded);
        two_runtimes((($room::store($url).await, app()), ($room::store($url).await, app())), &$broker, $mode)
            .await;
        $room::balances($url).await
    }};
}

async fn hot_keys(backend: Backend, mode: Mode) {
    let Some(database) = backend.database().await else { return };
    let mut auditor = Auditor::connect(backend, database.url()).await;
    auditor.create_business().await;
    let (url, broker) = (database.url(), MemoryBroker::new());
    let balances = match backend {
        Backend::Postgres => on!(postgres, url, broker, mode),
        Backend::MySql => on!(mysql, url, broker, mode),
        Backend::Sqlite => on!(sqlite, url, broker, mode),
    };
    let effects = auditor.effects().await;
    assert_eq!(effects.len(), DEPOSITS, "{mode:?} on {backend}: every deposit takes effect");
    assert!(effects.values().all(|times| *times == 1), "{mode:?} on {backend}: once");
    assert_eq!(balances, [(DEPOSITS / ACCOUNTS) as i64; ACCOUNTS], "{mode:?} on {backend}");
    assert_eq!(auditor.claims().await.len(), DEPOSITS, "{mode:?} on {backend}");
    assert_eq!(broker.depth(&format!("{}.dlq", mode.name())), 0, "{mode:?} on {backend}");
}

async fn publish(broker: &MemoryBroker, mode: Mode) {
    broker.prepare(&[QueueSpec::new(mode.name())]).await.expect("a queue");
    for nth in 0..DEPOSITS {
        let body = format!(r#"{{"account":{},"nth":{nth}}}"#, nth % ACCOUNTS);
        let message = message(&format!("{nth:04}"), "deposit", &body);
        let routing_key = mode.name().to_owned();
        let publication = Publication { exchange: String::new(), routing_key, message };
        broker.publish(publication).await.expect("a publish");
    }
}

async fn two_runtimes<S: Storage>(
    (one, other): ((S, App<S>), (S, App<S>)),
    broker: &MemoryBroker,
    mode: Mode,
) {
    let (one, other) = tokio::join!(
        Stage::start(one.0, broker.connect(), one.1),
        Stage::start(other.0, broker.connect(), other.1)
    );
    one.drained(mode.name()).await;
    one.stop().await.expect("a clean stop");
    other.stop().await.expect("a clean stop");
}

/// Neither runtime takes all.
fn crowded(config: ConsumerConfig) -> ConsumerConfig {
    config.concurrency(WORKERS).prefetch(256)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_with_batches_over_hot_keys_apply_each_event_once() {
    for backend in Backend::ALL {
        for mode in Mode::ALL {
            hot_keys(backend, mode).await;
        }
    }
}
