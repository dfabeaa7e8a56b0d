//! The command line of `consumer`: what waits for a person in the effect ledger, in the outbox and in dead-letter queues.

// What the library does, its own lints look after; in a program `pub` means as little as it says.
#![allow(missing_docs, unreachable_pub)]
// Without a storage, or without a broker, all that is left is to say which feature is missing.
#![cfg_attr(
    not(all(feature = "rabbitmq", any(feature = "postgres", feature = "mysql", feature = "sqlite"))),
    allow(dead_code, unused_imports)
)]

mod arguments;
mod broker;
mod database;
mod dlq;
mod doctor;
mod effects;
mod outbox;
mod problem;
mod report;
mod secret;
mod table;
mod text;

use std::{io, process::ExitCode};

use clap::Parser;
use consumer::{
    Storage,
    operate::{EffectLedger, OutboxTable},
};
use tracing_subscriber::EnvFilter;

use crate::{
    arguments::{Arguments, Command},
    problem::Problem,
    report::Report,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    listen();
    let outcome = match (database::with(&arguments).await, &arguments.command) {
        // Half of it can be examined all the same.
        (Err(problem), Command::Doctor(command)) => {
            Ok(doctor::without_database(&problem, &arguments.broker, command).await)
        }
        (outcome, _) => outcome,
    };
    match outcome {
        Ok(report) => report.print(arguments.json),
        Err(problem) => problem.print(arguments.json),
    }
}

/// Runs a command on whichever storage it is.
async fn run<S: Storage>(store: S, arguments: &Arguments) -> Result<Report, Problem> {
    match &arguments.command {
        Command::Effects(command) => effects::run(&EffectLedger::new(prepared(store).await?), command).await,
        Command::Outbox(command) => outbox::run(&OutboxTable::new(prepared(store).await?), command).await,
        Command::Dlq(command) => {
            let (store, broker) = (prepared(store).await?, broker::connect(&arguments.broker).await?);
            let report = dlq::run(&store, &broker, command).await;
            broker::close(&broker).await;
            report
        }
        Command::Doctor(command) => Ok(doctor::run(&store, &arguments.broker, command).await),
    }
}

/// A store whose tables are there.
async fn prepared<S: Storage>(store: S) -> Result<S, Problem> {
    store.prepare().await?;
    Ok(store)
}

/// What lapin logs is in our errors too.
const QUIET: &str = "error,lapin=off";

fn listen() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(QUIET));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}
