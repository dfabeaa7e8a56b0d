//! The project's own tooling.

mod apt;
mod child;
mod interrupt;
mod lock;
mod narrate;
mod port;
mod probe;
mod process;
mod program;
mod services;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::interrupt::Interrupted;
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
        Err(error) => {
            narrate::say(format!("error: {error:#}"));
            error.downcast_ref::<Interrupted>().map_or(ExitCode::FAILURE, |by| by.exit_code().into())
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::current()?;
    match task {
        Task::Services { dir, action } => {
            act(&Services::at(dir.unwrap_or_else(|| workspace.target("services"))), &action)
        }
    }
}

fn act(services: &Services, action: &Action) -> Result<ExitCode> {
    match action {
        Action::Up { rabbitmq_short_timeout } => {
            let wanted = if *rabbitmq_short_timeout { &Service::ALL[..] } else { &Service::USUAL };
            print!("{}", services.up(wanted, None)?.exports());
        }
        Action::Down => services.down()?,
        Action::Restart { service, kill } => {
            services.restart(*service, if *kill { End::Kill } else { End::Orderly })?;
        }
        Action::Status => {
            let (lines, all_alive) = services.status();
            print!("{lines}");
            return Ok(if all_alive { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
    Ok(ExitCode::SUCCESS)
}
