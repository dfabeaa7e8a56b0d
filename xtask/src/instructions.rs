//! How many instructions a message costs us, without a database and without a broker.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{apt, child, narrate, program};

const PACKAGE: &str = "consumer-instructions";
/// The function in which instructions are counted.
const MEASURED: &str = "*measured*";
/// Two runs: the difference has no start and no end in it.
const FEWER: u64 = 2_000;
const MORE: u64 = 10_000;
/// One that uses less than this part of its bound has got better: the bound should too.
const SLACK: f64 = 0.85;
/// callgrind is fifty times as slow as the program.
const ONE_WITHIN: Duration = Duration::from_secs(600);

/// A way to consume, and what a message may cost.
#[derive(Debug)]
struct Bound {
    mode: &'static str,
    instructions: u64,
    /// Why so many.
    why: &'static str,
}

/// What was counted when they were set, and 3 % for another compiler or C library. Of each, 16,700 are SHA-256 without the
/// instructions for it, which callgrind's processor does not have, and 4,400 are serde_json's. A new mode is a line here and
/// one in `benches/instructions/src/main.rs`.
const BOUNDS: &[Bound] = &[
    Bound {
        mode: "per-message",
        instructions: 50_600,
        why: "49,100 were enough to read, fingerprint, claim, call the handler, commit and settle, each for itself",
    },
    Bound {
        mode: "batch",
        instructions: 43_100,
        why: "41,800 were enough for the same, with one claim, one commit and one settlement for 64",
    },
    Bound {
        mode: "set-based",
        instructions: 42_300,
        why: "41,000 were enough with one call of the handler too",
    },
];

/// Counts every mode; whether all are within their bounds and none far below.
///
/// # Errors
/// When valgrind is absent and cannot be installed, or `Interrupted`.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let dir = workspace.target("instructions");
    apt::ensure(|| program::find("valgrind").is_some(), &["valgrind"], &dir.join("apt.log"))?;
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--quiet", "--release", "--package", PACKAGE]);
    if !child::run(&mut cargo)?.success() {
        return Ok(false);
    }
    let program = workspace.target("release").join(PACKAGE);
    let mut good = true;
    for bound in BOUNDS {
        let (fewer, more) =
            (count(&program, bound.mode, FEWER, &dir)?, count(&program, bound.mode, MORE, &dir)?);
        let per_message = more.saturating_sub(fewer) / (MORE - FEWER);
        let (verdict, is_good) = bound.judge(per_message);
        narrate::answer(&format!("{}: {per_message} instructions per message, {verdict}\n", bound.mode))?;
        good &= is_good;
    }
    Ok(good)
}

impl Bound {
    fn judge(&self, per_message: u64) -> (String, bool) {
        let (bound, why) = (self.instructions, self.why);
        if per_message > bound {
            return (format!("ABOVE the bound of {bound}: {why}"), false);
        }
        if (per_message as f64) < bound as f64 * SLACK {
            let lower = "lower it in xtask/src/instructions.rs, so that nobody takes it back unnoticed";
            return (format!("far below the bound of {bound}: {lower}"), false);
        }
        (format!("bound {bound}"), true)
    }
}

/// What callgrind counts while so many messages are consumed; its own report stays in `dir` for `callgrind_annotate`.
fn count(program: &Path, mode: &str, messages: u64, dir: &Path) -> Result<u64> {
    let (log, report) =
        (dir.join(format!("{mode}.{messages}.log")), dir.join(format!("{mode}.{messages}.callgrind")));
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", &format!("--toggle-collect={MEASURED}")])
        .arg(format!("--callgrind-out-file={}", report.display()))
        .arg(program)
        .args([mode, &messages.to_string()]);
    child::run_quietly(&mut command, &log, ONE_WITHIN)?;
    collected(&fs::read_to_string(&log)?)
        .with_context(|| format!("callgrind counted nothing; {}", child::tail(&log)))
}

fn collected(log: &str) -> Option<u64> {
    let counted = log.lines().find_map(|line| line.split_once("Collected : "))?.1;
    counted.trim().parse().ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callgrind_says_is_found() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 4200\n"), Some(4200));
        assert_eq!(collected("==7== Collected : 0\n"), None);
    }

    #[test]
    fn a_bound_is_kept_from_both_sides() {
        let bound = Bound { mode: "per-message", instructions: 1_000, why: "a reason" };
        assert!(bound.judge(1_000).1 && bound.judge(900).1);
        assert!(!bound.judge(1_001).1 && bound.judge(1_001).0.contains("a reason"));
        assert!(!bound.judge(700).1 && bound.judge(700).0.contains("lower it"));
    }
}
