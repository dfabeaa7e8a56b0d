//! A day of trading: everything that can happen to messages happens to these.

mod clock;
mod database;
mod life;
mod log;
mod market;
mod nerves;

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use consumer::{
    http::Provider,
    memory::{Chaos, MemoryBroker, Tally},
    message::Message,
    telemetry::{RECEIVED, SETTLED},
};
use tokio::time::{sleep, timeout};

pub use self::log::Log;
use self::{clock::Clock, database::Database, life::Life, market::Published, nerves::Nervous};
use crate::{
    audit::{Audit, Remains},
    counters::Counters,
    gateway::Gateway,
};

/// What others publish to.
const INBOUND: [&str; 2] = ["ledger.captures", "ledger.refunds"];
const QUEUES: [&str; 4] = [INBOUND[0], INBOUND[1], "ledger.reversals", "statements"];
/// How long the consumers live before they crash.
const LIFE_MS: Range<u64> = 100..400;
/// How long the gateway may take: it is next door.
const PATIENCE: Duration = Duration::from_millis(250);
/// A day that has not ended by then never will.
const LONGEST: Duration = Duration::from_secs(120);

/// How a day goes.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Plan {
    /// How many different events, if there is time for all of them
    #[arg(long, default_value_t = Self::default().events)]
    pub events: usize,
    /// When nothing more is published, however slow the disk is
    #[arg(long, default_value_t = Self::default().seconds)]
    pub seconds: u64,
    /// Which events, and which of them come twice, late or in another order
    #[arg(long, default_value_t = Self::default().seed)]
    pub seed: u64,
    /// How many of a hundred calls go wrong at the gateway
    #[arg(long, default_value_t = Self::default().faults, value_parser = clap::value_parser!(u8).range(..=100))]
    pub faults: u8,
}

impl Default for Plan {
    fn default() -> Self {
        Self { events: 800, seconds: 3, seed: 1, faults: 20 }
    }
}

/// Duplicates, reordering, delays, dead channels and lost confirms.
fn weather(seed: u64) -> Chaos {
    Chaos::new(seed)
        .duplicate(0.08)
        .reorder(16)
        .delay(0.05, Duration::from_millis(100))
        .cut(0.006)
        .unconfirmed(0.01)
        .only(QUEUES)
}

/// Plays a day and audits it.
pub async fn play(plan: Plan) -> anyhow::Result<Audit> {
    let day = Day::open(plan).await?;
    let clock = Clock::start(plan.events as u64)?;
    let log = timeout(LONGEST, day.pass(&clock)).await;
    clock.stop();
    let log = log.context("the day has not come to an end")??;
    let remains = Remains::read(&day.database.store().await?).await?;
    Ok(Audit::of_day(&day.database.books().await?, &day.gateway.tally(), &remains, &log))
}

struct Day {
    plan: Plan,
    database: Database,
    broker: MemoryBroker,
    gateway: Gateway,
    fraud: Arc<Nervous>,
    counters: Counters,
}

impl Day {
    async fn open(plan: Plan) -> anyhow::Result<Self> {
        Ok(Self {
            plan,
            database: Database::open().await?,
            broker: MemoryBroker::with_chaos(weather(plan.seed)),
            gateway: Gateway::open(crate::gateway::Plan { port: 0, faults: plan.faults }).await?,
            fraud: Arc::default(),
            counters: Counters::install()?,
        })
    }

    /// The consumers crash again and again while the market is open, and finish their work in the evening.
    async fn pass(&self, clock: &Clock) -> anyhow::Result<Log> {
        let mut crashes = 0;
        let mut life = self.new_life().await?;
        let market = tokio::spawn(market::trade(self.broker.connect(), self.plan));
        while !market.is_finished() {
            sleep(Duration::from_millis(fastrand::u64(LIFE_MS))).await;
            life.crash().await;
            crashes += 1;
            life = self.new_life().await?;
            clock.show(self.settled(), crashes);
        }
        self.evening(clock, crashes).await?;
        life.end().await?;
        Ok(self.log(market.await??, crashes))
    }

    async fn new_life(&self) -> anyhow::Result<Life> {
        let gateway = Provider::builder(&self.gateway.url()).timeout(PATIENCE).build()?;
        Life::begin(self.database.url(), &self.broker, self.fraud.clone(), gateway).await
    }

    /// Until nothing moves any more: no message, no event that is to leave, no effect that is to be called.
    async fn evening(&self, clock: &Clock, crashes: i64) -> anyhow::Result<()> {
        let is_busy = |queue: &&str| self.broker.depth(queue) + self.broker.unacked(queue) > 0;
        let store = self.database.store().await?;
        while QUEUES.iter().any(is_busy) || Remains::read(&store).await?.are_moving() {
            sleep(Duration::from_millis(20)).await;
            clock.show(self.settled(), crashes);
        }
        Ok(())
    }

    /// Events that have come to an end, more or less: for the clock.
    fn settled(&self) -> u64 {
        let of = |consumer| ["done", "dead"].map(|outcome| self.outcomes_of(consumer, outcome));
        INBOUND.iter().copied().flat_map(of).sum::<i64>() as u64
    }

    fn outcomes(&self, outcome: &str) -> i64 {
        self.counters.sum_with(SETTLED, &[("outcome", outcome)])
    }

    fn outcomes_of(&self, consumer: &str, outcome: &str) -> i64 {
        self.counters.sum_with(SETTLED, &[("consumer", consumer), ("outcome", outcome)])
    }

    fn log(&self, Published { events, poisoned }: Published, crashes: i64) -> Log {
        let faults = self.broker.faults();
        Log {
            published: events,
            poisoned,
            doubled: self.tally(&INBOUND, |queue| queue.published) - events,
            delivered: self.tally(&QUEUES, |queue| queue.delivered),
            redelivered: self.tally(&QUEUES, |queue| queue.redelivered),
            duplicates: self.outcomes("duplicate"),
            dead_letters: self.dead_letters(),
            crashes,
            cut_off: self.counters.sum(RECEIVED) - self.counters.sum(SETTLED),
            panics: self.fraud.panics(),
            faults: self.gateway.faults(),
            lost_channels: faults.cut as i64,
            lost_confirms: faults.unconfirmed as i64,
        }
    }

    fn tally(&self, queues: &[&str], count: fn(Tally) -> u64) -> i64 {
        queues.iter().map(|queue| count(self.broker.tally(queue)) as i64).sum()
    }

    /// A message that comes twice dies twice: each event counts once.
    fn dead_letters(&self) -> BTreeMap<String, i64> {
        let letters = QUEUES.iter().flat_map(|queue| self.broker.messages(&format!("{queue}.dlq")));
        let mut seen = HashSet::new();
        let mut reasons = BTreeMap::new();
        for Message { properties, headers, body, .. } in letters {
            if seen.insert((properties.message_id, body)) {
                let reason = headers.text("x-consumer-reason").unwrap_or("unknown");
                *reasons.entry(reason.to_owned()).or_default() += 1;
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_morning_with_every_kind_of_accident_passes_the_audit() {
        if store::in_folder(Path::new("")).is_none() {
            return println!("skipped: {} needs a server, which `cargo run … day` can be given", store::NAME);
        }
        let audit = play(Plan { events: 600, ..Plan::default() }).await.expect("a day");
        assert!(audit.passes(), "{audit}");
    }
}
