//! Debian packages, without the daemons they would start.

mod policy;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::lock::Lock;
use crate::program;
use crate::{child, interrupt, narrate};
use policy::Policy;

const WITHIN: Duration = Duration::from_secs(900);
/// One installation on the machine at a time: all of them change the same policy file.
const LOCK: &str = "/run/lock/consumer-xtask-apt";

/// Installs packages unless what they bring is there.
///
/// # Errors
/// When it is not and cannot be installed, with what to do.
pub(crate) fn ensure(present: impl Fn() -> bool, packages: &[&str], log: &Path) -> Result<()> {
    if present() {
        return Ok(());
    }
    if can_install() {
        install(packages, log)?;
    }
    if !present() {
        bail!(
            "this machine lacks what Debian and Ubuntu have as: sudo apt-get install {}",
            packages.join(" ")
        );
    }
    Ok(())
}

/// Whether packages can be installed at all.
pub(crate) fn can_install() -> bool {
    program::is_root() && program::find("apt-get").is_some()
}

/// Installs packages.
///
/// # Errors
/// When apt fails, with the end of what it said.
pub(crate) fn install(packages: &[&str], log: &Path) -> Result<()> {
    let _lock = Lock::acquire(Path::new(LOCK), || Ok(interrupt::check()?))?;
    narrate::say(format!("apt-get install {}", packages.join(" ")));
    let _policy = Policy::deny_starts().context("cannot keep the packages from starting daemons")?;
    child::run_quietly(apt().arg("update"), log, WITHIN)?;
    child::run_quietly(
        apt().args(["install", "--yes", "--no-install-recommends"]).args(packages),
        log,
        WITHIN,
    )
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["--quiet", "-o", "DPkg::Lock::Timeout=300"]);
    command
}
