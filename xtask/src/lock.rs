//! A lock between commands, as wide as the file system.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

/// Held until dropped; a process that dies lets go.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock; `waiting` is asked again and again and may give up.
    ///
    /// # Errors
    /// When the file cannot be opened, or what `waiting` says.
    pub(crate) fn acquire(path: &Path, mut waiting: impl FnMut() -> Result<()>) -> Result<Self> {
        let file = open(path).with_context(|| format!("cannot open the lock {}", path.display()))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => waiting()?,
                Err(TryLockError::Error(error)) => return Err(error).context("cannot lock"),
            }
            sleep(Duration::from_millis(50));
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    File::options().create(true).truncate(false).write(true).open(path)
}
