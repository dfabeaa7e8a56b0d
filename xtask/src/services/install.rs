//! Getting the programs of servers that are not on the machine.

use std::path::Path;

use anyhow::{Result, bail};

use super::server::server;
use super::service::Service;
use crate::apt;

/// Makes sure that the programs of these services are here.
///
/// # Errors
/// When some are not and cannot be installed, with what to do.
pub(crate) fn ensure(services: &Path, wanted: &[Service]) -> Result<()> {
    let absent = missing(wanted);
    if absent.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<_> = absent.iter().map(|service| server(*service).package()).collect();
    packages.dedup();
    if !apt::can_install() {
        bail!(advice(&absent, &packages));
    }
    apt::install(&packages, &services.join("apt.log"))?;
    let absent = missing(wanted);
    if !absent.is_empty() {
        bail!(advice(&absent, &packages));
    }
    Ok(())
}

fn missing(wanted: &[Service]) -> Vec<Service> {
    wanted.iter().copied().filter(|service| server(*service).version().is_none()).collect()
}

fn advice(absent: &[Service], packages: &[&str]) -> String {
    let titles = absent.iter().map(|service| service.title()).collect::<Vec<_>>().join(", ");
    let variables = absent.iter().map(|service| service.url_variable()).collect::<Vec<_>>().join(", ");
    let packages = packages.join(" ");
    format!(
        "not on this machine: {titles}. Either install them (Debian, Ubuntu: sudo apt-get install {packages}), run this \
         command as root so that it does, or say where servers are that tests may fill and break: {variables}"
    )
}
