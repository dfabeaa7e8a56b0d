//! Measures: `cargo xtask bench` starts this, with the servers in its environment.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use consumer_benches::{
    backlog,
    broker::QueueKind,
    delay, report,
    servers::Backend,
    session::{self, Plan},
};

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measure
    Run(Run),
    /// Have a backlog taken
    Backlog(Waiting),
    /// Take a share of a backlog
    #[command(hide = true)]
    Consume(backlog::Share),
    /// Relay to a server, later
    #[command(hide = true)]
    Delay { upstream: String, rtt_us: u64 },
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The databases
    #[arg(long, required = true)]
    backend: Vec<Backend>,
    /// Rounds that count
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long one contestant runs in a round, about
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How long the latency of one contestant is measured; 0 for not at all
    #[arg(long, default_value_t = 8)]
    latency_seconds: u64,
    /// Only the one of this name or, if there is none, those whose name contains it; may be repeated
    #[arg(long)]
    only: Vec<String>,
    /// How queues are stored
    #[arg(long, default_value = "quorum")]
    queue: QueueKind,
    /// A network before the database, such as 0.5ms
    #[arg(long, value_parser = duration)]
    rtt: Option<Duration>,
    /// Where databases that are files go, and what was measured is kept
    #[arg(long)]
    dir: PathBuf,
    /// Where the page goes; without it no page changes
    #[arg(long)]
    docs: Option<PathBuf>,
    /// What the page says was typed
    #[arg(long, default_value = "cargo xtask bench")]
    command: String,
}

#[derive(Debug, clap::Args)]
struct Waiting {
    /// How many messages wait
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Where what was measured is kept
    #[arg(long)]
    dir: PathBuf,
    /// Where the page goes; without it no page changes
    #[arg(long)]
    docs: Option<PathBuf>,
    /// What the page says was typed
    #[arg(long, default_value = "cargo xtask bench-backlog")]
    command: String,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Run(run) => measure(&run),
        Task::Backlog(waiting) => have_taken(&waiting),
        Task::Consume(share) => take(&share),
        Task::Delay { upstream, rtt_us } => delay::serve(&upstream, Duration::from_micros(rtt_us)),
    }
}

#[tokio::main]
async fn measure(run: &Run) -> Result<()> {
    let plan = Plan {
        rounds: run.rounds,
        seconds: run.seconds,
        latency: Duration::from_secs(run.latency_seconds),
        only: run.only.clone(),
        queue_kind: run.queue,
        rtt: run.rtt,
        dir: run.dir.clone(),
        command: run.command.clone(),
    };
    let kept = run.dir.join("results");
    for backend in &run.backend {
        let results = session::run(&plan, *backend).await?;
        println!("{}", report::table(&results));
        if run.docs.is_some() {
            results.save(&kept)?;
        }
    }
    run.docs.as_ref().map_or(Ok(()), |docs| report::write(docs, &kept))
}

#[tokio::main]
async fn have_taken(waiting: &Waiting) -> Result<()> {
    let kept = waiting.dir.join("results");
    let backlog = backlog::run(waiting.messages, waiting.command.clone(), &waiting.dir).await?;
    println!("\n{}", backlog::table(&backlog));
    let Some(docs) = &waiting.docs else { return Ok(()) };
    backlog.save(&kept)?;
    report::write(docs, &kept)
}

#[tokio::main]
async fn take(share: &backlog::Share) -> Result<()> {
    println!("{}", backlog::consume(share).await?);
    Ok(())
}

/// A number with its unit.
fn duration(text: &str) -> Result<Duration> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text[..text.len() - unit.len()].parse().context("such as 0.5ms")?;
    let seconds = match unit {
        "us" | "µs" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        _ => bail!("such as 0.5ms"),
    };
    Duration::try_from_secs_f64(seconds).context("such as 0.5ms")
}
