//! The runtime on a storage that fails on demand and a broker in this process.

mod batches;
mod breaker;
mod deaths;
mod endings;
mod hostile;
mod ladder;
mod lifecycle;
mod limits;
mod outbox;
mod telemetry;

use std::{sync::Arc, time::Duration};

use consumer::{App, handler::ConsumerConfig, prelude::*, retry::RetryPolicy, testing::MemoryStore};
use consumer_tests::stage::Stage;
use tokio::sync::Semaphore;

/// What the handlers of these tests take; `what` says how they behave.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "order", version = 1)]
struct Order {
    #[serde(deserialize_with = "unless_it_explodes")]
    what: String,
}

/// Somebody's `Deserialize` with an `unwrap` in it.
fn unless_it_explodes<'de, D: serde::Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    let what = String::deserialize(json)?;
    assert!(what != "explodes", "as asked");
    Ok(what)
}

/// Lets handlers through one by one.
#[derive(Clone)]
struct Turnstile(Arc<Semaphore>);

#[derive(Debug, thiserror::Error, Classify)]
enum OrderError {
    #[error("not yet")]
    #[classify(transient)]
    NotYet,
    #[error("never")]
    #[classify(permanent)]
    Never,
    #[error("later")]
    #[classify(retry_after = 5)]
    Later,
    #[error("much later")]
    #[classify(retry_after = "24h")]
    MuchLater,
    #[error("{}", unspeakable())]
    #[classify(transient)]
    Unspeakable,
}

/// Somebody's `Display` with an `unwrap` in it.
fn unspeakable() -> String {
    panic!("no words for it")
}

#[consumer(name = "orders", timeout = "2s")]
async fn orders(order: Order, meta: Meta) -> Result<(), OrderError> {
    match (order.what.as_str(), meta.attempt()) {
        ("fails", _) | ("fails once", 1) | ("fails four times", 1..=4) => Err(OrderError::NotYet),
        ("refuses", _) => Err(OrderError::Never),
        ("fails once, later", 1) => Err(OrderError::Later),
        ("fails, much later", _) => Err(OrderError::MuchLater),
        ("fails without words", _) => Err(OrderError::Unspeakable),
        ("panics", _) => panic!("as asked"),
        ("hangs", _) => std::future::pending().await,
        _ => Ok(()),
    }
}

#[consumer(name = "queueing", timeout = "10m")]
async fn queueing(_: Order, Turnstile(turnstile): Turnstile) -> anyhow::Result<()> {
    turnstile.acquire().await?.forget();
    Ok(())
}

impl<'a, In> Extract<'a, In> for Turnstile {
    fn extract(cx: &'a consumer::handler::Context) -> Result<Self, consumer::handler::HandlerError> {
        let State(turnstile) = <State<Turnstile> as Extract<'a, In>>::extract(cx)?;
        Ok(turnstile)
    }

    fn needs(needs: &mut consumer::handler::Needs) {
        needs.state::<Turnstile>();
    }
}

/// Tried three times at once, and never again.
fn app() -> App<MemoryStore> {
    app_with(|c| c.retry(RetryPolicy::default().ladder([])))
}

fn app_with(configure: impl Fn(ConsumerConfig) -> ConsumerConfig) -> App<MemoryStore> {
    App::new().register_with::<orders>(|c| configure(c.concurrency(2).prefetch(16)))
}

async fn stage(store: &MemoryStore) -> Stage {
    Stage::start(store.clone(), Default::default(), app()).await
}

/// Publishes one order and waits until nothing of it is left in the queue.
async fn play(stage: &Stage, id: &str, what: &str) {
    stage.publish("orders", id, "order", &format!(r#"{{"what":"{what}"}}"#)).await;
    stage.drained("orders").await;
}

/// Longer than any wait between attempts.
const A_WHILE: Duration = Duration::from_secs(60);
