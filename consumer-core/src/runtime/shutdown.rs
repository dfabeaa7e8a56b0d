//! The signals that end a service.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Result};

/// Waits for SIGTERM or SIGINT; a second one ends the process at once, with the exit code `128 + signal`.
///
/// What a process that ends at once had in work is rolled back by the database and delivered again by the broker.
///
/// # Panics
/// If the process may not install signal handlers.
pub async fn shutdown_signal() {
    let (mut term, mut int) = match signals() {
        Ok(signals) => signals,
        Err(error) => panic!("{error:?}"),
    };
    first_of(&mut term, &mut int).await;
    tracing::info!("stopping: finishing what is in work; a second signal ends the process at once");
    tokio::spawn(async move {
        let number = first_of(&mut term, &mut int).await;
        std::process::exit(128 + number);
    });
}

fn signals() -> Result<(Signal, Signal)> {
    let install =
        |kind| signal(kind).map_err(|e| Error::settings("cannot install a signal handler").because(e));
    Ok((install(SignalKind::terminate())?, install(SignalKind::interrupt())?))
}

async fn first_of(term: &mut Signal, int: &mut Signal) -> i32 {
    tokio::select! {
        _ = term.recv() => SignalKind::terminate().as_raw_value(),
        _ = int.recv() => SignalKind::interrupt().as_raw_value(),
    }
}
