//! The command line of `consumer`: what waits for a person in the effect ledger and in the outbox.

// What the library does, its own lints look after; in a program `pub` means as little as it says.
#![allow(missing_docs, unreachable_pub)]
// Without a storage all that is left is to say which feature is missing.
#![cfg_attr(
    not(any(feature = "postgres", feature = "mysql", feature = "sqlite")),
    allow(dead_code, unused_imports)
)]

mod arguments;
mod database;
mod effects;
mod outbox;
mod problem;
mod report;
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
    match database::with(&arguments.database, &arguments.command).await {
        Ok(report) => report.print(arguments.json),
        Err(problem) => problem.print(arguments.json),
    }
}

/// Runs a command on whichever storage it is.
async fn run<S: Storage>(store: S, command: &Command) -> Result<Report, Problem> {
    store.prepare().await?;
    match command {
        Command::Effects(command) => effects::run(&EffectLedger::new(store), command).await,
        Command::Outbox(command) => outbox::run(&OutboxTable::new(store), command).await,
    }
}

fn listen() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}
