//! What the TLS features need from the system.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{apt, child};

/// Makes sure that OpenSSL can be built against: all features are.
///
/// # Errors
/// When it is absent and cannot be installed.
pub(crate) fn ensure(log: &Path) -> Result<()> {
    let present = || child::succeeds(Command::new("pkg-config").args(["--exists", "openssl"]));
    apt::ensure(present, &["libssl-dev", "pkg-config"], log)
}
