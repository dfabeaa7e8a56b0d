//! The record of a server that was started.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::process::Process;

/// The user that tests connect as; it may do everything.
pub(crate) const USER: &str = "consumer";

/// A server of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instance {
    /// What it says of itself, for notes.
    pub(crate) version: String,
    pub(crate) url: String,
    pub(crate) port: u16,
    /// Ports beside the one that clients use, by purpose.
    pub(crate) side_ports: BTreeMap<String, u16>,
    pub(crate) password: String,
    /// Deleted when the server is stopped.
    pub(crate) data: PathBuf,
    pub(crate) main: Option<Process>,
    /// A process the server needs, which outlives it.
    pub(crate) helper: Option<Process>,
    /// The run that stops it at its end; without one it stays until `services down`.
    pub(crate) owner: Option<Process>,
    /// What tests get beside the URL: variable, value.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Instance {
    /// Whether the server's process runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.main.is_some_and(Process::is_alive)
    }

    /// Whether a run that wanted to stop it died before it could.
    pub(crate) fn is_orphan(&self) -> bool {
        self.owner.is_some_and(|owner| !owner.is_alive())
    }
}

/// A password nobody can guess.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn password() -> Result<String> {
    let mut bytes = [0; 12];
    let mut random = fs::File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    random.read_exact(&mut bytes).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
