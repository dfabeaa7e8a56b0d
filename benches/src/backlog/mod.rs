//! What many waiting messages do to the memory of a consumer, and whether its prefetch is honoured.
//!
//! Each consumer is a process of its own, so that nothing of the harness is counted. It takes its share of one queue; the
//! books are checked after the last.

mod table;
mod watch;

use std::{path::Path, process::Stdio, sync::Arc};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

pub use self::table::table;
pub(crate) use self::table::{HEADS, rows};
use self::watch::watch;
use crate::{
    broker::QueueKind,
    calm::calm,
    contestants::Consume,
    kept,
    machine::Machine,
    meter::Meter,
    ours::postgres::{run_batch, run_per_message, run_set_based},
    payment::Payment,
    round::{Arena, Place, Running},
    servers::{Backend, Servers},
    stage::Stage,
};

const KEPT: &str = "backlog";

/// What was measured, on PostgreSQL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backlog {
    /// Where and when.
    pub machine: Machine,
    /// What to type to measure it again.
    pub command: String,
    /// How many messages waited before the first was taken.
    pub messages: u64,
    /// The consumers, in order.
    pub taken: Vec<Taken>,
}

/// One consumer and its share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// What it is called.
    pub name: String,
    /// How many messages waited when it began.
    pub waiting: u64,
    /// How many it took.
    pub took: u64,
    /// How many it may have at once.
    pub prefetch: u16,
    /// The most that it had, as the broker counts.
    pub most_unacked: u64,
    /// Its resident memory in KiB in the second tenth of its time, by when everything has begun.
    pub early_kib: u64,
    /// In the last.
    pub late_kib: u64,
    /// At most.
    pub most_kib: u64,
}

/// A consumer of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Consumer {
    /// One message at a time in each worker.
    PerMessage,
    /// Events by the batch.
    Batch,
    /// A handler of batches.
    SetBased,
}

/// What a consumer is told on its command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Share {
    /// Who takes it
    consumer: Consumer,
    /// From where
    queue: String,
    /// Where the tables are
    database: String,
    /// How many messages
    messages: u64,
}

impl Backlog {
    /// Keeps it in a directory, instead of the one before.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save(&self, dir: &Path) -> Result<()> {
        kept::save(self, &dir.join(KEPT), KEPT)
    }

    /// The one that a directory holds.
    ///
    /// # Errors
    /// When it cannot be read, such as one of another version.
    pub fn load(dir: &Path) -> Result<Option<Self>> {
        Ok(kept::load_all(&dir.join(KEPT))?.pop())
    }
}

impl Consumer {
    const ALL: [Self; 3] = [Self::PerMessage, Self::Batch, Self::SetBased];

    fn name(self) -> &'static str {
        match self {
            Self::PerMessage => "ours, per message",
            Self::Batch => "ours, batch 64",
            Self::SetBased => "ours, Batch<E> 256",
        }
    }

    fn run(self) -> Consume {
        match self {
            Self::PerMessage => |stage| Box::pin(run_per_message(stage)),
            Self::Batch => |stage| Box::pin(run_batch(stage)),
            Self::SetBased => |stage| Box::pin(run_set_based(stage)),
        }
    }

    /// What it asks for, or gets by default: four batches for each worker.
    fn prefetch(self) -> u16 {
        match self {
            Self::PerMessage => 128,
            Self::Batch => 64 * 4 * 4,
            Self::SetBased => 256 * 2 * 4,
        }
    }

    /// The slower, the less; the last takes what is left.
    fn share(self, of: u64, waiting: u64) -> u64 {
        match self {
            Self::PerMessage => of / 20,
            Self::Batch => of / 5,
            Self::SetBased => waiting,
        }
    }
}

/// Publishes so many messages and has them taken.
///
/// # Errors
/// When a consumer fails or has more messages than its prefetch, or the books are wrong afterwards.
pub async fn run(messages: u64, command: String, dir: &Path) -> Result<Backlog> {
    let servers = Servers::from_environment(Backend::Postgres)?;
    let machine = Machine::here(&servers, dir).await?;
    let arena = Arena::open(servers, QueueKind::Quorum, None).await?;
    let place = arena.place().await?;
    eprintln!("publishing {messages} messages");
    let payments: Vec<_> = (0..messages).map(|_| Payment::any()).collect();
    arena.broker.fill(&place.queue, &payments).await?;
    let mut taken = Vec::new();
    for consumer in Consumer::ALL {
        let one = take(&arena, &place, consumer, messages).await.with_context(|| consumer.name())?;
        eprintln!("  {:20} {:>8} KiB, then {:>8} KiB", one.name, one.early_kib, one.late_kib);
        taken.push(one);
    }
    calm(&arena.servers).await;
    arena.broker.drain(&place.queue).await?;
    place.books.check(&payments).await?;
    arena.leave(place, 0).await?;
    Ok(Backlog { machine, command, messages, taken })
}

/// Has a process take its share.
async fn take(arena: &Arena, place: &Place, consumer: Consumer, messages: u64) -> Result<Taken> {
    calm(&arena.servers).await;
    let waiting = u64::from(arena.broker.depth(&place.queue).await?);
    let mut process = Command::new(std::env::current_exe()?);
    let name = consumer.to_possible_value().context("it has no name")?;
    process.args(["consume", name.get_name(), &place.queue, place.books.url()]);
    process.arg(consumer.share(messages, waiting).to_string()).stdout(Stdio::piped()).kill_on_drop(true);
    let seen = watch(process.spawn()?, &place.queue).await?;
    let prefetch = consumer.prefetch();
    ensure!(
        seen.most_unacked <= u64::from(prefetch),
        "{} messages are unacknowledged, and its prefetch is {prefetch}",
        seen.most_unacked
    );
    Ok(Taken {
        name: consumer.name().to_owned(),
        waiting,
        took: seen.said.trim().parse().context("it does not say how many messages it took")?,
        prefetch,
        most_unacked: seen.most_unacked,
        early_kib: seen.resident.in_tenth(1).context("it ended at once")?,
        late_kib: seen.resident.in_tenth(9).context("it ended at once")?,
        most_kib: seen.resident.most(),
    })
}

/// Takes a share, in a process that does nothing else; how many it took.
///
/// # Errors
/// When the consumer fails or stands still.
pub async fn consume(share: &Share) -> Result<u64> {
    let servers = Servers::from_environment(Backend::Postgres)?;
    let meter = Arc::new(Meter::new(share.messages));
    let stage = Stage {
        amqp: servers.amqp,
        database: share.database.clone(),
        queue: share.queue.clone(),
        queue_kind: QueueKind::Quorum,
        meter: Arc::clone(&meter),
    };
    Running::start(share.consumer.run(), stage)?.watch(&meter, meter.over()).await?;
    Ok(meter.count())
}
