//! The benchmark, on servers of its own.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::services::{Environment, Service, Services, Session, postgres_program};
use crate::workspace::Workspace;
use crate::{child, narrate};

const PACKAGE: &str = "consumer-benches";

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// A minute, to see that it works: few messages, one round, no latencies, no page
    #[arg(long)]
    quick: bool,
    /// One database only
    #[arg(long)]
    backend: Option<Backend>,
    /// Rounds that count [default: 5]
    #[arg(long)]
    rounds: Option<u32>,
    /// Seconds that a contestant runs in a round, about; no page [default: 3]
    #[arg(long)]
    seconds: Option<f64>,
    /// Adds this to each round trip to the database, such as 0.5ms; not for SQLite
    #[arg(long)]
    rtt: Option<String>,
    /// How queues are stored [default: quorum]
    #[arg(long)]
    queue: Option<Queue>,
    /// Only the contestant of this name or, if there is none, those whose name contains it; may be repeated; no page
    #[arg(long)]
    only: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Postgres,
    Mysql,
    Sqlite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Queue {
    Quorum,
    Classic,
}

impl Backend {
    pub(crate) const ALL: [Self; 3] = [Self::Postgres, Self::Mysql, Self::Sqlite];

    pub(crate) fn service(self) -> Option<Service> {
        match self {
            Self::Postgres => Some(Service::Postgres),
            Self::Mysql => Some(Service::Mysql),
            Self::Sqlite => None,
        }
    }
}

/// Builds the benchmark, starts its servers, runs it and stops them; whether it succeeded.
///
/// # Errors
/// When a server does not start, or `Interrupted`.
pub(crate) fn run(workspace: &Workspace, choice: &Choice) -> Result<bool> {
    if !build(workspace, "bench")? {
        return Ok(false);
    }
    let (dir, backends) = (workspace.target("bench"), choice.backends());
    // Not those that tests run on, which have something else to do.
    let services = Services::apart(dir.join("services"));
    let session = Session::open(services, &wanted(&backends))?;
    let mut command = Command::new(workspace.target("release/bench"));
    command.arg("run").args(choice.arguments(&backends)).arg("--dir").arg(&dir);
    if choice.is_whole() {
        command.arg("--docs").arg(workspace.path("docs"));
    } else {
        narrate::say("docs/benchmarks.md stays as it is: this is not the whole benchmark");
    }
    command.current_dir(workspace.path("")).envs(environment(&session, &dir).iter());
    let status = child::run(&mut command)?;
    if !status.success() {
        narrate::say(format!("the benchmark ended with {status}"));
    }
    Ok(status.success())
}

/// How much is to wait.
#[derive(Debug, Args)]
pub(crate) struct Waiting {
    /// How many messages; no page [default: 1000000]
    #[arg(long)]
    messages: Option<u64>,
}

/// The same for a backlog, on PostgreSQL.
///
/// # Errors
/// When a server does not start, or `Interrupted`.
pub(crate) fn backlog(workspace: &Workspace, waiting: &Waiting) -> Result<bool> {
    if !build(workspace, "bench")? {
        return Ok(false);
    }
    let dir = workspace.target("bench");
    let session = Session::open(Services::apart(dir.join("services")), &wanted(&[Backend::Postgres]))?;
    let mut command = Command::new(workspace.target("release/bench"));
    command.args(["backlog", "--command", &typed(), "--dir"]).arg(&dir);
    match waiting.messages {
        Some(messages) => command.args(["--messages", &messages.to_string()]),
        None => command.arg("--docs").arg(workspace.path("docs")),
    };
    command.current_dir(workspace.path("")).envs(environment(&session, &dir).iter());
    let status = child::run(&mut command)?;
    if !status.success() {
        narrate::say(format!("the benchmark ended with {status}"));
    }
    Ok(status.success())
}

/// Builds a program that measures; whether it succeeded.
///
/// # Errors
/// `Interrupted`.
pub(crate) fn build(workspace: &Workspace, program: &str) -> Result<bool> {
    narrate::say(format!("cargo build --release --package {PACKAGE} --bin {program}"));
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--quiet", "--release", "--package", PACKAGE, "--bin", program]);
    Ok(child::run(&mut cargo)?.success())
}

fn wanted(backends: &[Backend]) -> Vec<Service> {
    backends.iter().filter_map(|backend| backend.service()).chain([Service::Rabbitmq]).collect()
}

/// The addresses, where databases that are files go, and what cannot be asked of a server: which processes it is, and
/// for RabbitMQ its version.
pub(crate) fn environment(session: &Session, dir: &Path) -> Environment {
    let mut environment = session.environment().clone();
    environment.set("CONSUMER_BENCH_DIR", &dir.to_string_lossy());
    for (service, name) in
        [(Service::Postgres, "POSTGRES"), (Service::Mysql, "MYSQL"), (Service::Rabbitmq, "RABBITMQ")]
    {
        if let Some((process, version)) = session.services().running(service) {
            environment.set(&format!("CONSUMER_BENCH_{name}_PID"), &process.pid().to_string());
            environment.set(&format!("CONSUMER_BENCH_{name}_VERSION"), &version);
        }
    }
    if let Some(pgbench) = postgres_program("pgbench") {
        environment.set("CONSUMER_BENCH_PGBENCH", &pgbench.to_string_lossy());
    }
    environment
}

impl Choice {
    fn backends(&self) -> Vec<Backend> {
        let far = |backend: &Backend| self.rtt.is_none() || backend.service().is_some();
        self.backend.map_or_else(|| Backend::ALL.into_iter().filter(far).collect(), |one| vec![one])
    }

    /// Whether what comes out is what the page is for.
    fn is_whole(&self) -> bool {
        !self.quick && self.only.is_empty() && self.seconds.is_none() && self.queue != Some(Queue::Classic)
    }

    fn arguments(&self, backends: &[Backend]) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        backends.iter().for_each(|backend| add("backend", text(*backend)));
        if let Some(seconds) = self.seconds.or(self.quick.then_some(0.3)) {
            add("seconds", seconds.to_string());
        }
        if self.quick {
            add("latency-seconds", "0".to_owned());
        }
        if let Some(rounds) = self.rounds.or(self.quick.then_some(1)) {
            add("rounds", rounds.to_string());
        }
        self.rtt.iter().for_each(|rtt| add("rtt", rtt.clone()));
        self.queue.iter().for_each(|queue| add("queue", text(*queue)));
        self.only.iter().for_each(|only| add("only", only.clone()));
        add("command", typed());
        arguments
    }
}

/// As on the command line.
pub(crate) fn text(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// What the user typed.
pub(crate) fn typed() -> String {
    let arguments = env::args().skip(1);
    ["cargo".to_owned(), "xtask".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice() -> Choice {
        let (backend, rounds, seconds, rtt, queue) = Default::default();
        Choice { quick: false, backend, rounds, seconds, rtt, queue, only: Vec::new() }
    }

    #[test]
    fn a_network_leaves_out_the_database_that_has_none() {
        assert_eq!(choice().backends(), Backend::ALL);
        let far = Choice { rtt: Some("0.5ms".to_owned()), ..choice() };
        assert_eq!(far.backends(), [Backend::Postgres, Backend::Mysql]);
    }

    #[test]
    fn a_part_of_it_changes_no_page() {
        assert!(choice().is_whole());
        assert!(!Choice { quick: true, ..choice() }.is_whole());
        assert!(!Choice { only: vec!["ours".to_owned()], ..choice() }.is_whole());
    }

    #[test]
    fn quick_is_one_round_unless_more_are_asked_for() {
        let rounds = |choice: Choice| {
            let arguments = choice.arguments(&[]);
            arguments.iter().position(|word| word == "--rounds").map(|at| arguments[at + 1].clone())
        };
        assert_eq!(rounds(choice()), None);
        assert_eq!(rounds(Choice { quick: true, ..choice() }).as_deref(), Some("1"));
        assert_eq!(rounds(Choice { quick: true, rounds: Some(2), ..choice() }).as_deref(), Some("2"));
    }
}
