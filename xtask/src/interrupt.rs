//! Whether somebody asked this command to stop.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static ASKED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// The error of a command that was asked to stop.
#[derive(Debug)]
pub(crate) struct Interrupted {
    signal: usize,
}

impl Interrupted {
    /// What a shell expects of a process that a signal ended.
    pub(crate) fn exit_code(&self) -> u8 {
        u8::try_from(128 + self.signal).unwrap_or(u8::MAX)
    }
}

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stopped by signal {}", self.signal)
    }
}

impl std::error::Error for Interrupted {}

/// From here on a signal is remembered instead of ending the process, so that servers are stopped in order.
///
/// # Errors
/// When the system refuses a signal handler.
pub(crate) fn watch() -> Result<()> {
    for (signal, number) in [(SIGINT, 2), (SIGTERM, 15), (SIGHUP, 1)] {
        signal_hook::flag::register_usize(signal, Arc::clone(&ASKED), number)?;
    }
    Ok(())
}

/// # Errors
/// [`Interrupted`], once a signal has come.
pub(crate) fn check() -> Result<(), Interrupted> {
    match ASKED.load(Ordering::Relaxed) {
        0 => Ok(()),
        signal => Err(Interrupted { signal }),
    }
}
