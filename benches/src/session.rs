//! A session: every contestant of one database, in turn, round after round.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    broker::QueueKind,
    contestants::{Contestant, Run, on},
    delay::Delay,
    machine::Machine,
    ping,
    results::{Distance, Figure, Results},
    round::Arena,
    servers::{Backend, Servers},
};

/// The messages of one round, at least and at most: fewer say nothing, more only take long to publish.
const FEWEST: u64 = 300;
const MOST: u64 = 150_000;
/// Rounds shorter than this are there to see that everything works, and need no warming up.
const SHORT: f64 = 1.0;
/// How far the distance may be from what was asked for.
const PRECISION: f64 = 0.25;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rounds that count.
    pub rounds: usize,
    /// How long a round takes, about.
    pub seconds: f64,
    /// How long latencies are measured; not at all if zero.
    pub latency: Duration,
    /// Names, or parts of names; all if empty.
    pub only: Vec<String>,
    /// How queues are stored.
    pub queue_kind: QueueKind,
    /// How much longer a round trip to the database takes.
    pub rtt: Option<Duration>,
    /// Where databases that are files go.
    pub dir: PathBuf,
    /// What to type to do all this again.
    pub command: String,
}

impl Plan {
    /// Those who are asked for, of all who run on a database.
    fn chosen(&self, mut contestants: Vec<Contestant>) -> Vec<Contestant> {
        let is_one = |only: &str| contestants.iter().any(|c| c.name == only);
        let (names, parts): (Vec<&str>, Vec<&str>) =
            self.only.iter().map(String::as_str).partition(|only| is_one(only));
        let asked = |name: &str| names.contains(&name) || parts.iter().any(|part| name.contains(part));
        contestants.retain(|c| self.only.is_empty() || asked(c.name));
        contestants
    }
}

/// Runs a whole session.
///
/// # Errors
/// When a contestant fails or its books are wrong: no figure is worth anything then.
pub async fn run(plan: &Plan, backend: Backend) -> Result<Results> {
    let servers = Servers::from_environment(backend)?;
    let machine = Machine::here(&servers, &plan.dir).await?;
    let (proxy, distance) = far(plan, &servers).await?.unzip();
    let pgbench = servers.pgbench.is_some();
    let address = proxy.as_ref().map(|proxy| proxy.address().to_owned());
    let arena = Arena::open(servers, plan.queue_kind, address).await?;
    let mut contestants = plan.chosen(on(backend));
    contestants.retain(|c| pgbench || !matches!(c.run, Run::Pgbench(_)));
    ensure!(!contestants.is_empty(), "`--only` names nobody on {backend}");

    let mut figures = warm_up(&arena, plan, &contestants).await?;
    for round in 0..plan.rounds {
        eprintln!("{backend}, round {} of {}", round + 1, plan.rounds);
        // Another one is first each time: nobody always runs behind the same neighbour.
        for at in (0..contestants.len()).map(|at| (at + round) % contestants.len()) {
            let (contestant, figure) = (&contestants[at], &mut figures[at]);
            let sample = arena.round(contestant, figure.messages, plan.seconds.ceil() as u64).await?;
            eprintln!("  {:36} {:>9.0}/s", figure.name, sample.rate);
            figure.samples.push(sample);
        }
    }
    latencies(&arena, plan, &contestants, &mut figures).await?;
    Ok(Results {
        backend,
        queue_kind: plan.queue_kind,
        distance,
        machine,
        command: plan.command.clone(),
        rounds: plan.rounds,
        figures,
    })
}

/// A proxy in front of the database, and how far away that makes it.
async fn far(plan: &Plan, servers: &Servers) -> Result<Option<(Delay, Distance)>> {
    let Some(rtt) = plan.rtt else { return Ok(None) };
    let proxy = Delay::start(&ping::host_and_port(&servers.admin)?, rtt)?;
    let near = ping::median(servers, None).await?;
    let far = ping::median(servers, Some(proxy.address())).await?;
    let added = far.saturating_sub(near);
    eprintln!(
        "a round trip takes {near:?}, and {far:?} through the proxy: {added:?} more, asked for {rtt:?}"
    );
    let off = (added.as_secs_f64() / rtt.as_secs_f64() - 1.0).abs();
    ensure!(off <= PRECISION, "the proxy is not as far away as it should be: {added:?} instead of {rtt:?}");
    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let distance = Distance { rtt_us: us(rtt), near_ping_us: us(near), far_ping_us: us(far) };
    Ok(Some((proxy, distance)))
}

/// A short round that does not count: it shows how many messages fill a round.
async fn warm_up(arena: &Arena, plan: &Plan, contestants: &[Contestant]) -> Result<Vec<Figure>> {
    const PART: f64 = 0.3;
    if plan.seconds < SHORT {
        let guessed = |c: &Contestant| Figure::of(c, count(f64::from(c.guess), plan.seconds));
        return Ok(contestants.iter().map(guessed).collect());
    }
    eprintln!("{}, warming up", arena.servers.backend);
    let mut figures = Vec::new();
    for contestant in contestants {
        let messages = count(f64::from(contestant.guess), plan.seconds * PART);
        let rate = match contestant.run {
            Run::Pgbench(_) => f64::from(contestant.guess),
            Run::Consume(_) => arena.round(contestant, messages, 1).await?.rate,
        };
        figures.push(Figure::of(contestant, count(rate, plan.seconds)));
    }
    Ok(figures)
}

/// Without a tenth that is not measured, so many that the rest takes so long.
fn count(rate: f64, seconds: f64) -> u64 {
    let messages = (rate * seconds / 0.9) as u64;
    (messages / 100 * 100).clamp(FEWEST, MOST)
}

async fn latencies(
    arena: &Arena,
    plan: &Plan,
    contestants: &[Contestant],
    figures: &mut [Figure],
) -> Result<()> {
    if plan.latency.is_zero() {
        return Ok(());
    }
    eprintln!("{}, latencies at half the throughput", arena.servers.backend);
    for (contestant, figure) in contestants.iter().zip(figures) {
        if !contestant.has_latency() {
            continue;
        }
        let rate = figure.rate().context("it has run")?.median;
        let latency = arena.latency(contestant, rate, plan.latency).await;
        let latency = latency.with_context(|| format!("the latency of {}", contestant.name))?;
        eprintln!("  {:36} p50 {:>7} µs, p99 {:>8} µs", figure.name, latency.p50_us, latency.p99_us);
        figure.latency = Some(latency);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_neither_too_short_nor_too_long() {
        assert_eq!(count(900.0, 3.0), 3_000);
        assert_eq!(count(1.0, 3.0), FEWEST);
        assert_eq!(count(1e6, 3.0), MOST);
    }
}
