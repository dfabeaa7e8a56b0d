//! The project's own tooling.

mod apt;
mod bench;
mod bench_claims;
mod child;
mod ci;
mod faults;
mod features;
mod foreign;
mod instructions;
mod interrupt;
mod lock;
mod mutants;
mod narrate;
mod native;
mod port;
mod probe;
mod process;
mod program;
mod runner;
mod services;
mod tests;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use crate::interrupt::Interrupted;
use crate::runner::Runner;
use crate::services::{End, Service, Services};
use crate::workspace::Workspace;

/// The project's own tooling: servers for tests, the tests, the proof that the tests find mistakes.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Private PostgreSQL, MariaDB and RabbitMQ for development
    Services {
        /// Where their files are [default: target/services]
        #[arg(long, global = true)]
        dir: Option<PathBuf>,
        #[command(subcommand)]
        action: Action,
    },
    /// Every test of every package, with servers of its own that it stops at the end
    ///
    /// Kill points and mutants are compiled in (`--cfg consumer_faults`), in a target directory of their own. Runs
    /// cargo-nextest and the doctests; without cargo-nextest, `cargo test`. As root on Debian or Ubuntu it installs what the
    /// tests need: the servers, OpenSSL's headers, and Python and Node for publishers that are not ours. Servers that
    /// `services up` started are used and left running.
    Test {
        /// For the runner, after `--`; doctests are then left out
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Make each classic mistake in turn; a test must fail for it that passes without
    Mutants {
        /// Only these
        #[arg(value_parser = PossibleValuesParser::new(mutants::names()))]
        names: Vec<String>,
    },
    /// What this library costs, beside code that people write by hand
    ///
    /// Builds with optimisation, starts servers of its own, measures, stops them, prints a table for each database and writes
    /// docs/benchmarks.md with its picture. The whole takes half an hour and wants the machine for itself.
    Bench(bench::Choice),
    /// What a million waiting messages do to the memory of a consumer
    ///
    /// Builds with optimisation, starts servers of its own, fills a queue, has consumers take their shares of it, stops the
    /// servers, prints a table and writes it into docs/benchmarks.md. The whole takes five minutes.
    BenchBacklog(bench::Waiting),
    /// What a claim costs as the table of claims grows, and what a sweep does to the units beside it
    ///
    /// Builds with optimisation, starts servers of its own, measures, stops them and prints tables for each database.
    /// The whole takes an hour or two and some gigabytes of disk, and wants the machine for itself.
    BenchClaims(bench_claims::Choice),
    /// How many instructions a message costs without I/O, counted by callgrind and compared with a bound
    Instructions,
    /// All that a change must pass: format, clippy, docs, combinations of features, tests, mutants
    Ci,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start what does not run yet and print what a shell needs to know
    ///
    /// The servers listen on free ports of 127.0.0.1, with durability on, and stay until `services down`. A server whose
    /// address is already in the environment is used as it is and not started. In a shell:
    ///
    ///     eval "$(cargo xtask services up)"
    ///
    /// As root on Debian or Ubuntu, missing servers are installed first; their system daemons are not started.
    #[command(verbatim_doc_comment)]
    Up {
        /// Also start a RabbitMQ whose consumers must ack within 3 s
        #[arg(long)]
        rabbitmq_short_timeout: bool,
    },
    /// Stop what was started here and delete its data; logs stay
    Down,
    /// Show what was started here; fails when something of it is dead
    Status,
    /// End one server and start it again on the same port and the same data
    Restart {
        service: Service,
        /// Without warning, by SIGKILL
        #[arg(long)]
        kill: bool,
    },
}

fn main() -> ExitCode {
    narrate::begin();
    match interrupt::watch().and_then(|()| run(Arguments::parse().command)) {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}

fn report(error: &anyhow::Error) -> ExitCode {
    let Some(interrupted) = error.downcast_ref::<Interrupted>() else {
        narrate::say(format!("error: {error:#}"));
        return ExitCode::FAILURE;
    };
    narrate::say(interrupted);
    interrupted.exit_code().into()
}

fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::current()?;
    match task {
        Task::Services { dir, action } => {
            act(&Services::at(dir.unwrap_or_else(|| workspace.target("services"))), &action)
        }
        Task::Test { arguments } => test(&workspace, &arguments),
        Task::Mutants { names } => {
            let session = tests::prepare(&workspace)?;
            let runner = Runner::new(&workspace, session.environment());
            mutants::run(&workspace, &runner, &names).map(exit_code)
        }
        Task::Bench(choice) => bench::run(&workspace, &choice).map(exit_code),
        Task::BenchBacklog(waiting) => bench::backlog(&workspace, &waiting).map(exit_code),
        Task::BenchClaims(choice) => bench_claims::run(&workspace, &choice).map(exit_code),
        Task::Instructions => instructions::run(&workspace).map(exit_code),
        Task::Ci => ci::run(&workspace).map(exit_code),
    }
}

/// The exit code is the runner's.
fn test(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let session = tests::prepare(workspace)?;
    let status = Runner::new(workspace, session.environment()).run(arguments)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn exit_code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn act(services: &Services, action: &Action) -> Result<ExitCode> {
    match action {
        Action::Up { rabbitmq_short_timeout } => {
            let wanted = if *rabbitmq_short_timeout { &Service::ALL[..] } else { &Service::USUAL };
            narrate::answer(&services.up(wanted, None)?.exports())?;
        }
        Action::Down => services.down()?,
        Action::Restart { service, kill } => {
            services.restart(*service, if *kill { End::Kill } else { End::Orderly })?;
        }
        Action::Status => {
            let (lines, all_alive) = services.status();
            narrate::answer(&lines)?;
            return Ok(exit_code(all_alive));
        }
    }
    Ok(ExitCode::SUCCESS)
}
