//! A payment service: payments and refunds arrive as events, a gateway charges the cards, and a ledger keeps the balances.
//!
//! `cargo run --example payment_consumer` plays a day of trading in one process, with duplicates, reordering and crashes,
//! a gateway that fails as the big ones do, and audits the books. With `AMQP_URL` and `DATABASE_URL` set it is a service:
//! `--features postgres` or `mysql` picks the storage, `gateway` runs what `GATEWAY_URL` then names, `publish` gives it work,
//! `audit` proves what it did.
//!
//! Read [`event`], then [`capture`] with [`charge`], then [`refund`] with [`reversal`], then [`app`] and [`serve`]. The rest is
//! the stage.

mod app;
mod audit;
mod books;
mod capture;
mod charge;
mod counters;
mod day;
mod event;
mod figure;
mod fraud;
mod gateway;
mod ledger;
mod money;
mod publish;
mod receipt;
mod refund;
mod reversal;
mod serve;
mod statement;
mod store;
#[cfg(test)]
mod testing;
mod traffic;

use std::{
    env,
    io::{self, IsTerminal},
    process::ExitCode,
};

use anyhow::bail;
use clap::{Parser, Subcommand};
use consumer::{RabbitMq, runtime::secret};
use tracing_subscriber::EnvFilter;

use crate::{
    audit::{Audit, Remains},
    books::Books,
};

/// A payment service whose books are right, whatever happens to its messages.
///
/// Without AMQP_URL and DATABASE_URL it plays a day of trading; with both it serves.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Play a day of trading in this process, and audit it
    Day(day::Plan),
    /// Consume from RabbitMQ until SIGTERM
    Serve,
    /// Publish traffic to RabbitMQ
    Publish(publish::Order),
    /// Audit the database and the gateway; exit code 1 if the books are wrong
    Audit,
    /// Run the payment gateway that GATEWAY_URL then names
    Gateway(gateway::Plan),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let command = Cli::parse().command.map_or_else(default_command, Ok)?;
    listen(&command);
    match command {
        Command::Day(plan) => Ok(verdict(&day::play(plan).await?)),
        Command::Serve => serve::serve().await.map(|()| ExitCode::SUCCESS),
        Command::Publish(order) => {
            let broker = RabbitMq::connect(&secret("AMQP_URL")?).await?;
            publish::publish(&broker, order).await.map(|()| ExitCode::SUCCESS)
        }
        Command::Audit => Ok(verdict(&audit().await?)),
        Command::Gateway(plan) => gateway::run(plan).await.map(|()| ExitCode::SUCCESS),
    }
}

fn default_command() -> anyhow::Result<Command> {
    let set = |name: &str| env::var_os(name).is_some() || env::var_os(format!("{name}_FILE")).is_some();
    match (set("AMQP_URL"), set("DATABASE_URL")) {
        (false, false) => Ok(Command::Day(day::Plan::default())),
        (true, true) => Ok(Command::Serve),
        (true, false) => bail!("AMQP_URL is set, but not DATABASE_URL: to serve takes both"),
        (false, true) => bail!(
            "DATABASE_URL is set, but not AMQP_URL: to serve takes both, `day` and `audit` take this one"
        ),
    }
}

/// A service says what it does; a day shows a clock instead.
fn listen(command: &Command) {
    let quiet = if matches!(command, Command::Serve) { "info" } else { "off" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quiet));
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).init();
}

async fn audit() -> anyhow::Result<Audit> {
    let store = store::connect(&secret("DATABASE_URL")?).await?;
    let mut conn = store.pool().acquire().await?;
    let tally = gateway::ask(&serve::gateway()?).await?;
    Ok(Audit::of_books(&Books::read(&mut conn).await?, &tally, &Remains::read(&store).await?))
}

fn verdict(audit: &Audit) -> ExitCode {
    println!("{audit}");
    if audit.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
