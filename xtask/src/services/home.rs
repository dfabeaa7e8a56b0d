//! The directory of one service: its log, its scripts, its record.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::instance::Instance;
use super::service::Service;
use crate::lock::Lock;

/// How long another command may take to start, stop or restart the same service.
const PATIENCE: Duration = Duration::from_secs(180);

/// Where one service of one checkout lives.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    service: Service,
    services: PathBuf,
    dir: PathBuf,
}

impl Home {
    /// `services` is the directory of all of them.
    pub(crate) fn new(services: &Path, service: Service) -> Self {
        Self { service, services: services.to_owned(), dir: services.join(service.name()) }
    }

    pub(crate) fn service(&self) -> Service {
        self.service
    }

    /// The directory of all services.
    pub(crate) fn services(&self) -> &Path {
        &self.services
    }

    /// A file or directory of the service.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What the server printed.
    pub(crate) fn log(&self) -> PathBuf {
        self.path("log")
    }

    /// Keeps other commands away from this service.
    ///
    /// # Errors
    /// When another command holds it for three minutes.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let begun = Instant::now();
        Lock::acquire(&self.dir.with_extension("lock"), || {
            if begun.elapsed() > PATIENCE {
                bail!(
                    "another command has been busy with {} for {} s",
                    self.service.name(),
                    PATIENCE.as_secs()
                );
            }
            Ok(())
        })
    }

    /// Empties the directory.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn clear(&self) -> Result<()> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).with_context(|| format!("cannot clear {}", self.dir.display()))?;
        }
        fs::create_dir_all(&self.dir).with_context(|| format!("cannot create {}", self.dir.display()))
    }

    /// The server that was started here, dead or alive.
    pub(crate) fn load(&self) -> Option<Instance> {
        serde_json::from_slice(&fs::read(self.record()).ok()?).ok()
    }

    /// Remembers the server: whole or not at all, and for us alone, since it holds a password.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn save(&self, instance: &Instance) -> Result<()> {
        let draft = self.path("instance.json.draft");
        write_private(&draft, &serde_json::to_vec_pretty(instance)?, 0o600)?;
        fs::rename(&draft, self.record()).context("cannot record the server")
    }

    /// Forgets the server.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn forget(&self) -> Result<()> {
        match fs::remove_file(self.record()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// What tests call to have the server killed and started again.
    pub(crate) fn restart_script(&self) -> PathBuf {
        self.path("restart")
    }

    fn record(&self) -> PathBuf {
        self.path("instance.json")
    }
}

/// Writes a file that nobody else may read, with the directories it needs.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn write_private(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    replace(path, bytes, mode).with_context(|| format!("cannot write {}", path.display()))
}

/// A new file, since the mode counts only for one that is created.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    if path.exists() {
        fs::remove_file(path)?;
    }
    fs::File::options().write(true).create_new(true).mode(mode).open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_not_even_we_may_change_is_written_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("deep/cookie");
        for text in ["one", "two"] {
            write_private(&path, text.as_bytes(), 0o400).expect("written");
        }
        assert_eq!(fs::read_to_string(&path).expect("there"), "two");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o400);
    }
}
