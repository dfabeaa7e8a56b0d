//! The file in which Debian looks up whether an installed daemon may start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::narrate;
use crate::program;

const FILE: &str = "/usr/sbin/policy-rc.d";
const DENY: &str =
    "#!/bin/sh\n# From `cargo xtask`, while it installs packages. Nothing may start.\nexit 101\n";
const DENIED: i32 = 101;

/// As long as it lives no package starts its daemon; then the machine's own policy is back.
#[derive(Debug)]
pub(super) struct Policy {
    file: PathBuf,
    ours: bool,
}

impl Policy {
    /// Puts our policy in place, unless the machine's already denies.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(super) fn deny_starts() -> Result<Self> {
        Self::at(Path::new(FILE))
    }

    fn at(file: &Path) -> Result<Self> {
        // What a command that was killed left behind.
        restore(file)?;
        if denies(file) {
            return Ok(Self { file: file.to_owned(), ours: false });
        }
        if file.exists() {
            fs::rename(file, saved(file))?;
        }
        program::write_executable(file, DENY)?;
        Ok(Self { file: file.to_owned(), ours: true })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Err(error) = if self.ours { restore(&self.file) } else { Ok(()) } {
            narrate::say(format!("cannot restore {}: {error}", self.file.display()));
        }
    }
}

fn restore(file: &Path) -> std::io::Result<()> {
    if fs::read_to_string(file).is_ok_and(|text| text == DENY) {
        fs::remove_file(file)?;
    }
    if saved(file).exists() {
        fs::rename(saved(file), file)?;
    }
    Ok(())
}

fn denies(file: &Path) -> bool {
    let status = Command::new(file).args(["postgresql", "start"]).status();
    status.is_ok_and(|status| status.code() == Some(DENIED))
}

fn saved(file: &Path) -> PathBuf {
    file.with_extension("d.consumer-xtask-saved")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_policy_is_absent_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("policy-rc.d");
        let policy = Policy::at(&file).expect("ours");
        assert!(denies(&file));
        drop(policy);
        assert!(!file.exists());
    }

    #[test]
    fn a_policy_that_allows_comes_back_even_after_a_kill() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("policy-rc.d");
        program::write_executable(&file, "#!/bin/sh\nexit 0\n").expect("written");
        std::mem::forget(Policy::at(&file).expect("ours"));
        drop(Policy::at(&file).expect("ours again"));
        assert_eq!(fs::read_to_string(&file).expect("there"), "#!/bin/sh\nexit 0\n");
        assert!(!saved(&file).exists());
    }
}
