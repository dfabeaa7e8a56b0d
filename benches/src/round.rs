//! One round: a fresh database, a full queue, a contestant, and whether the books are right.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::{runtime::Runtime, task::JoinHandle, time::timeout};

use crate::{
    books::Books,
    broker::{Broker, QueueKind, dead_letters},
    calm::calm,
    ceiling::pgbench,
    contestants::{Consume, Contestant, Run, Workload},
    cpu,
    meter::Meter,
    payment::Payment,
    ping,
    results::Sample,
    servers::Servers,
    stage::Stage,
};

/// A contestant that takes no message for so long will never end.
const STANDSTILL: Duration = Duration::from_secs(30);
/// How long it may take to finish what it has begun, once all is through.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Where rounds take place.
pub struct Arena {
    /// The servers.
    pub servers: Servers,
    /// The broker, for the harness.
    pub broker: Broker,
    /// How queues are stored.
    pub queue_kind: QueueKind,
    /// The address of a proxy in front of the database: host and port.
    pub proxy: Option<String>,
}

/// What one run has around it.
pub(crate) struct Place {
    pub(crate) queue: String,
    pub(crate) books: Books,
}

impl Arena {
    /// Connects.
    ///
    /// # Errors
    /// When the broker is not there.
    pub async fn open(servers: Servers, queue_kind: QueueKind, proxy: Option<String>) -> Result<Self> {
        let broker = Broker::connect(&servers.amqp).await?;
        Ok(Self { servers, broker, queue_kind, proxy })
    }

    /// Has a contestant take so many messages.
    ///
    /// # Errors
    /// When it fails, stands still, or leaves wrong books.
    pub async fn round(&self, contestant: &Contestant, messages: u64, seconds: u64) -> Result<Sample> {
        let sample = match contestant.run {
            Run::Consume(consume) => self.consume(contestant, consume, messages).await,
            Run::Pgbench(clients) => self.pgbench(clients, seconds).await,
        };
        sample.with_context(|| format!("{} on {}", contestant.name, self.servers.backend))
    }

    async fn consume(&self, contestant: &Contestant, consume: Consume, messages: u64) -> Result<Sample> {
        let place = self.place().await?;
        let payments = payments(contestant.workload, messages);
        if contestant.workload == Workload::Duplicates {
            self.pass(&place, consume, &payments).await.context("the first time")?;
        }
        let before = place.books.deadlocks().await?;
        let sample = self.pass(&place, consume, &payments).await?;
        let sample = Sample { deadlocks: place.books.deadlocks().await? - before, ..sample };
        if contestant.workload != Workload::Nothing {
            place.books.check(&payments).await?;
        }
        self.leave(place, refused(&payments)).await?;
        Ok(sample)
    }

    /// Fills the queue and has it emptied.
    async fn pass(&self, place: &Place, consume: Consume, payments: &[Payment]) -> Result<Sample> {
        self.broker.fill(&place.queue, payments).await?;
        calm(&self.servers).await;
        let meter = Arc::new(Meter::new(payments.len() as u64));
        let running = Running::start(consume, self.stage(place, &meter))?;
        let sample = running.watch(&meter, self.clock(&meter)).await?;
        self.broker.drain(&place.queue).await?;
        Ok(Sample { undone: meter.undone(), ..sample })
    }

    async fn pgbench(&self, clients: u32, seconds: u64) -> Result<Sample> {
        let program = self.servers.pgbench.as_deref().context("this machine has no pgbench")?;
        let place = self.place().await?;
        calm(&self.servers).await;
        let before = Counts::now(&self.servers);
        let rate = pgbench::run(program, &self.database(&place.books), clients, seconds).await?;
        let sample = before.until_now(&self.servers, rate, (rate * seconds as f64) as u64);
        self.leave(place, 0).await?;
        // What counts as others is pgbench itself; and it has no client of ours.
        Ok(Sample { client_us: 0.0, broker_us: None, others: 0.0, ..sample })
    }

    /// A fresh database and an empty queue.
    pub(crate) async fn place(&self) -> Result<Place> {
        let queue = format!("bench-{:08x}", fastrand::u32(..));
        self.broker.declare(&queue, self.queue_kind).await?;
        Ok(Place { queue, books: Books::open(&self.servers).await? })
    }

    /// Deletes what is left; the dead-letter queue must hold what was refused.
    pub(crate) async fn leave(&self, place: Place, refused: u32) -> Result<()> {
        let dead = self.broker.depth(&dead_letters(&place.queue)).await?;
        ensure!(dead == refused, "{dead} dead letters, where {refused} are right");
        self.broker.delete(&place.queue).await?;
        place.books.close().await
    }

    pub(crate) fn stage(&self, place: &Place, meter: &Arc<Meter>) -> Stage {
        Stage {
            amqp: self.servers.amqp.clone(),
            database: self.database(&place.books),
            queue: place.queue.clone(),
            queue_kind: self.queue_kind,
            meter: Arc::clone(meter),
        }
    }

    /// Through the proxy, if there is one.
    fn database(&self, books: &Books) -> String {
        match &self.proxy {
            Some(proxy) => ping::at(books.url(), proxy),
            None => books.url().to_owned(),
        }
    }

    async fn clock(&self, meter: &Meter) -> Sample {
        let begun = meter.begun().await;
        let (counts, counted) = (Counts::now(&self.servers), meter.count());
        let ended = meter.over().await;
        let rate = (ended.count - begun.count) as f64 / (ended.at - begun.at).as_secs_f64();
        counts.until_now(&self.servers, rate, meter.count() - counted)
    }
}

/// A contestant at work, on threads of its own.
pub(crate) struct Running {
    runtime: Runtime,
    task: JoinHandle<Result<()>>,
}

impl Running {
    pub(crate) fn start(consume: Consume, stage: Stage) -> Result<Self> {
        let runtime = Runtime::new()?;
        let task = runtime.spawn(consume(stage));
        Ok(Self { runtime, task })
    }

    /// Waits for what is measured, then for the contestant's end.
    pub(crate) async fn watch<T>(mut self, meter: &Meter, measured: impl Future<Output = T>) -> Result<T> {
        let outcome = tokio::select! {
            biased;
            measured = measured => Ok(measured),
            ended = &mut self.task => Err(too_early(ended)),
            () = stands_still(meter) => Err(anyhow!("stands still")),
        };
        let outcome = match outcome {
            Ok(measured) => match timeout(ENDS_WITHIN, &mut self.task).await {
                Ok(ended) => ended.map_err(Into::into).and_then(|ended| ended).map(|()| measured),
                Err(_) => Err(anyhow!("does not end")),
            },
            Err(error) => Err(error),
        };
        self.runtime.shutdown_background();
        outcome.with_context(|| format!("after {} of {} messages", meter.count(), meter.total()))
    }
}

fn too_early(ended: Result<Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow!("ended too early"),
        Ok(Err(error)) => error,
        Err(panicked) => panicked.into(),
    }
}

async fn stands_still(meter: &Meter) {
    let mut before = None;
    while before != Some(meter.count()) {
        before = Some(meter.count());
        tokio::time::sleep(STANDSTILL).await;
    }
}

/// CPU time so far, of all who have a part in it.
struct Counts {
    client: u64,
    database: Option<u64>,
    broker: Option<u64>,
    machine: u64,
    at: std::time::Instant,
}

impl Counts {
    fn now(servers: &Servers) -> Self {
        Self {
            client: cpu::own_us(),
            database: servers.database.map(cpu::tree_us),
            broker: servers.broker.map(cpu::tree_us),
            machine: cpu::machine_us(),
            at: std::time::Instant::now(),
        }
    }

    fn until_now(&self, servers: &Servers, rate: f64, messages: u64) -> Sample {
        let now = Self::now(servers);
        let used = |before: Option<u64>, after: Option<u64>| Some(after?.saturating_sub(before?));
        let (database, broker) = (used(self.database, now.database), used(self.broker, now.broker));
        let client = now.client - self.client;
        let ours = client + database.unwrap_or(0) + broker.unwrap_or(0);
        let whole = (now.at - self.at).as_micros() as f64 * cpu::cores() as f64;
        let per_message = |us: u64| us as f64 / messages.max(1) as f64;
        Sample {
            rate,
            client_us: per_message(client),
            database_us: database.map(per_message),
            broker_us: broker.map(per_message),
            others: (now.machine - self.machine).saturating_sub(ours) as f64 / whole,
            deadlocks: 0,
            undone: 0,
        }
    }
}

/// So many different payments.
fn payments(workload: Workload, messages: u64) -> Vec<Payment> {
    let refused = |at: u64| match workload {
        Workload::Refused(per_mille) => {
            at * u64::from(per_mille) / 1_000 != (at + 1) * u64::from(per_mille) / 1_000
        }
        _ => false,
    };
    let payment = |at| if refused(at) { Payment::any().refused() } else { Payment::any() };
    (0..messages).map(payment).collect()
}

fn refused(payments: &[Payment]) -> u32 {
    payments.iter().filter(|payment| payment.is_refused()).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_payments_are_spread_evenly() {
        let all = payments(Workload::Refused(10), 1_000);
        assert_eq!(refused(&all), 10);
        assert_eq!(refused(&all[..500]), 5);
        assert_eq!(refused(&payments(Workload::Fresh, 100)), 0);
    }
}
