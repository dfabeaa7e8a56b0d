//! Consumes messages without I/O, so that what a message costs us can be counted: `instructions <mode> <messages>`.
//!
//! Broker and storage live in this process, and everything runs on one thread: two runs count nearly the same. The handler
//! does nothing. `cargo xtask instructions` runs this under callgrind, which counts inside [`measured`] alone. It is a package of
//! its own so that it is built in a minute.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result, bail};
use consumer::{
    Broker, Runtime,
    broker::{Publication, QueueSpec},
    memory::MemoryBroker,
    message::{Message, Properties},
    prelude::*,
    testing::MemoryStore,
};
use tokio::sync::Notify;
use uuid::Uuid;

const QUEUE: &str = "payments";
/// Workers, and unsettled deliveries: a few of each, so that all take turns.
const WORKERS: usize = 8;
const PREFETCH: u16 = 64;
const BATCH_WORKERS: usize = 2;

/// How many accounts the payments go to.
const ACCOUNTS: i64 = 1_000;
/// What makes a body as long as those of the benchmark, 280 bytes.
const NOTE: usize = 110;

/// The event of the benchmark.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Payment {
    payment: Uuid,
    #[event(key)]
    account: i64,
    amount_cents: i64,
    currency: String,
    merchant: String,
    note: String,
}

impl Payment {
    fn any() -> Self {
        Self {
            payment: uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid(),
            account: fastrand::i64(1..=ACCOUNTS),
            amount_cents: fastrand::i64(100..100_000),
            currency: "EUR".to_owned(),
            merchant: format!("merchant {}", fastrand::u32(1_000..10_000)),
            note: "an order of a few things, ".chars().cycle().take(NOTE).collect(),
        }
    }
}

/// Counts down to the end.
#[derive(Clone)]
struct Countdown(Arc<(AtomicU64, Notify)>);

impl Countdown {
    fn from(messages: u64) -> Self {
        Self(Arc::new((AtomicU64::new(messages), Notify::new())))
    }

    fn count(&self) {
        if self.0.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.1.notify_one();
        }
    }
}

#[consumer(name = "payments")]
async fn per_message(_payment: Payment, State(countdown): State<Countdown>) -> Result<()> {
    countdown.count();
    Ok(())
}

#[consumer(name = "payments", batch = 64)]
async fn in_batches(_payment: Payment, State(countdown): State<Countdown>) -> Result<()> {
    countdown.count();
    Ok(())
}

#[consumer(name = "payments", batch = 64)]
async fn set_based(payments: Batch<Payment>, State(countdown): State<Countdown>) -> Result<()> {
    payments.iter().for_each(|_| countdown.count());
    Ok(())
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mode = arguments.next().context("which mode?")?;
    let messages = arguments.next().context("how many messages?")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (broker, countdown) = (MemoryBroker::new(), Countdown::from(messages));
    runtime.block_on(fill(&broker, messages))?;
    let app = App::new().state(countdown.clone());
    let app = match mode.as_str() {
        "per-message" => app.register_with::<per_message>(|c| c.concurrency(WORKERS).prefetch(PREFETCH)),
        "batch" => app.register_with::<in_batches>(|c| c.concurrency(BATCH_WORKERS)),
        "set-based" => app.register_with::<set_based>(|c| c.concurrency(BATCH_WORKERS)),
        other => bail!("there is no mode {other}"),
    };
    measured(&runtime, broker, app, &countdown)
}

async fn fill(broker: &MemoryBroker, messages: u64) -> Result<()> {
    broker.prepare(&[QueueSpec::new(QUEUE)]).await?;
    fastrand::seed(7);
    for _ in 0..messages {
        let payment = Payment::any();
        let properties = Properties {
            message_id: Some(payment.payment.to_string()),
            message_type: Some("payment.captured".to_owned()),
            content_type: Some("application/json".to_owned()),
            ..Properties::default()
        };
        let message =
            Message { properties, body: serde_json::to_vec(&payment)?.into(), ..Message::default() };
        let routing_key = QUEUE.to_owned();
        broker.publish(Publication { exchange: String::new(), routing_key, message }).await?;
    }
    Ok(())
}

/// From the start to the last acknowledgement.
#[inline(never)]
fn measured(
    runtime: &tokio::runtime::Runtime,
    broker: MemoryBroker,
    app: App<MemoryStore>,
    countdown: &Countdown,
) -> Result<()> {
    let all = countdown.0.1.notified();
    runtime.block_on(Runtime::new(MemoryStore::new(), broker).run(app).until(all))?;
    Ok(())
}
